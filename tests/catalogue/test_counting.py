import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earshot.catalogue import counting
from earshot.catalogue.counting import PairCounts
from earshot.catalogue.play_rows import NO_SECOND
from earshot.errors import UserError

plays = st.tuples(
    st.integers(0, 9), st.integers(0, 3), st.integers(1, 10**6), st.one_of(st.none(), st.integers(1, 99))
)


@given(st.lists(st.lists(plays)), st.integers(1, 4), st.sampled_from([3, 10**6]))
def test_pairs_add_up_as_in_a_dictionary(
    chunks: list[list[tuple[int, int, int, int | None]]], width: int, at_once: int
) -> None:
    expected, rows = Counter[tuple[int, int]](), Counter[tuple[int, int]]()
    seconds: dict[tuple[int, int], list[int]] = {}
    with TemporaryDirectory() as folder, patch.object(counting, "_PENDING_ROWS", at_once):
        counts = PairCounts(Path(folder, "spilled"), width)
        for chunk in chunks:
            users, items, numbers = np.array([play[:3] for play in chunk], dtype=np.int64).reshape(-1, 3).T
            second = np.array([NO_SECOND if play[3] is None else play[3] for play in chunk], dtype=np.int64)
            counts.add(users, items, numbers, 1, second, second)
            for user, item, count, each in chunk:
                expected[user, item] += count
                rows[user, item] += 1
                seconds.setdefault((user, item), []).extend([] if each is None else [each])
        ranges = counts.settle()
        assert ranges == sorted({user // width for user, _ in expected})
        table = pd.concat([counts.added_up(number) for number in [*ranges, 99]])
    pairs = sorted(expected)
    assert [*zip(table["user"], table["item"], strict=True)] == pairs
    assert table["play_count"].tolist() == [expected[pair] for pair in pairs]
    assert table["rows"].tolist() == [rows[pair] for pair in pairs]
    first, last = table["first_played_at"].fillna(0), table["last_played_at"].fillna(0)
    assert first.tolist() == [min(seconds[pair], default=0) for pair in pairs]
    assert last.tolist() == [max(seconds[pair], default=0) for pair in pairs]


def test_memory_follows_neither_rows_nor_pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "_PENDING_ROWS", 10)
    counts = PairCounts(tmp_path / "spilled", width=2)
    for number in range(100):
        counts.add(np.arange(4), np.full(4, number % 50), 1, 1)
        assert sum(map(len, counts._pending)) <= 12
    assert counts.settle() == [0, 1]
    assert counts.added_up(1)["play_count"].tolist() == [2] * 100


def test_nothing_is_written_any_more_once_an_error_has_left_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(parts: Iterable[counting.Lines]) -> counting.Lines:
        time.sleep(0.3)
        return add_up(parts)

    add_up = counting.add_up
    monkeypatch.setattr(counting, "_PENDING_ROWS", 1)
    monkeypatch.setattr(counting, "add_up", slowly)
    folder = tmp_path / "spilled"

    def break_off() -> None:
        with PairCounts(folder, 10) as counts:
            counts.add(np.array([1, 2]), np.array([0, 0]), 1, rows=1)
            raise UserError("a file that ends early")

    with pytest.raises(UserError):
        break_off()
    assert [path.name for path in folder.iterdir()] == ["0.undated"]  # written to its end
