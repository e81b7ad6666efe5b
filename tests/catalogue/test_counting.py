from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earshot.catalogue import counting
from earshot.catalogue.counting import PairCounts
from earshot.catalogue.play_rows import NO_SECOND

plays = st.tuples(st.sampled_from(["b", "a", "ü", "000"]), st.sampled_from("xyz"), st.integers(1, 10**6))


@given(st.lists(st.lists(plays)))
def test_pairs_add_up_as_in_a_dictionary(chunks: list[list[tuple[str, str, int]]]) -> None:
    counts, expected, rows = PairCounts(), Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for chunk in chunks:
        table = pd.DataFrame(chunk, columns=["user", "song", "count"])
        counts.add(table["user"].astype(str), table["song"].astype(str), table["count"].to_numpy(np.int64), 1)
        for user, song, count in chunk:
            expected[user, song] += count
            rows[user, song] += 1
    users, songs, pairs = counts.added_up()
    assert users.tolist() == sorted({user for user, _ in expected})
    assert songs.tolist() == sorted({song for _, song in expected})
    added = [(users[line.user], songs[line.item], line.play_count, line.rows) for line in pairs.itertuples()]
    assert added == [(*pair, expected[pair], rows[pair]) for pair in sorted(expected)]


def test_memory_follows_the_different_pairs_not_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "_PENDING_ROWS", 10)
    counts = PairCounts()
    ids = pd.Series(["a", "b", "c", "d"])
    for _ in range(100):
        counts.add(ids, ids, np.ones(4, dtype=np.int64), 1)
        assert sum(part.shape[1] for part in counts._pending) <= 12
    assert counts.added_up()[2]["play_count"].tolist() == [100] * 4


def test_dates_cost_memory_only_once_a_play_says_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "_PENDING_ROWS", 1)
    counts, ids, ones = PairCounts(), pd.Series(["a", "b"]), np.ones(2, dtype=np.int64)
    counts.add(ids, ids, ones, 1)
    assert len(counts._pairs) == 3
    assert counts.added_up()[2]["last_played_at"].isna().all()
    counts.add(ids, ids, ones, 1, first=np.array([50, NO_SECOND]), last=np.array([70, NO_SECOND]))
    counts.add(ids, ids, ones, 1)
    counts.add(ids, ids, ones, 1, first=np.array([60, NO_SECOND]), last=np.array([80, NO_SECOND]))
    pairs = counts.added_up()[2]
    assert pairs["play_count"].tolist() == [4, 4]
    assert pairs["first_played_at"].tolist() == [50, pd.NA]
    assert pairs["last_played_at"].tolist() == [80, pd.NA]
