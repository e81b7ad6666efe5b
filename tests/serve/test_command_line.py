"""`earshot serve`, and commands that ask it: the same rows, sooner, of this workspace and no other."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from earshot.errors import UserError
from earshot.serve.client import SOCKET, ask_server
from tests.releases.conftest import copy
from tests.releases.tiny_workspace import PROJECT, Repository


@pytest.fixture
def repository(first_release: Repository, tmp_path: Path) -> Repository:
    return copy(first_release, tmp_path)


@contextmanager
def running(root: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`earshot serve` in a process of its own, and its address."""
    # the encoder of the tiny world is one of the tests
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(PROJECT / "src"), str(PROJECT)])}
    command = [sys.executable, "-m", "earshot", "serve", "--port", "0"]
    server = subprocess.Popen(command, cwd=root, env=environment, stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    try:
        told = server.stderr.readline()
        assert " at http://127.0.0.1:" in told, told
        address = told.partition(" at ")[2].partition(";")[0]
        until = time.monotonic() + 60
        while b'"ok"' not in urllib.request.urlopen(f"{address}/api/v1/health").read():
            assert time.monotonic() < until
            time.sleep(0.1)
        yield server, address
    finally:
        server.kill()
        server.wait()
        server.stderr.close()


def test_commands_ask_the_server_and_say_the_same(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = [
        ("recommend", "u007", "-k", "3"),
        ("recommend", "u007", "--new", "--json"),
        ("similar", "s000", "--csls"),
        ("listeners", "s092"),
        ("songs", "jazz"),
        ("users", "u00"),
        ("explain", "u007", "s092", "-k", "2"),
        ("explain", "u007", "s092", "--windows", "--json"),
    ]
    alone = [repository.earshot(*command) for command in commands]
    with running(repository.root) as (server, _):
        mode = (repository.root / SOCKET).stat().st_mode
        assert stat.S_ISSOCK(mode)
        assert stat.S_IMODE(mode) == 0o600
        # what answers now reads nothing of DVC's
        (repository.root / "dvc.lock").rename(repository.root / "elsewhere")
        assert [repository.earshot(*command) for command in commands] == alone
        with pytest.raises(UserError, match="user 'nobody' has no plays"):
            repository.earshot("recommend", "nobody")
        with pytest.raises(UserError, match="nothing is served yet"):  # more than a server gives
            repository.earshot("recommend", "u007", "-k", "5000")
        (repository.root / "elsewhere").rename(repository.root / "dvc.lock")

        moved = repository.root.rename(repository.root.with_name("moved"))
        assert ask_server(moved, "songs", {"q": "jazz", "k": 1}) is None  # it serves what stood elsewhere
        moved.rename(repository.root)
        assert ask_server(repository.root, "songs", {"q": "jazz", "k": 1}) is not None

        server.send_signal(signal.SIGKILL)
        server.wait()
        assert (repository.root / SOCKET).exists()
        assert [repository.earshot(*command) for command in commands] == alone
    with running(repository.root) as (server, _):  # in the place of what the killed one left
        assert repository.earshot(*commands[0]) == alone[0]
        second = subprocess.run(
            [sys.executable, "-m", "earshot", "serve", "--port", "0"],
            cwd=repository.root,
            env={**os.environ, "PYTHONPATH": str(PROJECT / "src")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert second.returncode == 1
        assert "is served already, by PID" in second.stderr
        server.terminate()
        assert server.wait(20) == 0
    assert json.loads(repository.earshot("songs", "jazz", "--json"))


def test_an_address_that_others_reach_wants_a_key(repository: Repository) -> None:
    (repository.root / ".earshot" / "keys.json").unlink(
        missing_ok=True
    )  # of other tests of the first release
    command = [sys.executable, "-m", "earshot", "serve", "--host", "0.0.0.0", "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT / "src")}
    ended = subprocess.run(
        command, cwd=repository.root, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode == 1
    assert "there is no key yet; `earshot key add NAME` makes one" in ended.stderr


def test_a_list_is_written_as_a_playlist(repository: Repository) -> None:
    rows = json.loads(repository.earshot("recommend", "u007", "-k", "4", "--json"))
    told = repository.earshot("recommend", "u007", "-k", "4", "--playlist", "mine.jspf")
    assert told == "mine.jspf: 4 songs\n"
    playlist = json.loads((repository.root / "mine.jspf").read_text())["playlist"]
    assert [track["title"] for track in playlist["track"]] == [row["title"] for row in rows]
    (extension,) = playlist["extension"].values()
    assert extension["additional_metadata"]["algorithm_metadata"]["release"] == rows[0]["release"]
    with pytest.raises(UserError, match=r"none of 4 songs has a path in the music folder"):
        repository.earshot("recommend", "u007", "-k", "4", "--playlist", "mine.m3u8")
    with pytest.raises(UserError, match=r"mine\.txt: wanted a name that ends in \.m3u8, \.xspf, \.jspf"):
        repository.earshot("recommend", "u007", "--playlist", "mine.txt")
    assert not (repository.root / "mine.m3u8").exists()
