"""The files of an output or a release without the rows of an id: tables, what is aligned with them, and JSON.

Nothing is computed anew: vectors of others stay what they are to the bit, and so do weights. What is
aligned with a table that is not beside it, and is only judged by, goes whole.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from earshot.catalogue.plays import is_plays
from earshot.columns import FIRST_FRAME, LINE, N_FRAMES, RECORDING, SHARD, SONG_ID, USER_ID
from earshot.files import as_json, replace_array, write_table
from earshot.forgetting.searching import WantedId
from earshot.predictors.artist_vectors import ARTIST_NAME

if TYPE_CHECKING:
    import pandas as pd

_ALIGNED = {
    "users": "user_factors",
    "items": "item_factors",
    "cold_items": "cold_factors",
    "space_users": "space_listeners",
    "space_items": "space_songs",
}
"""The array of a row a line of the table of that name; of any other table that of its own name."""
_CLIP = "clip"
"""Column of the file of a song's sound, beside its table."""
_JUDGED_BY = ("lists.npy", "baselines.npz")
"""Of lines that are counted by a table elsewhere (`stages.served_quality`, `stages.evaluation_report`)."""


@dataclass
class _Work:
    """Files of one output by path inside it; in `made` those that are others now, None for one that goes."""

    files: Mapping[str, Path]
    folder: Path
    wanted: WantedId
    made: dict[str, Path | None] = field(default_factory=dict)

    def place(self, name: str) -> Path:
        """Where the new file `name` is to be written."""
        place = self.folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        self.made[name] = place
        return place


def without(files: Mapping[str, Path], folder: Path, wanted: WantedId) -> dict[str, Path | None]:
    """Those of `files` that hold rows of the id, by path inside their output, written anew into `folder`.

    What is only judged by (`judged_by`) is not among them.

    Returns
    -------
    Where each new file is; None for one that goes. Empty where none holds anything of it.
    """
    work = _Work(files, folder, wanted)
    for name in sorted(files):
        suffix = PurePosixPath(name).suffix
        if suffix == ".parquet":
            _table(work, name)
        elif suffix == ".json":
            _json(work, name)
        elif suffix == ".csv":
            _csv(work, name)
    return work.made


def judged_by(files: Mapping[str, Path]) -> dict[str, Path | None]:
    """Those of `files` with a line for each listener or song of the snapshot: they go where that changes."""
    return {name: None for name in files if PurePosixPath(name).name in _JUDGED_BY}


def _table(work: _Work, name: str) -> None:
    import pandas as pd

    table = pd.read_parquet(work.files[name])
    bad = _bad_rows(table, work.wanted)
    others = _named_beside(table, work.wanted)
    if not bad.any() and not others:
        return
    parent = PurePosixPath(name).parent
    rows = table[bad]
    if bad.any():
        _align(work, name, ~bad)
        _renumber(work, parent, PurePosixPath(name).stem, ~bad)
        if _CLIP in table:
            work.made |= {(parent / clip).as_posix(): None for clip in rows[_CLIP]}
        if {SHARD, FIRST_FRAME, N_FRAMES} <= {*table}:
            _silence(work, parent, rows)
    left = table[~bad].reset_index(drop=True)
    for column in others:
        same = left[column].map(work.wanted.is_cell).astype(bool)
        left[column] = left[column].mask(same, left[SONG_ID] if column == RECORDING else "")
    write_table(work.place(name), left)


def _bad_rows(table: pd.DataFrame, wanted: WantedId) -> NDArray[np.bool_]:
    """Whether each row is of the id."""
    bad = np.zeros(len(table), np.bool_)
    for column in (f"{wanted.kind}_id", f"neighbour_{wanted.kind}_id"):
        if column in table:
            bad |= (table[column].astype(str) == wanted.name).to_numpy(np.bool_)
    if ARTIST_NAME in table and wanted.kind == "song":
        bad |= (table[ARTIST_NAME].astype(str) == f"song:{wanted.name}").to_numpy(np.bool_)
    return bad


def _named_beside(table: pd.DataFrame, wanted: WantedId) -> list[str]:
    """Other columns that name the song, in rows of other songs."""
    columns = [each for each in table if each in (RECORDING, "version_of") and wanted.kind == "song"]
    return [each for each in columns if (table[each].astype(str) == wanted.name).any()]


def _align(work: _Work, name: str, keep: NDArray[np.bool_]) -> None:
    path = PurePosixPath(name)
    for stem in {path.stem, _ALIGNED.get(path.stem, path.stem)}:
        array = path.with_name(f"{stem}.npy").as_posix()
        if array in work.files:
            rows = np.load(work.files[array], allow_pickle=False)
            replace_array(work.place(array), rows[keep])


def _renumber(work: _Work, parent: PurePosixPath, stem: str, keep: NDArray[np.bool_]) -> None:
    """Out of the table of plays, which counts the lines of users.parquet and items.parquet beside it."""
    import pandas as pd

    column = {"users": "user", "items": "item"}.get(stem)
    if column is None:
        return
    for name in work.files:
        path = PurePosixPath(name)
        if not path.is_relative_to(parent) or not is_plays(path.relative_to(parent).as_posix()):
            continue
        table = pd.read_parquet(work.made.get(name) or work.files[name])
        table = table[keep[table[column].to_numpy()]].reset_index(drop=True)
        table[column] = (np.cumsum(keep) - 1)[table[column].to_numpy()].astype(table[column].dtype)
        write_table(work.place(name), table)


def _silence(work: _Work, store: PurePosixPath, rows: pd.DataFrame) -> None:
    """Zeros in place of the song's frames, in the shard and beside it: those of others keep their places."""
    import pandas as pd

    for row in rows.to_dict("records"):
        for name in work.files:
            path = PurePosixPath(name)
            if path.name == f"{row[SHARD]}.npy" and path.is_relative_to(store):
                array = np.load(work.made.get(name) or work.files[name], allow_pickle=False)
                lines = (store / f"{path.parent.name}.parquet").as_posix()
                table = pd.read_parquet(work.files[lines]) if lines in work.files else None
                if table is not None and LINE in table:
                    array[table.loc[table[SONG_ID] == row[SONG_ID], LINE].to_numpy()] = 0
                else:
                    array[row[FIRST_FRAME] : row[FIRST_FRAME] + row[N_FRAMES]] = 0
                replace_array(work.place(name), array)


def _json(work: _Work, name: str) -> None:
    try:
        content = json.loads(work.files[name].read_text(encoding="utf-8"))
    except ValueError:
        return
    left = _pruned(content, work.wanted)
    if left != content:
        work.place(name).write_text(as_json(left), encoding="utf-8")


def _pruned(content: Any, wanted: WantedId) -> Any:
    """Without entries of lists that name the id and keys that are it; other mentions are blanked."""
    if isinstance(content, dict):
        return {key: _pruned(value, wanted) for key, value in content.items() if key != wanted.name}
    if isinstance(content, list):
        return [_pruned(each, wanted) for each in content if not _names(each, wanted)]
    return (
        wanted.replaced(content)
        if isinstance(content, str) and content != wanted.name
        else _blank(content, wanted)
    )


def _blank(content: Any, wanted: WantedId) -> Any:
    return "" if content == wanted.name else content


def _names(entry: Any, wanted: WantedId) -> bool:
    return entry == wanted.name or (isinstance(entry, dict) and wanted.name in entry.values())


def _csv(work: _Work, name: str) -> None:
    text = work.files[name].read_text(encoding="utf-8", errors="surrogateescape")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    columns = [at for at, column in enumerate(rows[0] if rows else []) if column in (USER_ID, SONG_ID)]
    left = [row for row in rows if not any(row[at : at + 1] == [work.wanted.name] for at in columns)]
    if len(left) < len(rows):
        with work.place(name).open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
            csv.writer(file, lineterminator="\n").writerows(left)
