"""Ctrl-C and SIGTERM while the real pipeline runs; and no stage leaves temporary files."""

import os
import random
import signal
from pathlib import Path

import pytest

from tests.pipeline.conftest import TEMPORARY
from tests.pipeline.test_kills import STAGES, undo, wait
from tests.pipeline.workspace import Workspace
from tests.test_signals import SENTENCE, left_of

EVERYTHING = ("python", "-m", "orchestration.run", "everything")
RETRAIN = ("python", "-m", "earshot", "retrain")


def tell_to_end(
    workspace: Workspace, command: tuple[str, ...], stage: str, seconds: float, told: signal.Signals
) -> None:
    """Start `command`, and end it as a terminal or a supervisor does when `stage` has run for `seconds`."""
    log = workspace.root / "log.txt"
    log.unlink(missing_ok=True)
    started = workspace.start(*command, WANDB_MODE="offline", SHELL="/bin/sh", start_new_session=True)
    wait(seconds, workspace.stage_process(stage, started))
    (os.killpg if told is signal.SIGINT else os.kill)(started.pid, told)
    assert started.wait() == 128 + told
    assert left_of(started.pid) == []
    said = log.read_text()
    assert said.endswith(f"\n{SENTENCE}\n")
    assert said.count(SENTENCE) == 1
    assert "Traceback" not in said


def test_ctrl_c_while_dagster_and_dvc_run_a_stage(ingested: Workspace, tmp_path: Path) -> None:
    tell_to_end(ingested.copy(tmp_path / "workspace"), EVERYTHING, "play_counts", 0.0, signal.SIGINT)


def test_nothing_stays_among_the_temporary_files(finished: Workspace) -> None:
    assert list((finished.root / TEMPORARY).iterdir()) == []
    assert list((finished.root / ".earshot" / "tmp").iterdir()) == []


@pytest.mark.soak
@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_told_to_end_in_every_stage_it_goes_on_to_the_same_bytes(
    ingested: Workspace, finished: Workspace, tmp_path: Path, told: signal.Signals
) -> None:
    workspace = ingested.copy(tmp_path / "workspace")
    for stage in STAGES:
        undo(workspace, stage)
        moment = random.Random(f"{told} {stage}").uniform(0.0, 4.0)
        tell_to_end(workspace, EVERYTHING, stage, moment, told)
    workspace.run(*EVERYTHING)
    assert workspace.versions() == finished.versions()


@pytest.mark.soak
def test_sigterm_in_a_training_that_was_asked_for(workspace: Workspace) -> None:
    workspace.set_param("learning_rate", 0.003)
    untouched = workspace.copy(workspace.root.with_name("untouched"))
    for stage, seconds in (("cnn_checkpoint", 7.0), ("release", 1.0)):
        tell_to_end(workspace, RETRAIN, stage, seconds, signal.SIGTERM)
    for each in (workspace, untouched):
        each.run(*RETRAIN)
    assert workspace.versions() == untouched.versions()
