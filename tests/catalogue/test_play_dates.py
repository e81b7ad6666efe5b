"""First and last plays as they are read back, beside the play counts that they belong to."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from earshot.catalogue.play_counts import read_play_counts, write_play_counts, write_recency
from earshot.catalogue.play_dates import UNDATED, read_play_dates
from earshot.errors import UserError

IDS = np.array(["a", "b", "c"], dtype=object)


def plays(first: list[int | None], last: list[int | None]) -> pd.DataFrame:
    pairs = {"user": [0, 0, 2], "item": [1, 2, 0], "play_count": [5, 6, 7]}
    dates = {"first_played_at": pd.array(first, "Int64"), "last_played_at": pd.array(last, "Int64")}
    return pd.DataFrame({**pairs, **dates})


def test_dates_stand_in_the_order_of_the_matrix(tmp_path: Path) -> None:
    write_play_counts(tmp_path, IDS, IDS, plays([10, None, 30], [11, None, 30]))
    dates, matrix = read_play_dates(tmp_path), read_play_counts(tmp_path).matrix
    assert dates is not None
    assert matrix.data.tolist() == [5, 6, 7]
    assert dates.first.tolist() == [10, UNDATED, 30]
    assert dates.last.tolist() == [11, UNDATED, 30]
    assert dates.first.dtype == dates.last.dtype == np.int64


def test_where_nothing_is_dated_there_are_no_dates(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"plays\.parquet: not there"):
        read_play_dates(tmp_path)
    write_play_counts(tmp_path, IDS, IDS, plays([None] * 3, [None] * 3))
    assert read_play_dates(tmp_path) is None
    write_play_counts(tmp_path, IDS, IDS, plays([1] * 3, [1] * 3)[["user", "item", "play_count"]])
    assert read_play_dates(tmp_path) is None  # as tables were before dates were kept


DAY = 86_400


def test_a_play_counts_half_for_every_half_life_that_it_is_older_than_the_newest(tmp_path: Path) -> None:
    write_play_counts(tmp_path, IDS, IDS, plays([0, None, 0], [60 * DAY, None, 90 * DAY]))
    write_recency(tmp_path, 30.0)
    # 5 plays, the last a month before the newest; 6 of which nobody knows when; 7, the newest among them
    assert read_play_counts(tmp_path).matrix.data.tolist() == [5 / 2, 6, 7]
    assert read_play_dates(tmp_path) is not None


def test_without_dates_or_a_half_life_all_plays_count_alike(tmp_path: Path) -> None:
    write_play_counts(tmp_path, IDS, IDS, plays([0, None, 0], [60 * DAY, None, 90 * DAY]))
    write_recency(tmp_path, None)
    assert read_play_counts(tmp_path).matrix.data.tolist() == [5, 6, 7]
    undated = tmp_path / "undated"
    undated.mkdir()
    write_play_counts(undated, IDS, IDS, plays([None] * 3, [None] * 3))
    write_recency(undated, 30.0)
    assert sorted(path.name for path in undated.iterdir()) == [
        "items.parquet",
        "plays.parquet",
        "users.parquet",
    ]


def test_an_old_play_remains_a_play(tmp_path: Path) -> None:
    write_play_counts(tmp_path, IDS, IDS, plays([0, 0, 0], [0, 0, 10_000 * DAY]))
    write_recency(tmp_path, 1.0)
    assert read_play_counts(tmp_path).matrix.nnz == 3
    assert (read_play_counts(tmp_path).matrix.data > 0).all()
