"""The songs each listener should hear next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from earshot.arrays import is_among
from earshot.catalogue.play_counts import read_play_counts
from earshot.checks import LISTENERS_WITH_A_LIST, check
from earshot.code import key_of
from earshot.columns import DELIVERY, HEARD, N_LISTENERS, SONG_ID, UNLIKE, USER_ID, WITHDRAWN
from earshot.files import read_json, write_table
from earshot.params import Params
from earshot.recommend.lists import Lists, Vectors, merge_songs, new_songs, write_recommendations
from earshot.recommend.ranking import Ranked, rank_songs
from earshot.spaces.placing import Ids, columns_of
from earshot.stages.paths import Paths
from earshot.stages.reuse import noted
from earshot.versioning import PreviousOutput, file_md5

if TYPE_CHECKING:
    from scipy.sparse import csr_array

TABLE = "recommendations.parquet"
LISTENERS = "ranked/listeners"
"""The lists, as a piece: hang on all that listeners are, not on songs; those that came since are ranked."""
SONGS, VECTORS = "ranked/items.parquet", "ranked/item_factors.npy"
"""Of the songs that the lists were made of."""


@dataclass(frozen=True)
class Question:
    """Whose lists are wanted, out of which songs.

    Attributes
    ----------
    listeners
        Versions of all that the lists hang on but the songs.
    """

    listeners: list[str]
    user_ids: Ids
    user_vectors: Vectors
    song_ids: Ids
    item_vectors: Vectors
    cold: Any
    played: csr_array


def run(paths: Paths, params: Params) -> dict[str, Any]:
    """Write recommendations.parquet: for every listener the k best songs not played yet and not withdrawn."""
    summary = read_json(paths.data("served_factors") / "summary.json")
    k, release = params.recommendations.k, summary["release"]
    held_back = _held_back(paths) if params.drift.hold_back == "far" else {}
    question = _read(paths, [str(release), str(k)], {song for songs in held_back.values() for song in songs})
    (paths.output / LISTENERS).parent.mkdir()
    ranked = noted(paths, LISTENERS, key_of(question.listeners, __name__))
    lists = _rank(question, _earlier(ranked), k)
    rows, listeners = write_recommendations(
        paths.output / TABLE, lists, question.user_ids, question.song_ids, question.cold, str(release)
    )
    _keep(paths.output, question)
    details = {"cold_songs": int(question.cold.sum())} if release else {"reason": summary["reason"]}
    notices = [
        f"{delivery}: {len(songs):,} songs held back, most of it being unlike anything trained on "
        "(drift.hold_back in params.yaml)"
        for delivery, songs in held_back.items()
    ]
    checks = [_check(listeners, len(question.user_ids))]
    return {"release": release, "rows": rows, **details, "notices": notices, "checks": checks}


def _held_back(paths: Paths) -> dict[str, list[str]]:
    """By delivery, if more than half of its songs are unlike anything trained on, those nobody has played."""
    songs = pd.read_parquet(paths.data("served_factors") / "items.parquet")
    deliveries = pd.read_parquet(paths.data("raw_audio") / "songs.parquet", columns=[SONG_ID, DELIVERY])
    with_audio = songs[songs[HEARD]].merge(deliveries, on=SONG_ID)
    # at every song of a delivery the share of its songs that are unlike
    far = with_audio[with_audio.groupby(DELIVERY)[UNLIKE].transform("mean") > 0.5]
    unplayed = far[far[N_LISTENERS] == 0]
    return {str(name): some.tolist() for name, some in unplayed.groupby(DELIVERY)[SONG_ID]}


def _check(with_a_list: int, listeners: int) -> dict[str, Any]:
    return check(
        LISTENERS_WITH_A_LIST,
        "listeners to whom a song can be recommended",
        passed=with_a_list == listeners,
        observed=f"{with_a_list} of {listeners}",
        expected="all",
    )


def _read(paths: Paths, versions: list[str], held_back: set[str]) -> Question:
    """`held_back` songs are in no list."""
    served, counts = paths.data("served_factors"), paths.data("play_counts")
    songs = pd.read_parquet(served / "items.parquet")
    listed = is_among(songs[SONG_ID], _not_withdrawn(paths.data("raw_audio")))
    listed &= ~is_among(songs[SONG_ID], held_back)
    song_ids = songs.loc[listed, SONG_ID].to_numpy(dtype=object)
    user_ids = pd.read_parquet(served / "users.parquet")[USER_ID].to_numpy(dtype=object)
    plays = read_play_counts(counts)
    # (n_items, n_users), users as in user_factors; below (n_users, n_songs), songs as in `song_ids`
    by_song = columns_of(plays.matrix.T.tocsr(), plays.user_ids, user_ids)
    files = [served / "users.parquet", served / "user_factors.npy"]
    files += [counts / f"{name}.parquet" for name in ("plays", "users", "items")]
    return Question(
        [*versions, *map(file_md5, files)],
        user_ids,
        np.load(served / "user_factors.npy", allow_pickle=False),
        song_ids,
        np.load(served / "item_factors.npy", allow_pickle=False)[listed],
        songs.loc[listed, N_LISTENERS].to_numpy() == 0,
        columns_of(by_song.T.tocsr(), plays.song_ids, song_ids),
    )


def _not_withdrawn(raw_audio: Path) -> pd.Series[str]:
    catalogue = pd.read_parquet(raw_audio / "songs.parquet", columns=[SONG_ID, WITHDRAWN])
    return catalogue.loc[~catalogue[WITHDRAWN], SONG_ID]


def _earlier(ranked: PreviousOutput) -> Lists | None:
    """The lists of the last run, which were of the same listeners."""
    table, songs, vectors = (ranked.find(name) for name in (TABLE, SONGS, VECTORS))
    if table is None or songs is None or vectors is None:
        return None
    song_ids = pd.read_parquet(songs)[SONG_ID].to_numpy(dtype=object)
    return Lists(table, song_ids, np.load(vectors, allow_pickle=False))


def _rank(question: Question, earlier: Lists | None, k: int) -> Iterator[Ranked]:
    new = new_songs(earlier, question.song_ids, question.item_vectors) if earlier else None
    sides = (question.user_vectors, question.item_vectors, question.played)
    if earlier is None or new is None:
        return rank_songs(*sides, np.ones(len(question.song_ids), dtype=np.bool_), k)
    return merge_songs(earlier, question.user_ids, question.song_ids, *sides, new, k)


def _keep(output: Path, question: Question) -> None:
    write_table(output / SONGS, pd.DataFrame({SONG_ID: pd.Series(question.song_ids, dtype=str)}))
    np.save(output / VECTORS, question.item_vectors)
