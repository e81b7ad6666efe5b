"""Songs without any plays: what is asked of their sound is answered, and what needs plays says so."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from earshot.errors import UserError
from earshot.extraction.statistics import row_statistics
from earshot.queries import answers
from earshot.queries.served import read_served
from earshot.queries.sonic import Sonic
from earshot.queries.sound_alone import KEPT
from earshot.serve.app import make_server
from earshot.serve.safety import Settings
from earshot.store.reader import HyperImageStore
from tests.releases.conftest import copy
from tests.releases.tiny_workspace import N_SONGS, WITHDRAWN, Repository, write_repository

pytestmark = pytest.mark.slow
RELEASE = "sound:key-1"
NEEDS = "needs plays, and none are served: songs are placed by their sound alone"


@pytest.fixture(scope="module")
def unplayed(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A workspace in which songs were heard, and no more."""
    repository = write_repository(tmp_path_factory.mktemp("unplayed") / "workspace")
    repository.repro("--single-item", "raw_audio")
    repository.repro("--single-item", "hyper_images")
    return repository


@pytest.fixture(scope="module")
def asking(unplayed: Repository) -> Iterator[TestClient]:
    server = make_server(unplayed.root, Settings(rate=1e6, burst=1e6))
    with TestClient(server.app, "http://localhost:8000") as client:
        yield client


def plain_cosines(root: Path) -> tuple[list[str], np.ndarray]:
    """(n, n), of the standardized statistics of the songs."""
    store = HyperImageStore.open(root / "data" / "hyper_images")
    ids = store.songs["song_id"].tolist()
    numbers = np.array([row_statistics(store.frames(n)).ravel() for n in range(len(ids))], dtype=float)
    numbers = (numbers - numbers.mean(axis=0)) / numbers.std(axis=0)
    numbers /= np.linalg.norm(numbers, axis=1, keepdims=True)
    return ids, numbers @ numbers.T


def test_the_nearest_are_those_of_the_statistics_and_name_what_they_are_of(unplayed: Repository) -> None:
    served = read_served(unplayed.root)
    ids, cosines = plain_cosines(unplayed.root)
    for song in ("s000", "s040", "s095"):
        found = answers.similar(served, song, 5)
        mine = cosines[ids.index(song)].copy()
        mine[[ids.index(song), ids.index(WITHDRAWN)]] = -2
        best = np.argsort(-mine)[:5]
        assert [row["song_id"] for row in found] == [ids[n] for n in best]
        assert [row["cosine"] for row in found] == pytest.approx(mine[best], abs=1e-5)
        assert {(row["by"], row["release"]) for row in found} == {("sound", RELEASE)}


def test_anybody_gets_a_list_and_a_path_leads_from_song_to_song(unplayed: Repository) -> None:
    served = read_served(unplayed.root)
    ids, cosines = plain_cosines(unplayed.root)
    liked = ["s000", "s041"]
    found = answers.recommend_to_somebody(served, liked, 10)
    rows = [ids.index(song) for song in liked]
    middle = cosines[rows].sum(axis=0)
    middle[[*rows, ids.index(WITHDRAWN)]] = -9
    assert [row["song_id"] for row in found] == [ids[n] for n in np.argsort(-middle)[:10]]
    path = Sonic.of(served).path("s000", "s041", 6)
    assert path[0].song_id == "s000"
    assert path[-1].song_id == "s041"
    steps = [cosines[ids.index(one.song_id), ids.index(other.song_id)] for one, other in pairwise(path)]
    assert min(steps) >= cosines[rows[0], rows[1]] - 1e-5


def test_the_command_line_answers_or_says_why_not(unplayed: Repository) -> None:
    assert RELEASE in unplayed.earshot("similar", "s000")
    assert RELEASE in unplayed.earshot("similar", "s000", "--csls")
    assert "Title s000" in unplayed.earshot("songs", "title s000")
    for question in (
        ("recommend", "u001"),
        ("recommend", "u001", "--new"),
        ("listeners", "s000"),
        ("users", "u"),
        ("explain", "u001", "s000"),
    ):
        with pytest.raises(UserError, match=f"{NEEDS} [(]{RELEASE}[)]; `earshot quickstart FOLDER --listens"):
            unplayed.earshot(*question)
    with pytest.raises(UserError, match="sound:key-1 is of another feature key than"):
        unplayed.earshot("similar", "made/music/audio/one.wav")


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/", "No model serves: these are all songs"),
        ("/songs?q=title", "Title s000"),
        ("/song?song=s000", "The statistics of both hyper-images."),
        ("/compare?song=s000&song=s001", "Title s001"),
        ("/listeners", "No model serves, so there are no listeners"),
        ("/anybody?song=s000&song=s040", "By sound alone"),
        ("/map", "Map"),
        ("/models", "There is no model"),
        ("/versus", "Release"),
        ("/arrivals/export?format=csv", "songs_like_it_in_training"),
    ],
)
def test_pages(asking: TestClient, path: str, told: str) -> None:
    answer = asking.get(path, headers={"accept": "text/html"})
    assert answer.status_code == 200, answer.text
    assert told in answer.text


def test_arrivals_have_neighbours_that_are_not_themselves(asking: TestClient) -> None:
    rows = asking.get("/arrivals/export?format=json").json()["rows"]
    assert len(rows) == 20
    assert all(len(row["nearest"].split(";")) == 3 for row in rows)
    assert all(row["song_id"] not in row["nearest"] for row in rows)
    assert "would_like" not in rows[0]


def test_programs_and_players(asking: TestClient) -> None:
    for path in ("recommend?user=u001", "listeners?song=s000", "users?q=u", "explain?user=u001&song=s000"):
        answer = asking.get(f"/api/v1/{path}")
        assert answer.status_code == 404
        assert NEEDS in answer.json()["detail"]
    assert asking.get("/api/v1/similar?song=s000").json()["release"] == RELEASE
    assert asking.get("/api/v1/health").json()["status"] == "ok"
    for path in (
        "getSonicSimilarTracks?id=s000",
        "findSonicPath?startSongId=s000&endSongId=s040",
        "getSimilarSongs2?id=s000",
        "getTopSongs?artist=Artist a01",
        "getAlbumList2?type=frequent",
        "getRandomSongs?size=3",
    ):
        answer = asking.get(f"/rest/{path}&f=json").json()["subsonic-response"]
        assert answer["status"] == "ok", answer


def test_what_was_described_before_is_not_described_again(unplayed: Repository) -> None:
    before = read_served(unplayed.root)
    kept = unplayed.root / KEPT
    files = {path: path.stat().st_mtime_ns for path in (kept / "statistics").iterdir()}
    assert len(files) == 4  # shards
    (made,) = (path for path in kept.iterdir() if path.name != "statistics")
    vectors = before.vectors("item_factors.npy")
    with subprocess.Popen(["true"]) as ended:
        made.rename(kept / f".{ended.pid}")  # as a process leaves it that is killed before the rename
    again = read_served(unplayed.root)
    assert np.array_equal(again.vectors("item_factors.npy"), vectors)
    assert {path: path.stat().st_mtime_ns for path in (kept / "statistics").iterdir()} == files
    assert sorted(path.name for path in kept.iterdir()) == sorted(["statistics", made.name])
    assert len(again.song_ids) == N_SONGS
    assert again.space.kind == "sound"


def test_a_release_takes_its_place(unplayed: Repository, tmp_path: Path) -> None:
    repository = copy(unplayed, tmp_path)
    repository.repro()
    served = read_served(repository.root)
    assert served.release == repository.pointer()["release"]
    assert not served.by_sound
