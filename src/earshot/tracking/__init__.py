"""Weights & Biases: a run a training and one a judged candidate, offline unless asked.

The only package that knows wandb. Stages call it, and go on without it where it fails.
"""

from earshot.tracking.evaluation import log_evaluation
from earshot.tracking.runs import latest_run, run_of
from earshot.tracking.training import TrainingRun, training_run

__all__ = ["TrainingRun", "latest_run", "log_evaluation", "run_of", "training_run"]
