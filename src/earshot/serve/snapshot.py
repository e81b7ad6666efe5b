"""What is served at a moment, whole and in memory: no answer waits for the disk, or mixes two states."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from earshot.arrays import positions_of
from earshot.columns import COLD, ITEM, SCORE, SONG_ID, USER, USER_ID
from earshot.errors import UserError
from earshot.queries.served import read_served
from earshot.queries.state import Listed, ServedState
from earshot.versioning import file_md5

if TYPE_CHECKING:
    import pyarrow as pa
    from scipy.sparse import csr_array

Rows = NDArray[np.int64]
Made = TypeVar("Made")


@dataclass(frozen=True)
class _Groups:
    """Entries by group: those of group i are `entries[starts[i]:starts[i + 1]]`."""

    starts: NDArray[np.int64]
    entries: NDArray[np.int32]

    @classmethod
    def of(cls, groups: Rows, entries: Rows, n_groups: int) -> _Groups:
        """Of `(n,)` entries and the group that each is in; -1 in either: left out."""
        known = np.flatnonzero((groups >= 0) & (entries >= 0))
        known = known[np.argsort(groups[known], kind="stable")]
        starts = np.searchsorted(groups[known], np.arange(n_groups + 1))
        return cls(starts, entries[known].astype(np.int32))

    def __getitem__(self, group: int) -> Rows:
        return self.entries[self.starts[group] : self.starts[group + 1]].astype(np.int64)


@dataclass(frozen=True)
class _Lists:
    """All lists, one after another, those of listener i from `starts[i]` on."""

    starts: NDArray[np.int64]
    rows: NDArray[np.int32]
    scores: NDArray[np.float32]
    cold: NDArray[np.bool_]


@dataclass(frozen=True)
class Snapshot(ServedState):
    """A served state in memory. Questions to it read no table."""

    @cached_property
    def name(self) -> str:
        """Of the outputs that it is made of: another after every delivery and every release."""
        md5s = "".join(str(self.outputs[stage].md5) for stage in sorted(self.outputs))
        return blake2b(md5s.encode(), digest_size=6).hexdigest()

    def file(self, stage: str, name: str) -> Path:
        """As of `ServedState`; UserError too where its bytes are not those that were written."""
        path = super().file(stage, name)
        if path not in self._checked:
            wanted = self.outputs[stage].files[name]
            if file_md5(path) != wanted:
                raise UserError(f"data/{stage}/{name}: damaged in DVC's cache: its md5 is not {wanted}")
            self._checked.add(path)
        return path

    @cached_property
    def _checked(self) -> set[Path]:
        return set()

    def vectors(self, name: str) -> NDArray[np.float32]:
        """As of `ServedState`, (n, d), read once."""
        if name not in self._vectors:
            self._vectors[name] = super().vectors(name)
        return self._vectors[name]

    @cached_property
    def _vectors(self) -> dict[str, NDArray[np.float32]]:
        return {}

    def list_of(self, user: str) -> Listed:
        """As of `ServedState`."""
        row, lists = self.user_row(user), self._lists
        first, last = (0, 0) if row is None else lists.starts[row : row + 2]
        return Listed(
            lists.rows[first:last].astype(np.int64), lists.scores[first:last], lists.cold[first:last]
        )

    def played_by(self, user: str) -> Rows:
        """As of `ServedState`."""
        row = self.user_row(user)
        return np.empty(0, np.int64) if row is None else self._songs_of_users[row]

    def listeners_of(self, song: str) -> Rows:
        """As of `ServedState`."""
        row = self.song_row(song)
        return np.empty(0, np.int64) if row is None else self._users_of_songs[row]

    @cached_property
    def last_scores(self) -> NDArray[np.float32]:
        """As of `ServedState`, (n_users,)."""
        starts = self._lists.starts
        has_one = np.diff(starts) > 0
        last = np.full(len(self.user_ids), np.inf, np.float32)
        last[has_one] = self._lists.scores[starts[1:][has_one] - 1]
        return last

    @cached_property
    def plays(self) -> csr_array:
        """As of `ServedState`, (n_users, n_songs); what it holds is held once."""
        from scipy.sparse import csr_array

        groups = self._songs_of_users
        ones = np.ones(len(groups.entries), np.int8)
        return csr_array((ones, groups.entries, groups.starts), (len(self.user_ids), len(self.song_ids)))

    @cached_property
    def _lists(self) -> _Lists:
        table = _columns(self.file("recommendations", "recommendations.parquet"), USER_ID, SONG_ID)
        users = _rows_of(table[USER_ID], self.user_ids)
        # a list stands together and best first, listeners in the order of the user factors
        starts = np.searchsorted(users, np.arange(len(self.user_ids) + 1))
        songs, scores, cold = (table[name] for name in (SONG_ID, SCORE, COLD))
        rows = _rows_of(songs, self.song_ids).astype(np.int32)
        return _Lists(starts, rows, scores.to_numpy(), cold.to_numpy())

    @cached_property
    def _plays(self) -> tuple[Rows, Rows]:
        """Rows of listener and song of every play; -1 of what is not served."""
        plays = self.plays_of(USER, ITEM)
        users = positions_of(self.user_ids, self.table("play_counts", "users.parquet")[USER_ID])
        return users[plays[USER]], self._rows_of_items[plays[ITEM]]

    @cached_property
    def _songs_of_users(self) -> _Groups:
        users, songs = self._plays
        return _Groups.of(users, songs, len(self.user_ids))

    @cached_property
    def _users_of_songs(self) -> _Groups:
        users, songs = self._plays
        return _Groups.of(songs, users, len(self.song_ids))

    def kept(self, make: Callable[[Snapshot], Made]) -> Made:
        """What `make` makes of this snapshot, made when it is first asked for; as long as this is served."""
        if make not in self._kept:
            self._kept[make] = make(self)
        made: Made = self._kept[make]
        return made

    @cached_property
    def _kept(self) -> dict[Callable[[Snapshot], Any], Any]:
        return {}

    def load(self) -> Snapshot:
        """Read all that questions look at.

        Raises
        ------
        UserError
            A file that is lost, damaged, or does not go with the others.
        """
        for vectors, ids in (("item_factors.npy", self.song_ids), ("user_factors.npy", self.user_ids)):
            if len(self.vectors(vectors)) != len(ids):
                raise UserError(f"data/served_factors/{vectors}: wanted {len(ids)} rows, one an id")
        for loaded in (
            *("_lists", "_songs_of_users", "_users_of_songs", "search_index", "listener_songs", "by_genre"),
            *("everybody", "directions", "is_listed", "recordings", "words"),
        ):
            getattr(self, loaded)
        for choice in (self.choice, self.new_songs):
            choice.load()
        self.__dict__.pop("_plays")
        return self


def _columns(path: Path, *texts: str) -> pa.Table:
    """A table whose columns `texts` are kept as numbers of their words: a list names the same songs again."""
    from pyarrow import parquet

    table: pa.Table = parquet.read_table(path, read_dictionary=list(texts))
    return table


def _rows_of(column: pa.ChunkedArray, ids: NDArray[np.object_]) -> Rows:
    """(n,): where each of the texts of a column, kept by `_columns`, stands among `ids`."""
    chunks = column.unify_dictionaries().chunks  # the ids are looked up once, not once a chunk
    if not chunks:
        return np.empty(0, np.int64)
    rows = positions_of(ids, chunks[0].dictionary.to_numpy(zero_copy_only=False))
    found: Rows = rows[np.concatenate([chunk.indices.to_numpy() for chunk in chunks])]
    return found


def take_snapshot(root: Path) -> Snapshot:
    """What the workspace `root` serves now, in memory; errors as of `read_served` and `Snapshot.load`."""
    served = read_served(root)
    return Snapshot(served.root, served.release, served.outputs).load()
