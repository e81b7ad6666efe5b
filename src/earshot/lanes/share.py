"""A release made ready for others: its encoder, and of its taste space what tells of songs alone.

Vectors of songs as the factorization has them, and those of artists, which are their means, tell whose plays
they were made of (`benchmarks/sharing.py`). So the encoder is trained once more for others (`noisy_targets`),
and X'X, and vectors of songs and artists where they are wanted, are of what that one says of the sound alone.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from earshot import terminal, versioning
from earshot.arrays import is_among
from earshot.catalogue.play_counts import read_play_counts
from earshot.catalogue.split import chosen
from earshot.columns import ARTIST_ID, AUDIO_MD5, SONG_ID
from earshot.errors import UserError
from earshot.evaluation.cold_start import read_cold_start
from earshot.evaluation.drift import BANDWIDTH, LOUDNESS, PREDICTED_NORM
from earshot.evaluation.protocol import System, evaluate
from earshot.extraction.statistics import describe
from earshot.factors.numbers import WMF
from earshot.factors.solves import confidence, solve_rows
from earshot.files import read_json, write_json, write_table
from earshot.foreign.checked_json import parse_object
from earshot.lanes.noisy_targets import train_to_share
from earshot.lanes.shared_encoder import hear_for_others
from earshot.pages.model_card import draw_card
from earshot.params import EvaluationReport, Params, load_params
from earshot.predictors.artist_vectors import ARTISTS, ArtistVectors
from earshot.predictors.load import load_encoder
from earshot.releases.candidate import NUMBERS
from earshot.releases.files import fetch
from earshot.releases.history import find_release
from earshot.releases.manifest import WMF_FACTORS, Manifest
from earshot.releases.model_card import check_card, framing
from earshot.releases.shared import (
    LEAST_LISTENERS,
    SHARED_FILES,
    SONGS,
    check_shared,
    shared_name,
    write_shared,
)
from earshot.shared_files import CARD, PAGE, REFERENCE, REFERENCE_STATISTICS
from earshot.spaces.placing import Placed, columns_of, rows_of
from earshot.spaces.shared import GRAM, RECORDINGS, SharedWmf
from earshot.spaces.space import kind_of
from earshot.spaces.wmf import WmfSpace
from earshot.store.reader import HyperImageStore
from earshot.trusted import refuse_untrusted

Say = Callable[[str], object]
_LIMITS = (
    "The figures are of songs of the home catalogue that its encoder had not heard, and of its listeners. Of "
    "other music and other people they may be lower.",
    "A song that sounds unlike those trained on is drawn to the mean of all: little is said of it.",
    "Where the plays of an artist's other songs put a song, which the home release may go by, is not in this "
    "one: at most where those songs sound.",
    "Whoever knows all plays of a listener can guess a little better than chance whether they were trained "
    "on, and better still with many others' plays to compare with: docs/sharing.md says how well.",
    "What the encoder has learned cannot be taken back out of a file that was given away.",
)


@dataclass(frozen=True)
class SharedBy:
    """What only whoever shares a release can say: its data and licence, in words.

    `songs`: whether ids and places of songs and artists, and hashes of songs' sounds, are shared too.
    """

    data: str
    licence: str
    songs: bool = False


def share_release(root: Path, name: str, file: Path, words: SharedBy, say: Say = terminal.say) -> Manifest:
    """Write what of the release `name` may be given away to `file`, whole or not at all.

    Returns
    -------
    The manifest in the file: the release that whoever imports it serves.

    Raises
    ------
    UserError
        No such release; one of fewer than 100 listeners, in another taste space than the
        factorization's, or of a class that is not earshot's own; a file of it, or of the snapshot that it
        was trained on, that is not in DVC's cache; `file` is there.
    """
    if file.exists():
        raise UserError(f"{file}: is there already; wanted the name of a new file")
    params, home = load_params(root / "params.yaml"), find_release(root, name, refused=True)
    with TemporaryDirectory(prefix="earshot-share-") as made:
        source, folder = Path(made) / "home", Path(made) / "shared"
        fetch(replace(home, files=_wanted(home)), root, source)
        model = source / home.served
        n_listeners = _refuse_unshareable(home, model)
        say(f"{n_listeners:,} listeners; trains an encoder for others, which takes as long as the first time")
        trained = train_to_share(root, home, model, params)
        training_set = trained.data("training_set")
        store = HyperImageStore.open(training_set / "hyper_images")
        encoder = load_encoder(trained.data("cnn_checkpoint"))
        learned = pd.read_parquet(model / WMF_FACTORS / "items.parquet")[SONG_ID].to_numpy(dtype=object)
        heard = hear_for_others(encoder, store, learned, named=words.songs)
        _write_encoder(trained.data("cnn_checkpoint"), encoder.artists, folder / "cnn_checkpoint")
        _write_space(model / WMF_FACTORS, folder / WMF_FACTORS, heard)
        if words.songs:
            _write_songs(root, folder / WMF_FACTORS, heard)
        _write_reference(training_set, folder, store, heard, params)
        card = _card(home, training_set, model, heard, words, params)
        write_json(folder / CARD, card)
        (folder / PAGE).write_text(draw_card(check_card(card, file)), encoding="utf-8")
        release = _manifest(home, folder, card["figures"], words.songs)
        check_shared(folder, release, file)
        write_shared(folder, release, file)
    return release


def _wanted(home: Manifest) -> dict[str, str]:
    """md5 by name of the files of the model that serves."""
    inside = f"{home.served}/" if home.served else ""
    model = tuple(f"{inside}{stage}/" for stage in ("cnn_checkpoint", WMF_FACTORS))
    return {name: md5 for name, md5 in home.files.items() if name.startswith(model) or name == NUMBERS}


def _refuse_unshareable(home: Manifest, model: Path) -> int:
    """How many listeners it was trained with."""
    if home.derived_from is not None:
        raise UserError(f"release {home.release}: was shared already; pass on the file that it came in")
    encoder, kind = model / "cnn_checkpoint", kind_of(model / "cnn_checkpoint")
    if kind != WmfSpace.kind:
        raise UserError(
            f"release {home.release}: its taste space is {kind!r}, of which listeners are a part: wanted "
            "that of the factorization, in which factors_mse trains"
        )
    path = encoder / "encoder.json"
    refuse_untrusted(parse_object(path.read_bytes(), path), (), Path(f"release {home.release}"))
    n_listeners = len(pd.read_parquet(model / WMF_FACTORS / "users.parquet"))
    if n_listeners < LEAST_LISTENERS:
        raise UserError(
            f"release {home.release}: {n_listeners} listeners: wanted at least {LEAST_LISTENERS} to "
            "share it, as each of fewer could be told from it"
        )
    return n_listeners


def _write_encoder(source: Path, artists: ArtistVectors | None, folder: Path) -> None:
    """With those vectors of artists in the place of its own, which hang on plays."""
    folder.mkdir(parents=True)
    for name in ("encoder.json", "encoder.pt"):
        shutil.copyfile(source / name, folder / name)
    if artists is not None:
        artists.save(folder)


def _write_space(source: Path, folder: Path, heard: Placed) -> None:
    """The numbers, and X'X of the factorization's songs by their sound; those without count as the others."""
    folder.mkdir(parents=True)
    write_json(folder / WMF, read_json(source / WMF))
    trained = pd.read_parquet(source / "items.parquet")[SONG_ID]
    there = heard.vectors[is_among(heard.ids, trained)].astype(np.float64)
    gram = there.T @ there * (len(trained) / len(there))
    np.save(folder / GRAM, gram.astype(np.float32))


def _write_songs(root: Path, folder: Path, heard: Placed) -> None:
    ids = pd.DataFrame({SONG_ID: pd.Series(heard.ids, dtype=str)})
    np.save(folder / "item_factors.npy", heard.vectors)
    write_table(folder / "items.parquet", ids)
    sounds = pd.read_parquet(root / "data" / "raw_audio" / "songs.parquet", columns=[SONG_ID, AUDIO_MD5])
    known = ids.merge(sounds.dropna(), on=SONG_ID).drop_duplicates(AUDIO_MD5)
    write_table(folder / RECORDINGS, known.astype({AUDIO_MD5: str}))


def _write_reference(
    training_set: Path, folder: Path, store: HyperImageStore, heard: Placed, params: Params
) -> None:
    """Some of the songs trained on, as `earshot.stages.drift` describes them, under no id."""
    songs = pd.read_parquet(training_set / "songs.parquet", columns=[SONG_ID, ARTIST_ID]).set_index(SONG_ID)
    ids = chosen(songs.index, params.drift.songs, "drift")
    statistics, loudness, bandwidth = describe(store, ids)
    artists = songs.loc[ids, ARTIST_ID].fillna("")
    artists = artists.where(artists != "", artists.index.to_series())
    norms = pd.Series(np.linalg.norm(heard.vectors.astype(np.float64), axis=1), heard.ids).loc[ids]
    table = {
        "artist": pd.factorize(artists)[0].astype(np.int64),
        LOUDNESS: loudness.astype(np.float64),
        BANDWIDTH: bandwidth.astype(np.float64),
        PREDICTED_NORM: norms.to_numpy(),
    }
    (folder / REFERENCE).parent.mkdir()
    write_table(folder / REFERENCE, pd.DataFrame(table))
    np.save(folder / REFERENCE_STATISTICS, statistics.astype(np.float32))
    (folder / CARD).parent.mkdir()


def _card(
    home: Manifest, training_set: Path, model: Path, heard: Placed, words: SharedBy, params: Params
) -> dict[str, Any]:
    """As `ModelCard`, in JSON."""
    songs = pd.read_parquet(training_set / "songs.parquet", columns=[SONG_ID, ARTIST_ID])
    space = WmfSpace.read(model / WMF_FACTORS)
    bad = read_json(training_set / "summary.json").get("set_aside", {})
    set_aside = int(bad.get("audio files set aside", 0))
    return {
        "derived_from": home.release,
        "data": words.data,
        "licence": words.licence,
        "listeners": len(space.training_listeners().ids),
        "songs": len(space.songs.ids),
        "artists": int(songs.loc[is_among(songs[SONG_ID], space.songs.ids), ARTIST_ID].nunique()),
        "sounds": len(songs) + set_aside,
        "set_aside": set_aside,
        "shared_songs": len(heard.ids) if words.songs else 0,
        "model": home.candidate.name if home.candidate else "unknown",
        "factors": space.songs.vectors.shape[1],
        "n0": home.n0,
        "features": framing(params.hyper_images),
        "families": sorted(home.families),
        "figures": _figures(training_set, space, heard, params.evaluation_report),
        "limits": list(_LIMITS),
        "format": 1,
    }


def _figures(
    training_set: Path, space: WmfSpace, heard: Placed, settings: EvaluationReport
) -> dict[str, dict[str, float]]:
    """How well home's listeners, by their plays of other songs, are told songs that were held out, as in the
    report: by what the shared encoder says of them, and against what is shared of the others."""
    cold_start = read_cold_start(training_set, settings.max_listeners)
    plays, k = read_play_counts(training_set), settings.k
    songs = heard.only(is_among(heard.ids, space.songs.ids))
    nobody = Placed(songs.ids[:0], songs.vectors[:0])
    shared = SharedWmf(songs.vectors.T @ songs.vectors, nobody, space.wmf)
    users = solve_rows(
        confidence(columns_of(plays.matrix, plays.song_ids, songs.ids), space.wmf.alpha, space.wmf.epsilon),
        songs.vectors,
        space.wmf.regularization,
        shared.gram.astype(np.float64),
    )
    found = evaluate(System(users, rows_of(heard.ids, heard.vectors, cold_start.song_ids)), cold_start, k)
    intervals = {"auc": found.interval("auc"), f"map_at_{k}": found.interval("map")}
    return {
        name: {key: round(float(getattr(each, key)), 6) for key in ("value", "low", "high")}
        for name, each in intervals.items()
    }


def _manifest(home: Manifest, folder: Path, figures: dict[str, dict[str, float]], songs: bool) -> Manifest:
    artists = [f"cnn_checkpoint/{name}" for name in ARTISTS]
    names = [*SHARED_FILES, *(SONGS if songs else ()), *artists]
    files = {name: versioning.file_md5(folder / name) for name in names if (folder / name).is_file()}
    return Manifest(
        release=shared_name(files, home.n0, home.release),
        number=1,
        previous=None,
        feature_key=home.feature_key,
        split=home.split,
        files=files,
        outputs={},
        params={WMF_FACTORS: read_json(folder / WMF_FACTORS / WMF)},
        metrics={"candidate": {name: figure["value"] for name, figure in figures.items()}},
        n0=home.n0,
        families=home.families,
        candidate=home.candidate,
        code=home.code,
        derived_from=home.release,
    )
