"""What is wrong with a machine or a clone is found, with its remedy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from earshot.lanes.doctor import Finding, examine


def workspace(root: Path) -> Path:
    subprocess.run(["dvc", "init", "--no-scm", "-q"], cwd=root, check=True)
    for name in ("dvc.yaml", "params.yaml"):
        (root / name).write_bytes(Path(name).read_bytes())
    return root


def found(root: Path) -> dict[str, Finding]:
    return {finding.what: finding for finding in examine(root)}


def test_a_fresh_clone_is_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    well = found(workspace(tmp_path))
    assert [finding for finding in well.values() if not finding.ok] == []
    assert well["dvc.lock"].found == "not there: nothing has run yet"


def test_what_is_wrong_is_told_with_what_mends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = workspace(tmp_path)
    gone = subprocess.Popen(["true"])
    gone.wait()
    held = {"write": {str(root / "data" / "raw_audio"): {"pid": gone.pid, "cmd": "dvc repro"}}}
    (root / ".dvc" / "tmp").mkdir(exist_ok=True)
    (root / ".dvc" / "tmp" / "rwlock").write_text(json.dumps(held))
    (root / "dvc.lock").write_text("schema: '2.0'\nstages:\n  raw_a")
    monkeypatch.setenv("OMP_NUM_THREADS", str(10 * (os.cpu_count() or 1)))
    remote = ["dvc", "remote", "add", "-q", "-d", "there", "https://user:secret@example.org/cache"]
    subprocess.run(remote, cwd=root, check=True)
    ill = found(root)
    assert not any(ill[what].ok for what in ("locks", "dvc.lock", "threads"))
    assert ill["locks"].remedy == ill["dvc.lock"].remedy == "`earshot repair`"
    assert str(gone.pid) in ill["locks"].found
    assert ill["remote"].found == "https://example.org/cache"
    (root / "data").mkdir()
    assert not found(root / "data")["workspace"].ok


def test_the_command_says_it_with_its_exit_status(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "earshot", "-C", str(tmp_path), "doctor", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert {each["what"]: each["ok"] for each in json.loads(done.stdout)}["workspace"] is False
