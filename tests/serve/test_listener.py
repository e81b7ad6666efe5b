"""A listener's page: the list as asked for, why it is so, and whose it may be."""

from __future__ import annotations

import re
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from earshot.catalogue.play_counts import read_play_counts
from earshot.queries.explain import Explaining, SoundWindow
from earshot.queries.listener import about_listener
from earshot.serve.app import Server
from earshot.serve.pages.why import bars_of, window_bars
from earshot.serve.snapshot import take_snapshot
from tests.chromium import CHROMIUM, findings, look_at, started
from tests.releases.tiny_workspace import GENRES, Repository
from tests.serve.serving import serving

PAGES = ["/listeners?q=u00", "/listener?user=u007", "/listener/why?user=u007&song=s092", "/login"]


def test_what_was_played_most_is_counted(first_release: Repository) -> None:
    plays = read_play_counts(first_release.root / "data" / "play_counts")
    about = about_listener(Explaining.of(take_snapshot(first_release.root)), "u031")
    counts = plays.matrix.toarray()[list(plays.user_ids).index("u031")]
    assert about.n_songs == np.count_nonzero(counts)
    assert [song["play_count"] for song in about.most_played] == sorted(counts[counts > 0], reverse=True)[:12]
    for song in about.most_played:
        assert counts[list(plays.song_ids).index(song["song_id"])] == song["play_count"]
    played = [int(song[1:]) for song in plays.song_ids[counts > 0]]
    genres = Counter(genre for n in played for genre in GENRES[n % len(GENRES)].split(";"))
    assert dict(about.genres) == genres


def test_bars_follow_one_another_from_nothing_to_the_score() -> None:
    shares = [4.0, 3.0, 2.0, *[0.5] * 7, *[-0.5] * 4, -1.0]
    plays = [{"song_id": f"s{n}", "share": share} for n, share in enumerate(shares)]
    bars = bars_of(plays)
    # all that speaks for it is 12.5, which is the whole width
    assert [bar.n_plays for bar in bars] == [1] * 8 + [4] + [1] * 3
    assert [bar.share for bar in bars] == [4, 3, 2, 0.5, 0.5, 0.5, 0.5, 0.5, 0.0, -0.5, -0.5, -1]
    assert [bar.left for bar in bars][:4] == pytest.approx([0, 32, 56, 72])
    assert [bar.width for bar in bars][-3:] == pytest.approx([4, 4, 8])
    assert bars[-1].left == pytest.approx(100 * sum(shares) / 12.5)
    against = bars_of([{"song_id": "s", "share": 1.0}, {"song_id": "t", "share": -2.0}])
    assert [x for bar in against for x in (bar.left, bar.width)] == pytest.approx([50, 50, 0, 100])


def test_windows_that_speak_for_a_song_stand_above_the_middle() -> None:
    windows = [SoundWindow(0, 3, 0.6, 1.0), SoundWindow(3, 6, 1.2, 1.0), SoundWindow(6, 9, 1.0 - 1e-9, 1.0)]
    found = [(bar.top, bar.height) for bar in window_bars(windows)]
    assert np.array(found) == pytest.approx(np.array([(0, 50), (50, 25), (50, 0)]))


def listed(page: str) -> list[str]:
    return re.findall(r'<h3>\n?<a href="/song\?song=(s\d+)">', page)


def test_switches_choose_as_the_api_does(client: TestClient) -> None:
    queries = ({}, {"new": "true"}, {"max_per_artist": "1"}, {"genre": "JAZZ", "max_per_artist": "2"})
    for query in (*queries, {"less_famous": "true"}):
        rows = client.get("/api/v1/recommend", params={"user": "u007", "k": 20, **query}).json()["rows"]
        # a form sends what is empty too
        form = {"user": "u007", "genre": "", "max_per_artist": "", "again_after": "", **query}
        shown = client.get("/listener", params=form).text
        assert listed(shown) == [row["song_id"] for row in rows]
        assert shown.count('<span class="new">') == sum(row["cold"] for row in rows)
        export = re.findall(r'href="(/api/v1/recommend[^"]*format=json)"', shown)[0].replace("&amp;", "&")
        assert client.get(export).json()["rows"][: len(rows)] == rows
    assert "must be one of jazz, rare, rock" in client.get("/listener?user=u007&genre=polka").text
    assert client.get("/listener?user=nobody").status_code == 404
    assert client.get("/listener", follow_redirects=False).headers["location"] == "/listeners"
    assert client.get("/listener?user=u007&max_per_artist=0").status_code == 422


def test_more_songs_come_on_demand(client: TestClient) -> None:
    every = client.get("/api/v1/recommend?user=u007&k=1000").json()["rows"]
    shown = client.get("/listener?user=u007").text
    while "More songs" in shown:
        more = re.findall(r'<a href="([^"]*)"[^>]*>More songs', shown)[0].replace("&amp;", "&")
        shown = client.get(more).text
    assert listed(shown) == [row["song_id"] for row in every]


def test_a_key_of_a_listener_shows_that_page_and_no_other(client: TestClient, server: Server) -> None:
    key = {"X-Api-Key": server.keys.add("page", "listener", "u007")}
    try:
        assert "<h1>u007</h1>" in client.get("/listener", headers=key).text
        assert client.get("/listener?user=u008", headers=key).status_code == 403
        assert client.get("/listeners", headers=key).status_code == 403
    finally:
        server.keys.revoke("page")


def test_texts_stay_texts(own_client: TestClient, own_server: Server) -> None:
    served = own_server.live.snapshot()
    served.columns["title"][:] = "<script>alert(1)</script>"
    for page in ("/listener?user=u007", "/listener/why?user=u007&song=s092", "/anybody?song=s000&q=s0"):
        shown = own_client.get(page).text
        assert "&lt;script&gt;alert(1)" in shown
        assert "<script>alert" not in shown
    assert "<b>" not in own_client.get("/listeners?q=<b>").text


def test_a_key_typed_into_the_form_gives_a_session(own_client: TestClient, own_server: Server) -> None:
    assert 'name="key"' in own_client.get("/login").text
    wrong = own_client.post("/login", data={"key": "nobody's"}, headers={"Accept": "text/html"})
    assert (wrong.status_code, "no key of this server" in wrong.text) == (403, True)
    key = own_server.keys.add("form", "operator")
    own_client.post("/login", data={"key": key})
    assert "End this session, form" in own_client.get("/listeners").text
    own_server.keys.revoke("form")


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_in_a_browser_reasons_unfold_in_their_place(own_server: Server, tmp_path: Path) -> None:
    with serving(own_server.app, lifespan="on") as client, started(tmp_path) as driver:
        driver.get(f"{client.base_url}/listener?user=u007")
        driver.find_element("css selector", "input[name=new]").click()
        deadline = time.monotonic() + 60
        while "new=true" not in driver.current_url:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        summary = driver.find_element("css selector", ".why summary")
        summary.send_keys("\ue007")  # Enter
        while not driver.find_elements("css selector", ".why .window"):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert len(driver.find_elements("css selector", ".why .shares tbody tr")) > 1
        first, second = driver.find_elements("css selector", ".window")[:2]
        driver.execute_script("arguments[0].focus()", first)
        first.send_keys("\ue014")  # the right arrow
        assert driver.switch_to.active_element == second
        assert findings(driver) == []
        assert driver.get_log("browser") == []


@pytest.mark.soak
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_pages_wide_and_narrow_light_and_dark(own_server: Server, tmp_path: Path) -> None:
    with serving(own_server.app, lifespan="on") as client, started(tmp_path) as driver:
        look_at(
            driver, [f"{client.base_url}{page}" for page in (*PAGES, "/anybody?song=s000&song=s010&q=a01")]
        )
