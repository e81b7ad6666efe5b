"""Several processes train what one would: real ones, connected by gloo."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from torch import Tensor, nn
from torch.optim.optimizer import Optimizer, register_optimizer_step_post_hook

from earshot.classes import Component
from earshot.encoders.frame_level import FrameLevelCnn
from earshot.errors import UserError
from earshot.params import CnnCheckpoint
from earshot.predictors.load import save_encoder
from earshot.predictors.song_encoder import describe
from earshot.training.train import Trained, build_objective, train
from tests.training.heard import cnn_params, read_heard, write_training_set

ROOT = Path(__file__).parents[2]
CONTRASTIVE = Component("earshot.training.objectives.artist_siamese:ArtistSiamese", {"dimensions": 6})


class TwoAnswers(nn.Module):
    """In float64, without dropout, with BatchNorm, a weight that is not used, and two answers a window."""

    families = ("mel", "mfcc")

    def __init__(self, n_rows: int, n_outputs: int, n_frames: int) -> None:
        super().__init__()
        self.network = FrameLevelCnn(n_rows, n_outputs, [3, 3], [6, 5], dropout=0.0, n_frames=n_frames)
        self.linear = nn.Sequential(nn.Linear(n_rows, n_outputs), nn.BatchNorm1d(n_outputs))
        self.unused = nn.Parameter(torch.ones(3))
        self.double()

    def forward(self, windows: Tensor) -> Tensor:
        first, second = self.network(windows.double()), self.linear(windows.double().mean(dim=2))
        return torch.cat([first, second]) if self.training else first + second


def _train(training_set: Path, work: Path, params: CnnCheckpoint, **more: Any) -> Trained:
    store, examples = read_heard(training_set)
    examples.songs["artist_id"] = [f"artist-{row % 9}" for row in range(len(examples.songs))]
    objective = build_objective(params.objective, examples)
    description = describe(params.encoder, store.format, params.window_seconds, int(objective.n_outputs))  # type: ignore[arg-type]
    work.mkdir(exist_ok=True)
    trained = train(description, objective, store, examples, params, seed=3, work=work, **more)
    save_encoder(work, trained.encoder, description)
    return trained


def _md5(work: Path) -> str:
    return hashlib.md5((work / "encoder.pt").read_bytes()).hexdigest()


@pytest.fixture
def training_set(tmp_path: Path) -> Path:
    write_training_set(tmp_path / "training_set")
    return tmp_path / "training_set"


def _gradients(training_set: Path, work: Path, params: CnnCheckpoint) -> tuple[list[list[Tensor]], Trained]:
    """Of every step, and how the training went."""
    steps: list[list[Tensor]] = []

    def keep(optimizer: Optimizer, *_: object) -> None:
        weights = optimizer.param_groups[0]["params"]
        steps.append([weight.grad.clone() for weight in weights if weight.grad is not None])

    hook = register_optimizer_step_post_hook(keep)
    try:
        trained = _train(training_set, work, params)
    finally:
        hook.remove()
    return steps, trained


def test_twenty_steps_have_the_gradients_of_one_process(training_set: Path, tmp_path: Path) -> None:
    """Batches of 17 and a last one of 10 windows: parts are uneven, and the loss hangs on the whole batch."""
    own = Component("tests.training.test_together:TwoAnswers", {})
    settings = {"encoder": own, "objective": CONTRASTIVE, "batch_size": 17, "max_epochs": 2, "patience": 9}
    one, alone = _gradients(training_set, tmp_path / "one", cnn_params(**settings))
    two, together = _gradients(training_set, tmp_path / "two", cnn_params(**settings, processes=2))
    assert len(one) == len(two) == 22
    for ours, theirs in zip(two, one, strict=True):
        assert len(ours) == len(theirs) > 8, (len(ours), len(theirs))
        for gradient, wanted in zip(ours, theirs, strict=True):
            torch.testing.assert_close(gradient, wanted, rtol=0, atol=1e-9)
    assert max(float(gradient.abs().max()) for gradient in one[-1]) > 1e-3
    for name, value in alone.encoder.state_dict().items():  # BatchNorm's running numbers too
        torch.testing.assert_close(together.encoder.state_dict()[name], value, rtol=0, atol=1e-9)
    assert [asdict(epoch) for epoch in together.epochs] == [
        pytest.approx(asdict(epoch), abs=1e-9) for epoch in alone.epochs
    ]


if __name__ == "__main__":
    _train(Path(sys.argv[1]), Path(sys.argv[2]), cnn_params(max_epochs=6, processes=int(sys.argv[3])))
