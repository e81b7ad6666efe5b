"""Rows of listeners and songs in the order in which they first came to count; later deliveries only append.

A play counts from the delivery on that brings it, or from the later one that first names its song. Likes come
after all deliveries. A listener or a song whose every play is excluded has no row.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from earshot.arrays import positions_of
from earshot.catalogue.plays import Integers, among, items_of, pair_keys, users_of
from earshot.columns import ITEM, ROWS, USER, USER_ID
from earshot.files import read_batches
from earshot.validation.parts import PLAYS_FILE, USERS_FILE

if TYPE_CHECKING:
    import pandas as pd

Pair = tuple[str, str]
"""user_id and song_id."""
WAITS = 2**31 - 1
"""In place of a delivery's number: none names the song."""
LAST = WAITS - 1
"""Number of what comes after all deliveries."""


@dataclass(frozen=True)
class Songs:
    """The songs of all parts, and since when they are named.

    Attributes
    ----------
    ids
        (n_songs,) str, each once, in the order in which they come.
    of_parts
        Of each part (n_items,): the song of each line of its items.parquet.
    named
        (n_songs,): how many deliveries of plays came before the first delivery that names a song, or `WAITS`.
    """

    ids: pd.Series
    of_parts: Sequence[Integers]
    named: Integers

    def since(self, number: int, place: int) -> Integers:
        """(n_items,): with which delivery plays of each song of a part begin to count, or `WAITS`.

        `number` is that of the part in `of_parts`, and `place` that of its delivery.
        """
        return np.maximum(self.named[self.of_parts[number]], place)


@dataclass(frozen=True)
class Part:
    """What a delivery brings, and where its ids stand among all.

    Attributes
    ----------
    folder
        As written by `earshot.validation.parts.write_counted`.
    place
        Number of the delivery among those that bring plays, in order of arrival.
    users, items
        (n,): the row of each line of its users.parquet and items.parquet; -1 of what does not count.
    since
        (n_items,): number of the delivery with which its plays of a song began to count, or `WAITS`.
    """

    folder: Path
    place: int
    users: NDArray[np.int32]
    items: NDArray[np.int32]
    since: NDArray[np.int32]


@dataclass(frozen=True)
class Arrivals:
    """All that counts.

    Attributes
    ----------
    user_ids, song_ids
        (n_users,), (n_items,) str; by row.
    since
        (n_users,): number of the delivery with which a listener's first play began to count; ascending.
    parts
        In order of arrival.
    excluded
        (n,) keys of the pairs that do not count (`earshot.catalogue.plays.pair_keys`), ascending.
    excluded_rows
        How many delivered rows stand behind these.
    """

    user_ids: pd.Series
    song_ids: pd.Series
    since: Integers
    parts: tuple[Part, ...]
    excluded: Integers
    excluded_rows: int = 0


def arrive(parts: Sequence[tuple[Path, int]], songs: Songs, excluded: Collection[Pair]) -> Arrivals:
    """Number everything that the parts speak of.

    Parameters
    ----------
    parts
        Folders, and with which delivery each came, ascending.
    songs
        Those of `parts`.
    excluded
        Pairs of user_id and song_id whose plays do not count, however they came.
    """
    folders, places = [folder for folder, _ in parts], [place for _, place in parts]
    users, user_codes = numbered([read_ids(folder / USERS_FILE, USER_ID) for folder in folders])
    since = [songs.since(number, place) for number, place in enumerate(places)]
    of_songs, of_users = np.full(len(songs.ids), WAITS), np.full(len(users), WAITS)
    for folder, place, codes, items_since in zip(folders, places, user_codes, since, strict=True):
        np.minimum.at(of_users, codes, _users_since(folder, len(codes), place, items_since))
    for codes, items_since in zip(songs.of_parts, since, strict=True):
        np.minimum.at(of_songs, codes, items_since)
    user_order, user_rows = _in_order(of_users)
    song_order, song_rows = _in_order(of_songs)
    found = Arrivals(
        _at(users, user_order),
        _at(songs.ids, song_order),
        of_users[user_order],
        tuple(
            Part(folder, place, user_rows[of_user], song_rows[of_song], each.astype(np.int32))
            for folder, place, of_user, of_song, each in zip(
                folders, places, user_codes, songs.of_parts, since, strict=True
            )
        ),
        np.empty(0, np.int64),
    )
    return _without(found, excluded) if excluded else found


def late(songs: Songs, places: Sequence[int]) -> list[list[tuple[str, int]]]:
    """Of each of the first parts, of the deliveries `places`, the songs named later or never, and when.

    Names bear on what counts by that alone.
    """
    found = []
    for number, place in enumerate(places):
        since = songs.since(number, place)
        ids = songs.ids.iloc[songs.of_parts[number][since > place]]
        found.append(list(zip(ids.tolist(), since[since > place].tolist(), strict=True)))
    return found


def read_ids(path: Path, column: str) -> pd.Series:
    """One column of a table of ids, (n,) str."""
    import pandas as pd

    return pd.read_parquet(path, columns=[column])[column]


def numbered(tables: Sequence[pd.Series]) -> tuple[pd.Series, list[Integers]]:
    """All different ids in the order in which they come, and the number of each of every table.

    In a table each id stands once. The first may hold nearly all of them: it is neither hashed nor copied,
    the others are looked up in it.
    """
    import pandas as pd
    import pyarrow
    from pyarrow import compute

    first, *others = tables or [pd.Series(dtype=str)]
    codes, found = pd.factorize(pd.concat([pd.Series(dtype=str), *others], ignore_index=True))
    different = pd.Series(found, dtype=str)
    numbers = np.full(len(different), -1)  # of each of `different`
    # the line of each of them in `first`: of the two the smaller is what Arrow hashes
    ids, wanted = (pyarrow.array(each, pyarrow.large_string()) for each in (first, different))
    if len(different) < len(first):
        places = compute.index_in(ids, value_set=wanted)
        numbers[places.drop_null().to_numpy()] = np.flatnonzero(places.is_valid())
    else:
        numbers[:] = compute.index_in(wanted, value_set=ids).fill_null(-1).to_numpy()
    new = numbers < 0
    numbers[new] = len(first) + np.arange(np.count_nonzero(new))
    every = pd.concat([first, different[new]], ignore_index=True)
    ends = np.cumsum([len(table) for table in others])[:-1]
    return every, [np.arange(len(first)), *(np.split(numbers[codes], ends) if others else [])][: len(tables)]


def _users_since(folder: Path, n_users: int, place: int, since: Integers) -> Integers:
    """(n_users,): number of the delivery with which the first play of each listener of a part counts."""
    if (since == place).all():
        return np.full(n_users, place)
    first = np.full(n_users, WAITS)
    for users, items in _columns(folder, USER, ITEM):
        np.minimum.at(first, users, since[items])
    return first


def _in_order(since: Integers) -> tuple[Integers, NDArray[np.int32]]:
    """Which ids count, in their order; and the row of each id, -1 where it does not."""
    order = np.argsort(since, kind="stable")  # of one delivery as they come in it
    order = order[: np.count_nonzero(since != WAITS)]
    rows = np.full(len(since), -1, np.int32)
    rows[order] = np.arange(len(order))
    return order, rows


def _at(ids: pd.Series, order: Integers) -> pd.Series:
    """`ids` in that order; the same, not copied, where it is theirs."""
    if len(order) == len(ids) and (np.diff(order) == 1).all():
        return ids
    return ids.iloc[order]


def _without(found: Arrivals, excluded: Collection[Pair]) -> Arrivals:
    """Without pairs, and without listeners and songs that are left with none."""
    of_users = positions_of(found.user_ids, [user for user, _ in excluded])
    of_songs = positions_of(found.song_ids, [song for _, song in excluded])
    there = (of_users >= 0) & (of_songs >= 0)
    keys = np.unique(pair_keys(of_users[there], of_songs[there]))
    if not len(keys):
        return found
    has_play = np.zeros(len(found.user_ids), np.bool_), np.zeros(len(found.song_ids), np.bool_)
    n_rows = 0
    for part in found.parts:
        for in_users, in_items, rows in _columns(part.folder, USER, ITEM, ROWS):
            users, items = part.users[in_users], part.items[in_items]
            counts = items >= 0  # a listener with a play that counts has a row
            out = among(pair_keys(users, items), keys) & counts
            n_rows += int(rows[out].sum())
            has_play[0][users[counts & ~out]] = True
            has_play[1][items[counts & ~out]] = True
    user_rows, item_rows = (np.where(has, np.cumsum(has) - 1, -1).astype(np.int32) for has in has_play)
    kept = np.unique(pair_keys(user_rows[users_of(keys)], item_rows[items_of(keys)]))
    return Arrivals(
        found.user_ids[has_play[0]],
        found.song_ids[has_play[1]],
        found.since[has_play[0]],
        tuple(
            replace(part, users=_through(user_rows, part.users), items=_through(item_rows, part.items))
            for part in found.parts
        ),
        kept,
        n_rows,
    )


def _through(rows: NDArray[np.int32], old: NDArray[np.int32]) -> NDArray[np.int32]:
    """The new row of every old one; -1 stays -1."""
    return np.where(old >= 0, rows[old], -1).astype(np.int32)


def _columns(folder: Path, *names: str) -> Iterator[tuple[NDArray[Any], ...]]:
    """Some columns of the plays of a part, piece by piece."""
    for batch in read_batches(folder / PLAYS_FILE, names, rows=1 << 20):
        yield tuple(batch[name].to_numpy() for name in names)
