"""Where a stage reads and writes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from earshot.versioning import PreviousOutput


@dataclass(frozen=True)
class Paths:
    """The folders of one stage run.

    Attributes
    ----------
    root
        The workspace: the folder that holds params.yaml and dvc.yaml.
    output
        An empty folder (for `release`: a path to write a file at). It becomes
        `data/<stage>` when the stage succeeds, and vanishes when it fails.
    work
        Unfinished work for exactly these inputs (Lightning checkpoints,
        finished shards); kept until the stage succeeds.
    failed
        Where the report of a failed check goes, to be read by a person.
    previous
        What this stage wrote at its last success, out of DVC's cache.
    """

    root: Path
    output: Path
    work: Path
    failed: Path
    previous: PreviousOutput

    @property
    def deliveries(self) -> Path:
        """The deliveries that were taken in, a folder each, with their index.csv."""
        return self.root / "data" / "deliveries"

    @property
    def releases(self) -> Path:
        """The manifests of releases, with current.json, which names the one that is served."""
        return self.root / "releases"

    def data(self, stage: str) -> Path:
        """The output folder of another stage."""
        return self.root / "data" / stage

    def inside(self, root: Path) -> Paths:
        """A little workspace in the folder `root`, in which stages run as they do in the large one."""
        (root / "data").mkdir(parents=True, exist_ok=True)
        return replace(self, root=root, output=root / "output", work=root / "kept")

    def make(self, stage: str, write: Callable[[Paths], object]) -> None:
        """Have `write` fill the output of `stage` in a little workspace; nothing where it is there already.

        What an interrupted run has kept in its work folder is there still.
        """
        if self.data(stage).is_dir():
            return
        shutil.rmtree(self.output, ignore_errors=True)
        self.output.mkdir()
        (self.work / stage).mkdir(parents=True, exist_ok=True)
        write(replace(self, work=self.work / stage))
        self.output.rename(self.data(stage))  # appears whole
