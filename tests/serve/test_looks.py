"""Pages in a browser, of every width and colour; and one that stays open while another release is served."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By

from earshot.serve.app import make_server
from tests.chromium import CHROMIUM, look_at, started
from tests.releases.conftest import copy
from tests.releases.tiny_workspace import Repository
from tests.serve.serving import serving

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
PAGES = ("/songs?q=jazz", "/songs?q=nothing+at+all", "/models", "/reports", "/versus", "/login", "/listeners")


@pytest.mark.soak
def test_pages_wide_and_narrow_light_and_dark(second_release: Repository, tmp_path: Path) -> None:
    server = make_server(copy(second_release, tmp_path).root)
    with serving(server.app, lifespan="on") as client, started(tmp_path / "profile") as driver:
        driver.get(f"{client.base_url}/login?token={server.links.issue()}")
        look_at(driver, [f"{client.base_url}{page}" for page in PAGES])


@pytest.mark.soak
def test_an_open_page_goes_on_when_another_release_is_served(
    second_release: Repository, tmp_path: Path
) -> None:
    """What it asks for next is of the new release, and says so."""
    repository = copy(second_release, tmp_path)
    last = (repository.root / "dvc.lock").read_bytes()
    (repository.root / "dvc.lock").write_bytes(repository.run("git", "show", "HEAD~1:dvc.lock").encode())
    server = make_server(repository.root)
    with serving(server.app, lifespan="on") as client, started(tmp_path / "profile") as driver:
        first = client.get("/api/v1/health").json()["release"]
        driver.get(f"{client.base_url}/listener?user=u007")
        assert first in driver.find_element(By.TAG_NAME, "footer").text
        (repository.root / "beside").write_bytes(last)
        (repository.root / "beside").replace(repository.root / "dvc.lock")
        until = time.monotonic() + 30
        while (second := client.get("/api/v1/health").json()["release"]) == first:
            assert time.monotonic() < until
            time.sleep(0.1)
        driver.find_element(By.CSS_SELECTOR, "input[type=checkbox]").click()  # only new songs
        while "new=" not in driver.current_url:
            assert time.monotonic() < until
            time.sleep(0.1)
        rows = client.get("/api/v1/recommend?user=u007&new=true").json()["rows"]
        shown = driver.find_element(By.TAG_NAME, "main").text
        assert all(row["title"] in shown for row in rows)
        assert {row["release"] for row in rows} == {second}
        driver.refresh()
        assert second in driver.find_element(By.TAG_NAME, "footer").text
        assert driver.get_log("browser") == []
