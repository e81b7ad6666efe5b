"""What the served state answers from: lists, plays, songs to choose from, and what is searched in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from earshot.arrays import is_among, positions_of
from earshot.columns import (
    ARTIST,
    ARTIST_ID,
    COLD,
    GENRES,
    HEARD,
    ITEM,
    LAST_PLAYED_AT,
    N_LISTENERS,
    RANK,
    SCORE,
    SONG_ID,
    TITLE,
    UNLIKE,
    USER,
    USER_ID,
    WITHDRAWN,
)
from earshot.datasets.importing.names import match_key
from earshot.errors import UserError
from earshot.queries.choice import Choice
from earshot.queries.screening import Asked, Screen
from earshot.queries.served_files import LISTS, PLAYS, ServedFiles
from earshot.recommend.list_rules import number_artists
from earshot.recommend.similar import crowding, similar_songs, unit

if TYPE_CHECKING:
    import pandas as pd
    from scipy.sparse import csr_array

_PROBES = 200
_SECONDS_A_DAY = 86_400


@dataclass(frozen=True)
class Listed:
    """A list as it was made, best first.

    Attributes
    ----------
    rows
        Of the songs, `(n,)`.
    scores
        float32 (n,).
    cold
        (n,): songs that nobody had played.
    """

    rows: NDArray[np.int64]
    scores: NDArray[np.float32]
    cold: NDArray[np.bool_]


@dataclass(frozen=True)
class SearchIndex:
    """Songs, and what is searched in.

    Attributes
    ----------
    songs
        song_id, title, artist, artist_id, genres and n_listeners of each.
    texts
        song_id, title, artist and genres of each, each by its `match_key` in a line of its own.
    """

    songs: pd.DataFrame
    texts: list[str]


@dataclass(frozen=True)
class ServedState(ServedFiles):
    """What is served, looked up: each table and index is made when it is first asked for, and kept."""

    def list_of(self, user: str) -> Listed:
        """The list of a listener as it was made, best first; empty where there is none."""
        lists = self.table(LISTS, "recommendations.parquet", filters=[(USER_ID, "==", user)])
        best = lists.sort_values(RANK)
        return Listed(
            positions_of(self.song_ids, best[SONG_ID]), best[SCORE].to_numpy(), best[COLD].to_numpy()
        )

    def played_by(self, user: str) -> NDArray[np.int64]:
        """Rows of the served songs that a listener of `user_ids` has played, (n_played,)."""
        row = int(positions_of(self.table(PLAYS, "users.parquet")[USER_ID], [user])[0])
        plays = self.plays_of(ITEM, user=row)
        rows = self._rows_of_items[plays[ITEM]]
        return rows[rows >= 0]

    def played_lately(self, user: str, days: int) -> NDArray[np.int64]:
        """As `played_by`, (n_late,), without what was played last so many days before the newest play of all.

        What is not dated counts as late. Raises UserError where no play is.
        """
        newest = self.newest_play
        if newest is None:
            raise UserError("no play in data/play_counts is dated: nothing is long ago")
        row = int(positions_of(self.table(PLAYS, "users.parquet")[USER_ID], [user])[0])
        plays = self.plays_of(ITEM, LAST_PLAYED_AT, user=row)
        since = newest - days * _SECONDS_A_DAY
        late = (plays[LAST_PLAYED_AT].isna() | (plays[LAST_PLAYED_AT] >= since)).to_numpy(bool)
        rows = self._rows_of_items[plays[ITEM][late]]
        return rows[rows >= 0]

    @cached_property
    def last_scores(self) -> NDArray[np.float32]:
        """(n_users,): score of the last place of every list; infinite where there is none."""
        lists = self.table(LISTS, "recommendations.parquet", columns=[USER_ID, SCORE])
        last = lists.groupby(USER_ID)[SCORE].min().reindex(self.user_ids).fillna(np.inf)
        return last.to_numpy(np.float32)

    @cached_property
    def plays(self) -> csr_array:
        """Which songs every listener has played, ones (n_users, n_songs)."""
        from scipy.sparse import csr_array

        plays = self.plays_of(USER, ITEM)
        users = positions_of(self.user_ids, self.table(PLAYS, "users.parquet")[USER_ID])[plays[USER]]
        songs = self._rows_of_items[plays[ITEM]]
        known = (users >= 0) & (songs >= 0)
        shape = (len(self.user_ids), len(self.song_ids))
        return csr_array((np.ones(known.sum(), np.int8), (users[known], songs[known])), shape=shape)

    def listeners_of(self, song: str) -> NDArray[np.int64]:
        """Rows of the listeners who have played a song, (n_listeners,)."""
        items = self.table(PLAYS, "items.parquet")[SONG_ID]
        (row,) = positions_of(items, [song])
        plays = self.plays_of(USER, item=int(row))
        return positions_of(self.user_ids, self.table(PLAYS, "users.parquet")[USER_ID][plays[USER]])

    @cached_property
    def _rows_of_items(self) -> NDArray[np.int64]:
        """(n_items,): rows among the item factors of the songs with plays; -1 where one is not served."""
        return positions_of(self.song_ids, self.table(PLAYS, "items.parquet")[SONG_ID])

    @cached_property
    def choice(self) -> Choice:
        """The songs that the lists were made of: not withdrawn, not held back."""
        listed = self.table(LISTS, "ranked/items.parquet")[SONG_ID]
        rows = np.sort(positions_of(self.song_ids, listed))
        users = self.vectors("user_factors.npy")
        probes = users[:: max(1, len(users) // _PROBES)][:_PROBES]
        return Choice(self.vectors("item_factors.npy"), self.artists, rows, probes)

    @cached_property
    def new_songs(self) -> Choice:
        """Those of `choice` that nobody has played."""
        return replace(self.choice, rows=self.choice.rows[self.is_new[self.choice.rows]])

    @cached_property
    def is_new(self) -> NDArray[np.bool_]:
        """(n_songs,): songs that nobody has played."""
        return ~is_among(self.song_ids, self.table(PLAYS, "items.parquet")[SONG_ID])

    @cached_property
    def artists(self) -> NDArray[np.int64]:
        """(n_songs,): a number an artist; a song without one has a number of its own."""
        return number_artists(self.columns[ARTIST_ID], self.song_ids)

    @cached_property
    def is_listed(self) -> NDArray[np.bool_]:
        """(n_songs,): those that are not withdrawn."""
        withdrawn = self.catalogue[WITHDRAWN].reindex(self.song_ids)
        return ~withdrawn.fillna(True).to_numpy(dtype=bool)

    @cached_property
    def columns(self) -> dict[str, NDArray[Any]]:
        """Of the songs, each (n_songs,): title, artist, artist_id and genres (`""` where nothing is known),
        n_listeners, heard and unlike."""
        known = self.catalogue.reindex(self.song_ids)
        texts = {name: known[name].fillna("") for name in (TITLE, ARTIST, ARTIST_ID, GENRES)}
        found = texts | {name: self.songs[name] for name in (N_LISTENERS, HEARD, UNLIKE)}
        return {
            name: column.to_numpy(dtype=object if name in texts else None) for name, column in found.items()
        }

    @cached_property
    def by_genre(self) -> dict[str, tuple[str, NDArray[np.int64]]]:
        """Every genre of a song that can be listed, and its songs' rows, (n,); by `match_key` of its name."""
        rows: dict[str, list[int]] = {}
        names: dict[str, str] = {}
        for row in self.choice.rows.tolist():
            for name in self.columns[GENRES][row].split(";"):
                key = match_key(name)
                if key:
                    names.setdefault(key, name.strip())
                    rows.setdefault(key, []).append(row)
        return {key: (names[key], np.array(some)) for key, some in rows.items()}

    @cached_property
    def everybody(self) -> Screen:
        """All listeners, to be compared with a song."""
        return Screen(self.vectors("user_factors.npy"))

    @cached_property
    def directions(self) -> Screen:
        """All songs with a length of 1, to be compared by cosine."""
        vectors = self.vectors("item_factors.npy")
        return Screen(unit(vectors).astype(np.float32), lambda rows: unit(vectors[rows]))

    @cached_property
    def _crowding(self) -> NDArray[np.float64]:
        """(n_songs,), of `earshot.recommend.similar`, among the songs that are listed; NaN for the others."""
        found, listed = np.full(len(self.song_ids), np.nan), np.flatnonzero(self.is_listed)
        found[listed] = crowding(self.vectors("item_factors.npy")[listed])
        return found

    @cached_property
    def search_index(self) -> SearchIndex:
        """The songs of the catalogue that are not withdrawn, played or not, served or not."""
        known = self.catalogue[~self.catalogue[WITHDRAWN]].drop(columns=WITHDRAWN).fillna("").reset_index()
        heard = self.songs[N_LISTENERS].reindex(known[SONG_ID]).fillna(0).astype(int)
        texts = known[[SONG_ID, TITLE, ARTIST, GENRES]].to_numpy()
        lines = ["\n".join(map(match_key, line)) for line in texts]
        return SearchIndex(known.assign(**{N_LISTENERS: heard.to_numpy()}), lines)

    @cached_property
    def listener_songs(self) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
        """Ids of all with plays, and how many songs each has played, (n_users,) both."""
        ids = self.table(PLAYS, "users.parquet")[USER_ID].to_numpy(dtype=object)
        return ids, np.bincount(self.plays_of(USER)[USER], minlength=len(ids))

    def nearest(
        self, vector: NDArray[np.floating[Any]], k: int, allowed: NDArray[np.bool_], csls: bool
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """As `similar_songs`, of songs that are `allowed`, (n_songs,); with `csls` all of them listed."""
        if csls:
            rows, vectors = np.flatnonzero(allowed), self.vectors("item_factors.npy")
            places, cosines = similar_songs(vectors[rows], vector, k, self._crowding[rows])
            return rows[places], cosines
        (best,) = self.directions.best([Asked(unit(vector), np.flatnonzero(~allowed), k)])
        return best.items, best.scores
