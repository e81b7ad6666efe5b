"""A file dropped into a page of a real workspace, in a real browser; a window of a sound plays and ends."""

import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from earshot.serve.app import make_server
from tests.chromium import CHROMIUM, findings, started
from tests.pipeline.workspace import Workspace
from tests.serve.serving import serving

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")]


def wait_for(what: Callable[[], object]) -> None:
    until = time.monotonic() + 120
    while not what():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_file_finds_its_own_song_and_a_window_plays_to_its_end(
    workspace: Workspace, tmp_path: Path
) -> None:
    songs = pd.read_parquet(workspace.root / "data" / "raw_audio" / "songs.parquet").set_index("song_id")
    new = pd.read_parquet(workspace.root / "data" / "served_factors" / "items.parquet").set_index("song_id")
    unplayed = songs.loc[[song for song in new.index[new["n_listeners"] == 0] if song in songs.index]]
    song, audio = next(iter(unplayed["audio"].dropna().items()))
    user = pd.read_parquet(workspace.root / "data" / "served_factors" / "users.parquet")["user_id"][0]
    server = make_server(workspace.root)
    with serving(server.app, lifespan="on") as client, started(tmp_path) as driver:
        driver.get(f"{client.base_url}/login?token={server.links.issue()}")
        driver.get(f"{client.base_url}/anybody")
        driver.find_element("css selector", "input[type=file]").send_keys(str(workspace.root / audio))
        wait_for(lambda: driver.find_elements("css selector", "section[aria-labelledby=nearest] li"))
        nearest = driver.find_element("css selector", "section[aria-labelledby=nearest] li")
        assert str(song) in nearest.find_element("css selector", "a").get_attribute("href")
        assert nearest.text.endswith("1.00")
        assert driver.find_elements("css selector", "section[aria-labelledby=listed] li")
        assert findings(driver) == []

        driver.get(f"{client.base_url}/listener/windows?user={user}&song={song}")
        second = driver.find_elements("css selector", ".window")[1]
        start, end = map(float, second.get_attribute("data-sound").partition("#t=")[2].split(","))
        second.click()
        sound = "document.querySelector('body > audio')"
        wait_for(lambda: driver.execute_script(f"return {sound}.paused && {sound}.currentTime > {end} - 0.1"))
        assert start < driver.execute_script(f"return {sound}.currentTime") < end + 0.5
        assert driver.get_log("browser") == []
