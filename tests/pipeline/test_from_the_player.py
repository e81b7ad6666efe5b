"""What a player tells over /rest, all the way through a delivery and both lanes to the lists."""

from __future__ import annotations

import time
from typing import Any

import pandas as pd
import pytest
from fastapi.testclient import TestClient

from earshot.serve.app import make_server
from tests.pipeline.workspace import Workspace


def listed(workspace: Workspace) -> pd.DataFrame:
    return pd.read_parquet(workspace.root / "data" / "recommendations" / "recommendations.parquet")


def counted(workspace: Workspace, user: str) -> dict[str, float]:
    folder = workspace.root / "data" / "play_counts"
    users, items = (pd.read_parquet(folder / f"{name}.parquet") for name in ("users", "items"))
    plays = pd.read_parquet(folder / "plays.parquet")
    mine = plays[plays["user"] == users.index[users["user_id"] == user][0]]
    return dict(zip(items["song_id"][mine["item"]], mine["play_count"], strict=True))


# an onboarding of a minute
@pytest.mark.soak
def test_a_play_and_a_star_reach_the_list_they_came_from(workspace: Workspace) -> None:
    lists = listed(workspace)
    user, other = lists["user_id"].unique()[:2]
    played, starred = lists.loc[lists["user_id"] == user, "song_id"][:2]
    before, of_other = counted(workspace, user), counted(workspace, other)
    assert {played, starred}.isdisjoint(before)

    server = make_server(workspace.root)
    key = server.keys.add("phone", "listener", user)
    with TestClient(server.app, "http://localhost:8000") as player:

        def say(call: str, **what: Any) -> str:
            answer = player.get(f"/rest/{call}", params={"apiKey": key, "f": "json", **what})
            return str(answer.json()["subsonic-response"]["status"])

        a_minute_ago = int(time.time() * 1000) - 60_000
        assert say("scrobble", id=played, time=a_minute_ago, submission="true") == "ok"
        assert say("scrobble", id=played, time=a_minute_ago, submission="true") == "ok"  # as players do
        assert say("star", id=starred) == "ok"

    assert "2 plays and stars" in workspace.earshot("scrobbles", "deliver")
    workspace.earshot("onboard")
    assert counted(workspace, user) == before | {played: 1, starred: 10}
    now = listed(workspace)
    assert {played, starred}.isdisjoint(now.loc[now["user_id"] == user, "song_id"])
    assert counted(workspace, other) == of_other  # whose list may change: who plays a song moves it
