"""Claim: Lightning trains an encoder at 0.95 or more of the windows a second of a plain PyTorch loop.

    python benchmarks/training.py [SONGS] [ROUNDS]

The convolutional encoder, with batch size and optimizer of params.yaml, through `earshot.training.lesson` and
a Trainer with the averaged weights and the progress bar of `earshot.training.train`, without what happens
after an epoch.
The rival, and the ceiling, is a loop over the same batches with the same network, loss, optimizer,
schedule and averaging from torch. Batches are held in memory (benchmarks/training_input.py measures
reading them). Epochs of the two take turns: on a GPU wall time, without one the CPU time of one thread.

The last line is JSON: device, songs, steps (an epoch), rounds, windows_per_s, plain_windows_per_s,
x_plain_loop.
"""

from __future__ import annotations

import copy
import json
import logging
import os
import statistics
import sys
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import numpy as np
import torch
from noise_store import SOUND, write_noise_store
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from turns import device_seconds

from earshot.params import CnnCheckpoint, load_params
from earshot.predictors.load import device
from earshot.predictors.song_encoder import build, describe
from earshot.store.reader import HyperImageStore
from earshot.training.callbacks import Averaging, EarlyStopping, Metering, Progress
from earshot.training.examples import Examples
from earshot.training.lesson import Lesson
from earshot.training.objectives.factors_mse import FactorsMse
from earshot.training.windows import RandomWindows, TrainingBatch

FACTORS = 20


def main(n_songs: int = 400, rounds: int = 9) -> None:
    """Build the store, train both ways, print."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    warnings.simplefilter("ignore")
    params = load_params(Path(__file__).parents[1] / "params.yaml")
    with tempfile.TemporaryDirectory() as folder:
        store = write_noise_store(Path(folder), n_songs, params.hyper_images)
        batches, turns = train(store, replace(params.cnn_checkpoint, encoder=SOUND), rounds)
    n_windows = sum(len(windows) for windows, _ in batches)
    ours, plain = (n_windows / statistics.median(times[1:]) for times in (turns.seconds, turns.plain_seconds))
    print(f"Lightning {ours:8.1f} windows/s\nplain     {plain:8.1f} windows/s")
    where = torch.cuda.get_device_name() if device().type == "cuda" else "cpu"
    result = {"device": where, "songs": n_songs, "steps": len(batches), "rounds": rounds}
    result |= {"windows_per_s": round(ours, 1), "plain_windows_per_s": round(plain, 1)}
    print(json.dumps(result | {"x_plain_loop": round(ours / plain, 4)}))


def train(store: HyperImageStore, params: CnnCheckpoint, rounds: int) -> tuple[Held, Turns]:
    """The batches of an epoch, and how long each took either way; the first epochs warm up."""
    description = describe(params.encoder, store.format, params.window_seconds, FACTORS)
    factors = np.random.default_rng(0).standard_normal((len(store.songs), FACTORS), np.float32)
    examples = Examples(store.songs, factors, np.arange(len(factors)), n_training=len(factors))
    torch.manual_seed(0)
    rates = {"learning_rate": params.learning_rate, "weight_decay": params.weight_decay}
    lesson = Lesson(build(description), FactorsMse(examples), **rates)
    batches = Held(
        RandomWindows(
            store,
            examples,
            n_frames=description.n_frames,
            windows_per_song=params.windows_per_song,
            batch_size=params.batch_size,
            seed=0,
        )
    )
    turns = Turns(PlainLoop(copy.deepcopy(lesson), params, (1 + rounds) * len(batches)), batches)
    trainer(params, turns, 1 + rounds).fit(lesson, batches)
    return batches, turns


def trainer(params: CnnCheckpoint, turns: Turns, epochs: int) -> Trainer:
    """As in `earshot.training.train`, without what happens after an epoch."""
    return Trainer(
        accelerator=device().type,
        devices=1,
        max_epochs=epochs,
        deterministic=True,
        callbacks=[
            Averaging(params.ema_decay),
            Progress(EarlyStopping(params.patience, lambda _, __: None, Metering())),
            turns,
        ],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


class Held:
    """Batches in memory; a list would be taken for several loaders."""

    def __init__(self, windows: RandomWindows) -> None:
        self._batches = list(windows)

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[TrainingBatch]:
        return iter(self._batches)


class PlainLoop:
    """The rival."""

    def __init__(self, lesson: Lesson, params: CnnCheckpoint, n_steps: int) -> None:
        self.encoder, self.objective = lesson.encoder.to(device()).train(), lesson.objective.to(device())
        self.optimizer = torch.optim.AdamW(
            self.encoder.parameters(), lr=params.learning_rate, weight_decay=params.weight_decay
        )
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, n_steps)
        self.averaged = AveragedModel(self.encoder, multi_avg_fn=get_ema_multi_avg_fn(params.ema_decay))

    def epoch(self, batches: Held) -> float:
        """The mean loss."""
        total = 0.0
        for windows, songs in batches:
            loss = self.objective(
                self.encoder(*(part.to(device()) for part in windows)), songs.to(device())
            ).mean()
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.schedule.step()
            self.averaged.update_parameters(self.encoder)
            total += loss.item()
        return total / len(batches)


class Turns(Callback):
    """Before every epoch of Lightning one of the plain loop; seconds of both."""

    def __init__(self, loop: PlainLoop, batches: Held) -> None:
        self._loop = loop
        self._batches = batches
        self.seconds: list[float] = []
        self.plain_seconds: list[float] = []

    def on_train_epoch_start(self, trainer: Trainer, lesson: LightningModule) -> None:
        started = device_seconds()
        self._loop.epoch(self._batches)
        self._started = device_seconds()
        self.plain_seconds.append(self._started - started)

    def on_train_epoch_end(self, trainer: Trainer, lesson: LightningModule) -> None:
        self.seconds.append(device_seconds() - self._started)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
