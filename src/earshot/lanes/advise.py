"""What an encoder should be told of songs, tried on the catalogue's own training set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from earshot import versioning
from earshot.baselines.linear import unit_deviation
from earshot.catalogue.play_counts import PlayCounts
from earshot.columns import ARTIST_ID, GENRES, SONG_ID, TAGS, genre_names
from earshot.errors import UserError
from earshot.evaluation import tables
from earshot.evaluation.block_trials import HeldOutFold, artist_folds, combinations, folds_of
from earshot.evaluation.protocol import Result, evaluate, pool
from earshot.extraction.statistics import row_statistics
from earshot.factors.numbers import read_numbers
from earshot.pages.advice import draw_advice
from earshot.params import WmfFactors
from earshot.predictors.artist_vectors import ARTIST, artist_vectors
from earshot.processes import progress
from earshot.stages import provenance
from earshot.stages.wmf_search import warm_sample
from earshot.store.families import WORDS, multi_hot
from earshot.store.reader import HyperImageStore
from earshot.workspace import not_yet

if TYPE_CHECKING:
    import pandas as pd

Blocks = dict[str, NDArray[np.float32]]

SOUND = "sound"
"""Statistics of the rows of the hyper-image: what every catalogue has."""
FOLDS, SEED, K = 5, 0, 500
_LEAST_SHARE = 0.05
"""Of the songs of which a block knows something; of fewer it is not tried."""
_LEAK = "where plays were counted by artist and copied to each song, this reads the answer: leave it out"


def advise(root: Path) -> dict[str, Any]:
    """Try what is stored of songs, block by block, on artists that are held out; cold songs take no part.

    Returns
    -------
    `songs`, `folds`, `k`; `known`: the share of songs that each block knows; `blocks`: a line for each
    combination, with metrics, intervals and `minus_sound`; `artist`: likewise, of folds of songs, where the
    artist is one more block; `advice`: what follows, in sentences.

    Raises
    ------
    UserError
        There is no training set yet, or too few songs with plays.
    """
    data = root / "data"
    if not (data / "wmf_search" / "wmf.json").is_file():
        raise not_yet(root, f"nothing to try on: {data / 'wmf_search'} is not there")
    plays, songs = warm_sample(data / "training_set")
    numbers = read_numbers(data / "wmf_search")
    store = HyperImageStore.open(data / "training_set" / "hyper_images")
    blocks = read_blocks(store, songs)
    by_artist = folds_of(plays, songs, artist_folds(songs, FOLDS), numbers, SEED)
    if not by_artist:
        raise UserError(
            f"{data / 'training_set'}: {len(songs)} songs with plays and audio: too few to hold out"
        )
    lines = compare(by_artist, blocks, combinations(blocks, SOUND))
    artist = _artist(plays, songs, blocks, numbers)
    return {
        "songs": len(songs),
        "folds": len(by_artist),
        "k": K,
        "known": {name: float(block.any(axis=1).mean()) for name, block in blocks.items()},
        "blocks": lines,
        "artist": artist,
        "advice": [*_advice(lines), *(f"{sentence}; {_LEAK}" for sentence in _advice(artist))],
    }


def write_advice(root: Path, found: dict[str, Any]) -> None:
    """Put what `advise` found where the page of the evaluation shows it, data/advice.js."""
    lock = versioning.read_lock(root).get("training_set", {}).get("outs", [{}])
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    provenance.write_advice(root, draw_advice(found, made, str(lock[0].get("md5", "unknown"))))


def read_blocks(store: HyperImageStore, songs: pd.DataFrame) -> Blocks:
    """All that is known of `songs`, (n, d) each: their sound, words, and stored vectors."""
    positions = np.array([store.position(song_id) for song_id in songs[SONG_ID]], dtype=np.int64)
    watched = progress(positions, description="Statistics of rows", unit="songs")
    statistics = np.stack([row_statistics(store.frames(int(position))).ravel() for position in watched])
    blocks: Blocks = {SOUND: unit_deviation(statistics, np.ones(len(statistics), dtype=np.bool_))}
    for column in (GENRES, TAGS):
        blocks[column] = _hot([sorted(genre_names(text)) for text in songs[column].fillna("")])
    for family in store.families.values():
        if family.unit != "song" or family.name == ARTIST:
            continue
        if family.dtype == WORDS:
            said = store.words(family.name, positions)
            told = (f"{GENRES}=", f"{TAGS}=")  # these are blocks of their own
            blocks[family.name] = _hot([[w for w in words if not w.startswith(told)] for words in said])
        else:
            blocks[family.name] = store.vectors(family.name, positions)
    return {name: block for name, block in blocks.items() if block.any(axis=1).mean() >= _LEAST_SHARE}


def compare(
    folds: Sequence[HeldOutFold],
    blocks: Blocks,
    wanted: Iterable[tuple[str, ...]],
    own: Sequence[Blocks] = (),
) -> list[dict[str, Any]]:
    """Metrics of combinations of blocks over all folds, each with its paired difference to sound alone.

    `own` are blocks that are others in each fold.
    """
    results: dict[tuple[str, ...], Result] = {}
    for names in progress(list(wanted), description="Comparing what is known of songs", unit="combinations"):
        each = [
            evaluate(
                fold.system([({**blocks, **(own[n] if own else {})})[name] for name in names]),
                fold.cold_start,
                K,
            )
            for n, fold in enumerate(folds)
        ]
        results[names] = pool(each)
    return [
        {"blocks": list(names), **tables.describe(result, K)}
        | ({} if names == (SOUND,) else {"minus_sound": tables.compare(result, results[SOUND,], K)})
        for names, result in results.items()
    ]


def _artist(
    plays: PlayCounts, songs: pd.DataFrame, blocks: Blocks, numbers: WmfFactors
) -> list[dict[str, Any]]:
    """The artist's other songs as a block: of folds of songs, since held-out artists have none."""
    known = songs[ARTIST_ID].fillna("")
    if known.eq("").all():
        return []
    alone = songs.assign(**{ARTIST_ID: ""})  # every song its own artist
    folds = folds_of(plays, alone, artist_folds(alone, FOLDS), numbers, SEED)
    words = [[artist] if artist else [] for artist in known]
    ids = songs[SONG_ID].tolist()
    own = [
        {
            ARTIST: artist_vectors(
                [ids[n] for n in fold.learned], [words[n] for n in fold.learned], fold.targets
            ).of(ids, words)
        }
        for fold in folds
    ]
    return compare(folds, blocks, [(SOUND,), (ARTIST,), (SOUND, ARTIST)], own) if folds else []


def _advice(lines: Sequence[Mapping[str, Any]]) -> list[str]:
    """Of each block beside the sound: whether it helps for sure."""
    found = []
    for line in lines:
        if len(line["blocks"]) != 2 or SOUND not in line["blocks"]:
            continue
        name = next(block for block in line["blocks"] if block != SOUND)
        gain = line["minus_sound"]
        low, high = gain["auc_ci95_artists"]
        if low is None:
            found.append(f"{name}: too few artists to tell")
            continue
        verdict = "worth it" if low > 0 else "not for sure" if high > 0 else "not worth it"
        found.append(
            f"{name}: {verdict}: AUC {gain['auc']:+.3f} ({low:+.3f} to {high:+.3f}) beside the sound"
        )
    return found


def _hot(words: Sequence[Sequence[str]]) -> NDArray[np.float32]:
    """(n, n_words); one column of zeros where there is none."""
    return multi_hot(words, sorted({word for some in words for word in some}) or [""])
