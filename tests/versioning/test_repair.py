"""A dvc.lock cut anywhere, and a cut rwlock, are mended; what git holds is left alone."""

import os
import subprocess
from pathlib import Path

import pytest

from earshot.errors import UserError
from earshot.files import parse_yaml
from earshot.versioning import add_object, keep_lockfile, read_lock, repair

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


def commit(workspace: Path) -> None:
    subprocess.run(["git", "add", "dvc.lock"], cwd=workspace, check=True)
    identity = ["-c", "user.name=n", "-c", "user.email=e@x"]
    subprocess.run(["git", *identity, "commit", "-qm", "m"], cwd=workspace, check=True)


def test_a_lock_cut_anywhere_loses_no_stage(workspace: Path) -> None:
    line_ends = [end + 1 for end, letter in enumerate(LOCK[:-1]) if letter == "\n"]
    for end in [*range(0, len(LOCK), 20), *line_ends]:
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
    commit(workspace)
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


@pytest.mark.parametrize("content", ["\xff", LOCK.replace("2.0", "9.0"), "schema: '2.0'\nstages: []\n"])
def test_whoever_reads_the_lock_finds_it_whole(workspace: Path, content: str) -> None:
    (workspace / "dvc.lock").write_bytes(content.encode("latin-1"))
    assert list(read_lock(workspace)) == ["raw_audio", "play_counts"]
    assert (workspace / "dvc.lock").read_text() == LOCK


def test_without_a_kept_copy_the_committed_lock_is_put_back(workspace: Path) -> None:
    commit(workspace)
    (workspace / ".earshot" / "dvc.lock").unlink()
    (workspace / "dvc.lock").write_text("")
    repair(workspace, print)
    assert (workspace / "dvc.lock").read_text() == LOCK


def test_what_no_kill_made_is_left_to_a_person(workspace: Path) -> None:
    lock = workspace / "dvc.lock"
    merging = f"<<<<<<< HEAD\n{LOCK}=======\n{LOCK}>>>>>>> other\n"
    lock.write_text(merging)
    with pytest.raises(UserError, match="an unfinished merge"):
        read_lock(workspace)
    assert lock.read_text() == merging
    lock.unlink()
    lock.mkdir()
    with pytest.raises(UserError, match="Is a directory"):
        repair(workspace, print)


def test_only_what_dead_processes_were_writing_is_removed(workspace: Path) -> None:
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    litter = [
        workspace / folder / f".x.json.{gone.pid}.tmp" for folder in (".", ".earshot", "releases/decisions")
    ]
    (workspace / "releases" / "decisions").mkdir(parents=True)
    kept = [workspace / f".x.json.{os.getpid()}.tmp", workspace / ".x.tmp", workspace / ".mine.tmp"]
    for path in litter + kept:
        path.write_text("")
    repair(workspace, print)
    assert [path for path in litter + kept if path.exists()] == kept


def test_an_object_that_cannot_be_put_into_the_cache_leaves_no_litter(tmp_path: Path) -> None:
    cache, md5 = tmp_path / "files" / "md5", "d41d8cd98f00b204e9800998ecf8427e"
    with pytest.raises(FileNotFoundError):
        add_object(cache, md5, tmp_path / "nowhere")
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    (cache.parent / f".{md5}.{gone.pid}.tmp").write_text("half")
    (tmp_path / "whole").write_text("")
    add_object(cache, md5, tmp_path / "whole")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["whole", md5[2:]]
