"""A rollback or promotion that is killed at any step is finished by saying it again, or by what follows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from earshot import releases
from earshot.versioning import file_md5, read_lock, repair
from tests.releases.conftest import copy
from tests.releases.test_by_hand import candidate_of
from tests.releases.tiny_workspace import Repository

KILLED = """
import os, signal, sys
from pathlib import Path
from earshot import releases

WRITES = {"os.rename", "os.remove"}
root, name, kills_at = Path.cwd(), sys.argv[1] or None, sys.argv[2]
step = 0

def watch(event, arguments):
    global step
    if event in WRITES or (event == "open" and set("wx+") & set(str(arguments[1]))):
        path = os.fsdecode(arguments[0]) if not isinstance(arguments[0], int) else ""
        if path.startswith(str(root)):
            step += 1
            told = f"{event} {path.replace(str(os.getpid()), 'PID').removeprefix(f'{root}/')}"
            print(told, flush=True)
            if kills_at in (told, str(step)):
                if path.endswith("dvc.lock") and event == "open":
                    os.truncate(path, os.stat(path).st_size // 2)
                os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(watch)
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

    def steps(self, root: Repository, kills_at: object = "") -> list[str]:
        """What it writes, renames and removes, in order; killed at one of these, by its name or number."""
        command = [sys.executable, "-c", KILLED, self.candidate, str(kills_at)]
        done = subprocess.run(command, cwd=root.root, stdout=subprocess.PIPE, text=True, check=False)
        assert done.returncode == (-9 if kills_at else 0)
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
    return Change(repository, candidate_of(repository))


def state(root: Path) -> dict[str, Any]:
    """All that is known of what is served; but for times."""
    decisions = [json.loads(path.read_text()) for path in sorted((root / "releases" / "decisions").iterdir())]
    for decision in decisions:
        decision.get("promoted", {}).pop("at", None)
    files = {path.name: path.read_text() for path in (root / "releases").glob("*.json")}
    return {"decisions": decisions, "files": files, "lock": read_lock(root)["release"]["outs"]}


def litter(root: Path) -> list[Path]:
    return [*root.glob("**/.*.tmp"), *(root / ".earshot" / "work").glob("*.json")]


def check(change: Change, folder: Path, step: object, wanted: dict[str, Any]) -> None:
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


def wanted_of(change: Change, folder: Path) -> dict[str, Any]:
    whole = copy(change.of, folder)
    change.again(whole.root)
    return state(whole.root)


def test_killed_while_dvc_lock_is_written(refused_candidate: Repository, tmp_path: Path) -> None:
    change = Change(refused_candidate, candidate_of(refused_candidate))
    check(change, tmp_path / "killed", "open dvc.lock", wanted_of(change, tmp_path / "whole"))


def test_a_rollback_said_again_goes_back_once(second_release: Repository, tmp_path: Path) -> None:
    change, killed = Change(second_release, ""), copy(second_release, tmp_path / "killed")
    change.steps(killed, "os.remove releases/.current.json.PID.tmp")
    change.again(killed.root)
    assert state(killed.root) == wanted_of(change, tmp_path / "whole")
    assert litter(killed.root) == []


def test_a_rollback_cut_off_before_it_told_anybody_goes_back_once(replaced: Repository) -> None:
    before, said = replaced.pointer()["previous"], list[str]()

    def cut_off(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        releases.roll_back(replaced.root, tell=cut_off)
    assert releases.roll_back(replaced.root, say=said.append, tell=said.append).release == before
    assert said[0] == "a rollback was cut off: finished"
    assert said[1].startswith(f"the pointer names {before}; ")
    assert litter(replaced.root) == []


def test_what_was_cut_off_gives_way_to_what_was_released_since(replaced: Repository) -> None:
    pointer, said = replaced.root / "releases" / "current.json", list[str]()
    in_the_way = replaced.root / "releases" / f"{replaced.pointer()['release']}.json"
    in_the_way.with_name(f".{in_the_way.name}.{os.getpid()}.tmp").mkdir()
    with pytest.raises(OSError, match="Is a directory"):
        releases.roll_back(replaced.root, say=said.append)
    pointer.write_text(pointer.read_text().replace('"number": 2', '"number": 3'))
    assert repair(replaced.root, said.append) is None
    assert replaced.pointer()["number"] == 3
    assert said == ["a rollback was cut off; releases/current.json has changed since and is left as it is"]


@pytest.mark.soak
def test_killed_at_every_step(change: Change, tmp_path: Path) -> None:
    wanted = wanted_of(change, tmp_path / "wanted")
    steps = change.steps(copy(change.of, tmp_path / "whole"))
    for step in range(1, len(steps) + 1):
        check(change, tmp_path / f"{step}", step, wanted)
