"""A rollback or promotion that is killed at any step is finished by saying it again, or by what follows."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from earshot import releases
from earshot.versioning import file_md5, read_lock, repair
from tests.releases.conftest import copy
from tests.releases.tiny_workspace import Repository

KILLED = """
import os, signal, sys
from pathlib import Path
from earshot import releases

WRITES = {"os.rename", "os.remove"}
root, name, kills_at = Path.cwd(), sys.argv[1] or None, int(sys.argv[2])
step = 0

def count(event, arguments):
    global step
    if event in WRITES or (event == "open" and set("wx+") & set(str(arguments[1]))):
        path = os.fsdecode(arguments[0]) if not isinstance(arguments[0], int) else ""
        if path.startswith(str(root)):
            step += 1
            print(event, path.replace(str(os.getpid()), "PID").removeprefix(f"{root}/"), flush=True)
            if step == kills_at:
                if path.endswith("dvc.lock") and event == "open":
                    os.truncate(path, os.stat(path).st_size // 2)
                os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(count)
releases.promote(root, name, "by hand") if name else releases.roll_back(root)
"""


@dataclass(frozen=True)
class Change:
    """By hand: the rollback to the release before, or the promotion of a refused candidate."""

    of: Repository
    candidate: str

    @property
    def after(self) -> str:
        return self.candidate or str(self.of.pointer()["previous"])

    def steps(self, root: Repository, kills_at: int = -1) -> list[str]:
        """What it writes, renames and removes, in order, up to the one at which it is killed."""
        command = [sys.executable, "-c", KILLED, self.candidate, str(kills_at)]
        done = subprocess.run(command, cwd=root.root, stdout=subprocess.PIPE, text=True, check=False)
        assert done.returncode == (0 if kills_at < 0 else -9)
        return [line for line in done.stdout.splitlines() if line.startswith(("open ", "os."))]

    def again(self, root: Path) -> None:
        if self.candidate:
            releases.promote(root, self.candidate, "by hand", lambda _: None)
        else:
            releases.roll_back(root, say=lambda _: None)


@pytest.fixture(params=["rollback", "promotion"])
def change(request: pytest.FixtureRequest) -> Change:
    if request.param == "rollback":
        return Change(request.getfixturevalue("second_release"), "")
    repository: Repository = request.getfixturevalue("refused_candidate")
    (candidate,) = (repository.root / "releases" / "candidates").iterdir()
    return Change(repository, candidate.stem)


def state(root: Path) -> dict[str, Any]:
    """All that is known of what is served; but for times."""
    decisions = [json.loads(path.read_text()) for path in sorted((root / "releases" / "decisions").iterdir())]
    for decision in decisions:
        decision.get("promoted", {}).pop("at", None)
    files = {path.name: path.read_text() for path in (root / "releases").glob("*.json")}
    return {"decisions": decisions, "files": files, "lock": read_lock(root)["release"]["outs"]}


def litter(root: Path) -> list[Path]:
    return [*root.glob("**/.*.tmp"), *(root / ".earshot" / "work").glob("*.json")]


def check(change: Change, folder: Path, step: int, wanted: dict[str, Any]) -> None:
    """Kill it at `step`; then once what comes next, once the same again."""
    killed = copy(change.of, folder)
    steps = change.steps(killed, step)
    noted = any("os.rename" in each and "replacing.json" in each for each in steps[:-1])
    repair(killed.root, lambda _: None)
    assert killed.pointer()["release"] == (change.after if noted else change.of.pointer()["release"]), steps
    (recorded,) = read_lock(killed.root)["release"]["outs"]
    assert recorded["md5"] == file_md5(killed.root / "releases" / "current.json"), steps
    assert litter(killed.root) == [], steps
    if change.candidate or not noted:  # a rollback that was finished is not said again
        change.again(killed.root)
    assert state(killed.root) == wanted, steps


def wanted_of(change: Change, folder: Path) -> tuple[list[str], dict[str, Any]]:
    whole = copy(change.of, folder)
    return change.steps(whole), state(whole.root)


def test_killed_while_dvc_lock_is_written(change: Change, tmp_path: Path) -> None:
    steps, wanted = wanted_of(change, tmp_path / "whole")
    check(change, tmp_path / "killed", 1 + steps.index("open dvc.lock"), wanted)


def test_a_rollback_said_again_goes_back_once(second_release: Repository, tmp_path: Path) -> None:
    change = Change(second_release, "")
    steps, wanted = wanted_of(change, tmp_path / "whole")
    killed = copy(second_release, tmp_path / "killed")
    change.steps(killed, 2 + steps.index("os.rename releases/.current.json.PID.tmp"))
    change.again(killed.root)
    assert state(killed.root) == wanted
    assert litter(killed.root) == []


def test_a_change_that_was_cut_off_gives_way_to_what_was_released_since(
    second_release: Repository, tmp_path: Path
) -> None:
    change, said = Change(second_release, ""), list[str]()
    steps, _ = wanted_of(change, tmp_path / "whole")
    killed = copy(second_release, tmp_path / "killed")
    change.steps(killed, 2 + steps.index("os.rename .earshot/work/.replacing.json.PID.tmp"))
    pointer = killed.root / "releases" / "current.json"
    pointer.write_text(pointer.read_text().replace('"number": 2', '"number": 3'))
    assert repair(killed.root, said.append) is None
    assert killed.pointer()["number"] == 3
    assert "releases/current.json has changed since and is left as it is" in said[-1]
    assert litter(killed.root) == []


@pytest.mark.soak
def test_killed_at_every_step(change: Change, tmp_path: Path) -> None:
    steps, wanted = wanted_of(change, tmp_path / "whole")
    for step in range(1, len(steps) + 1):
        check(change, tmp_path / f"{step}", step, wanted)
