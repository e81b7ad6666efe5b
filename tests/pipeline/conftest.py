"""Workspaces in which a tiny catalogue was taken in, or the whole pipeline ran."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pipeline.workspace import Workspace, clone

TEMPORARY = ".earshot/temporary"
"""Where everything that `finished` ran kept its temporary files."""


@pytest.fixture(scope="session")
def deliveries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small delivery and the one of new songs: `catalogue` and `new-songs`."""
    from earshot.datasets.embedded import write_catalogue, write_new_songs

    def make(folder: Path) -> None:
        write_catalogue(folder / "catalogue", n_songs=240, n_listeners=300)
        write_new_songs(folder / "new-songs")

    return made_once(tmp_path_factory, "deliveries", make)


@pytest.fixture(scope="session")
def ingested(tmp_path_factory: pytest.TempPathFactory, deliveries: Path) -> Workspace:
    """A workspace that took in the catalogue and ran nothing yet. Copy before changing it."""

    def make(folder: Path) -> None:
        clone(folder).earshot("ingest", str(deliveries / "catalogue"))

    made = Workspace(made_once(tmp_path_factory, "ingested", make))
    return made.copy(tmp_path_factory.mktemp("ingested") / "workspace")


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, ingested: Workspace) -> Workspace:
    """A workspace in which everything ran through Dagster. Copy before changing it."""

    def make(folder: Path) -> None:
        workspace = ingested.copy(folder)
        temporary = folder / TEMPORARY
        temporary.mkdir()
        environment = {"WANDB_MODE": "offline", "TMPDIR": str(temporary)}
        workspace.run("python", "-m", "orchestration.run", "everything", **environment)

    made = Workspace(made_once(tmp_path_factory, "finished", make))
    return made.copy(tmp_path_factory.mktemp("finished") / "workspace")


@pytest.fixture
def workspace(finished: Workspace, tmp_path: Path) -> Workspace:
    """A copy of the finished workspace, to be changed at will."""
    return finished.copy(tmp_path / "workspace")


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """What `make` writes, by the first of the test processes that asks; the others wait for it."""
    base = factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, done = shared / f"made-{name}", shared / f"made-{name}.done"
    with (shared / f"made-{name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            make(folder)
            done.touch()
    return folder
