from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from earshot.catalogue.play_counts import read_play_counts, write_play_counts
from earshot.errors import UserError
from earshot.factors.solves import confidence


def test_tables_come_back_as_a_matrix(tmp_path: Path) -> None:
    plays = pd.DataFrame({"user": [0, 0, 2], "item": [0, 1, 1], "play_count": [3, 1, 10**6]})
    write_play_counts(tmp_path, np.array(["000123", "a", "ü"]), np.array(["s", "t"]), plays)
    counts = read_play_counts(tmp_path)
    assert counts.user_ids.tolist() == ["000123", "a", "ü"]
    assert counts.song_ids.tolist() == ["s", "t"]
    assert counts.matrix.dtype == np.float32
    assert counts.matrix.toarray().tolist() == [[3, 1], [0, 0], [0, 10**6]]
    assert confidence(counts.matrix, alpha=2.0, epsilon=1e-6).toarray() == pytest.approx(
        np.where(counts.matrix.toarray() > 0, 1 + 2 * np.log(1 + counts.matrix.toarray() / 1e-6), 0)
    )


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"plays\.parquet: not there"):
        read_play_counts(tmp_path)
