"""What an account holder gets with one command: a workspace, a report, and a sweep that drives DVC."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from earshot.errors import UserError
from earshot.params import load_params
from earshot.tracking.boards import make_boards
from tests import wandb_server


def test_workspace_and_report_show_figures_of_evaluations_and_curves_of_trainings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("WANDB_DIR", raising=False)
    with wandb_server.serving() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.address)
        monkeypatch.setenv("WANDB_API_KEY", "a" * 40)
        addresses = make_boards(tmp_path, "tastes")
        views = {view["type"]: view for view in server.views}
    assert len(addresses) == 2
    assert all(f"{wandb_server.ENTITY}/tastes" in address for address in addresses)
    for view in (views["project-view"], views["runs"]):
        assert view["projectName"] == "tastes"
        named = ("auc", "map_at_500", "validation_loss", "learning_rate", "gradient_norm", "songs/sounds")
        assert [name for name in named if f'"{name}"' not in view["spec"]] == []
    assert '"evaluation"' in views["runs"]["spec"]


def test_without_a_key_the_error_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    with pytest.raises(UserError, match="project='tastes'"):
        make_boards(tmp_path, "tastes")


def test_a_trial_of_the_sweep_is_an_experiment_with_its_parameters(tmp_path: Path) -> None:
    sweep = yaml.safe_load(Path("sweep.yaml").read_text(encoding="utf-8"))
    section = vars(load_params(Path("params.yaml")).cnn_checkpoint)
    assert {name.removeprefix("cnn_checkpoint.") for name in sweep["parameters"]} <= set(section)
    (tmp_path / "dvc").write_text('#!/bin/sh\necho "$@"\n')
    (tmp_path / "dvc").chmod(0o755)
    given = ["cnn_checkpoint.learning_rate=0.001", "cnn_checkpoint.windows_per_song=8"]
    command = [*sweep["command"][:-1], *given]
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert said.split() == ["exp", "run", "--temp", "-S", given[0], "-S", given[1]]
