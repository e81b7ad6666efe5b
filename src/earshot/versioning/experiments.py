"""Whether a stage runs inside `dvc exp run`."""

from __future__ import annotations

import os


def in_experiment() -> bool:
    """Whether DVC started this process for an experiment."""
    return "DVC_EXP_BASELINE_REV" in os.environ
