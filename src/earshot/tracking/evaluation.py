"""The run of a judged candidate: its headline figures, the table of systems, what the gate decided."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from earshot.checks import CANDIDATE
from earshot.files import read_json
from earshot.params import Params
from earshot.tracking.runs import attempt, close_run, config_of, label_of, latest_of, open_run

STAGE = "release"


def log_evaluation(
    root: Path, params: Params, weights: Path, decision: Mapping[str, Any], report: Path
) -> None:
    """Open a run beside that of the training that made `weights`, if it was the last of `root`.

    Parameters
    ----------
    decision
        As the stage `release` writes it: candidate, released, reason, ...
    report
        Folder with the evaluation's metrics.json and systems.csv.
    """
    latest = latest_of(root, weights)
    if latest is None:
        return
    verdict = "released" if decision["released"] else "refused"
    group = latest["run_id"]
    # `wandb agent` names the run of its sweep
    run_id = os.environ.get("WANDB_RUN_ID") or f"{group}-{decision['candidate'][:8]}"
    label = label_of(params, run_id, "evaluation", group, verdict)
    config = {**config_of(root, params, STAGE), "candidate": decision["candidate"]}
    run = open_run(root, params.tracking.project, label, config)
    if run is not None and attempt(run, partial(_log, decision=decision, report=report)):
        attempt(run, close_run)


def _log(run: Any, decision: Mapping[str, Any], report: Path) -> None:
    import pandas as pd
    import wandb

    run.log({"systems": wandb.Table(dataframe=pd.read_csv(report / "systems.csv"))})
    found = read_json(report / "metrics.json")["systems"][CANDIDATE]
    verdict = {key: decision[key] for key in ("candidate", "released", "reason")}
    run.summary.update({**headline(found), **verdict})


def headline(found: Mapping[str, Any]) -> dict[str, float | None]:
    """Scalars to sort runs by: every metric, and the ends of its interval as `_low` and `_high`."""
    scalars: dict[str, float | None] = {}
    for name, value in found.items():
        if name.endswith("_ci95_artists"):
            metric = name.removesuffix("_ci95_artists")
            scalars[f"{metric}_low"], scalars[f"{metric}_high"] = value
        elif isinstance(value, int | float):
            scalars[name] = value
    return scalars
