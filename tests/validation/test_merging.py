"""The tables of ids, looked at again as they stand on disk."""

from pathlib import Path

import pandas as pd
import pytest

from earshot.catalogue.play_counts import write_ids
from earshot.validation import merging


@pytest.mark.parametrize("at_a_time", [2, 100])
def test_ids_are_looked_at_whole_or_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_a_time: int
) -> None:
    monkeypatch.setattr(merging, "_IDS_AT_A_TIME", at_a_time)
    write_ids(tmp_path, pd.Series(["a1", "b1", "a2", None, "a1", "c2"], dtype=str), ["s", "t"])
    seen = {result.check.name: result.observed for result in merging._check_ids(tmp_path)}
    assert {name: (each.rows, each.unexpected) for name, each in seen.items()} == {
        "user_id_there": (6, 1),
        "user_id_unique": (6, 2),
        "song_id_there": (2, 0),
        "song_id_unique": (2, 0),
    }
    assert seen["user_id_unique"].examples == ("a1",)
