"""Runs of plays against plain dictionaries: incremental against all at once, bytes and rows of ids."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earshot.catalogue.counting import PairCounts
from earshot.catalogue.numbering import Numbering
from earshot.catalogue.play_counts import read_play_counts, write_ids
from earshot.catalogue.play_dates import UNDATED, read_play_dates
from earshot.catalogue.play_rows import NO_SECOND
from earshot.catalogue.plays import count_pairs, play_tables
from earshot.files import link
from earshot.validation import runs
from earshot.validation.arrivals import WAITS, Songs, arrive, numbered, read_ids
from earshot.validation.expectations import Observed
from earshot.validation.parts import write_counted
from earshot.validation.runs import Places, write_runs
from tests.stages.delivered import contents

Play = tuple[str, str, int, int | None]
Excluded = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Brought:
    """Plays of a delivery, and the songs that it names."""

    plays: Sequence[Play]
    names: frozenset[str] = field(default_factory=frozenset)


def write_parts(folder: Path, deliveries: Sequence[Brought]) -> list[tuple[Path, int]]:
    parts = []
    for place, brought in enumerate(deliveries):
        part = folder / f"part{place}"
        parts.append((part, place))
        if part.is_dir():
            continue
        part.mkdir(parents=True)
        users, items, counts = Numbering(), Numbering(), PairCounts(part / "spilled", 3)
        for user, song, count, when in brought.plays:
            ids = users.numbers(pd.Series([user], dtype=str)), items.numbers(pd.Series([song], dtype=str))
            second = np.array([NO_SECOND if when is None else when])
            counts.add(*ids, count, 1, second, second)
        write_counted(part, users.ids(), items.ids(), counts)
    return parts


def count(folder: Path, deliveries: Sequence[Brought], excluded: Excluded, before: Path | None) -> Path:
    """The play counts of all deliveries, those of `before` linked where they can be."""
    output, work = folder / "output", folder / "work"
    for each in (output, work):
        each.mkdir(parents=True)

    def linked(names: Sequence[str]) -> bool:
        for place in (before, work):
            if place is not None and all((place / name).is_file() for name in names):
                for name in names:
                    (output / name).parent.mkdir(exist_ok=True)
                    link(place / name, output / name)
                return True
        return False

    parts = write_parts(folder.parent, deliveries)
    ids, of_parts = numbered([read_ids(part / "items.parquet", "song_id") for part, _ in parts])
    named: dict[str, int] = {}
    for place, brought in enumerate(deliveries):
        named |= {song: place for song in brought.names if song not in named}
    named_at = np.array([named.get(song, WAITS) for song in ids], dtype=np.int64)
    arrivals = arrive(parts, Songs(ids, of_parts, named_at), excluded)
    write_ids(output, arrivals.user_ids, arrivals.song_ids)
    write_runs(arrivals, Places(output, work, linked), lambda path: [Observed(path.stat().st_size)])
    return output


def as_dictionary(deliveries: Sequence[Brought], excluded: Excluded) -> dict[tuple[str, str], list[int]]:
    """By listener and song: how often, first and last."""
    named = {song for brought in deliveries for song in brought.names}
    found: dict[tuple[str, str], list[int]] = {}
    for user, song, number, when in (play for brought in deliveries for play in brought.plays):
        if song in named and (user, song) not in excluded:
            entry = found.setdefault((user, song), [0, UNDATED, UNDATED])
            entry[0] += number
            if when is not None:
                entry[1] = when if entry[1] == UNDATED else min(entry[1], when)
                entry[2] = max(entry[2], when)
    return found


def read(output: Path) -> dict[tuple[str, str], list[int]]:
    counts, dates = read_play_counts(output), read_play_dates(output)
    matrix = counts.matrix.tocoo()
    pairs = zip(counts.user_ids[matrix.row], counts.song_ids[matrix.col], strict=True)
    undated = np.full(matrix.nnz, UNDATED)
    when = (undated, undated) if dates is None else (dates.first, dates.last)
    numbers = zip(matrix.data.astype(int).tolist(), *(each.tolist() for each in when), strict=True)
    return {pair: list(each) for pair, each in zip(pairs, numbers, strict=True)}


plays = st.tuples(
    st.sampled_from("abcdefgh"), st.sampled_from("stuvw"), st.integers(1, 9), st.none() | st.integers(1, 99)
)
brought = st.builds(
    Brought, st.lists(plays, min_size=1, max_size=12), st.frozensets(st.sampled_from("stuvw"))
)
pairs = st.frozensets(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("stuvw")), max_size=4)


@settings(max_examples=15, deadline=None)
@given(st.lists(brought, min_size=1, max_size=4), pairs)
def test_run_by_run_or_at_once_the_bytes_are_the_same_and_sums_those_of_a_dictionary(
    deliveries: list[Brought], excluded: Excluded
) -> None:
    with (
        TemporaryDirectory() as name,
        patch.object(runs, "_FEW_LINES", 3),
        patch.object(runs, "_LARGER", 2),
        patch.object(runs, "_LINES_A_FILE", 4),
    ):
        before, folder = None, Path(name)
        for n in range(1, len(deliveries) + 1):
            some, out = deliveries[:n], excluded if n == len(deliveries) else frozenset[tuple[str, str]]()
            one = count(folder / f"{n}", some, out, before)
            expected = as_dictionary(some, out)
            assert read(one) == expected
            assert count_pairs(play_tables(one)) == len(expected)
            ids = [
                pd.read_parquet(one / table).iloc[:, 0].tolist()
                for table in ("users.parquet", "items.parquet")
            ]
            assert [set(each) for each in ids] == [{pair[side] for pair in expected} for side in (0, 1)]
            if before is not None and not out:  # rows are never given anew
                for table, now in zip(("users.parquet", "items.parquet"), ids, strict=True):
                    earlier = pd.read_parquet(before / table).iloc[:, 0].tolist()
                    assert now[: len(earlier)] == earlier
            before = one
        other = count(folder / "at once", deliveries, excluded, None)
        assert contents(other) == contents(before)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "_FEW_LINES", 10)
    monkeypatch.setattr(runs, "_LINES_A_FILE", 10)


BASE = Brought(
    [(f"u{n // 4}", f"s{n % 4}", 1, None) for n in range(40)], frozenset(f"s{n}" for n in range(4))
)


def inodes(output: Path) -> dict[str, int]:
    return {path.name: path.stat().st_ino for path in play_tables(output)}


def test_a_small_delivery_leaves_the_files_of_a_large_one(tmp_path: Path, small: None) -> None:
    more = Brought([("new", "s1", 2, None), ("u3", "s2", 5, None)])
    one = count(tmp_path / "1", [BASE], frozenset(), None)
    two = count(tmp_path / "2", [BASE, more], frozenset(), one)
    before, after = inodes(one), inodes(two)
    assert len(before) == 4
    assert before.items() <= after.items()
    assert len(after) == 5
    assert read(two) == as_dictionary([BASE, more], frozenset())


def test_an_excluded_pair_writes_the_file_of_its_listener_anew(tmp_path: Path, small: None) -> None:
    one = count(tmp_path / "1", [BASE], frozenset(), None)
    excluded = frozenset({("u9", "s0")})
    two = count(tmp_path / "2", [BASE], excluded, one)
    assert len(inodes(one).items() & inodes(two).items()) == 3
    assert read(two) == as_dictionary([BASE], excluded)


def test_what_an_interrupted_run_has_finished_is_used(tmp_path: Path, small: None) -> None:
    whole = count(tmp_path / "1", [BASE], frozenset(), None)
    work = tmp_path / "1" / "work"
    names = {path.name for path in (work / "plays").iterdir()}
    shutil.rmtree(whole)
    gone = sorted(name for name in names if name.endswith(".json"))[0]
    (work / "plays" / gone).unlink()
    kept = {path.name: path.stat().st_ino for path in (work / "plays").glob("*.json")}
    again = write_again(tmp_path / "1")
    assert {path.name for path in (again / "plays").iterdir()} == names
    assert (
        kept.items() <= {path.name: path.stat().st_ino for path in (again / "plays").glob("*.json")}.items()
    )


def write_again(folder: Path) -> Path:
    work = folder / "kept"
    (folder / "work").rename(work)
    for each in ("output", "work"):
        shutil.rmtree(folder / each, ignore_errors=True)
    return count(folder, [BASE], frozenset(), work)
