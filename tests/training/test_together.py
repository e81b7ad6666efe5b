"""Several processes train what one would: real ones, connected by gloo."""

import hashlib
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
        if not self.training and torch.distributed.is_initialized():
            _refuse_differences(self)
        first, second = self.network(windows.double()), self.linear(windows.double().mean(dim=2))
        return torch.cat([first, second]) if self.training else first + second


def _refuse_differences(network: nn.Module) -> None:
    """In a validation, when the averages are in place: all numbers are the same bytes on both processes."""
    values = torch.cat([value.double().flatten() for value in network.state_dict().values()])
    found = [torch.empty_like(values) for _ in range(2)]
    torch.distributed.all_gather(found, values)
    assert torch.equal(*found)


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


def _gradients(
    training_set: Path, work: Path, params: CnnCheckpoint, **more: Any
) -> tuple[list[list[Tensor]], Trained]:
    """Of every step, and how the training went."""
    steps: list[list[Tensor]] = []

    def keep(optimizer: Optimizer, *_: object) -> None:
        weights = optimizer.param_groups[0]["params"]
        steps.append([weight.grad.clone() for weight in weights if weight.grad is not None])

    hook = register_optimizer_step_post_hook(keep)
    try:
        trained = _train(training_set, work, params, **more)
    finally:
        hook.remove()
    return steps, trained


def test_twenty_steps_have_the_gradients_of_one_process(training_set: Path, tmp_path: Path) -> None:
    """Batches of 17 and a last one of 10 windows: parts are uneven, and the loss hangs on the whole batch."""
    own = Component("tests.training.test_together:TwoAnswers", {})
    settings = {"encoder": own, "objective": CONTRASTIVE, "batch_size": 17, "max_epochs": 2, "patience": 9}
    one, alone = _gradients(training_set, tmp_path / "one", cnn_params(**settings))
    addresses: set[str] = set()

    def look(*_: object) -> None:
        addresses.update(each.laddr.ip for each in psutil.Process().net_connections("inet"))

    params = cnn_params(**settings, processes=2)
    two, together = _gradients(training_set, tmp_path / "two", params, on_epoch=look)
    assert addresses == {"127.0.0.1"}
    assert len(one) == len(two) == 22
    for ours, theirs in zip(two, one, strict=True):
        assert len(ours) == len(theirs) > 8
        for gradient, wanted in zip(ours, theirs, strict=True):
            torch.testing.assert_close(gradient, wanted, rtol=0, atol=1e-9)
    assert max(float(gradient.abs().max()) for gradient in one[-1]) > 1e-3
    for name, value in alone.encoder.state_dict().items():  # BatchNorm's running numbers too
        torch.testing.assert_close(together.encoder.state_dict()[name], value, rtol=0, atol=1e-9)
    assert [asdict(epoch) for epoch in together.epochs] == [
        pytest.approx(asdict(epoch), abs=1e-9) for epoch in alone.epochs
    ]


@pytest.mark.soak
def test_either_process_may_be_killed_and_the_bytes_are_those_of_an_unkilled_training(
    training_set: Path, tmp_path: Path
) -> None:
    """Once at a checkpoint, once between two; dropout draws from a generator of each process."""
    params = cnn_params(max_epochs=5, processes=2)
    undisturbed = _train(training_set, tmp_path / "undisturbed", params)
    for delay in (0.0, 0.15):
        for rank in (0, 1):
            _kill(rank, delay, training_set, tmp_path / "killed")
    resumed = _train(training_set, tmp_path / "killed", params)
    assert [asdict(epoch) for epoch in resumed.epochs] == [asdict(epoch) for epoch in undisturbed.epochs]
    assert _md5(tmp_path / "killed") == _md5(tmp_path / "undisturbed")
    assert not _ranks(psutil.Process())


@pytest.mark.soak
def test_three_processes_end_in_the_same_bytes_after_a_kill(training_set: Path, tmp_path: Path) -> None:
    """Three numbers have another sum in another order; the last of 45 * 4 windows leave one without any."""
    params = cnn_params(max_epochs=5, processes=3, batch_size=89)
    _train(training_set, tmp_path / "undisturbed", params)
    _kill(2, 0.1, training_set, tmp_path / "killed", processes=3, batch_size=89)
    _train(training_set, tmp_path / "killed", params)
    assert _md5(tmp_path / "killed") == _md5(tmp_path / "undisturbed")


def _kill(
    rank: int, delay: float, training_set: Path, work: Path, processes: int = 2, batch_size: int = 16
) -> None:
    """SIGKILL a rank of a training `delay` seconds after its second checkpoint; all are gone soon."""
    checkpoint = work / "resume.ckpt"
    before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
    arguments = [str(training_set), str(work), str(processes), str(batch_size)]
    command = [sys.executable, "-m", "tests.training.test_together", *arguments]
    process = psutil.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    while process.poll() is None and not (checkpoint.exists() and checkpoint.stat().st_mtime_ns > before):
        time.sleep(0.01)
    time.sleep(delay)
    assert process.poll() is None, process.stderr.read()
    ranks = [process, *_ranks(process)]
    assert len(ranks) == processes
    ranks[rank].send_signal(signal.SIGKILL)
    started = time.monotonic()
    _, error = process.communicate(timeout=60)
    psutil.wait_procs(ranks[1:], timeout=10)
    assert not any(each.is_running() for each in ranks[1:])
    if rank:
        assert f"UserError: process {rank + 1} of {processes} of the training was killed by SIGKILL" in error
        assert time.monotonic() - started < 30


def _ranks(process: psutil.Process) -> list[psutil.Process]:
    """The others, in the order of their ranks."""
    children = [child for child in process.children() if "spawn_main" in " ".join(child.cmdline())]
    return sorted(children, key=lambda child: child.pid)


@pytest.mark.soak
def test_what_another_process_cannot_go_on_with_is_told(training_set: Path, tmp_path: Path) -> None:
    own = Component("tests.training.test_together:NotTwice", {})
    with pytest.raises(UserError, match="not here"):
        _train(training_set, tmp_path / "work", cnn_params(encoder=own, processes=2))
    assert not _ranks(psutil.Process())
    assert not torch.distributed.is_initialized()


class NotTwice(TwoAnswers):
    """Refuses its first batch in any process but the first."""

    def forward(self, windows: Tensor) -> Tensor:
        if torch.distributed.get_rank():
            raise UserError("not here")
        return super().forward(windows)


if __name__ == "__main__":
    changed = {"processes": int(sys.argv[3]), "batch_size": int(sys.argv[4])}
    _train(
        Path(sys.argv[1]),
        Path(sys.argv[2]),
        cnn_params(max_epochs=5, **changed),
        on_epoch=lambda _, __: time.sleep(0.2),
        seconds_between_checkpoints=0.0,
    )
