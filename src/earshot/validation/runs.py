"""The plays of all deliveries, added up in runs: each of some deliveries, one after another.

A small run is added up anew with the ones before it, a large one stays as it is: a delivery of some thousand
plays does not write millions again. A run of many plays is cut into files by ranges of listeners, each named
by a key of all that it is made of. What is played in two runs is added up where it is read
(`earshot.catalogue.plays`).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from earshot.catalogue.counting import PairCounts
from earshot.catalogue.plays import PLAYS, PLAYS_FOLDER, Integers, among, pair_keys, users_of, write_plays
from earshot.code import key_of
from earshot.columns import FIRST_PLAYED_AT, ITEM, LAST_PLAYED_AT, PLAY_COUNT, ROWS, USER
from earshot.executors.threads import in_threads
from earshot.files import read_json, write_json
from earshot.validation.arrivals import WAITS, Arrivals, Part
from earshot.validation.expectations import Observed
from earshot.validation.parts import ITEMS_FILE, PAIRS, observed_of, part_plays

Check = Callable[[Path], list[Observed]]
"""What the checks of a table of plays see in a file."""

_FEW_LINES = 1 << 20
_LARGER = 8
"""Times as many lines as all later ones, and a run stays as it is."""
_LINES_A_FILE = 1 << 21


@dataclass(frozen=True)
class Places:
    """Where play counts are written.

    Attributes
    ----------
    output, work
        Folders for what is finished and for what is not; the first is empty, and so may the second be.
    linked
        Given names of files below `output`: whether they have been made before, there or in `work`, under the
        same names. If so they are in `output` now.
    """

    output: Path
    work: Path
    linked: Callable[[Sequence[str]], bool]


@dataclass(frozen=True)
class Run:
    """Plays that began to count with the deliveries `first` to `last`; at most so many lines."""

    first: int
    last: int
    lines: int


@dataclass(frozen=True)
class _File:
    """A file of a run: the plays of its listeners from `number * width` on."""

    name: str
    number: int

    @property
    def seen(self) -> str:
        """Name of the file beside it that says what was seen in it."""
        return Path(self.name).with_suffix(".json").as_posix()


def write_runs(arrivals: Arrivals, places: Places, check: Check) -> list[Observed]:
    """Write the plays of all parts; what the checks saw in them.

    Few plays are one file, plays.parquet, and more of them files in plays/.
    """
    runs = cut(_lines_since(arrivals.parts)) or [Run(0, 0, 0)]
    if len(runs) == 1 and runs[0].lines <= _LINES_A_FILE:
        list(
            _write(
                arrivals, runs[0], [_File(PLAYS, 0)], len(arrivals.user_ids) + 1, places.output, places.work
            )
        )
        return check(places.output / PLAYS)
    (places.work / PLAYS_FOLDER).mkdir(exist_ok=True)
    seen = [each for run in runs for each in _write_run(arrivals, run, places, check)]
    return [sum(of_check[1:], of_check[0]) for of_check in zip(*seen, strict=True)]


def cut(lines: Sequence[tuple[int, int]]) -> list[Run]:
    """The runs of additions, each the number of its delivery and how many lines it has, ascending.

    Deliveries of the past are never cut otherwise by later ones, but for runs that are put together.

    Example
    -------
    >>> cut([(0, 50_000_000), (1, 10_000), (4, 900_000), (5, 3)])
    [Run(first=0, last=0, lines=50000000), Run(first=1, last=5, lines=910003)]
    """
    runs: list[Run] = []
    for place, n in lines:
        run = Run(place, place, n)
        while runs and (runs[-1].lines < _FEW_LINES or runs[-1].lines < _LARGER * run.lines):
            run = Run(runs[-1].first, run.last, runs.pop().lines + run.lines)
        runs.append(run)
    return runs


def _lines_since(parts: Sequence[Part]) -> list[tuple[int, int]]:
    """By delivery with which they begin to count, how many lines the parts have."""
    import pandas as pd

    found = pd.concat(
        [
            pd.read_parquet(part.folder / ITEMS_FILE, columns=[PAIRS])[PAIRS].groupby(part.since).sum()
            for part in parts
        ]
    )
    by_delivery = found[found.index != WAITS].groupby(level=0).sum()
    return [(int(place), int(n)) for place, n in by_delivery.items()]


def _write_run(arrivals: Arrivals, run: Run, places: Places, check: Check) -> Iterator[list[Observed]]:
    """Link or make the files of a run; what was seen in each."""
    n_users = int(np.searchsorted(arrivals.since, run.last, "right"))  # that were there then
    width = -(-n_users // -(-run.lines // _LINES_A_FILE))  # rounded up, both
    files = _files(arrivals, run, n_users, width)
    missing = [file for file in files if not places.linked([file.name, file.seen])]
    for file in _write(arrivals, run, missing, width, places.work, places.work) if missing else ():
        write_json(places.work / file.seen, [asdict(one) for one in check(places.work / file.name)])
        places.linked([file.name, file.seen])
    for file in files:
        yield [observed_of(one) for one in read_json(places.output / file.seen)]


def _files(arrivals: Arrivals, run: Run, n_users: int, width: int) -> list[_File]:
    """Those of a run; their names say what is in them."""
    made_of: list[object] = [width]
    for part in arrivals.parts:
        items = _in_run(part, run)
        if (items >= 0).any():
            # who came to count later has no play in this run
            users = np.where(part.users < n_users, part.users, -1)
            made_of.append([part.folder.name, _hash(users), _hash(items)])
    key = key_of(made_of, __name__)
    users = users_of(arrivals.excluded)
    files = []
    for number in range(-(-n_users // width)):
        out = arrivals.excluded[(users >= number * width) & (users < (number + 1) * width)]
        inside = key_of([key, _hash(out)]) if len(out) else key
        files.append(_File(f"{PLAYS_FOLDER}/{run.first:06d}-{number:05d}-{inside}.parquet", number))
    return files


def _write(
    arrivals: Arrivals, run: Run, files: Sequence[_File], width: int, folder: Path, work: Path
) -> Iterator[_File]:
    """Write `files` of a run into `folder`; each as soon as it is there."""
    spilled = work / "spilled"
    shutil.rmtree(spilled, ignore_errors=True)
    wanted = np.array([file.number for file in files])
    with PairCounts(spilled, width) as counts:
        for part in arrivals.parts:
            rows = _in_run(part, run)
            if not (rows >= 0).any():
                continue
            for plays in part_plays(part.folder):
                users, items = part.users[plays[USER]], rows[plays[ITEM]]
                there = (users >= 0) & (items >= 0) & np.isin(users // width, wanted)
                there &= ~among(pair_keys(users, items), arrivals.excluded)
                numbers = (plays[name][there] for name in (PLAY_COUNT, ROWS, FIRST_PLAYED_AT, LAST_PLAYED_AT))
                counts.add(users[there], items[there], *numbers)
        counts.settle()

    def write(file: _File) -> _File:
        write_plays(folder / file.name, counts.added_up(file.number))
        return file

    yield from in_threads(write, files)
    shutil.rmtree(spilled, ignore_errors=True)


def _in_run(part: Part, run: Run) -> NDArray[np.int32]:
    """(n_items,): the row of each song of a part whose plays are in the run; -1 of the others."""
    return np.where((part.since >= run.first) & (part.since <= run.last), part.items, -1).astype(np.int32)


def _hash(values: NDArray[np.int32] | Integers) -> str:
    return blake2b(np.ascontiguousarray(values).tobytes(), digest_size=16).hexdigest()
