"""A file dropped into a page of a real workspace, in a real browser; a window of a sound plays and ends."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from earshot.queries import answers
from earshot.queries.hearing import listen
from earshot.queries.served import read_served
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


def test_a_file_finds_neighbours_and_a_window_plays_to_its_end(workspace: Workspace, tmp_path: Path) -> None:
    served = read_served(workspace.root)
    sounds = served.recordings["audio"].dropna()
    heard = served.songs.loc[served.songs.index.isin(sounds.index), "n_listeners"]
    song = heard.idxmin()  # of which the sound says most
    audio, user = workspace.root / sounds[song], served.user_ids[0]
    nearest = answers.near(served, listen(served, audio).vector, 10)
    server = make_server(workspace.root)
    with serving(server.app, lifespan="on") as client, started(tmp_path) as driver:
        driver.get(f"{client.base_url}/login?token={server.links.issue()}")
        driver.get(f"{client.base_url}/anybody")
        driver.find_element("css selector", "input[type=file]").send_keys(str(audio))
        wait_for(lambda: driver.find_elements("css selector", "section[aria-labelledby=nearest] li"))
        shown = driver.find_elements("css selector", "section[aria-labelledby=nearest] .name a")
        addresses = [str(each.get_attribute("href")) for each in shown]
        assert [address.partition("song=")[2] for address in addresses] == [row["song_id"] for row in nearest]
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
