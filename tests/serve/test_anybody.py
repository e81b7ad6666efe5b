"""Anybody's page: a list by picked songs and by a file, in the address or in nothing at all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from earshot.queries.served import read_served
from earshot.serve.app import Server
from earshot.serve.safety import Guard
from earshot.serve.uploads import FOLDER, Uploads
from tests.serve.hearing import HEARS, UNLIKE

PICKED = ["s010", "s092"]


def lists(page: str) -> list[list[str]]:
    """Ids of the songs of the list, and of the nearest."""
    parts = page.split('<ol class="short">')[1:]
    return [re.findall(r'<a href="/song\?song=(s\d+)">', part.partition("</ol>")[0]) for part in parts]


def test_songs_of_the_address_give_the_list_that_the_api_gives(client: TestClient) -> None:
    shown = client.get("/anybody", params={"song": [*PICKED, "s010", "<i>"]}).text
    somebody = client.post("/api/v1/somebody", json={"songs": PICKED, "k": 20}).json()["rows"]
    similar = client.get("/api/v1/similar", params={"song": PICKED, "k": 10}).json()["rows"]
    assert lists(shown) == [[row["song_id"] for row in rows] for rows in (somebody, similar)]
    assert 'href="/anybody?song=s092" aria-label="Remove Title s010"' in shown
    assert "Not served: <code>&lt;i&gt;</code>" in shown
    assert lists(client.get("/anybody").text) == []
    assert client.get("/anybody", params={"song": ["s010"] * 101}).status_code == 422


def test_what_is_typed_finds_songs_to_add(client: TestClient) -> None:
    shown = client.get("/anybody", params={"song": "s010", "q": "title s01"}).text
    added = re.findall(r'<a href="/anybody\?song=s010&amp;song=(s\d+)">', shown)
    found = [row["song_id"] for row in client.get("/api/v1/songs?q=title+s01&k=8").json()["rows"]]
    assert added == [song for song in found if song != "s010"]
    assert "No other song holds" in client.get("/anybody?q=nothing+of+this").text


def test_a_file_wants_a_session_and_the_page_says_so(client: TestClient) -> None:
    shown = client.get("/anybody").text
    assert "earshot serve" in shown
    assert 'type="file"' not in shown
    assert client.post("/anybody", content=b"s010").status_code == 401


@pytest.fixture
def hearing(own_client: TestClient, own_server: Server) -> Iterator[TestClient]:
    """Somebody with a session, whose files are heard by `tests.serve.hearing`."""
    guard = own_server.app
    assert isinstance(guard, Guard)
    state, uploads = guard._app.state, Uploads(own_server.live.root, most_bytes=100, hears=HEARS)  # type: ignore[attr-defined]
    before, state.uploads = state.uploads, uploads
    own_client.get("/login", params={"token": own_server.links.issue()})
    yield own_client
    state.uploads = before
    uploads.stop()


def test_a_file_counts_as_a_song_that_was_played(hearing: TestClient, own_world: Path) -> None:
    """One file where s020 is, alone and with a song picked; c = 1 + alpha log 2 of a single play."""
    served = read_served(own_world)
    vectors = served.vectors("item_factors.npy").astype(np.float64)
    known, c = vectors[~served.is_new], 1 + 2 * np.log(2.0)
    for picked in ([], ["s010"]):
        sent = hearing.post("/anybody", params={"song": picked}, files={"audio": ("my song.mp3", b"s020")})
        heard = vectors[served.song_row("s020")]
        rows = [served.song_row(song) for song in picked]
        liked = np.vstack([heard, vectors[rows]]) if rows else heard[None]
        # the sound stands beside the songs that listeners are held against, which hold s010 already
        left = known.T @ known + np.outer(heard, heard) + 10 * np.eye(4) + (c - 1) * liked.T @ liked
        scores = vectors @ np.linalg.solve(left, c * liked.sum(axis=0))
        scores[[served.song_row(song) for song in (*picked, "s003")]] = -np.inf  # which is withdrawn
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        cosines = unit @ unit[served.song_row("s020")]
        cosines[served.song_row("s003")] = -1
        assert lists(sent.text) == [
            served.song_ids[np.argsort(-scores)[:20]].tolist(),
            served.song_ids[np.argsort(-cosines)[:10]].tolist(),
        ]
        assert f"{UNLIKE} times as far" in sent.text
        assert "my song" not in sent.text
    assert not list(own_world.glob(f"{FOLDER}/*/*"))  # <PID>.<random>/<random>/audio


def test_what_is_wrong_with_a_file_is_said_in_words(hearing: TestClient) -> None:
    shown = hearing.get("/anybody").text
    assert 'data-most="100"' in shown
    unheard = hearing.post("/anybody", params={"song": "s010"}, files={"audio": ("x", b"no song")})
    assert unheard.status_code == 422
    assert "the file cannot be heard: not audio" in unheard.text
    assert len(lists(unheard.text)) == 2  # of the song that was picked
    large = hearing.post("/anybody", files={"audio": ("x", b"s" * 101)})
    assert (large.status_code, "wanted at most 100 bytes" in large.text) == (413, True)
    script = hearing.post("/anybody", files={"audio": ("x", b"no song")}, headers={"HX-Request": "true"})
    assert script.json()["detail"] == "the file cannot be heard: not audio"
