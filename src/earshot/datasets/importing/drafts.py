"""A delivery while it is made: it appears whole or not at all, and says what it left out."""

from __future__ import annotations

import csv
import os
import re
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TextIO

from earshot import columns
from earshot.errors import UserError
from earshot.files import link, write_json
from earshot.locks import Taken, take

SET_ASIDE = "set_aside.csv"
"""Beside songs and plays in the delivery; `earshot ingest` keeps it with them."""

_LONGEST_VALUE = 200
_MOST_LISTED = 100_000
_USED_SHARE = 0.1
_ROWS_A_LINE = 100


class SetAside:
    """The lines of a source that could not be used, in the file `path`; none, no file.

    Its columns: file, line (empty where a file has none), value, and what was wanted. All are
    counted, the first 100,000 listed; the last row says how many more there are.

    Attributes
    ----------
    count
        Lines set aside.
    used
        Lines that were read and not set aside, as their readers count them.
    first
        What was set aside first, for people.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO | None = None
        self._work = 0.0
        self.count = self.used = 0
        self.first = ""

    def add(self, file: str, line: int | None, value: str, wanted: str) -> None:
        """Set one line, or one whole file, aside.

        Raises
        ------
        UserError
            More than 100,000 of 200 characters, and not one in ten could be used: a billion would take hours.
        """
        # add_rows adds the 1 / _ROWS_A_LINE that is missing here
        self._work += len(value) // _LONGEST_VALUE + 1 - 1 / _ROWS_A_LINE
        self.add_rows(file, [line], lambda _: value, wanted)

    def add_rows(
        self, file: str, lines: Sequence[int | None], value: Callable[[int], str], wanted: str
    ) -> None:
        """The same for many rows of a table, `value` giving what the one at a place of them says.

        A hundred cost as much as one line, so a hundred times as many are borne.
        """
        for place in range(min(len(lines), _MOST_LISTED - self.count)):
            self._list(file, lines[place], value(place)[:_LONGEST_VALUE], wanted)
        self.count += len(lines)
        self._work += len(lines) / _ROWS_A_LINE
        if self._work > _MOST_LISTED and self.used < _USED_SHARE * (self._work + self.used):
            raise UserError(f"{file}: nearly nothing in it can be used; {self.first}")

    def _list(self, file: str, line: int | None, value: str, wanted: str) -> None:
        if self._file is None:
            self._file = self._path.open("w", encoding="utf-8", errors="backslashreplace", newline="")
            self._write(self._file, columns.FILE, columns.LINE, columns.VALUE, columns.WANTED)
            place = file if line is None else f"{file}: line {line}"
            self.first = f"{place}: {value!r}: wanted {wanted}"
        self._write(self._file, file, "" if line is None else line, value, wanted)

    @staticmethod
    def _write(file: TextIO, *values: str | int) -> None:
        csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC).writerow(values)

    def close(self) -> None:
        """Close the file, if one was opened; a last row counts the lines that were not listed."""
        if self._file is not None:
            if self.count > _MOST_LISTED:
                more = f"{self.count - _MOST_LISTED:,} more, counted and not listed"
                self._write(self._file, "", "", more, f"at most {_MOST_LISTED:,} listed")
            self._file.close()


@dataclass(frozen=True)
class Draft:
    """The folder to write in, and where to say what was left out."""

    folder: Path
    set_aside: SetAside

    def add_audio(self, song_id: str, source: Path) -> str:
        """Hard-link a file into the draft, or copy it from another volume; its path in there.

        It is called by the song's id, or a hash of it where that is no plain word.

        Raises
        ------
        UserError
            It cannot be read.
        """
        plain = re.fullmatch(r"[\w-]{1,80}", song_id, re.ASCII)
        stem = song_id if plain else blake2b(song_id.encode(), digest_size=8).hexdigest()
        audio = Path("audio") / (stem + source.suffix.lower())
        (self.folder / "audio").mkdir(exist_ok=True)
        try:
            link(source.resolve(strict=True), self.folder / audio)
        except OSError as error:
            raise UserError(f"{source}: cannot be linked or copied: {error.strerror}") from None
        return audio.as_posix()

    def write_songs(self, songs: Iterable[Mapping[str, str]], there: Collection[str] = ()) -> None:
        """Write songs.csv: the columns that are `there`; by default those that some song has."""
        if not there:
            songs = list(songs)
            there = [name for name in columns.SONG_COLUMNS if any(song.get(name) for song in songs)]
        names = [name for name in columns.SONG_COLUMNS if name in there]
        with (self.folder / "songs.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, names, restval="", extrasaction="ignore", lineterminator="\n")
            writer.writeheader()
            writer.writerows(songs)


@contextmanager
def new_delivery(folder: Path, source: str, plays: str = "increment") -> Iterator[Draft]:
    """Write a delivery to the hidden folder beside `folder`, which at the end is renamed to it.

    What an interrupted import left there is removed.

    Raises
    ------
    UserError
        `folder` is there already, or another import is writing it.
    """
    folder = folder.absolute()
    if folder.exists() or folder.is_symlink():
        raise UserError(f"{folder}: there already; name a folder that is not")
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    unfinished.mkdir(parents=True, exist_ok=True)
    with _alone(unfinished, folder):
        _empty(unfinished)
        try:
            with closing(SetAside(unfinished / SET_ASIDE)) as set_aside:
                yield Draft(unfinished, set_aside)
            write_json(unfinished / "delivery.json", {columns.SOURCE: source, "plays": plays})
            unfinished.rename(folder)  # last: a delivery that is there is whole
        except BaseException:
            shutil.rmtree(unfinished)
            raise


def refuse_inside(output: Path, source: Path) -> None:
    """UserError where `output` lies in the folder `source`, which must not change."""
    if output.resolve().is_relative_to(source.resolve()):
        raise UserError(f"{output}: lies in {source}, which is only read; wanted a folder outside it")


@contextmanager
def _alone(unfinished: Path, folder: Path) -> Iterator[None]:
    """The lock is on the folder itself: it leaves nothing behind."""
    try:
        descriptor = take(unfinished)
    except Taken:
        raise UserError(f"{folder}: another import is writing it; wait until it ends") from None
    try:
        yield
    finally:
        os.close(descriptor)


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()
