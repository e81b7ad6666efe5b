"""What a plugin of Navidrome passes on, in its words."""

from __future__ import annotations

from typing import Any

from fastapi.testclient import TestClient


def _ask(client: TestClient, call: str, **wanted: Any) -> Any:
    return client.post(f"/api/v1/navidrome/{call}", json=wanted).json()


def test_songs_go_in_and_come_out_by_their_names(client: TestClient) -> None:
    first = {"id": "navidrome's own", "name": "title S000", "artists": [{"name": "Artist a00"}]}
    last = {"name": "Title s040", "artist": "Artist a20", "isrc": "QZ", "duration": 3.5}
    matches = _ask(client, "similar-tracks", song=first, count=3)["matches"]
    direct = client.get("/rest/getSonicSimilarTracks", params={"f": "json", "id": "s000", "count": 3})
    wanted = direct.json()["subsonic-response"]["sonicMatch"]
    assert [(match["song"]["name"], match["similarity"]) for match in matches] == [
        (match["entry"]["title"], match["similarity"]) for match in wanted
    ]
    assert matches[0]["song"]["artists"] == [{"name": matches[0]["song"]["artist"]}]
    path = _ask(client, "sonic-path", startSong=first, endSong=last, count=6)["matches"]
    assert [path[0]["song"]["name"], path[-1]["song"]["name"]] == ["Title s000", "Title s040"]
    unknown = client.post("/api/v1/navidrome/similar-tracks", json={"song": {"name": "x", "artist": "y"}})
    assert unknown.status_code == 404
    assert unknown.json()["detail"] == "song 'x' by y: not found here by MusicBrainz id, path or names"
