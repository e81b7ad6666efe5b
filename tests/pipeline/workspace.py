"""Workspaces: real clones of this project with a tiny catalogue, driven as a user drives them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from earshot.files import parse_yaml

PROJECT = Path(__file__).parents[2]

STALENESS = """
import json, os
import dagster as dg
from dagster._core.definitions.data_version import CachingStaleStatusResolver
from dagster._core.loader import LoadingContextForTest
from orchestration.definitions import defs
graph = defs.resolve_asset_graph()
with dg.DagsterInstance.get() as instance:
    resolver = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
    keys = [key for key in graph.get_all_asset_keys() if len(key.path) == 1]  # not the papers'
    print(json.dumps({key.to_user_string(): resolver.get_status(key).value for key in keys}))
"""


@dataclass(frozen=True)
class Workspace:
    """A clone, its files and its commands."""

    root: Path

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": "src",
            "DAGSTER_HOME": str(self.root / ".dagster"),
            "WANDB_MODE": "disabled",
            "OMP_NUM_THREADS": "1",
            "OMP_WAIT_POLICY": "PASSIVE",
            "EARSHOT_PROGRESS": "always",  # tests read out of it what was done anew
        }

    def start(
        self, *command: str, start_new_session: bool = False, **environment: str
    ) -> subprocess.Popen[str]:
        with (self.root / "log.txt").open("a") as log:
            return subprocess.Popen(
                command,
                cwd=self.root,
                env=self.environment | environment,
                stdout=log,
                stderr=log,
                text=True,
                start_new_session=start_new_session,
            )

    def run(self, *command: str, succeeds: bool = True, **environment: str) -> str:
        """The output of a command that must succeed (or must fail)."""
        done = subprocess.run(
            command,
            cwd=self.root,
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert (done.returncode == 0) == succeeds, f"{command}: exit {done.returncode}\n{done.stdout}"
        return done.stdout

    def earshot(self, *arguments: str, succeeds: bool = True) -> str:
        return self.run("python", "-m", "earshot", *arguments, succeeds=succeeds)

    def job(self, name: str, succeeds: bool = True) -> str:
        return self.run("python", "-m", "orchestration.run", name, succeeds=succeeds)

    def stale_in_dvc(self) -> set[str]:
        return set(json.loads(self.run("dvc", "status", "--json", "dvc.yaml")))

    def stale_in_dagster(self) -> set[str]:
        statuses = json.loads(self.run("python", "-c", STALENESS).splitlines()[-1])
        return {name for name, status in statuses.items() if status != "FRESH"}

    def versions(self) -> dict[str, str]:
        """md5 of every stage's output, out of dvc.lock."""
        stages = parse_yaml((self.root / "dvc.lock").read_text())["stages"]
        return {name: stage["outs"][0]["md5"] for name, stage in stages.items()}

    def summary(self, stage: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.root / "data" / stage / "summary.json").read_text())
        return content

    def set_param(self, key: str, value: object, file: str = "params.yaml") -> None:
        """Edit the lines of a params file that give `key`: one, or one of several sections each."""
        path = self.root / file
        text, edited = re.subn(rf"(?m)^( *{key}: )(\[[^]]*\]|\S+)", rf"\g<1>{value}", path.read_text())
        assert edited, key
        path.write_text(text)

    def stage_process(
        self, stage: str, starter: subprocess.Popen[str], seconds: float = 300
    ) -> psutil.Process:
        """The process `python -m earshot stage <stage>` below `starter`, once it is there."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and starter.poll() is None:
            for process in psutil.Process(starter.pid).children(recursive=True):
                try:
                    if process.cmdline()[1:] == ["-m", "earshot", "stage", stage]:
                        return process
                except psutil.Error:
                    continue
            time.sleep(0.02)
        raise AssertionError(f"{stage} never ran:\n{(self.root / 'log.txt').read_text()}")

    def copy(self, root: Path) -> Workspace:
        shutil.copytree(self.root, root, symlinks=True)
        return Workspace(root)


SMALL: dict[str, object] = {
    "max_epochs": 6,
    "min_steps": 0,
    "bootstraps": 100,
    "folds": "one",
    "factors": 20,
    "alpha": 2.0,
    "regularization": 100.0,
}
"""Epsilon alone is left to wmf_search."""


def clone(root: Path, params: dict[str, object] = SMALL) -> Workspace:
    """The project as it stands (uncommitted edits too), committed, with `params` edited."""
    copy_files(root)
    return _begun(root, params)


def copy_files(root: Path) -> set[str]:
    """Put the project's files as they stand into `root`; their names."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    names = {name for name in listed.stdout.splitlines() if (PROJECT / name).is_file()}
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(PROJECT / name, root / name)
    return names


def clone_of(commit: str, root: Path, params: dict[str, object] = SMALL) -> Workspace:
    """The project as it stood at `commit`, with `params` edited."""
    root.mkdir(parents=True)
    archive = subprocess.run(["git", "archive", commit], cwd=PROJECT, stdout=subprocess.PIPE, check=True)
    subprocess.run(["tar", "-x", "-C", root], input=archive.stdout, check=True)
    return _begun(root, params)


def _begun(root: Path, params: dict[str, object]) -> Workspace:
    workspace = Workspace(root)
    for key, value in params.items():
        workspace.set_param(key, value)
    workspace.run("git", "init", "-q")
    workspace.run("git", "config", "user.name", "tester")
    workspace.run("git", "config", "user.email", "tester@example.org")
    workspace.run("git", "add", ".")
    workspace.run("git", "commit", "-qm", "clone")
    return workspace
