"""The map's page, and what it asks for as it is moved; in a browser too."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from fastapi.testclient import TestClient

from earshot.queries.song_map import DEEPEST, MOST_IN_TILE, NEW, WORLD
from earshot.serve.app import Server
from earshot.serve.maps import KEPT
from tests.chromium import CHROMIUM, LOOKS, findings, started
from tests.serve.made_up import made_up, server_of
from tests.serve.serving import serving

if TYPE_CHECKING:
    from selenium.webdriver.chrome.webdriver import WebDriver

SONGS = 2000
WITHDRAWN = 7
HOSTILE = "<script>alert('x')</script>"
STATE = f"made-up-{SONGS}-0"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Server:
    """Of made-up songs, laid out before: in a circle, the first 1,000 of them in one place."""
    snapshot = made_up(tmp_path_factory.mktemp("served"), SONGS, 0, HOSTILE)
    turn = np.linspace(0, 2 * np.pi, SONGS - 1)
    places = np.column_stack([np.cos(turn), np.sin(turn)]) * 5_000 + 32_768
    places[:1000] = 50_000
    (snapshot.root / KEPT).mkdir(parents=True)
    np.save(snapshot.root / KEPT / f"{snapshot.name}.npy", places.astype(np.uint16))
    return server_of(snapshot)


@pytest.fixture(scope="module")
def client(server: Server) -> TestClient:
    client = TestClient(server.app, "http://localhost:8000", raise_server_exceptions=False)
    _until_ready(client)
    return client


def _until_ready(client: TestClient) -> None:
    end = time.monotonic() + 60
    while not client.get("/map/ready").json():
        assert time.monotonic() < end
        time.sleep(0.05)


def tile(client: TestClient, level: int, x: int, y: int) -> tuple[int, np.ndarray, np.ndarray, np.ndarray]:
    """Songs in it, and rows, places and kinds of those that are shown, read as the page reads them."""
    content = client.get(f"/map/tiles/{level}/{x}/{y}", params={"state": STATE}).content
    total, n = np.frombuffer(content, "<u4", 2)
    assert len(content) == 8 + 9 * n
    places = np.frombuffer(content, "<u2", 2 * n, 8 + 4 * n).reshape(2, n).T
    return (
        int(total),
        np.frombuffer(content, "<u4", n, 8),
        places,
        np.frombuffer(content, np.uint8, n, 8 + 8 * n),
    )


def test_the_tiles_of_a_level_hold_every_song_once(client: TestClient) -> None:
    """At the deepest level, and of the others those that a sample is shown of say so."""
    rows, places, kinds = [], [], []
    wanted = np.delete(np.arange(SONGS), WITHDRAWN)
    side = WORLD >> DEEPEST
    turn = np.linspace(0, 2 * np.pi, SONGS - 1)
    where = (np.column_stack([np.cos(turn), np.sin(turn)]) * 5_000 + 32_768).astype(np.uint16)
    where[:1000] = 50_000
    for x, y in np.unique(where // side, axis=0).tolist():
        total, found, at, kind = tile(client, DEEPEST, x, y)
        assert total == len(found)
        assert (at // side == [x, y]).all()
        rows.append(found)
        places.append(at)
        kinds.append(kind)
    order = np.argsort(np.concatenate(rows))
    assert np.concatenate(rows)[order].tolist() == wanted.tolist()
    np.testing.assert_array_equal(np.concatenate(places)[order], where)
    new = np.concatenate(kinds)[order] >= NEW
    np.testing.assert_array_equal(new, wanted % 10 == 0)
    total, found, *_ = tile(client, 0, 0, 0)
    assert (total, len(found)) == (SONGS - 1, MOST_IN_TILE)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/map/tiles/9/0/0?state={STATE}", 404),
        (f"/map/tiles/2/4/0?state={STATE}", 404),
        (f"/map/tiles/2/0/-1?state={STATE}", 404),
        (f"/map/tiles/x/0/0?state={STATE}", 422),
        (f"/map/tiles/0/0/0?state={STATE}&kind=99", 422),
        ("/map/tiles/0/0/0", 422),
        ("/map/tiles/0/0/0?state=another", 409),
        ("/map/names?state=another", 409),
        (f"/map/song?state={STATE}&row={WITHDRAWN}", 404),
        (f"/map/song?state={STATE}&row={SONGS}", 404),
        (f"/map/song?state={STATE}&row=-1", 422),
        (f"/map/near?state={STATE}&x=nan&y=0&w=1&h=1", 422),
        (f"/map/near?state={STATE}&x=0&y=70000&w=1&h=1", 422),
    ],
)
def test_what_is_not_on_the_map_is_refused(client: TestClient, path: str, status: int) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_song_is_found_told_and_in_the_middle(client: TestClient) -> None:
    told = client.get("/map/song", params={"state": STATE, "row": 1500}).json()
    assert told["song_id"] == "song0001500"
    assert told["title"] == f"{HOSTILE} 1500"
    assert told["sound"] is False
    page = client.get("/map?song=song0001500").text
    assert 'data-row="1500"' in page
    assert page.index("song0001500") < page.index("song0001499")  # the nearest to the middle comes first
    assert page.count("<li class=") == 50
    found = client.get("/map/find", params={"state": STATE, "find": "1500 ARTIST"}).text
    assert found.count("<li>") == 1
    assert 'href="/map?song=song0001500"' in found
    near = client.get("/map/near", params={"state": STATE, "x": 50_000, "y": 50_000, "w": 3, "h": 3}).text
    assert "1,000 songs in view; the 50 nearest" in near


def test_texts_of_deliveries_are_escaped(client: TestClient) -> None:
    for path in (
        "/map",
        f"/map/near?state={STATE}&x=0&y=0&w=65536&h=65536",
        f"/map/find?state={STATE}&find=1500",
    ):
        content = client.get(path).text
        assert "alert(" in content
        assert HOSTILE not in content
    assert "<b>no</b>" not in client.get("/map", params={"song": "<b>no</b>"}).text
    assert client.get("/map", params={"song": "<b>no</b>"}).status_code == 200


def test_it_is_laid_out_once_for_a_state_and_kept(tmp_path: Path) -> None:
    snapshot = made_up(tmp_path, 40, 0)
    kept = tmp_path / KEPT / f"{snapshot.name}.npy"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"torn")
    (kept.parent / "of-a-state-before.npy").write_bytes(b"")
    client = TestClient(server_of(snapshot).app, "http://localhost:8000")
    assert "being laid out" in client.get("/map").text
    _until_ready(client)
    assert list(kept.parent.iterdir()) == [kept]
    before = np.load(kept)
    assert before.shape == (39, 2)
    np.save(kept, before[::-1])
    again = TestClient(server_of(snapshot).app, "http://localhost:8000")
    _until_ready(again)
    content = again.get("/map/tiles/0/0/0", params={"state": snapshot.name}).content
    found = np.frombuffer(content, "<u2", 78, 8 + 4 * 39).reshape(2, 39).T
    np.testing.assert_array_equal(found[np.argsort(np.frombuffer(content, "<u4", 39, 8))], before[::-1])


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDriver]:
    with started(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture(scope="module")
def address(server: Server, client: TestClient) -> Iterator[str]:
    with serving(server.app) as served:
        yield str(served.base_url)


def _look(driver: WebDriver, address: str, width: int, colours: str) -> None:
    """Open the map on a song, go about it by keys, pick a song, and see that nothing is amiss."""
    from selenium.webdriver.support.ui import WebDriverWait

    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    likes = [("prefers-color-scheme", colours), ("prefers-reduced-motion", "reduce")]
    features = [{"name": name, "value": value} for name, value in likes]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    driver.get(f"{address}/map?song=song0001500")
    wait = WebDriverWait(driver, 20)

    def seen() -> int:
        # in one step, as the list is replaced now and then
        return int(
            driver.execute_script("return document.querySelector('#map-list [data-songs]').dataset.songs")
        )

    wait.until(lambda _: driver.find_element("id", "map-card").is_displayed())
    assert driver.find_element("css selector", "#map-card a").text == f"{HOSTILE} 1500"
    wait.until(lambda _: 0 < seen() < 1000)
    close = seen()
    sky = driver.find_element("id", "sky")
    sky.send_keys("-")
    wait.until(lambda _: seen() > close)
    sky.send_keys("0")
    wait.until(lambda _: seen() == SONGS - 1)
    wait.until(lambda _: "zoom in" in driver.find_element("id", "map-shown").text)
    drawn = "const c = document.querySelector('#sky canvas'); return c.getContext('2d')"
    drawn += ".getImageData(0, 0, c.width, c.height).data.some(value => value)"
    assert driver.execute_script(drawn)
    driver.find_element("css selector", ".genres button").click()
    wait.until(lambda _: 0 < seen() < SONGS - 1)
    assert driver.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    assert findings(driver) == []
    assert [entry for entry in driver.get_log("browser") if "favicon" not in entry["message"]] == []


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_in_a_browser(browser: WebDriver, address: str) -> None:
    _look(browser, address, *LOOKS[1])


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_another_state_under_an_open_page(browser: WebDriver, tmp_path: Path) -> None:
    """Is laid out, and drawn, without a hand."""
    from selenium.webdriver.support.ui import WebDriverWait

    server = server_of(made_up(tmp_path, 40, 0))
    with serving(server.app) as client:
        browser.get(f"{client.base_url}/map")
        wait = WebDriverWait(browser, 30)
        wait.until(lambda seen: seen.find_elements("css selector", "#sky[data-state='made-up-40-0']"))
        server.live._snapshot = made_up(tmp_path, 40, 1)
        browser.find_element("id", "sky").send_keys("0")
        wait.until(lambda seen: seen.find_elements("css selector", "#sky[data-state='made-up-40-1']"))


@pytest.mark.soak
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
@pytest.mark.parametrize("look", LOOKS)
def test_in_a_browser_in_all_looks(browser: WebDriver, address: str, look: tuple[int, str]) -> None:
    _look(browser, address, *look)
