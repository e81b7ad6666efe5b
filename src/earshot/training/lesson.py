"""One encoder learning one objective, in the form that Lightning wants."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from pytorch_lightning import LightningModule
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn

from earshot.predictors.song_encoder import SongEncoder
from earshot.training.ranks import ALONE, Ranks
from earshot.training.windows import TrainingBatch, ValidationBatch

_OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adamw": torch.optim.AdamW,
    "sgd": partial(torch.optim.SGD, momentum=0.9),
}


class Lesson(LightningModule):
    """AdamW or SGD on the mean loss of the windows of a batch; the learning rate falls to 0 over all epochs.

    Attributes
    ----------
    training_loss, validation_loss
        Sum of losses of the epoch so far, and over how many: windows in training, songs in validation.
    """

    def __init__(
        self,
        encoder: SongEncoder,
        objective: nn.Module,
        *,
        learning_rate: float,
        weight_decay: float,
        optimizer: str = "adamw",
        ranks: Ranks = ALONE,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.objective = objective
        self.training_loss = Mean()
        self.validation_loss = Mean()
        self._learning_rate = learning_rate
        self._weight_decay = weight_decay
        self._optimizer = _OPTIMIZERS[optimizer]
        self._ranks = ranks
        if ranks.size > 1:
            # torch looks for weights that no loss hangs on (`earshot.training.train`) and complains, past
            # all filters of warnings, where it finds none
            self.unused = nn.Parameter(torch.zeros(()))
        self._generators: dict[str, list[Tensor]] | None = None

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """The optimizer of the weights of encoder and objective, and its learning rate by step.

        The rate rises over the first twentieth of all steps, then follows half a cosine down to 0.
        """
        weights = [*self.encoder.parameters(), *self.objective.parameters()]
        optimizer = self._optimizer(weights, lr=self._learning_rate, weight_decay=self._weight_decay)
        n_steps = int(self.trainer.estimated_stepping_batches)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, half_cosine(n_steps))
        # Lightning's default interval is an epoch
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def training_step(self, batch: TrainingBatch) -> Tensor:
        """Mean loss of a batch of windows, a scalar; each window's loss counts in `training_loss`.

        The songs of the n windows are int64 `(n,)`, rows of the examples. A network may answer several
        times, `(times * n, n_outputs)`; every answer is about all windows. Of several ranks each hears its
        part of the windows, and has the loss of all.
        """
        windows, songs = batch
        outputs = self._ranks.whole(self.encoder(*windows), len(songs))
        losses: Tensor = self.objective(outputs, songs.repeat(len(outputs) // len(songs)))
        self.training_loss.add(losses)
        return losses.mean()

    def validation_step(self, batch: ValidationBatch) -> None:
        """Count the losses of some whole songs in `validation_loss`.

        Outputs of windows, `(n, n_outputs)`, are averaged by song, `(n_songs, n_outputs)`, before the loss.
        """
        windows, average, songs = batch
        answers = [average.to(outputs.dtype) @ outputs for outputs in self.encoder.answers(*windows)]
        losses = [self.objective(self._ranks.whole(each, len(songs)), songs) for each in answers]
        self.validation_loss.add(torch.stack(losses).mean(dim=0))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the states of every rank's random generators and the training loss of the epoch so far."""
        checkpoint["generators"] = {name: self._ranks.of_each(state) for name, state in _generators().items()}
        checkpoint["training_loss"] = self.training_loss.state()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take back the training loss; generator states are kept until `on_train_start`."""
        self._generators = checkpoint["generators"]
        self.training_loss = Mean(**checkpoint["training_loss"])

    def on_train_start(self) -> None:
        """Set torch's random generators as they were in the checkpoint, if the training goes on from one."""
        if self._generators is not None:
            states = {name: of_ranks[self._ranks.rank] for name, of_ranks in self._generators.items()}
            torch.set_rng_state(states["cpu"])
            if "cuda" in states:
                torch.cuda.set_rng_state(states["cuda"])


def _generators() -> dict[str, Tensor]:
    """States of the generators that this process draws from, uint8."""
    states = {"cpu": torch.get_rng_state()}
    return states | {"cuda": torch.cuda.get_rng_state()} if torch.cuda.is_available() else states


def half_cosine(n_steps: int) -> Callable[[int], float]:
    """From 1 to 0 over `n_steps`, after a rise over the first twentieth."""
    rise = max(1, n_steps // 20)
    # the cosine starts at 1, so the rise is the smaller one at first
    return lambda step: min((step + 1) / rise, 0.5 * (1 + math.cos(math.pi * min(1, step / n_steps))))


class Mean:
    """A running mean, exact to float64.

    The sum stays on the device of the values until somebody asks, so that no step waits for a GPU.
    """

    def __init__(self, total: float = 0.0, count: int = 0) -> None:
        self._total: Tensor | float = total
        self._count = count

    def add(self, values: Tensor) -> None:
        """Count `values`, `(n,)`, summed in float64."""
        self._total = self._total + values.detach().sum(dtype=torch.float64)
        self._count += len(values)

    def state(self) -> dict[str, Any]:
        """The sum so far and of how many: what a new one is made of."""
        return {"total": float(self._total), "count": self._count}

    def take(self) -> float:
        """The mean so far; it starts anew."""
        mean = float(self._total) / self._count
        self._total, self._count = 0.0, 0
        return mean
