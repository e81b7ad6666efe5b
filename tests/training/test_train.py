import hashlib
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch

from earshot.classes import Component
from earshot.errors import UserError
from earshot.params import CnnCheckpoint
from earshot.predictors.load import save_encoder
from earshot.predictors.song_encoder import describe
from earshot.training.objectives.factors_mse import FactorsMse
from earshot.training.train import Trained, epochs_of, train
from tests.training.heard import cnn_params, read_heard, write_training_set


def _train(training_set: Path, work: Path, params: CnnCheckpoint, pause: float = 0.0) -> Trained:
    store, examples = read_heard(training_set)
    description = describe(params.encoder, store.format, params.window_seconds, 2)
    work.mkdir(exist_ok=True)
    trained = train(
        description,
        FactorsMse(examples),
        store,
        examples,
        params,
        seed=3,
        work=work,
        on_epoch=lambda _, __: time.sleep(pause),
        seconds_between_checkpoints=0.0,
    )
    save_encoder(work, trained.encoder, description)
    return trained


def _md5(work: Path) -> str:
    return hashlib.md5((work / "encoder.pt").read_bytes()).hexdigest()


@pytest.fixture
def training_set(tmp_path: Path) -> Path:
    write_training_set(tmp_path / "training_set")
    return tmp_path / "training_set"


def test_what_can_be_heard_is_learned(training_set: Path, tmp_path: Path) -> None:
    trained = _train(training_set, tmp_path / "work", cnn_params())
    losses = [epoch.validation_loss for epoch in trained.epochs]
    assert min(losses) < 0.3  # a guess of the mean would have about 1
    assert trained.best_epoch == int(np.argmin(losses))
    assert [epoch.epoch for epoch in trained.epochs] == list(range(len(losses)))


def test_training_stops_patience_epochs_after_the_best(training_set: Path, tmp_path: Path) -> None:
    trained = _train(training_set, tmp_path / "work", cnn_params(max_epochs=200, patience=2))
    assert len(trained.epochs) == trained.best_epoch + 1 + 2 < 200


def test_a_small_catalogue_gets_the_steps_of_a_large_one(training_set: Path, tmp_path: Path) -> None:
    """The embedded catalogue has 43 batches an epoch; 392 songs had 400 steps, and learned too little."""
    params = cnn_params(max_epochs=16, min_steps=688, patience=8)
    told = [epochs_of(params, batches) for batches in (1000, 43, 25, 1)]
    assert told == [(16, 8), (16, 8), (28, 14), (688, 344)]
    _, examples = read_heard(training_set)
    batches = math.ceil(examples.n_training * 4 / 16)
    trained = _train(training_set, tmp_path / "work", cnn_params(max_epochs=1, min_steps=2 * batches + 1))
    assert len(trained.epochs) == 3


def test_same_seed_same_bytes_wherever(training_set: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        _train(training_set, tmp_path / name, cnn_params(max_epochs=2))
    assert _md5(tmp_path / "one") == _md5(tmp_path / "two")
    assert str(tmp_path).encode() not in (tmp_path / "one" / "encoder.pt").read_bytes()


def test_a_training_killed_at_any_moment_ends_in_the_same_bytes(training_set: Path, tmp_path: Path) -> None:
    params = cnn_params(max_epochs=6)
    undisturbed = _train(training_set, tmp_path / "undisturbed", params)
    for delay in (0.02, 0.37):
        _kill_after(delay, training_set, tmp_path / "killed")
    resumed = _train(training_set, tmp_path / "killed", params)
    assert [asdict(epoch) for epoch in resumed.epochs] == [asdict(epoch) for epoch in undisturbed.epochs]
    assert _md5(tmp_path / "killed") == _md5(tmp_path / "undisturbed")


def _kill_after(delay: float, training_set: Path, work: Path) -> None:
    """SIGKILL a training `delay` seconds after its next checkpoint."""
    checkpoint = work / "resume.ckpt"
    before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
    command = [sys.executable, "-m", "tests.training.test_train", str(training_set), str(work)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd=Path(__file__).parents[2])
    while process.poll() is None and not (checkpoint.exists() and checkpoint.stat().st_mtime_ns > before):
        time.sleep(0.01)
    time.sleep(delay)
    assert process.poll() is None, "it ended before it could be killed"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


def test_a_finished_training_is_not_gone_over_again(training_set: Path, tmp_path: Path) -> None:
    params = cnn_params(max_epochs=50, patience=1)
    first = _train(training_set, tmp_path / "work", params)
    md5 = _md5(tmp_path / "work")
    again = _train(training_set, tmp_path / "work", params)
    assert again.epochs == first.epochs
    assert _md5(tmp_path / "work") == md5


def test_a_loss_that_explodes_names_the_learning_rate(training_set: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cnn_checkpoint\.learning_rate"):
        _train(training_set, tmp_path / "work", cnn_params(learning_rate=1e30))


def test_an_encoder_of_ones_own_is_named_by_its_class(training_set: Path, tmp_path: Path) -> None:
    own = Component("tests.training.test_train:MeanOfMel", {})
    trained = _train(training_set, tmp_path / "work", cnn_params(encoder=own, max_epochs=2))
    assert isinstance(trained.encoder.network, MeanOfMel)
    assert trained.encoder.rows == [1, 2]


class MeanOfMel(torch.nn.Module):
    families = ("mel",)

    def __init__(self, n_rows: int, n_outputs: int) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(n_rows, n_outputs)

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        return self.linear(windows.mean(dim=2))


if __name__ == "__main__":
    _train(Path(sys.argv[1]), Path(sys.argv[2]), cnn_params(max_epochs=6), pause=0.2)
