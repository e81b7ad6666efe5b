"""What is served changes whole: under load, at a kill, and where what comes next cannot be read."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from fastapi.testclient import TestClient

from earshot.queries.served import read_served
from earshot.serve.app import Server, make_server
from earshot.serve.live import Live
from earshot.serve.problems import Refused
from earshot.serve.safety import Settings
from earshot.versioning import cache_path
from tests.releases.conftest import copy
from tests.releases.tiny_workspace import Repository


@pytest.fixture
def second(second_release: Repository, tmp_path: Path) -> Repository:
    return copy(second_release, tmp_path)


def state_of(repository: Repository, commit: str) -> bytes:
    """dvc.lock as it was committed."""
    return repository.run("git", "show", f"{commit}:dvc.lock").encode()


def put(root: Path, lock: bytes) -> None:
    """As DVC leaves it to others: here by rename, so that nobody reads half of it."""
    (root / "beside").write_bytes(lock)
    (root / "beside").replace(root / "dvc.lock")


@contextmanager
def served(root: Path) -> Iterator[tuple[Server, TestClient]]:
    server = make_server(root, Settings(rate=1e6, burst=1e6))
    with TestClient(server.app, "http://localhost:8000") as client:
        yield server, client


def wait_until(true: Any) -> None:
    until = time.monotonic() + 60
    while not true():
        assert time.monotonic() < until
        time.sleep(0.05)


def expected(root: Path, user: str) -> dict[str, Any]:
    """Scores of all songs for a listener by the state that dvc.lock names, in plain numpy."""
    state = read_served(root)
    vectors, (row,) = state.vectors("item_factors.npy"), np.flatnonzero(state.user_ids == user)
    scores = vectors.astype(float) @ state.vectors("user_factors.npy")[row].astype(float)
    return {"release": state.release, "scores": dict(zip(state.song_ids, scores, strict=True))}


WISHES = ("", "&max_per_artist=1")
"""A list that was made ahead, and one that is made now."""


def test_an_answer_is_of_one_release_while_another_takes_its_place(second: Repository) -> None:
    first, last = state_of(second, "HEAD~1"), (second.root / "dvc.lock").read_bytes()
    put(second.root, first)
    states = [expected(second.root, "u007")]
    put(second.root, last)
    states.append(expected(second.root, "u007"))
    by_release = {state["release"]: state["scores"] for state in states}
    assert len(by_release) == 2
    put(second.root, first)
    answers: list[dict[str, Any]] = []
    with served(second.root) as (server, client):
        ended = threading.Event()

        def ask() -> None:
            while not ended.is_set():
                answers.extend(client.get(f"/api/v1/recommend?user=u007&k=9{more}").json() for more in WISHES)

        askers = [threading.Thread(target=ask) for _ in range(3)]
        for asker in askers:
            asker.start()
        for lock in (last, first, last):
            before = len(answers)
            put(second.root, lock)
            wait_until(lambda lock=lock: server.live.health().release == yaml_release(second.root))
            wait_until(lambda before=before: len(answers) > before + 20)
        ended.set()
        for asker in askers:
            asker.join()
    assert {answer["release"] for answer in answers} == set(by_release)
    for answer in answers:
        scores = by_release[answer["release"]]
        assert len(answer["rows"]) == 9
        for row in answer["rows"]:
            assert row["release"] == answer["release"]
            assert row["score"] == pytest.approx(scores[row["song_id"]], rel=1e-5)
    assert answers[-1]["release"] == states[1]["release"]


def yaml_release(root: Path) -> str:
    return read_served(root).release


def object_of(root: Path, stage: str, name: str) -> Path:
    return read_served(root).file(stage, name)


@pytest.mark.parametrize(
    ("stage", "name"),
    [
        ("served_factors", "item_factors.npy"),
        ("served_factors", "items.parquet"),
        ("recommendations", "recommendations.parquet"),
        ("play_counts", "plays.parquet"),
        ("raw_audio", "songs.parquet"),
    ],
)
@pytest.mark.parametrize("fault", ["a byte", "half", "gone"])
def test_what_cannot_be_read_leaves_the_last_state(
    second: Repository, stage: str, name: str, fault: str
) -> None:
    first, last = state_of(second, "HEAD~1"), (second.root / "dvc.lock").read_bytes()
    files = dict.fromkeys((first, last))
    for lock in files:
        put(second.root, lock)
        files[lock] = object_of(second.root, stage, name)
    put(second.root, first)
    live = Live(second.root)
    live.refresh()
    before = live.snapshot()
    shared = files[first] == files[last]  # as the song table is: then what is in memory is enough
    spoil(files[last], fault)
    put(second.root, last)
    live.refresh()
    assert live.trouble is not None
    assert f"data/{stage}/{name}" in live.trouble
    assert live.snapshot() is before
    assert live.health().status == "stale"
    if not shared:
        put(second.root, first)
        live.refresh()
        assert live.trouble is None
        assert live.snapshot().release == before.release


def spoil(file: Path | None, fault: str) -> None:
    assert file is not None
    content = file.read_bytes()
    file.unlink()
    if fault == "a byte":
        place = len(content) // 2
        file.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    elif fault == "half":
        file.write_bytes(content[: len(content) // 2])


def test_until_something_is_served_every_answer_says_so(second: Repository) -> None:
    lock = (second.root / "dvc.lock").read_bytes()
    (second.root / "dvc.lock").unlink()
    with served(second.root) as (_, client):
        answer = client.get("/api/v1/recommend?user=u007")
        assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
        assert answer.headers["retry-after"]
        assert "nothing is served yet" in answer.json()["detail"]
        assert client.get("/api/v1/health").json()["status"] == "nothing served"
        put(second.root, lock)
        wait_until(lambda: client.get("/api/v1/health").json()["status"] == "ok")
        assert client.get("/api/v1/recommend?user=u007").status_code == 200


def test_vectors_and_lists_of_two_releases_are_never_served(second: Repository) -> None:
    """As while DVC makes the second of the two."""
    first, last = (
        yaml.safe_load(text) for text in (state_of(second, "HEAD~1"), (second.root / "dvc.lock").read_bytes())
    )
    last["stages"]["recommendations"] = first["stages"]["recommendations"]
    put(second.root, yaml.safe_dump(last).encode())
    live = Live(second.root)
    live.refresh()
    with pytest.raises(Refused) as refused:
        live.snapshot()
    assert refused.value.status == 503
    assert "of release" in str(live.trouble)


def test_a_folder_of_the_cache_that_is_lost_is_told(second: Repository) -> None:
    lock = yaml.safe_load((second.root / "dvc.lock").read_bytes())
    md5 = lock["stages"]["served_factors"]["outs"][0]["md5"]
    cache_path(second.root / ".dvc" / "cache" / "files" / "md5", md5).unlink()
    live = Live(second.root)
    live.refresh()
    assert "not in DVC's cache" in str(live.trouble)
    shutil.rmtree(second.root)
    live.refresh()
    assert live.trouble is not None
