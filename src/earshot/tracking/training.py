"""The run of a training: curves, the songs that may be shown, the summary."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from earshot.files import read_json, replace_json
from earshot.params import Params
from earshot.tracking.media import log_songs
from earshot.tracking.runs import (
    attempt,
    close_run,
    config_of,
    forget_latest,
    kept_id,
    label_of,
    note_weights,
    open_run,
    write_latest,
)

if TYPE_CHECKING:
    from earshot.store.reader import HyperImageStore
    from earshot.training.callbacks import Epoch, Meters

STAGE = "cnn_checkpoint"


@dataclass
class TrainingRun:
    """The W&B run of a training; does nothing where there is none.

    Attributes
    ----------
    root
        The workspace.
    work
        Folder of the training, where the epochs that are logged are noted: it goes on after a kill, and a run
        that is not online cannot tell.
    run
        wandb's run, or None.
    """

    root: Path
    work: Path
    run: Any
    _logged: list[int] = field(default_factory=list)

    def log_epoch(self, epoch: Epoch, meters: Meters | None = None) -> None:
        """Add a point to the curves, once; None: how the epoch went is not known any more."""
        if epoch.epoch in self._logged:
            return
        more = {} if meters is None else asdict(meters)
        self._try(lambda run: run.log({**asdict(epoch), **more}))
        self._logged.append(epoch.epoch)
        replace_json(self.work / _LOGGED, self._logged)

    def log_songs(self, params: Params, training_set: Path, store: HyperImageStore) -> None:
        """Add pictures and sounds of a few songs, of the sources in `tracking.media` only."""
        if not self._logged:  # a part of the training that was killed has done it
            self._try(lambda run: log_songs(run, params.tracking.media, training_set, store))

    def finish(self, epochs: Sequence[Epoch], summary: Mapping[str, Any], weights: Path) -> None:
        """Add what a killed part of the training has not logged, the summary, and whose weights these are."""
        for epoch in epochs:
            self.log_epoch(epoch)
        last = asdict(epochs[-1]) if epochs else {}
        # the whole of it: of a run in parts, the summary of the last part is what is shown
        self._try(lambda run: run.summary.update({**last, **summary}))
        if self.run is not None:
            note_weights(self.root, weights)

    def _try(self, action: Any) -> None:
        if self.run is not None and not attempt(self.run, action):
            self.run = None


_LOGGED = "wandb_logged.json"
_OF_THE_SWEEP = ("WANDB_SWEEP_ID", "WANDB_RUN_ID", "WANDB_SWEEP_PARAM_PATH")
"""What `wandb agent` sets for the run that its sweep looks at: the evaluation's, which has the figures."""


@contextmanager
def training_run(root: Path, work: Path, params: Params) -> Iterator[TrainingRun]:
    """A run for the training in `work`; one that was killed there goes on under the same id."""
    forget_latest(root)
    for name in _OF_THE_SWEEP:
        os.environ.pop(name, None)
    run_id = kept_id(work)
    label = label_of(params, run_id, "training", run_id)
    run = open_run(root, params.tracking.project, label, config_of(root, params, STAGE))
    logged = read_json(work / _LOGGED) if (work / _LOGGED).is_file() else []
    tracked = TrainingRun(root, work, run, logged)
    tracked._try(_define_curves)
    tracked._try(lambda run: write_latest(root, run))
    try:
        yield tracked
    finally:
        tracked._try(close_run)


def _define_curves(run: Any) -> None:
    from earshot.training.callbacks import Epoch, Meters

    for curve in (*fields(Epoch), *fields(Meters)):
        run.define_metric(curve.name, step_metric="epoch")
