"""Why, over HTTP: shares add up to the score, without a play is solved anew; one's own list alone."""

from __future__ import annotations

import io
import json

import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient

from earshot.catalogue.play_counts import PlayCounts, read_play_counts
from earshot.queries.explain import Explaining
from earshot.serve.app import Server
from earshot.spaces.learned import LearnedListeners
from earshot.spaces.placing import Placed
from earshot.spaces.wmf import WmfSpace
from tests.releases.tiny_workspace import Repository

EXACT = 1e-5
NEW = "s092"


def test_shares_add_up_and_without_a_play_is_solved_anew(
    client: TestClient, first_release: Repository
) -> None:
    data = first_release.root / "data"
    plays, space = read_play_counts(data / "play_counts"), WmfSpace.read(data / "wmf_factors")
    ids = first_release.read("served_factors/items.parquet")["song_id"].to_numpy(dtype=object)
    places = np.load(data / "served_factors" / "item_factors.npy")
    played = Placed(ids, places).only(np.isin(ids, plays.song_ids))
    for listed in client.get("/api/v1/recommend?user=u031&k=3").json()["rows"]:
        asked = {"user": "u031", "song": listed["song_id"], "k": 1000}
        found = client.get("/api/v1/explain", params=asked).json()
        assert found["score"] == pytest.approx(listed["score"], abs=EXACT)
        assert sum(play["share"] for play in found["rows"]) == pytest.approx(listed["score"], abs=EXACT)
        row = list(plays.user_ids).index("u031")
        assert len(found["rows"]) == found["n_plays"] == plays.matrix[[row]].nnz
        song = places[list(ids).index(listed["song_id"])].astype(np.float64)
        for play in found["rows"]:
            counts = plays.matrix[[row]].toarray()
            counts[0, list(plays.song_ids).index(play["song_id"])] = 0
            one = PlayCounts(plays.user_ids[[row]], plays.song_ids, type(plays.matrix)(counts))
            anew = space.place_listeners(one, played).vectors[0]
            assert float(anew @ song) == pytest.approx(play["score_without"], abs=EXACT)


def test_windows_are_those_of_the_command_line(client: TestClient, first_release: Repository) -> None:
    asked = {"user": "u007", "song": NEW}
    found = client.get("/api/v1/explain/windows", params=asked).json()
    said = json.loads(first_release.earshot("explain", "u007", NEW, "--windows", "--json"))
    assert found["rows"] == said["windows"]
    assert len(found["rows"]) > 1
    whole = client.get("/api/v1/explain", params={**asked, "k": 3}).json()
    assert whole["rows"] == said["plays"][:3]
    assert (whole["n_plays"], whole["score"]) == (said["n_plays"], said["score"])
    assert whole["state"] == found["state"]


def test_pages_and_files_hold_every_play(client: TestClient) -> None:
    asked = {"user": "u007", "song": NEW}
    every = client.get("/api/v1/explain", params={**asked, "k": 1000}).json()["rows"]
    first = client.get("/api/v1/explain", params={**asked, "k": 2}).json()
    second = client.get("/api/v1/explain", params={**asked, "k": 2, "offset": first["next"]}).json()
    assert first["rows"] + second["rows"] == every[:4]
    parquet = client.get("/api/v1/explain", params={**asked, "k": 1000, "format": "parquet"})
    pd.testing.assert_frame_equal(pd.read_parquet(io.BytesIO(parquet.content)), pd.DataFrame(every))
    csv = client.get("/api/v1/explain/windows", params={**asked, "format": "csv"}).text.splitlines()
    assert csv[0] == "start,end,score_without,score"


def test_a_key_of_a_listener_reads_no_reasons_of_another(client: TestClient, server: Server) -> None:
    key = {"X-Api-Key": server.keys.add("why", "listener", "u007")}
    try:
        for path in ("/api/v1/explain", "/api/v1/explain/windows", "/listener/why", "/listener/windows"):
            mine = client.get(path, params={"song": NEW}, headers=key)
            assert mine.status_code == 200
            assert client.get(path, params={"song": NEW, "user": "u008"}, headers=key).status_code == 403
            assert client.get(path, params={"song": NEW}).status_code == 422
        assert client.get("/api/v1/explain", params={"song": NEW}, headers=key).json()["user_id"] == "u007"
    finally:
        server.keys.revoke("why")


def test_what_cannot_be_explained_is_said_in_words(client: TestClient, server: Server) -> None:
    served = server.live.snapshot()
    right = served.kept(Explaining.of)
    assert isinstance(right.space, WmfSpace)
    learned = LearnedListeners(right.space.training_listeners(), right.space.songs, right.space.wmf)
    asked = {"user": "u007", "song": NEW}
    served._kept[Explaining.of] = Explaining(served, right.plays, learned)
    try:
        answer = client.get("/api/v1/explain", params=asked)
        assert (answer.status_code, answer.headers["content-type"]) == (409, "application/problem+json")
        assert "has learned where this listener is" in answer.json()["detail"]
        assert "has learned where this listener is" in client.get("/listener/why", params=asked).text
    finally:
        served._kept[Explaining.of] = right
    assert client.get("/api/v1/explain", params={**asked, "user": "nobody"}).status_code == 404
    assert client.get("/api/v1/explain", params={**asked, "song": "nothing"}).status_code == 404
