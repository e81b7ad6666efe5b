"""A volume that is full: a clear error, nothing half-written, and on it goes when there is room."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipeline.test_kills import STAGES
from tests.pipeline.workspace import Workspace
from tests.stages.delivered import contents

VOLUME_BYTES = 600_000_000


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, in memory."""
    folder = tmp_path / "volume"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={VOLUME_BYTES}", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no file system may be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(volume: Path) -> Path:
    """A file that takes all room there is."""
    filler = volume / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 20))
        except OSError:
            return filler


TOLD = (
    "no room left on the volume",
    "No space left on device",
    "Unable to read RWLock-file",  # what a bare `dvc repro` says of its own lock, which it could not write
)


def fails_for_want_of_room(workspace: Workspace, stage: str) -> None:
    """Run it where there is none; what it wrote before stays as it was."""
    output = workspace.root / "data" / stage
    before = contents(output) if output.is_dir() else {}
    filler = fill(workspace.root.parent)
    try:
        said = workspace.run("dvc", "repro", "--force", "--single-item", stage, succeeds=False)
    finally:
        filler.unlink()
    assert any(words in said for words in TOLD), said
    assert contents(output) == before if output.is_dir() else not before
    workspace.earshot("repair")


def test_a_full_disk_fails_a_stage_and_leaves_its_output(finished: Workspace, volume: Path) -> None:
    workspace = finished.copy(volume / "workspace")
    # links in a workspace that nobody has copied: their removal, by DVC or a forced run, makes no room there
    shutil.rmtree(workspace.root / ".earshot" / "work")
    workspace.run("dvc", "checkout", "--relink")
    for stage in ("hyper_images", "wmf_factors", "recommendations"):
        fails_for_want_of_room(workspace, stage)
    workspace.run("dvc", "repro")
    assert workspace.versions() == finished.versions()
    assert workspace.stale_in_dvc() == set()


@pytest.mark.soak
def test_every_stage_meets_a_full_disk(ingested: Workspace, finished: Workspace, volume: Path) -> None:
    workspace = ingested.copy(volume / "workspace")
    for stage in STAGES:
        fails_for_want_of_room(workspace, stage)
        workspace.run("dvc", "repro", "--single-item", stage)
    assert workspace.versions() == finished.versions()
