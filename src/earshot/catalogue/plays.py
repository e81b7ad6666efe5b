"""The table of plays on disk: `plays.parquet`, or where there are many the files of `plays/`.

A listener's plays of a song may stand in more than one file of `plays/`: in one of all older deliveries and
in one of the last. They are added up here, as they are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from earshot.columns import FIRST_PLAYED_AT, ITEM, LAST_PLAYED_AT, PLAY_COUNT, USER
from earshot.errors import UserError
from earshot.files import write_table

if TYPE_CHECKING:
    import pandas as pd

PLAYS, PLAYS_FOLDER = "plays.parquet", "plays"
Integers = NDArray[np.int64]

_SONG_BITS = 32


def pair_keys(users: NDArray[Any], items: NDArray[Any]) -> Integers:
    """One key a pair, (n,): ascending where pairs are sorted by listener, then by song."""
    keys: Integers = users.astype(np.int64) << _SONG_BITS | items.astype(np.int64)
    return keys


def users_of(keys: Integers) -> Integers:
    """The listener of each key: its high bits."""
    return keys >> _SONG_BITS


def items_of(keys: Integers) -> Integers:
    """The song of each key: its low bits."""
    return keys & (1 << _SONG_BITS) - 1


def among(keys: Integers, others: Integers) -> NDArray[np.bool_]:
    """Which `keys`, (n,), are among the `others`, which ascend."""
    if not len(others):
        return np.zeros(len(keys), np.bool_)
    places = np.minimum(np.searchsorted(others, keys), len(others) - 1)
    found: NDArray[np.bool_] = others[places] == keys
    return found


def is_plays(name: str) -> bool:
    """Whether the file of that name, in an output, is one of plays."""
    return name == PLAYS or (name.startswith(f"{PLAYS_FOLDER}/") and name.endswith(".parquet"))


def play_tables(folder: Path) -> list[Path]:
    """The files of plays in `data/play_counts/` or `data/training_set/`.

    Raises
    ------
    UserError
        There are none.
    """
    if (folder / PLAYS).is_file():
        return [folder / PLAYS]
    found = sorted((folder / PLAYS_FOLDER).glob("*.parquet"))
    if not found:
        raise UserError(f"{folder / PLAYS}: not there; the stage play_counts writes it")
    return found


def read_plays(files: Sequence[Path], columns: Iterable[str] | None = None, **only: int) -> pd.DataFrame:
    """One line a listener and song, sorted by these.

    Parameters
    ----------
    files
        All files of plays of one output.
    columns
        Some of user and item (int32, rows of the tables of ids), play_count (int64), first_played_at and
        last_played_at (Int64, unix seconds or missing). As many as the files have, if it is not said.
    only
        `user=3` or `item=3`: the plays of these alone.
    """
    import pandas as pd

    filters = [(name, "==", row) for name, row in only.items()] or None
    wanted = None if columns is None else list(columns)
    if len(files) == 1:
        return pd.read_parquet(files[0], columns=wanted, filters=filters)
    read = None if wanted is None else list(dict.fromkeys([USER, ITEM, *wanted]))
    tables = [pd.read_parquet(file, columns=read, filters=filters) for file in files]
    table = pd.concat(tables, ignore_index=True)
    keys = pair_keys(table[USER].to_numpy(), table[ITEM].to_numpy())
    if not (np.diff(keys) > 0).all():
        table = _added_up(table, keys)
    return table if wanted is None else table[wanted]


_MISSING = {PLAY_COUNT: 0, FIRST_PLAYED_AT: 2**63 - 1, LAST_PLAYED_AT: -(2**63)}
"""What changes nothing: no sum, no minimum, no maximum."""
_TOGETHER = {PLAY_COUNT: np.add, FIRST_PLAYED_AT: np.minimum, LAST_PLAYED_AT: np.maximum}


def _added_up(table: pd.DataFrame, keys: Integers) -> pd.DataFrame:
    """Sorted by `keys`, (n_lines,), and each of them once; a column at a time, as there may be a billion."""
    import pandas as pd

    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    starts = np.flatnonzero(np.concatenate([[True], np.diff(keys) > 0]))  # first of every pair
    added: dict[str, Any] = {name: table[name].to_numpy()[order][starts] for name in (USER, ITEM)}
    for name in table.columns.intersection(list(_TOGETHER)):
        column = table[name].astype("Int64").fillna(_MISSING[name]).to_numpy(dtype=np.int64)
        together = _TOGETHER[name].reduceat(column[order], starts)
        unsaid = together == _MISSING[name]
        added[name] = together if name == PLAY_COUNT else pd.arrays.IntegerArray(together, unsaid)
    return pd.DataFrame(added, copy=False)


def count_pairs(files: Sequence[Path]) -> int:
    """How many different pairs of listener and song stand in some files of plays."""
    from pyarrow import parquet

    lines = {file: int(parquet.read_metadata(file).num_rows) for file in files}
    by_run: dict[str, list[Path]] = {}
    for file in files:
        by_run.setdefault(file.name.partition("-")[0], []).append(file)
    largest, *others = sorted(by_run.values(), key=lambda run: -sum(lines[file] for file in run))
    total = sum(lines[file] for file in largest)
    if not others:
        return total
    keys = np.unique(np.concatenate([_keys(file) for run in others for file in run]))
    return total + len(keys) - sum(int(among(keys, _keys(file)).sum()) for file in largest)


def _keys(file: Path) -> Integers:
    from pyarrow import parquet

    table = parquet.read_table(file, columns=[USER, ITEM])
    return pair_keys(table[USER].to_numpy(), table[ITEM].to_numpy())


def newest_play(files: Sequence[Path]) -> int | None:
    """When the last play of all was, in unix seconds; None where no play is dated."""
    from pyarrow import compute, parquet

    dated = [file for file in files if LAST_PLAYED_AT in parquet.read_schema(file).names]
    tables = (parquet.read_table(file, columns=[LAST_PLAYED_AT]) for file in dated)
    newest = [compute.max(table[LAST_PLAYED_AT]).as_py() for table in tables]
    return max((each for each in newest if each is not None), default=None)


def write_plays(path: Path, plays: pd.DataFrame) -> None:
    """Write one file of plays: user, item, play_count, and the dates where `plays` has them."""
    types = {USER: np.int32, ITEM: np.int32, PLAY_COUNT: np.int64}
    dated = {name: "Int64" for name in (FIRST_PLAYED_AT, LAST_PLAYED_AT) if name in plays}
    write_table(path, plays[[*types, *dated]].astype({**types, **dated}))
