"""A dvc.lock cut at any byte, and a cut rwlock, are mended; what git holds is left alone."""

import subprocess
from pathlib import Path

import pytest

from earshot.files import parse_yaml
from earshot.versioning import keep_lockfile, repair

LOCK = """schema: '2.0'
stages:
  raw_audio:
    cmd: PYTHONPATH=src python -m earshot stage raw_audio
    deps:
    - path: data/deliveries/index.csv
      hash: md5
      md5: fc97f81c421bc406a27b1a1c0eb69c10
      size: 23
    outs:
    - path: data/raw_audio
      hash: md5
      md5: 8e3b72f7e9081a99285afcaf39bc0c9d.dir
      size: 115
      nfiles: 2
  play_counts:
    cmd: PYTHONPATH=src python -m earshot stage play_counts
    outs:
    - path: data/play_counts
      hash: md5
      md5: 1e3b72f7e9081a99285afcaf39bc0c9d.dir
      size: 115
"""


def versions(text: str) -> dict[str, str]:
    stages = parse_yaml(text)["stages"]
    return {name: stage["outs"][0]["md5"] for name, stage in stages.items()}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / ".dvc" / "tmp").mkdir(parents=True)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / "dvc.lock").write_text(LOCK)
    keep_lockfile(tmp_path)
    return tmp_path


def test_a_lock_cut_at_any_byte_loses_no_stage(workspace: Path) -> None:
    for end in range(len(LOCK)):
        (workspace / "dvc.lock").write_text(LOCK[:end])
        repair(workspace, print)
        assert versions((workspace / "dvc.lock").read_text()) == versions(LOCK), f"cut at {end}"


def test_a_whole_lock_is_left_alone_and_kept(workspace: Path) -> None:
    said: list[str] = []
    newer = LOCK.replace("8e3b", "ffff")
    (workspace / "dvc.lock").write_text(newer)
    repair(workspace, said.append)
    assert (workspace / "dvc.lock").read_text() == newer
    assert said == []


def test_a_lock_that_git_holds_is_whole_by_definition(workspace: Path) -> None:
    shorter = LOCK[: LOCK.index("  play_counts")]
    (workspace / "dvc.lock").write_text(shorter)
    subprocess.run(["git", "add", "dvc.lock"], cwd=workspace, check=True)
    identity = ["-c", "user.name=n", "-c", "user.email=e@x"]
    subprocess.run(["git", *identity, "commit", "-qm", "m"], cwd=workspace, check=True)
    repair(workspace, print)
    assert (workspace / "dvc.lock").read_text() == shorter


def test_a_cut_lock_without_a_copy_is_removed_and_said(workspace: Path) -> None:
    said: list[str] = []
    (workspace / ".earshot" / "dvc.lock").unlink()
    (workspace / "dvc.lock").write_text(LOCK[:100])
    repair(workspace, said.append)
    assert not (workspace / "dvc.lock").exists()
    assert (workspace / ".earshot" / "dvc.lock.cut").read_text() == LOCK[:100]
    assert "all its stages will run again" in said[0]


@pytest.mark.parametrize("content", ["", '{"write": {'])
def test_a_cut_rwlock_is_removed(workspace: Path, content: str) -> None:
    rwlock = workspace / ".dvc" / "tmp" / "rwlock"
    rwlock.write_text(content)
    repair(workspace, print)
    assert not rwlock.exists()
    rwlock.write_text('{"write": {}, "read": {}}')
    repair(workspace, print)
    assert rwlock.exists()
