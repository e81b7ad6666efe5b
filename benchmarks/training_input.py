"""Claim: an encoder is trained from the store on disk about as fast as from batches already in memory.

    python benchmarks/training_input.py [SONGS] [ROUNDS]

The convolutional encoder, with batch size and windows of params.yaml, through `earshot.training.lesson` and
Lightning as `earshot.training.train` has them, on the GPU where there is one. Epochs take turns: one
reads its batches through `RandomWindows` from a store in the page cache; the other, the rival and the
ceiling, holds the same batches as tensors. Whole epochs are timed: on a GPU wall time, without one the
CPU time of one thread.

The last line is JSON: device, songs, steps (an epoch), rounds, steps_per_s (from the store),
memory_steps_per_s, share_from_memory.
"""

from __future__ import annotations

import json
import logging
import os
import statistics
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import numpy as np
import torch
from noise_store import SOUND, write_noise_store
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback
from turns import device_seconds

from earshot.params import CnnCheckpoint, load_params
from earshot.predictors.load import device
from earshot.predictors.song_encoder import build, describe
from earshot.store.reader import HyperImageStore
from earshot.training.callbacks import Averaging
from earshot.training.examples import Examples
from earshot.training.lesson import Lesson
from earshot.training.objectives.factors_mse import FactorsMse
from earshot.training.windows import RandomWindows, TrainingBatch

FACTORS = 20
STORE, MEMORY = "store", "memory"


def main(n_songs: int = 800, rounds: int = 9) -> None:
    """Build the store, train, print."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    warnings.simplefilter("ignore")
    params = load_params(Path(__file__).parents[1] / "params.yaml")
    with tempfile.TemporaryDirectory() as folder:
        store = write_noise_store(Path(folder), n_songs, params.hyper_images)
        turns, seconds = train(store, replace(params.cnn_checkpoint, encoder=SOUND), rounds)
    speeds = {name: len(turns) / statistics.median(measured[1:]) for name, measured in seconds.items()}
    for name, speed in speeds.items():
        print(f"from {name:6} {speed:8.2f} steps/s")
    where = torch.cuda.get_device_name() if device().type == "cuda" else "cpu"
    result = {"device": where, "songs": n_songs, "steps": len(turns), "rounds": rounds}
    result |= {"steps_per_s": round(speeds[STORE], 2), "memory_steps_per_s": round(speeds[MEMORY], 2)}
    print(json.dumps(result | {"share_from_memory": round(speeds[STORE] / speeds[MEMORY], 4)}))


def train(store: HyperImageStore, params: CnnCheckpoint, rounds: int) -> tuple[Turns, dict[str, list[float]]]:
    """Seconds of each epoch from either source; the first of each warms up."""
    description = describe(params.encoder, store.format, params.window_seconds, FACTORS)
    examples = _examples(store)
    torch.manual_seed(0)
    lesson = Lesson(
        build(description),
        FactorsMse(examples),
        learning_rate=params.learning_rate,
        weight_decay=params.weight_decay,
    )
    draw = partial(
        RandomWindows,
        store,
        examples,
        n_frames=description.n_frames,
        windows_per_song=params.windows_per_song,
        batch_size=params.batch_size,
        seed=0,
    )
    turns = Turns(draw)
    stopwatch = Stopwatch(turns)
    _trainer(params, stopwatch, 2 * (1 + rounds)).fit(lesson, turns)
    return turns, stopwatch.seconds


def _examples(store: HyperImageStore) -> Examples:
    n_songs = len(store.songs)
    factors = np.random.default_rng(0).standard_normal((n_songs, FACTORS), np.float32)
    return Examples(store.songs, factors, np.arange(n_songs), n_training=n_songs)


def _trainer(params: CnnCheckpoint, stopwatch: Stopwatch, epochs: int) -> Trainer:
    """As in `earshot.training.train`, without what happens after an epoch."""
    return Trainer(
        accelerator=device().type,
        devices=1,
        max_epochs=epochs,
        deterministic=True,
        callbacks=[Averaging(params.ema_decay), stopwatch],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


class Turns:
    """Epochs of the same batches, by turns read from the store and held in memory."""

    def __init__(self, draw: Callable[[], RandomWindows]) -> None:
        self._draw = draw
        self._held = list(draw())
        self.source = MEMORY

    def __len__(self) -> int:
        return len(self._held)

    def __iter__(self) -> Iterator[TrainingBatch]:
        self.source = STORE if self.source == MEMORY else MEMORY
        return iter(self._draw() if self.source == STORE else self._held)


class Stopwatch(Callback):
    """Seconds of every epoch, by where its batches came from."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self.seconds: dict[str, list[float]] = {STORE: [], MEMORY: []}

    def on_train_epoch_start(self, trainer: Trainer, lesson: LightningModule) -> None:
        self._started = device_seconds()

    def on_train_epoch_end(self, trainer: Trainer, lesson: LightningModule) -> None:
        self.seconds[self._turns.source].append(device_seconds() - self._started)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
