"""First and last plays as they are read back, beside the play counts that they belong to."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from earshot.catalogue.play_counts import read_play_counts, write_play_counts
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
