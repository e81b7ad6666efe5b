"""One encoder learning one objective, as Lightning wants it told."""

from __future__ import annotations

from typing import Any

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn

from earshot.encoders.song_encoder import SongEncoder
from earshot.training.windows import TrainingBatch, ValidationBatch


class Lesson(LightningModule):
    """AdamW on the mean loss of the windows of a batch.

    Attributes
    ----------
    training_loss, validation_loss
        Sum of losses and number of songs of the epoch so far.
    """

    def __init__(
        self, encoder: SongEncoder, objective: nn.Module, *, learning_rate: float, weight_decay: float
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.objective = objective
        self.training_loss = Mean()
        self.validation_loss = Mean()
        self._learning_rate = learning_rate
        self._weight_decay = weight_decay
        self._generators: dict[str, Any] | None = None

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(
            self.encoder.parameters(), lr=self._learning_rate, weight_decay=self._weight_decay
        )

    def training_step(self, batch: TrainingBatch) -> Tensor:
        windows, songs = batch
        losses: Tensor = self.objective(self.encoder(windows), songs)
        self.training_loss.add(losses)
        return losses.mean()

    def validation_step(self, batch: ValidationBatch) -> None:
        windows, average, songs = batch
        self.validation_loss.add(self.objective(average @ self.encoder(windows), songs))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["generators"] = {"cpu": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state_all()}
        checkpoint["training_loss"] = vars(self.training_loss)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self._generators = checkpoint["generators"]
        self.training_loss = Mean(**checkpoint["training_loss"])

    def on_train_start(self) -> None:
        if self._generators is not None:
            torch.set_rng_state(self._generators["cpu"])
            torch.cuda.set_rng_state_all(self._generators["cuda"])


class Mean:
    """A running mean, exact to float64."""

    def __init__(self, total: float = 0.0, count: int = 0) -> None:
        self.total = total
        self.count = count

    def add(self, values: Tensor) -> None:
        self.total += float(values.detach().sum(dtype=torch.float64))
        self.count += len(values)

    def take(self) -> float:
        """The mean so far; it starts anew."""
        mean = self.total / self.count
        self.total, self.count = 0.0, 0
        return mean
