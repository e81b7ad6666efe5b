"""A song's page, against plain numpy; in a browser it sounds, and a line follows the sound."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient

from earshot.errors import UserError
from earshot.queries.song import Songs
from earshot.serve.app import Server
from earshot.serve.snapshot import take_snapshot
from tests.chromium import CHROMIUM, findings, look_at, started
from tests.releases.tiny_workspace import Repository, World
from tests.serve.serving import serving

NEW, PLAYED, WITHDRAWN = "s092", "s010", "s003"


def cosines(ids: np.ndarray, vectors: np.ndarray, song: str) -> pd.Series:
    unit = vectors.astype(np.float64) / np.linalg.norm(vectors, axis=1, keepdims=True)
    return pd.Series(unit @ unit[list(ids).index(song)], ids).drop(song)


@pytest.mark.parametrize("song", [NEW, PLAYED])
def test_neighbours_are_those_of_the_prediction_and_of_the_served_place(
    first_release: Repository, song: str
) -> None:
    served = take_snapshot(first_release.root)
    about = Songs(served).about(song)
    # the model of the tiny world was made of all songs: what it predicted then is what serving predicts
    ids = first_release.read("predicted_factors/items.parquet")["song_id"].to_numpy()
    predicted = np.load(first_release.root / "data" / "predicted_factors" / "item_factors.npy")
    by_sound = cosines(ids, predicted, song).drop(WITHDRAWN).nlargest(8)
    assert [each["song_id"] for each in about.by_sound or []] == list(by_sound.index)
    assert [each["cosine"] for each in about.by_sound or []] == pytest.approx(list(by_sound), abs=1e-5)
    if song == NEW:
        assert about.by_listeners is None
        return
    places = cosines(served.song_ids, served.vectors("item_factors.npy"), song)
    unplayed = [f"s{n:03d}" for n in range(92, 96)]
    by_listeners = places.drop([WITHDRAWN, *unplayed]).nlargest(8)
    assert [each["song_id"] for each in about.by_listeners or []] == list(by_listeners.index)


def test_the_weight_of_the_sound_falls_with_every_listener(first_release: Repository) -> None:
    """n0 is 20 here."""
    served, played = take_snapshot(first_release.root), World().played.sum(axis=0)
    songs = Songs(served)
    for number in (92, 10, 11, 12, 13):
        about = songs.about(f"s{number:03d}")
        assert (about.n0, about.n_listeners) == (20.0, played[number])
        assert about.weight == pytest.approx(max(0.0, 1 - played[number] / 20))


def test_lineage_leads_to_delivery_image_release_and_decision(first_release: Repository) -> None:
    about = Songs(take_snapshot(first_release.root)).about(NEW)
    pointer = first_release.pointer()
    assert about.lineage.delivery == "music"
    assert (about.lineage.release, about.lineage.number) == (pointer["release"], 1)
    assert about.lineage.reason == first_release.decisions()[pointer["release"]]["reason"]
    assert about.image is not None
    assert (about.image.shard, about.image.first_frame, about.image.n_frames) == ("shard092", 0, 8)
    assert about.image.feature_key == pointer["feature_key"]
    with pytest.raises(UserError, match="no delivery that is served names it"):
        Songs(take_snapshot(first_release.root)).about("nobody")


def test_pages_say_what_is_known_and_keep_texts_texts(own_client: TestClient, own_server: Server) -> None:
    served = own_server.live.snapshot()
    served.catalogue.loc[NEW, "title"] = "<script>alert(1)</script>"
    shown = own_client.get("/song", params={"song": NEW}).text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert "<script>alert" not in shown
    assert "Nobody has played it" in shown
    assert 'href="/map?song=s092"' in shown
    withdrawn = own_client.get("/song", params={"song": WITHDRAWN}).text
    assert "Withdrawn" in withdrawn
    assert "<audio" not in withdrawn
    both = own_client.get("/compare", params={"song": [NEW, "s000", NEW]}).text
    assert both.count("<article>") == 2
    assert both.count("<audio") == 1
    assert "Choose two songs" in own_client.get("/compare").text
    assert own_client.get("/compare", params={"song": [f"s{n:03d}" for n in range(7)]}).status_code == 422
    missing = own_client.get("/song", params={"song": "<b>"})
    assert (missing.status_code, missing.headers["content-type"]) == (404, "application/problem+json")


PAGES = ["/", "/song?song=s000", "/song?song=s092", "/compare?song=s000&song=s092"]


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_in_a_browser_it_sounds_and_a_line_follows(own_server: Server, tmp_path: Path) -> None:
    with serving(own_server.app, lifespan="on") as client, started(tmp_path) as driver:
        driver.get(f"{client.base_url}/song?song=s000")
        driver.find_element("css selector", ".picture").click()
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            moved = driver.execute_script(
                "const head = document.querySelector('.head');"
                "return !head.hidden && document.querySelector('audio').currentTime > 0 && head.style.left"
            )
            if moved:
                break
            time.sleep(0.05)
        assert moved
        assert findings(driver) == []
        assert driver.get_log("browser") == []


@pytest.mark.soak
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_pages_wide_and_narrow_light_and_dark(own_server: Server, tmp_path: Path) -> None:
    with serving(own_server.app, lifespan="on") as client, started(tmp_path) as driver:
        look_at(driver, [f"{client.base_url}{page}" for page in PAGES])
