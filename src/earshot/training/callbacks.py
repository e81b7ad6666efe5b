"""What happens around the steps of a training: early stopping, the checkpoint to go on from, progress."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback
from torch import Tensor
from torch.nn.utils import get_total_norm
from torch.optim import Optimizer

from earshot.errors import UserError
from earshot.files import replacing
from earshot.processes import progress
from earshot.training.lesson import Lesson
from earshot.training.ranks import ALONE, Ranks


@dataclass(frozen=True)
class Epoch:
    """One line of `curves.csv`: losses over the epoch's windows, and over the validation songs."""

    epoch: int
    training_loss: float
    validation_loss: float


@dataclass(frozen=True)
class Meters:
    """How an epoch went, beside what it learned; in no output, as `examples_per_second` is of the machine.

    Attributes
    ----------
    learning_rate
        At the end of the epoch.
    gradient_norm
        Mean over its steps of the Euclidean norm of all gradients.
    examples_per_second
        Windows a second of training, without the validation.
    """

    learning_rate: float
    gradient_norm: float
    examples_per_second: float


class Metering(Callback):
    """Take the meters of an epoch; after a kill in the middle of one, of what is left of it."""

    def __init__(self) -> None:
        self._norms: list[Tensor] = []
        self._windows = 0
        self._learning_rate = 0.0
        self._started = self._ended = time.monotonic()

    def on_train_epoch_start(self, trainer: Trainer, lesson: LightningModule) -> None:
        """Begin to count."""
        self._norms, self._windows = [], 0
        self._started = time.monotonic()

    def on_before_optimizer_step(
        self, trainer: Trainer, lesson: LightningModule, optimizer: Optimizer
    ) -> None:
        """Note norm and learning rate of the step; on the device, so that nothing waits for it."""
        gradients = [weight.grad for weight in lesson.parameters() if weight.grad is not None]
        self._norms.append(get_total_norm(gradients).detach())
        self._learning_rate = float(optimizer.param_groups[0]["lr"])

    def on_train_batch_end(
        self, trainer: Trainer, lesson: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count the windows of the batch."""
        _, songs = batch
        self._windows += len(songs)
        self._ended = time.monotonic()

    def take(self) -> Meters:
        """Of the epoch so far."""
        seconds = max(self._ended - self._started, 1e-9)
        norm = float(torch.stack(self._norms).mean()) if self._norms else math.nan
        return Meters(self._learning_rate, norm, self._windows / seconds)


OnEpoch = Callable[[Epoch, Meters], object]
"""What is called after an epoch."""


class EarlyStopping(Callback):
    """Keep the weights of the epoch whose validation loss is lowest; stop `patience` epochs after it.

    Those of the objective are kept too. Lightning's own keeps no weights, and trains one epoch
    too many after a kill at the last. It must stand before the averaging callback, whose weights are
    in place while a validation ends. Losses are those of the first rank, so that all stop at once.
    """

    def __init__(self, patience: int, on_epoch: OnEpoch, metering: Metering, ranks: Ranks = ALONE) -> None:
        self._ranks = ranks
        self._patience = patience
        self._on_epoch = on_epoch
        self._metering = metering
        self.epochs: list[Epoch] = []
        self.best = 0
        self.best_weights: dict[str, Tensor] = {}

    @property
    def _over(self) -> bool:
        return len(self.epochs) - 1 - self.best >= self._patience

    def on_train_start(self, trainer: Trainer, lesson: LightningModule) -> None:
        """Stop at once where the training that goes on had run out of patience before it was killed."""
        trainer.should_stop = bool(self.epochs) and self._over

    def on_validation_epoch_end(self, trainer: Trainer, lesson: LightningModule) -> None:
        """Note the losses of the epoch, keep the weights if it is the best, stop if patience has run out.

        Raises
        ------
        UserError
            A loss that is not finite.
        """
        assert isinstance(lesson, Lesson)
        losses = self._ranks.agreed([lesson.training_loss.take(), lesson.validation_loss.take()])
        epoch = Epoch(len(self.epochs), *losses)
        if not math.isfinite(epoch.training_loss + epoch.validation_loss):
            raise UserError(
                f"the training diverged in epoch {epoch.epoch} (loss {epoch.training_loss}); "
                "a smaller cnn_checkpoint.learning_rate is wanted"
            )
        self.epochs.append(epoch)
        if not self.best_weights or epoch.validation_loss < self.epochs[self.best].validation_loss:
            self.best = epoch.epoch
            # buffers of the encoder too; those of an objective are its targets, which stay as they are
            weights = {f"encoder.{name}": value for name, value in lesson.encoder.state_dict().items()}
            weights |= {f"objective.{name}": value for name, value in lesson.objective.named_parameters()}
            self.best_weights = {name: value.detach().cpu().clone() for name, value in weights.items()}
        self._on_epoch(epoch, self._metering.take())
        trainer.should_stop = self._over

    def state_dict(self) -> dict[str, Any]:
        """Losses of all epochs, number and weights of the best: part of the checkpoint."""
        epochs = [asdict(epoch) for epoch in self.epochs]
        return {"epochs": epochs, "best": self.best, "best_weights": self.best_weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up what `state_dict` put into the checkpoint."""
        self.epochs = [Epoch(**epoch) for epoch in state["epochs"]]
        self.best, self.best_weights = state["best"], state["best_weights"]


class Averaging(Callback):
    """Average all weights exponentially over the steps; validate with the averages.

    After the first step they are the weights, after others decay times themselves plus 1 - decay times the
    weights. Buffers are not averaged: that would round the constants among them a little at each step. What
    Lightning has for this asks a tensor at every step how many there were, and copies all buffers.
    """

    def __init__(self, decay: float) -> None:
        self._decay = decay
        self._averages: list[Tensor] = []

    @torch.no_grad()
    def on_train_batch_end(
        self, trainer: Trainer, lesson: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Take in the weights of the step."""
        weights = [weight.detach() for weight in lesson.parameters()]
        if not self._averages:
            self._averages = [weight.clone() for weight in weights]
            return
        self._averages = [average.to(weight) for average, weight in zip(self._averages, weights, strict=True)]
        torch._foreach_mul_(self._averages, self._decay)
        torch._foreach_add_(self._averages, [*torch._foreach_mul(weights, 1 - self._decay)])

    def on_validation_epoch_start(self, trainer: Trainer, lesson: LightningModule) -> None:
        """Put the averages in place of the weights."""
        self._swap(lesson)

    def on_validation_epoch_end(self, trainer: Trainer, lesson: LightningModule) -> None:
        """Put the weights back."""
        self._swap(lesson)

    @torch.no_grad()
    def _swap(self, lesson: LightningModule) -> None:
        for weight, average in zip(lesson.parameters(), self._averages, strict=True):
            kept = weight.clone()
            weight.copy_(average)
            average.copy_(kept)

    def state_dict(self) -> dict[str, Any]:
        """The averages: part of the checkpoint."""
        return {"averages": self._averages}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up what `state_dict` put into the checkpoint."""
        self._averages = state["averages"]


class Resumable(Callback):
    """Write all that a training needs to go on: after every epoch, and in long ones every `seconds`.

    Every rank adds what only it knows; the first one writes.
    """

    def __init__(self, path: Path, seconds: float, ranks: Ranks = ALONE) -> None:
        self._ranks = ranks
        self._path = path
        self._seconds = seconds
        self._written = time.monotonic()

    def on_train_batch_end(
        self, trainer: Trainer, lesson: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Write the checkpoint if the last one is `seconds` old, but not after the last batch of an epoch."""
        # After the last batch Lightning would go on without the validation.
        is_last = batch_idx + 1 == trainer.num_training_batches
        is_due = time.monotonic() - self._written >= self._seconds
        if not is_last and any(self._ranks.agreed([is_due])):  # each has a clock of its own
            self._write(trainer)

    def on_train_epoch_end(self, trainer: Trainer, lesson: LightningModule) -> None:
        """Write the checkpoint; the epoch has been validated by then."""
        self._write(trainer)

    def _write(self, trainer: Trainer) -> None:
        if self._ranks.is_first:
            with replacing(self._path) as beside:  # a kill leaves the last whole one
                trainer.save_checkpoint(beside)
        else:
            trainer.save_checkpoint(self._path)  # of all ranks but the first this writes nothing
        self._written = time.monotonic()


class Progress(Callback):
    """A progress bar over the batches of all epochs, with the last validation loss."""

    def __init__(self, early_stopping: EarlyStopping) -> None:
        self._early_stopping = early_stopping

    def on_train_start(self, trainer: Trainer, lesson: LightningModule) -> None:
        """Open the bar, at the step that a training goes on from."""
        total = int(trainer.num_training_batches) * (trainer.max_epochs or 1)
        self._bar = progress(description="Training", unit="batches", total=total)
        self._bar.update(trainer.global_step)

    def on_train_batch_end(self, *_: Any) -> None:
        """Advance the bar by one batch."""
        self._bar.update()

    def on_validation_end(self, trainer: Trainer, lesson: LightningModule) -> None:
        """Show number and validation loss of the last epoch beside the bar."""
        last = self._early_stopping.epochs[-1]
        self._bar.set_postfix(epoch=last.epoch, validation_loss=f"{last.validation_loss:.4f}", refresh=False)

    def on_train_end(self, trainer: Trainer, lesson: LightningModule) -> None:
        """Close the bar."""
        self._bar.close()
