"""Tables of a delivery without the rows of somebody, or of a song; every other byte of a row as it was."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from earshot.columns import AUDIO, SONG_ID, USER_ID, VERSION_OF
from earshot.deliveries.reading import read_song_ids
from earshot.errors import UserError
from earshot.files import replace_array, replacing
from earshot.forgotten import Sieve

if TYPE_CHECKING:
    import pyarrow

_SUFFIXES = (".csv", ".parquet")
_LONGEST_FIELD = 1 << 21
"""Bytes; what is taken in has at most half of it."""
Among = Callable[[str, Collection[str]], set[str]]
"""Of a column and the ids in it, those whose rows shall go."""


@dataclass(frozen=True)
class Dropped:
    """How many rows went, the sound files that only they named, and those that others name.

    Files are paths inside the delivery.
    """

    rows: int
    sounds: frozenset[str]
    kept: frozenset[str]


def drop_forgotten(folder: Path, root: Path) -> int:
    """Drop out of `folder`, the copy of a delivery, what was forgotten in `root`; how many rows."""
    sieve = Sieve(root)
    if not sieve:
        return 0

    def among(column: str, ids: Collection[str]) -> set[str]:
        return sieve.among("user" if column == USER_ID else "song", ids)

    dropped = drop_rows(folder, among)
    for sound in dropped.sounds:
        (folder / sound).unlink(missing_ok=True)
    return dropped.rows


def drop_rows(folder: Path, among: Among) -> Dropped:
    """Write those tables in `folder` anew that hold rows to be dropped; files are replaced, sounds left.

    Raises UserError for a table that cannot be read, named.
    """
    rows, gone, kept = 0, set[str](), set[str]()
    csv.field_size_limit(_LONGEST_FIELD)
    _drop_vectors(folder, among)
    for path in sorted(each for each in folder.iterdir() if each.suffix in _SUFFIXES and each.is_file()):
        read = _parquet_without if path.suffix == ".parquet" else _csv_without
        try:
            rows += read(path, among, gone, kept)
        except (csv.Error, ValueError) as error:  # what another version may have let in
            raise UserError(f"{path}: not readable as {path.suffix[1:]}: {error}") from None
    return Dropped(rows, frozenset(gone - kept), frozenset(kept))


def _drop_vectors(folder: Path, among: Among) -> None:
    """Out of arrays of a row a song, in the order of its table (`families/embedding.py`)."""
    import numpy as np

    ids = read_song_ids(folder).tolist()
    bad = among(SONG_ID, ids)
    for path in folder.glob("*.npy") if bad else ():
        vectors = np.load(path, allow_pickle=False, mmap_mode="r")
        if vectors.ndim and len(vectors) == len(ids):
            replace_array(path, vectors[[each not in bad for each in ids]])


def _csv_without(path: Path, among: Among, gone: set[str], kept: set[str]) -> int:
    """How many rows went. Lines that stay are copied as they are, whatever their quotes and ends."""
    with path.open(encoding="utf-8-sig", newline="", errors="surrogateescape") as file:
        lines = _records(file)
        header = next(lines, ("", []))[1]
        bad, blanked = _wanted(header, (row for _, row in lines), among)
    if not any(bad.values()) and not blanked:
        return _note_sounds(path, header, kept)
    rows = 0
    with (
        path.open(encoding="utf-8", newline="", errors="surrogateescape") as file,
        replacing(path) as beside,
        beside.open("w", encoding="utf-8", newline="", errors="surrogateescape") as written,
    ):
        for number, (text, row) in enumerate(_records(file)):
            if number and _is_bad(header, row, bad):
                rows += 1
                gone |= _sounds(header, row)
            elif number and any(value in blanked for value in _values(header, row, VERSION_OF)):
                kept |= _sounds(header, row)
                written.write(_blanked(header, row, blanked))
            else:
                kept |= _sounds(header, row) if number else set()
                written.write(text)
    return rows


def _records(file: io.TextIOBase) -> Iterator[tuple[str, list[str]]]:
    """Each record of a CSV file: its text, line ends too, and its fields."""
    taken: list[str] = []

    def lines() -> Iterator[str]:
        for line in file:
            taken.append(line)
            yield line

    for row in csv.reader(lines()):
        text = "".join(taken)
        taken.clear()
        yield text, row


def _wanted(
    header: list[str], rows: Iterator[list[str]], among: Among
) -> tuple[dict[str, set[str]], set[str]]:
    """Ids by column whose rows go, and songs that others are said to be a version of."""
    found: dict[str, set[str]] = {name: set() for name in (USER_ID, SONG_ID, VERSION_OF) if name in header}
    for row in rows:
        for name, ids in found.items():
            ids.update(_values(header, row, name))
    bad = {name: among(name, ids) for name, ids in found.items() if name != VERSION_OF}
    return bad, among(SONG_ID, found.get(VERSION_OF, set()))


def _values(header: list[str], row: list[str], column: str) -> list[str]:
    place = header.index(column) if column in header else len(row)
    return row[place : place + 1]


def _is_bad(header: list[str], row: list[str], bad: dict[str, set[str]]) -> bool:
    return any(value in ids for column, ids in bad.items() for value in _values(header, row, column))


def _sounds(header: list[str], row: list[str]) -> set[str]:
    return {PurePosixPath(value).as_posix() for value in _values(header, row, AUDIO) if value}


def _note_sounds(path: Path, header: list[str], kept: set[str]) -> int:
    if AUDIO in header:
        with path.open(encoding="utf-8-sig", newline="", errors="surrogateescape") as file:
            for _, row in _records(file):
                kept |= _sounds(header, row)
    return 0


def _blanked(header: list[str], row: list[str], blanked: set[str]) -> str:
    place, line = header.index(VERSION_OF), io.StringIO()
    csv.writer(line, lineterminator=os.linesep).writerow(
        ["" if at == place and value in blanked else value for at, value in enumerate(row)]
    )
    return line.getvalue()


def _parquet_without(path: Path, among: Among, gone: set[str], kept: set[str]) -> int:
    import pyarrow
    from pyarrow import compute, parquet

    table = parquet.read_table(path)
    bad = pyarrow.array([False] * table.num_rows, pyarrow.bool_())
    for column in (USER_ID, SONG_ID):
        if column in table.column_names:
            texts = _texts(table[column])
            ids = among(column, texts)
            bad = compute.or_(bad, pyarrow.array([text in ids for text in texts], pyarrow.bool_()))
    versions = _texts(table[VERSION_OF]) if VERSION_OF in table.column_names else []
    blanked = among(SONG_ID, versions)
    if AUDIO in table.column_names:
        for sound, is_bad in zip(_texts(table[AUDIO]), bad.to_pylist(), strict=True):
            if sound:
                (gone if is_bad else kept).add(PurePosixPath(sound).as_posix())
    rows = compute.sum(bad).as_py() or 0
    if rows or blanked:
        if blanked:
            place = table.column_names.index(VERSION_OF)
            left = pyarrow.array(["" if text in blanked else text for text in versions])
            table = table.set_column(place, VERSION_OF, left)
        with replacing(path) as beside:
            parquet.write_table(table.filter(compute.invert(bad)), beside)
    return int(rows)


def _texts(values: pyarrow.ChunkedArray) -> list[str]:
    return ["" if value is None else str(value) for value in values.to_pylist()]
