"""The songs each listener should hear next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from earshot.arrays import is_among, positions_of
from earshot.catalogue.play_counts import ITEMS, LEFT_OUT, USERS, read_play_counts
from earshot.catalogue.plays import play_tables
from earshot.checks import LISTENERS_WITH_A_LIST, check
from earshot.code import key_of
from earshot.columns import ARTIST_ID, DELIVERY, HEARD, N_LISTENERS, SONG_ID, UNLIKE, USER_ID, WITHDRAWN
from earshot.files import read_json, write_table
from earshot.params import Params, Recommendations
from earshot.recommend.list_rules import NO_RULES, ListMaker, ListRules, number_artists
from earshot.recommend.lists import (
    Lists,
    Vectors,
    merge_songs,
    new_songs,
    read_lists,
    write_recommendations,
)
from earshot.recommend.ranking import Ranked
from earshot.spaces.placing import Ids, columns_of
from earshot.stages.paths import Paths
from earshot.stages.reuse import noted
from earshot.versioning import PreviousOutput, file_md5

if TYPE_CHECKING:
    from scipy.sparse import csr_array

TABLE = "recommendations.parquet"
LISTENERS = "ranked/listeners"
"""The lists, as a piece: hang on all that listeners are, not on songs; those that came since are ranked."""
BEFORE_RULES = "ranked/lists.parquet"
"""What the lists are made of by their rules; without rules, the table itself."""
SONGS, VECTORS = "ranked/items.parquet", "ranked/item_factors.npy"
"""Of the songs that the lists were made of."""


@dataclass(frozen=True)
class Question:
    """Whose lists are wanted, out of which songs.

    Attributes
    ----------
    listeners
        Versions of all that the lists hang on but the songs.
    artist_ids
        (n_songs,); `""` where none is named.
    """

    listeners: list[str]
    user_ids: Ids
    user_vectors: Vectors
    song_ids: Ids
    item_vectors: Vectors
    artist_ids: Ids
    played: csr_array
    maker: ListMaker


def run(paths: Paths, params: Params) -> dict[str, Any]:
    """Write recommendations.parquet: for every listener the k best songs not played yet and not withdrawn.

    The best are those with the highest scores, as far as the rules of the lists leave it at that.
    """
    summary = read_json(paths.data("served_factors") / "summary.json")
    release = summary["release"]
    held_back = _held_back(paths) if params.drift.hold_back == "far" else {}
    left_out = {song for songs in held_back.values() for song in songs}
    question = _read(paths, params.recommendations, str(release), left_out)
    (paths.output / LISTENERS).parent.mkdir()
    earlier = _earlier(noted(paths, LISTENERS, key_of(question.listeners, __name__)), question)
    lists = _rank(question, earlier)
    if question.maker.rules != NO_RULES:
        lists = _arrange(paths.output / BEFORE_RULES, question, lists, str(release))
    rows, listeners = _write(paths.output / TABLE, question, lists, str(release))
    _keep(paths.output, question)
    cold_songs = int(question.maker.new.sum())
    details = {"cold_songs": cold_songs} if release else {"reason": summary["reason"]}
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


def _read(paths: Paths, settings: Recommendations, release: str, held_back: set[str]) -> Question:
    """`held_back` songs are in no list."""
    served, counts = paths.data("served_factors"), paths.data("play_counts")
    songs = pd.read_parquet(served / "items.parquet")
    artists = _artists_of_listed(paths.data("raw_audio"))
    listed = is_among(songs[SONG_ID], artists.index) & ~is_among(songs[SONG_ID], held_back)
    song_ids = songs.loc[listed, SONG_ID].to_numpy(dtype=object)
    artist_ids = artists.reindex(song_ids).to_numpy(dtype=object)
    user_ids = pd.read_parquet(served / "users.parquet")[USER_ID].to_numpy(dtype=object)
    plays = read_play_counts(counts)
    # (n_items, n_users), users as in user_factors; below (n_users, n_songs), songs as in `song_ids`
    by_song = columns_of(plays.matrix.T.tocsr(), plays.user_ids, user_ids)
    files = [served / "users.parquet", served / "user_factors.npy"]
    files += play_tables(counts)
    files += [counts / name for name in (USERS, ITEMS, LEFT_OUT) if (counts / name).is_file()]
    rules = ListRules.of(settings)
    new = songs.loc[listed, N_LISTENERS].to_numpy() == 0
    return Question(
        [release, str(settings.k), str(rules), *map(file_md5, files)],
        user_ids,
        np.load(served / "user_factors.npy", allow_pickle=False),
        song_ids,
        np.load(served / "item_factors.npy", allow_pickle=False)[listed],
        artist_ids,
        columns_of(by_song.T.tocsr(), plays.song_ids, song_ids) + _left_out(counts, user_ids, song_ids),
        ListMaker(settings.k, rules, new, number_artists(artist_ids, song_ids)),
    )


def _left_out(counts: Path, user_ids: Ids, song_ids: Ids) -> csr_array:
    """(n_users, n_songs): ones where a listener wants a song in no list."""
    from scipy.sparse import csr_array

    nothing = pd.DataFrame(columns=[USER_ID, SONG_ID], dtype=str)
    words = pd.read_parquet(counts / LEFT_OUT) if (counts / LEFT_OUT).is_file() else nothing
    users, songs = positions_of(user_ids, words[USER_ID]), positions_of(song_ids, words[SONG_ID])
    there = (users >= 0) & (songs >= 0)
    ones = np.ones(there.sum(), np.float32)
    return csr_array((ones, (users[there], songs[there])), shape=(len(user_ids), len(song_ids)))


def _artists_of_listed(raw_audio: Path) -> pd.Series[str]:
    """artist_id by song_id, `""` where none is named, of the songs that are not withdrawn."""
    catalogue = pd.read_parquet(raw_audio / "songs.parquet", columns=[SONG_ID, ARTIST_ID, WITHDRAWN])
    return catalogue[~catalogue[WITHDRAWN]].set_index(SONG_ID)[ARTIST_ID].fillna("")


def _earlier(ranked: PreviousOutput, question: Question) -> Lists | None:
    """The lists of the last run, which were of the same listeners, unless an artist counts and is another."""
    rules = question.maker.rules
    names = (TABLE if rules == NO_RULES else BEFORE_RULES, SONGS, VECTORS)
    table, songs, vectors = (ranked.find(name) for name in names)
    if table is None or songs is None or vectors is None:
        return None
    known = pd.read_parquet(songs)
    if rules.max_per_artist is not None:
        artists = pd.Series(question.artist_ids, question.song_ids).reindex(known[SONG_ID])
        if artists.tolist() != known[ARTIST_ID].tolist():
            return None
    return Lists(table, known[SONG_ID].to_numpy(dtype=object), np.load(vectors, allow_pickle=False))


def _rank(question: Question, earlier: Lists | None) -> Iterator[Ranked]:
    new = new_songs(earlier, question.song_ids, question.item_vectors) if earlier else None
    sides = (question.user_vectors, question.item_vectors, question.played)
    if earlier is None or new is None:
        return question.maker.rank(*sides, np.ones(len(question.song_ids), dtype=np.bool_))
    return merge_songs(earlier, question.user_ids, question.song_ids, *sides, new, question.maker)


def _arrange(path: Path, question: Question, ranked: Iterator[Ranked], release: str) -> Iterator[Ranked]:
    """The lists by their rules; what they are made of is written to `path`, for the next run to add to."""
    _write(path, question, ranked, release)
    return map(question.maker.arrange, read_lists(path, question.user_ids, question.song_ids))


def _write(path: Path, question: Question, lists: Iterator[Ranked], release: str) -> tuple[int, int]:
    return write_recommendations(
        path, lists, question.user_ids, question.song_ids, question.maker.new, release
    )


def _keep(output: Path, question: Question) -> None:
    songs = {SONG_ID: pd.Series(question.song_ids, dtype=str)}
    if question.maker.rules.max_per_artist is not None:
        songs[ARTIST_ID] = pd.Series(question.artist_ids, dtype=str)
    write_table(output / SONGS, pd.DataFrame(songs))
    np.save(output / VECTORS, question.item_vectors)
