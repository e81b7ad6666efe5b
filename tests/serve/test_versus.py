"""Two releases side by side: the other places all as when it served; a ballot hides whose list is whose."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from earshot.errors import UserError
from earshot.queries.other_release import others, read_placed, write_placed
from earshot.queries.served import read_served
from earshot.queries.versus import Pair
from earshot.serve.app import make_server
from earshot.serve.safety import Settings
from earshot.serve.snapshot import take_snapshot
from earshot.spaces.placing import Placed
from tests.chromium import CHROMIUM, findings, started
from tests.releases.conftest import copy
from tests.releases.tiny_workspace import Repository, World
from tests.serve.serving import serving

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, second_release: Repository) -> Repository:
    """The second release serves, the first is beside it."""
    return copy(second_release, tmp_path_factory.mktemp("both"))


@pytest.fixture(scope="module")
def placed(tmp_path_factory: pytest.TempPathFactory, both: Repository) -> tuple[Placed, Placed]:
    """Songs and listeners of today under the first release."""
    served = read_served(both.root)
    (first,) = others(served)
    folder = tmp_path_factory.mktemp("placed")
    write_placed(served, first, folder, lambda _: None)
    return read_placed(folder)


def test_the_other_release_places_all_as_it_did_when_it_served(
    first_release: Repository, placed: tuple[Placed, Placed]
) -> None:
    """Songs, plays and sounds are the same; so are the bytes."""
    was = first_release.root / "data" / "served_factors"
    for found, name in zip(placed, ("item", "user"), strict=True):
        assert np.array_equal(found.vectors, np.load(was / f"{name}_factors.npy"))
        ids = pd.read_parquet(was / f"{name}s.parquet")
        assert found.ids.tolist() == ids[f"{ {'item': 'song', 'user': 'user'}[name] }_id"].tolist()


def test_lists_are_the_best_of_the_songs_that_both_know(
    both: Repository, placed: tuple[Placed, Placed]
) -> None:
    """By plain products; the other release lacks a song, and an artist stands in a list once."""
    world, (songs, listeners) = World(), placed
    served = take_snapshot(both.root)
    user, lacking = 7, str(served.song_ids[served.list_of("u007").rows[0]])
    known = songs.only(songs.ids != lacking)
    pair = Pair.of(served, "first", known, listeners)
    row = served.user_row("u007")
    assert row is not None
    mine, theirs = pair.lists(row, 8, 1)
    artists = dict(zip(world.song_ids, world.artist_ids, strict=True))
    played = set(world.song_ids[world.played[user]])
    for rows, vector, factors in (
        (
            mine,
            served.vectors("user_factors.npy")[row],
            dict(zip(served.song_ids, served.vectors("item_factors.npy"), strict=True)),
        ),
        (
            theirs,
            dict(zip(listeners.ids, listeners.vectors, strict=True))["u007"],
            dict(zip(songs.ids, songs.vectors, strict=True)),
        ),
    ):
        left = [
            each
            for each in known.ids
            if each not in played and each in set(served.song_ids[served.choice.rows])
        ]
        expected: list[str] = []
        for song in sorted(left, key=lambda each: -float(vector.astype(float) @ factors[each].astype(float))):
            if artists[song] not in {artists[each] for each in expected}:
                expected.append(song)
        assert served.song_ids[rows].tolist() == expected[:8]


def test_a_release_with_other_images_says_why_it_cannot_be_compared(both: Repository, tmp_path: Path) -> None:
    served = read_served(both.root)
    (first,) = others(served)
    object.__setattr__(first, "feature_key", "another")
    with pytest.raises(UserError, match="hears hyper-images of feature key another"):
        write_placed(served, first, tmp_path, lambda _: None)


@pytest.fixture(scope="module")
def client(both: Repository) -> Iterator[TestClient]:
    server = make_server(both.root, Settings(rate=1e6, burst=1e6))
    secrets = {
        "operator": server.keys.add("me", "operator"),
        "listener": server.keys.add("u", "listener", "u007"),
    }
    with TestClient(server.app, "http://localhost:8000") as asking:
        asking.app_state = {name: {"Authorization": f"Bearer {secret}"} for name, secret in secrets.items()}  # type: ignore[attr-defined]
        yield asking


def ballot(client: TestClient, headers: dict[str, str], other: str) -> tuple[str, list[list[str]]]:
    """Token and titles of a ballot; waits while it is worked out."""
    said = []
    for _ in range(600):
        page = client.post("/versus", data={"other": other}, headers=headers).text
        token = re.search(r'name="ballot" value="([^"]+)"', page)
        if token:
            lists = re.findall(r"<ol .*?</ol>", page, re.DOTALL)
            assert said[0].startswith(("starts", "waits", "reads"))
            return token[1], [re.findall(r"<b>(.*?)</b>", each) for each in lists]
        said.append(re.search(r"once\. It (.*?)\.</p>", page)[1])  # type: ignore[index]
        time.sleep(0.1)
    raise AssertionError(said)


def test_a_vote_is_taken_once_with_a_key_and_tells_whose_list_it_was(
    client: TestClient, both: Repository, first_release: Repository
) -> None:
    headers: dict[str, dict[str, str]] = client.app_state  # type: ignore[attr-defined]
    served, other = both.pointer()["release"], first_release.pointer()["release"]
    form = {"other": other}
    assert client.post("/versus", data=form).status_code == 401
    assert client.post("/versus", data=form, headers=headers["listener"]).status_code == 403
    assert client.get("/versus", headers=headers["listener"]).status_code == 403
    assert client.post("/versus", data={"other": "../../x"}, headers=headers["operator"]).status_code == 404
    assert "Voting needs an operator" in client.get("/versus").text
    token, lists = ballot(client, headers["operator"], other)
    assert [len(each) for each in lists] == [10, 10]
    vote = {"ballot": token, "choice": "left"}
    assert client.post("/versus/vote", data=vote).status_code == 401
    page = client.post("/versus/vote", data=vote, headers=headers["operator"])
    left, right = re.search(r"Left was <code>(\w+)</code>, right was <code>(\w+)</code>", page.text).groups()  # type: ignore[union-attr]
    assert {left, right} == {served, other}
    for choice in ("left", "right", "same"):
        again = client.post("/versus/vote", data={**vote, "choice": choice}, headers=headers["operator"])
        assert (again.status_code, again.json()["title"]) == (409, "Voted already")
    made_up = client.post("/versus/vote", data={**vote, "ballot": "x" * 24}, headers=headers["operator"])
    assert made_up.status_code == 409
    row, *_ = client.get("/api/v1/versus").json()
    wins = {row["one"]: row["for_one"], row["other"]: row["for_other"]}
    assert wins == {left: 1, right: 0}
    assert (row["same"], row["voters"], row["p"]) == (0, 1, 1.0)
    assert "1 voter<" in client.get("/versus").text


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium")
def test_in_a_browser_a_person_listens_votes_and_reads_the_result(
    both: Repository, first_release: Repository, tmp_path: Path
) -> None:
    """From the link that is printed at start on; the console stays empty, and axe finds nothing serious."""
    server = make_server(both.root, Settings(rate=1e6, burst=1e6))
    with serving(server.app, lifespan="on") as client, started(tmp_path) as driver:
        for page in ("/models", "/versus"):
            driver.get(f"{client.base_url}{page}")
            assert findings(driver) == []
        driver.get(f"{client.base_url}/login?token={server.links.issue()}")
        driver.get(f"{client.base_url}/versus")
        wait = WebDriverWait(driver, 60, ignored_exceptions=[StaleElementReferenceException])
        driver.find_element(By.CSS_SELECTOR, "form.find button").click()
        wait.until(lambda _: driver.find_elements(By.CSS_SELECTOR, ".sides"))
        assert findings(driver) == []
        shown = driver.find_element(By.ID, "ballot").get_attribute("outerHTML") or ""
        names = [both.pointer()["release"], first_release.pointer()["release"]]
        assert not any(name in shown for name in names)  # before there is a vote nothing tells
        driver.find_element(By.CSS_SELECTOR, ".same button").click()
        wait.until(lambda _: "Left was" in driver.find_element(By.ID, "ballot").text)
        assert driver.find_elements(By.CSS_SELECTOR, "#results table")
        told = driver.find_element(By.ID, "ballot").text
        assert "No difference to you" in told
        assert all(name in told for name in names)
        assert driver.get_log("browser") == []
