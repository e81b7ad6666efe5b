"""Learning as in the papers: descent with momentum, in stages, each from the best weights of the one before.

A stage ends once the validation loss has not fallen for some epochs; the next learns at a fifth of the rate
(Lee et al. 2017, section 4.3). Every segment of a clip is an example with the labels of the clip; a clip is
answered by the mean of its segments' probabilities.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from earshot.errors import UserError
from earshot.files import replace_bytes
from earshot.predictors.load import device
from earshot.processes import progress
from sample_level_cnn.clips import ClipTask, Rows
from sample_level_cnn.params import Stages

_DECAY = 1e-6
"""By which the rate falls at each step of a stage, as 1 / (1 + steps * this)."""
_SEGMENTS_AT_ONCE = 32

Scores = NDArray[np.float32]
State = dict[str, Any]


@dataclass(frozen=True)
class StagedEpoch:
    """After an epoch: in which stage, segments learned from so far, losses, and what `judge` said of it."""

    stage: int
    segments: int
    training_loss: float
    validation_loss: float
    judged: float


@dataclass
class Course:
    """How far a training has come; `waited` epochs of the stage have passed without a better one."""

    stage: int = 0
    waited: int = 0
    in_stage: int = 0
    best: int = -1
    epochs: list[dict[str, Any]] = field(default_factory=list)


def learn(
    network: nn.Module,
    task: ClipTask,
    stages: Stages,
    *,
    seed: int,
    kept: Path,
    judge: Callable[[nn.Module], float],
) -> list[StagedEpoch]:
    """Train `network`, which then has the weights of its best epoch; the epochs, one by one.

    Parameters
    ----------
    network
        Segments, int16 as float32 (batch, 1, n_samples), to logits (batch, n_labels).
    seed
        Of the order of the segments, and dropout; the weights are drawn by then.
    kept
        A file that a killed training goes on from at its last epoch; one that is done is read.
    judge
        Anything, of the network after each epoch, such as how well it does on clips that are held out.

    Raises
    ------
    UserError
        A loss that is not finite any more.
    """
    network.to(device())
    state = _read(kept)
    course = Course(**state["course"]) if state else Course()
    best = state["best"] if state else _copy(network)
    optimizer = _optimizer(network, stages)
    if state:
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
    while course.stage < stages.stages:
        number = len(course.epochs)
        torch.manual_seed(seed * 1_000_003 + number)  # an epoch is the same whatever was killed before it
        loss = _epoch(network, optimizer, task, stages, course, np.random.default_rng([seed, number]))
        found = StagedEpoch(
            course.stage,
            (number + 1) * len(task.training) * task.samples.shape[1],
            loss,
            _validate(network, task),
            judge(network),
        )
        _refuse_infinite(found, stages)
        course.epochs.append(asdict(found))
        if course.best < 0 or found.validation_loss < course.epochs[course.best]["validation_loss"]:
            course.best, best, course.waited = number, _copy(network), 0
        else:
            course.waited += 1
        course.in_stage += 1
        if course.waited >= stages.patience or course.in_stage >= stages.max_epochs:
            course.stage, course.waited, course.in_stage = course.stage + 1, 0, 0
            network.load_state_dict(best)
            optimizer = _optimizer(network, stages)  # without the momentum of the stage before
        _write(kept, network, optimizer, best, course)
    network.load_state_dict(best)
    network.eval()
    return [StagedEpoch(**each) for each in course.epochs]


def scores_of(network: nn.Module, task: ClipTask, rows: Rows) -> Scores:
    """Probabilities of the labels of some clips, float32 `(n, n_labels)`: the mean over a clip's segments."""
    return np.asarray(_probabilities(network, task, rows).mean(axis=1), dtype=np.float32)


def loss_of(logits: Tensor, targets: Tensor, one_each: bool) -> Tensor:
    """Cross-entropy of the one label of each clip; or binary cross-entropy, the mean over labels. (n,)."""
    if one_each:
        return functional.cross_entropy(logits, targets.argmax(dim=1), reduction="none")
    return functional.binary_cross_entropy_with_logits(logits, targets, reduction="none").mean(dim=1)


def _epoch(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    task: ClipTask,
    stages: Stages,
    course: Course,
    draw: np.random.Generator,
) -> float:
    """Learn from all segments of the clips once, in an order that `draw` gives; the mean loss."""
    network.train()
    total = 0.0
    batches = list(_batches(len(task.training) * task.samples.shape[1], stages.batch_size, draw))
    before = course.in_stage * len(batches)  # steps of this stage
    for step, order in enumerate(progress(batches, description="Learning", unit="batch"), start=before):
        for group in optimizer.param_groups:
            group["lr"] = stages.learning_rate * stages.factor**course.stage / (1 + _DECAY * step)
        # the segments of the first clip come first: clip and segment of each
        clips, places = task.training[order // task.samples.shape[1]], order % task.samples.shape[1]
        samples, targets = _tensors(task.samples[clips, places], task.targets[clips])
        losses = loss_of(network(samples), targets, task.one_each)
        optimizer.zero_grad()
        losses.mean().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        total += float(losses.detach().sum())
    return total / sum(map(len, batches))


def _batches(n: int, size: int, draw: np.random.Generator) -> Iterator[NDArray[np.intp]]:
    """All of n in a drawn order; a last batch of one, of which there is no variance, goes to the one
    before."""
    order = draw.permutation(n)
    ends = [*range(size, n, size), n]
    if len(ends) > 1 and n - ends[-2] == 1:
        del ends[-2]
    yield from (order[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True))


def _validate(network: nn.Module, task: ClipTask) -> float:
    """Mean loss of the segments of the clips for early stopping."""
    found = np.log(np.clip(_probabilities(network, task, task.validation), 1e-7, 1)).astype(np.float64)
    targets = task.targets[task.validation][:, None]  # (n, 1, n_labels)
    if task.one_each:
        return float(-(found * targets).sum(axis=2).mean())
    others = np.log(np.clip(1 - np.exp(found), 1e-7, 1))
    return float(-(targets * found + (1 - targets) * others).mean())


@torch.inference_mode()
def _probabilities(network: nn.Module, task: ClipTask, rows: Rows) -> Scores:
    """(n, n_segments, n_labels)."""
    network.eval()
    n_segments = task.samples.shape[1]
    clips, places = np.repeat(rows, n_segments), np.tile(np.arange(n_segments), len(rows))
    found = []
    for first in range(0, len(clips), _SEGMENTS_AT_ONCE):
        part = slice(first, first + _SEGMENTS_AT_ONCE)
        (samples,) = _tensors(task.samples[clips[part], places[part]])
        logits = network(samples)
        found.append(torch.softmax(logits, dim=1) if task.one_each else torch.sigmoid(logits))
    scores: Scores = torch.cat(found).cpu().numpy()
    return scores.reshape(len(rows), n_segments, -1)


def _tensors(samples: NDArray[np.int16], *others: NDArray[np.float32]) -> list[Tensor]:
    """Segments (n, n_samples) as a network is given them, (n, 1, n_samples); and others as they are."""
    arrays = (samples[:, None].astype(np.float32), *others)
    return [torch.from_numpy(each).to(device()) for each in arrays]


def _optimizer(network: nn.Module, stages: Stages) -> torch.optim.SGD:
    return torch.optim.SGD(network.parameters(), lr=stages.learning_rate, momentum=0.9, nesterov=True)


def _copy(network: nn.Module) -> State:
    return {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}


def _refuse_infinite(found: StagedEpoch, stages: Stages) -> None:
    if not np.isfinite([found.training_loss, found.validation_loss]).all():
        raise UserError(
            f"training.learning_rate={stages.learning_rate}: the loss is not finite any more in stage "
            f"{found.stage}; a smaller one is wanted"
        )


def _write(kept: Path, network: nn.Module, optimizer: torch.optim.SGD, best: State, course: Course) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    state = {
        "network": _copy(network),
        "optimizer": optimizer.state_dict(),
        "best": best,
        "course": asdict(course),
    }
    torch.save(state, buffer)
    replace_bytes(kept, buffer.getvalue())


def _read(kept: Path) -> State | None:
    if not kept.is_file():
        return None
    state: State = torch.load(kept, map_location="cpu", weights_only=True)  # nothing pickled but tensors
    return state
