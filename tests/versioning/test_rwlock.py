"""DVC's rwlock: a dead holder's entry goes, whoever has its PID now; a living one's stays."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from earshot.versioning import repair, writers

SLEEPS = "import time; print('up', flush=True); time.sleep(60)"


@pytest.fixture
def rwlock(tmp_path: Path) -> Path:
    (tmp_path / ".dvc" / "tmp").mkdir(parents=True)
    return tmp_path / ".dvc" / "tmp" / "rwlock"


@pytest.fixture
def python() -> Iterator[int]:
    """PID of another Python."""
    with subprocess.Popen([sys.executable, "-c", SLEEPS], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.kill()


def write(rwlock: Path, pid: int, seconds_ago: float = 0.0) -> None:
    held = {"pid": pid, "cmd": "dvc repro"}
    rwlock.write_text(json.dumps({"write": {"/data/a": held}, "read": {"/data/b": [held, held]}}))
    moment = time.time() - seconds_ago
    os.utime(rwlock, (moment, moment))


def held(rwlock: Path, said: list[str]) -> bool:
    root = rwlock.parents[2]
    writing = "/data/a" in writers(root)
    repair(root, said.append)
    content = json.loads(rwlock.read_text())
    assert set(content["write"]) == ({"/data/a"} if writing else set())
    assert set(content["read"]) == ({"/data/b"} if writing else set())
    return writing


def test_a_living_python_that_started_before_keeps_its_locks(rwlock: Path, python: int) -> None:
    said: list[str] = []
    write(rwlock, python)
    assert held(rwlock, said)
    write(rwlock, os.getpid())
    assert held(rwlock, said)
    assert said == []


def test_a_pid_that_was_given_anew_holds_nothing(rwlock: Path, python: int) -> None:
    said: list[str] = []
    write(rwlock, python, seconds_ago=3600)
    assert not held(rwlock, said)
    assert said == [f".dvc/tmp/rwlock: 'dvc repro' (PID {python}) is gone: its locks are removed"]


def test_a_program_that_is_no_python_holds_nothing_whenever_it_started(rwlock: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as program:
        write(rwlock, program.pid)
        assert not held(rwlock, [])
        program.kill()


def test_a_process_that_waits_to_be_buried_holds_nothing(rwlock: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "pass"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.read()  # until it has closed it, by ending
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        write(rwlock, process.pid)
        assert not held(rwlock, [])


def test_what_is_no_rwlock_is_removed(rwlock: Path) -> None:
    for content in (b"", b'{"write": {', b'{"write": []}', b"[]", b"\xff"):
        rwlock.write_bytes(content)
        repair(rwlock.parents[2], lambda _: None)
        assert not rwlock.exists()
