"""Workspaces in which a tiny catalogue was taken in, or the whole pipeline ran."""

from pathlib import Path

import pytest

from tests.pipeline.workspace import Workspace, clone


@pytest.fixture(scope="session")
def deliveries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small delivery and the one of new songs: `catalogue` and `new-songs`."""
    from earshot.datasets.embedded import write_catalogue, write_new_songs

    folder = tmp_path_factory.mktemp("deliveries")
    write_catalogue(folder / "catalogue", n_songs=240, n_listeners=300)
    write_new_songs(folder / "new-songs")
    return folder


@pytest.fixture(scope="session")
def ingested(tmp_path_factory: pytest.TempPathFactory, deliveries: Path) -> Workspace:
    """A workspace that took in the catalogue and ran nothing yet. Copy before changing it."""
    workspace = clone(tmp_path_factory.mktemp("ingested") / "workspace")
    workspace.earshot("ingest", str(deliveries / "catalogue"))
    return workspace


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, ingested: Workspace) -> Workspace:
    """A workspace in which everything ran through Dagster. Copy before changing it."""
    workspace = ingested.copy(tmp_path_factory.mktemp("finished") / "workspace")
    workspace.run("python", "-m", "orchestration.run", "everything", WANDB_MODE="offline")
    return workspace


@pytest.fixture
def workspace(finished: Workspace, tmp_path: Path) -> Workspace:
    """A copy of the finished workspace, to be changed at will."""
    return finished.copy(tmp_path / "workspace")
