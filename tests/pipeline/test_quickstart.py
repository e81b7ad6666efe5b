"""`earshot quickstart` on a messy folder of music, in fresh clones: each of its cases, until it serves."""

from __future__ import annotations

import json
import signal
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from earshot.datasets.embedded.catalogue import MadeSong
from earshot.serve.address import read_address
from tests.pipeline.conftest import made_once
from tests.pipeline.messy_music import write_listens, write_messy_folder
from tests.pipeline.workspace import SMALL, Workspace, clone

N_SONGS = 36


@pytest.fixture(scope="session")
def messy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`music`, and `one.jsonl`, what one listener has heard of it."""

    def make(folder: Path) -> None:
        write_listens(folder / "one.jsonl", write_messy_folder(folder / "music", N_SONGS), 1)

    return made_once(tmp_path_factory, "messy", make)


@contextmanager
def quickstart(workspace: Workspace, *arguments: str) -> Iterator[str]:
    """Its output, once it serves; ended as by Ctrl-C."""
    log = workspace.root / "log.txt"
    log.unlink(missing_ok=True)
    process = workspace.start("python", "-m", "earshot", "quickstart", *arguments, "--port", "0")
    try:
        while "earshot serves" not in (said := log.read_text()):
            assert process.poll() is None, said
            time.sleep(0.2)
        yield said
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) is not None


def ask(workspace: Workspace, path: str, **query: object) -> dict[str, Any]:
    """An answer of its server, which may be a moment in coming."""
    address, until = read_address(workspace.root), time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(f"{address}/{path}?{urlencode(query)}") as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except OSError:
            assert time.monotonic() < until
            time.sleep(0.2)


@pytest.mark.soak
def test_sound_alone_and_one_listener_too_few_to_learn_from(messy: Path, tmp_path: Path) -> None:
    workspace = clone(tmp_path / "workspace")
    with quickstart(workspace, str(messy / "music")) as said:
        assert f"there is: {N_SONGS + 9} files of music" in said
        assert "there is not: a listening history" in said
        assert "songs are served by their sound alone" in said
        assert f": songs {N_SONGS}, listeners 0\n" in said  # three files are no music
        song = ask(workspace, "api/v1/songs", q="again", k=1)["rows"][0]["song_id"]
        found = ask(workspace, "api/v1/similar", song=song, k=5)
        assert found["release"].startswith("sound:")
        assert len(found["rows"]) == 5
        heard = workspace.earshot("similar", str(next((messy / "music").rglob("*.flac"))), "--json")
        assert json.loads(heard)[0]["cosine"] == pytest.approx(1, abs=1e-4)
    refused = workspace.earshot("quickstart", str(messy / "music"), "--release", "any", succeeds=False)
    assert "places listeners by their plays; there are none: wanted --listens EXPORT" in refused
    with quickstart(workspace, str(messy / "music"), "--listens", str(messy / "one.jsonl")) as said:
        assert "read: 39 songs" not in said  # what was taken in is not read again
        assert "1 listener is too few to learn from" in said
        assert ask(workspace, "api/v1/health")["release"].startswith("sound:")


@pytest.mark.soak
def test_one_listener_with_a_shared_release(messy: Path, finished: Workspace, tmp_path: Path) -> None:
    file, words = str(tmp_path / "shared.zip"), ("--data", "made up", "--licence", "CC0")
    name = json.loads((finished.root / "releases" / "current.json").read_text())["release"]
    finished.earshot("release", "share", name, file, *words)
    workspace = clone(tmp_path / "workspace")
    listens = ("--listens", str(messy / "one.jsonl"))
    with quickstart(workspace, str(messy / "music"), *listens, "--release", file, "--yes") as said:
        assert "made up" in said  # the model card
        (user,) = (row["user_id"] for row in ask(workspace, "api/v1/users", q="")["rows"])
        found = ask(workspace, "api/v1/recommend", user=user, k=10)
        assert len(found["rows"]) == 10
        assert not found["release"].startswith("sound:")
    told = workspace.run(
        *("python", "-m", "earshot", "quickstart", str(messy / "music"), "--release", file), succeeds=False
    )
    assert "not taken in" in told or "Aborted" in told  # nobody answers


@pytest.mark.soak
def test_many_listeners_get_a_model_of_their_own(tmp_path: Path) -> None:
    # of fewer songs listeners would have played so many that nothing but popularity is left to be heard
    songs: list[MadeSong] = write_messy_folder(tmp_path / "music", 600)
    write_listens(tmp_path / "listens.jsonl", songs, 500)
    workspace = clone(tmp_path / "workspace", SMALL)
    listens = ("--listens", str(tmp_path / "listens.jsonl"))
    with quickstart(workspace, str(tmp_path / "music"), *listens) as said:
        assert "a model learns from" in said
        user = ask(workspace, "api/v1/users", q="")["rows"][0]["user_id"]
        assert len(ask(workspace, "api/v1/recommend", user=user, k=10)["rows"]) == 10
