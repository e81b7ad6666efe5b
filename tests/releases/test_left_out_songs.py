"""What a listener wants in no list is in none, and nothing else changes."""

from __future__ import annotations

import json

import pandas as pd

from earshot.files import write_table
from tests.releases.tiny_workspace import Repository


def test_it_is_out_of_this_listeners_lists_alone(repository: Repository) -> None:
    before = repository.read("recommendations/recommendations.parquet")
    mine = before[before["user_id"] == "u007"].sort_values("rank")["song_id"].tolist()
    new = json.loads(repository.earshot("recommend", "u007", "--new", "-k", "9", "--json"))
    words = [mine[0], mine[3], new[1]["song_id"]]
    assert "u007" in _listeners(repository, mine[0])

    table = pd.DataFrame({"user_id": ["u007"] * 4, "song_id": [*words, "never delivered"]}, dtype=str)
    write_table(repository.root / "made" / "play_counts" / "left_out.parquet", table)
    repository.repro()

    after = repository.read("recommendations/recommendations.parquet")
    pd.testing.assert_frame_equal(
        after[after["user_id"] != "u007"].reset_index(drop=True),
        before[before["user_id"] != "u007"].reset_index(drop=True),
    )
    left = [song for song in mine if song not in words]
    listed = after[after["user_id"] == "u007"].sort_values("rank")["song_id"].tolist()
    assert listed[: len(left)] == left
    assert not set(listed) & set(words)
    again = json.loads(repository.earshot("recommend", "u007", "--new", "-k", "9", "--json"))
    kept = [row["song_id"] for row in new if row["song_id"] not in words]
    assert [row["song_id"] for row in again][: len(kept)] == kept
    assert "u007" not in _listeners(repository, mine[0])


def _listeners(repository: Repository, song: str) -> list[str]:
    rows = json.loads(repository.earshot("listeners", song, "-k", "500", "--json"))
    return [row["user_id"] for row in rows]
