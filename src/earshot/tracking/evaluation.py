"""The run of a judged candidate: its headline figures, the table of systems, what the gate decided."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from earshot.params import Params
from earshot.tracking.runs import attempt, close_run, config_of, label_of, latest_of, open_run, rows_as_table

STAGE = "release"


def log_evaluation(
    root: Path,
    params: Params,
    weights: Path,
    decision: Mapping[str, Any],
    found: Mapping[str, Any],
    rows: Any,
) -> None:
    """Open a run beside that of the training that made `weights`, if it was the last of `root`.

    Parameters
    ----------
    decision
        As the stage `release` writes it: candidate, released, reason, ...
    found
        Metrics of the candidate, as in `systems` of metrics.json: values, and two ends a value.
    rows
        All systems, a pandas table.
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
    if run is not None and attempt(run, lambda run: run.log({"systems": rows_as_table(rows)})):
        summary = {
            **headline(found),
            "released": decision["released"],
            "reason": decision["reason"],
            "candidate": decision["candidate"],
        }
        attempt(run, lambda run: run.summary.update(summary))
        attempt(run, close_run)


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
