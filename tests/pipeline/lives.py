"""What is said to a workspace in its life, each command in its state, and what is there afterwards."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from earshot.datasets.embedded import write_catalogue, write_new_songs
from earshot.deliveries.arrivals import read_arrivals
from earshot.files import parse_yaml
from tests.pipeline.test_arrival import drop
from tests.pipeline.workspace import Workspace, clone

DAEMON = "dagster dev --host 127.0.0.1 --port 0"


@dataclass(frozen=True)
class Life:
    """A command, the state it is said in, how often it is drawn, and whether it is a command of ours.

    `{refused}` stands for the candidate that was refused, `{first}` for the first release.
    """

    state: str
    command: str
    weight: int
    ours: bool = True


LIVES = {
    "promote": Life("refused", "python -m earshot release promote {refused} --force --reason soak", 24),
    "rollback": Life("promoted", "python -m earshot release rollback {first}", 24),
    "gc": Life("promoted", "python -m earshot gc --really", 18),
    "ingest": Life("finished", "python -m earshot ingest {deliveries}/new-songs", 12),
    "repro": Life("edited", "dvc repro", 8, ours=False),
    "onboard": Life("waiting", "python -m earshot onboard", 4),
    "job": Life("waiting", "python -m orchestration.run onboard", 4),
    "retrain": Life("due", "python -m earshot retrain", 2),
    # -o: the tests' own environment serves, make installs none
    "run": Life("ingested", "make -o .venv/installed run", 2, ours=False),
    "daemon": Life("waiting", DAEMON, 2, ours=False),
}

_TRANSIENT = (".earshot/wandb/", ".earshot/locks/", ".earshot/used/", ".earshot/made/")
"""W&B's runs, locks, and notes of what a stage read in its last run, removed where it is up to date."""


class States:
    """Workspaces in the states that commands are said in: made when asked for, and kept in `folder`."""

    def __init__(self, folder: Path, say: Callable[[Workspace, str], object]) -> None:
        self.folder = folder
        self._say = say
        self._made: dict[str, Callable[[], Workspace]] = {
            "ingested": self._ingested,
            "finished": lambda: self._after("ingested", "python -m orchestration.run everything"),
            "waiting": self._waiting,
            "edited": lambda: self._edited(min_seconds=0.5, k=99),
            "due": lambda: self._edited(learning_rate=0.003),
            "refused": self._refused,
            "promoted": lambda: self._after("refused", LIVES["promote"].command, "dvc repro"),
        }

    def __getitem__(self, name: str) -> Workspace:
        place = self.folder / name
        if not place.is_dir():
            self._made[name]().root.rename(place)
        return Workspace(place)

    @property
    def deliveries(self) -> Path:
        """A catalogue and new songs."""
        place = self.folder.parent / "deliveries"
        if not place.is_dir():
            unfinished = place.with_suffix(".tmp")
            shutil.rmtree(unfinished, ignore_errors=True)
            write_catalogue(unfinished / "catalogue", n_songs=240, n_listeners=300)
            write_new_songs(unfinished / "new-songs")
            unfinished.rename(place)
        return place

    def _ingested(self) -> Workspace:
        shutil.rmtree(self._unfinished, ignore_errors=True)
        workspace = clone(self._unfinished)
        workspace.earshot("ingest", str(self.deliveries / "catalogue"))
        return workspace

    @property
    def _unfinished(self) -> Path:
        return self.folder / "unfinished.tmp"

    def _after(self, state: str, *commands: str) -> Workspace:
        workspace = snapshot(self[state], self._unfinished)
        for command in commands:
            self._say(workspace, command)
        return workspace

    def _waiting(self) -> Workspace:
        workspace = self._after("finished")
        drop(self.deliveries / "new-songs", workspace, "new-songs")
        # a copy of it was not renamed into place, which the inbox would take for complete
        (workspace.root / "data" / "inbox" / "new-songs" / "_SUCCESS").touch()
        return workspace

    def _edited(self, **params: object) -> Workspace:
        workspace = self._after("finished")
        for key, value in params.items():
            workspace.set_param(key, value)
        return workspace

    def _refused(self) -> Workspace:
        workspace = self._edited(learning_rate=0.000001)
        self._say(workspace, "python -m earshot retrain")
        return workspace


def snapshot(workspace: Workspace, root: Path) -> Workspace:
    """A copy; what is never written in place (DVC's objects, deliveries, stages' outputs) are hard links."""
    shutil.rmtree(root, ignore_errors=True)

    def link_or_copy(source: str, target: str) -> None:
        parts = Path(source).relative_to(workspace.root).parts
        linked = parts[:2] == (".dvc", "cache") or (parts[0] == "data" and len(parts) > 3)
        (os.link if linked else shutil.copy2)(source, target)

    shutil.copytree(workspace.root, root, symlinks=True, copy_function=link_or_copy)
    return Workspace(root)


def untouched(workspace: Workspace) -> dict[str, tuple[int, int]]:
    """When each file was written, and its size: work on a snapshot must not reach what it was taken from."""
    found = {name: (workspace.root / name).stat() for name in _files(workspace, "")}
    return {name: (stat.st_mtime_ns, stat.st_size) for name, stat in found.items()}


def picture(workspace: Workspace) -> dict[str, Any]:
    """All that must be the same whether or not something was killed on the way."""
    from dvc.repo import Repo

    with Repo(str(workspace.root)) as repo:
        stale = sorted(repo.status(targets=["dvc.yaml"]))
    releases = (workspace.root / "releases").rglob("*.json")
    return {
        "lock": parse_yaml((workspace.root / "dvc.lock").read_text())["stages"],
        "stale": stale,
        "index": (workspace.root / "data" / "deliveries" / "index.csv").read_text().splitlines(),
        "arrivals": sorted(arrival.delivery for arrival in read_arrivals(workspace.root)),
        "releases": {path.name: _timeless(json.loads(path.read_text())) for path in releases},
        "objects": sorted(_files(workspace, ".dvc/cache/files")),
        "files": sorted(name for top in ("data", "releases", ".earshot") for name in _files(workspace, top)),
    }


def _timeless(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _timeless(value) for key, value in content.items() if key != "at"}
    return content


def _files(workspace: Workspace, folder: str) -> Iterator[str]:
    for parent, _, names in os.walk(workspace.root / folder):
        for name in names:
            path = (Path(parent) / name).relative_to(workspace.root).as_posix()
            if not path.startswith(_TRANSIENT):
                yield path


def differences(found: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """Where two pictures differ, in words."""
    said = []
    for key, value in wanted.items():
        if isinstance(value, list):
            lost, more = sorted(set(value) - set(found[key])), sorted(set(found[key]) - set(value))
            said += [f"{key}: lost {lost}"] if lost else []
            said += [f"{key}: more {more}"] if more else []
            said += [f"{key}: doubled"] if not lost and not more and len(value) != len(found[key]) else []
        else:
            others = [name for name in {*value, *found[key]} if value.get(name) != found[key].get(name)]
            said += [f"{key}: other {sorted(others)}"] if others else []
    return said
