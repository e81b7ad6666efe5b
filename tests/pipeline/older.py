"""A finished workspace and an exported release as an earlier commit made them.

`python -m tests.pipeline.older COMMIT FOLDER` makes both there, as `workspace/` and `release.zip`:
the latter is what tests/releases/older/ keeps.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from earshot.datasets.embedded import write_catalogue
from tests.pipeline.workspace import SMALL, Workspace, clone_of, copy_files

BEFORE = "fc6f5f5"
"""The last commit before feature families, taste spaces and manifests of format 2."""
SMALL_SOUND = "channels: 8, hidden: 16"
SMALL_ENCODERS = {
    "{families: [mel]}": f"{{families: [mel], {SMALL_SOUND}}}",
    "{families: [mel, artist]}": f"{{families: [mel, artist], hidden: 16, sound: {{{SMALL_SOUND}}}}}",
}
"""By what params.yaml says: then, and today."""


def finished_at(commit: str, folder: Path) -> Workspace:
    """A workspace of the project at `commit` in which the whole pipeline ran on a tiny catalogue."""
    write_catalogue(folder / "catalogue", n_songs=240, n_listeners=300)
    workspace = clone_of(commit, folder / "workspace")
    make_small(workspace)
    workspace.earshot("ingest", str(folder / "catalogue"))
    workspace.run("dvc", "repro")
    if released(workspace) is None:  # so small a catalogue does not always convince
        [candidate] = (workspace.root / "releases" / "candidates").glob("*.json")
        workspace.earshot("release", "promote", candidate.stem, "--force", "--reason", "to be kept")
        workspace.run("dvc", "repro")
    return workspace


def make_small(workspace: Workspace) -> None:
    """Have it train a small encoder."""
    params = workspace.root / "params.yaml"
    text = params.read_text()
    for shipped, small in SMALL_ENCODERS.items():
        text = text.replace(shipped, small)
    params.write_text(text)


def brought_up_to_date(workspace: Workspace) -> None:
    """What `git pull` does: today's files of the project, its own params kept up with them."""
    before = workspace.run("git", "ls-files").splitlines()
    now = copy_files(workspace.root)
    for name in {*before} - now:
        (workspace.root / name).unlink()
    for key, value in SMALL.items():
        workspace.set_param(key, value)
    make_small(workspace)
    workspace.run("git", "add", "-A")
    workspace.run("git", "commit", "-qm", "pulled")


def released(workspace: Workspace) -> str | None:
    """Name of what is released."""
    name: str | None = json.loads((workspace.root / "releases" / "current.json").read_text())["release"]
    return name


if __name__ == "__main__":
    made = finished_at(sys.argv[1], Path(sys.argv[2]))
    made.earshot("release", "export", str(released(made)), str(made.root.parent / "release.zip"))
