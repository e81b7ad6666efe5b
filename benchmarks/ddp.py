"""Claim: two processes take the gradients of one, to 1e-9 in float64, and hardly more CPU time for a step.

    python benchmarks/ddp.py [SONGS] [EPOCHS] [PROCESSES]

The convolutional encoder with batch size and windows of params.yaml, through `earshot.training.train`: on
songs of noise, by one process and by PROCESSES (2) that share every batch, with one thread each.

Gradients are those of the first 20 steps, in float64 and without dropout; `gradient_difference` is the
largest of all numbers of all steps. CPU time is of all processes together, of all epochs (EPOCHS) but the
first, so that starting up is not in it; validations are.

The last line is JSON: device, cores, songs, processes, steps, gradient_difference, cpu_ms_a_step,
cpu_ms_a_step_of_one, windows_per_s, windows_per_s_of_one (by the clock, of the last epoch without its
validation).
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import numpy as np
import psutil
import torch
from noise_store import SOUND, write_noise_store
from torch import Tensor
from torch.optim.optimizer import Optimizer, register_optimizer_step_post_hook

from earshot.classes import Component
from earshot.encoders.convolutional import ConvolutionalEncoder
from earshot.params import CnnCheckpoint, load_params
from earshot.predictors.load import device
from earshot.predictors.song_encoder import describe
from earshot.processes import core_count
from earshot.store.reader import HyperImageStore
from earshot.training.callbacks import Epoch, Meters
from earshot.training.examples import Examples
from earshot.training.train import build_objective, train

FACTORS, STEPS = 20, 20
MSE = Component("earshot.training.objectives.factors_mse:FactorsMse", {})


class InFloat64(ConvolutionalEncoder):
    """As in params.yaml, in float64 and without dropout."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, dropout=0.0, **more)
        self.double()

    def forward(self, windows: Tensor) -> Tensor:
        """Windows (batch, n_rows, n_frames) to (batch, n_outputs)."""
        return super().forward(windows.double())


def main(n_songs: int = 200, epochs: int = 6, processes: int = 2) -> None:
    """Build the store, train by one and by several processes, print."""
    params = load_params(Path(__file__).parents[1] / "params.yaml")
    settings = replace(params.cnn_checkpoint, encoder=SOUND, objective=MSE, min_steps=0, patience=1000)
    several = replace(settings, processes=processes)
    with tempfile.TemporaryDirectory() as folder:
        store = write_noise_store(Path(folder), n_songs, params.hyper_images)
        difference = largest_difference(store, settings, several)
        steps = -(-n_training(n_songs) * settings.windows_per_song // settings.batch_size) * (epochs - 1)
        one, windows_of_one = cost(store, settings, epochs)
        together, windows = cost(store, several, epochs)
    where = torch.cuda.get_device_name() if device().type == "cuda" else "cpu"
    result = {"device": where, "cores": core_count(), "songs": n_songs, "processes": processes}
    result |= {"steps": steps, "gradient_difference": difference}
    result |= {"cpu_ms_a_step": round(1e3 * together / steps, 1)}
    result |= {"cpu_ms_a_step_of_one": round(1e3 * one / steps, 1)}
    print(json.dumps(result | {"windows_per_s": windows, "windows_per_s_of_one": windows_of_one}))


def n_training(n_songs: int) -> int:
    """Songs that are learned from; the others are for early stopping."""
    return n_songs - n_songs // 10


def train_on(store: HyperImageStore, settings: CnnCheckpoint) -> list[tuple[float, float]]:
    """One training: CPU seconds so far and windows a second after each epoch."""
    factors = np.random.default_rng(0).standard_normal((len(store.songs), FACTORS), np.float32)
    examples = Examples(store.songs, factors, np.arange(len(factors)), n_training(len(factors)))
    description = describe(settings.encoder, store.format, settings.window_seconds, FACTORS)
    objective = build_objective(settings.objective, examples)
    found: list[tuple[float, float]] = []

    def keep(_: Epoch, meters: Meters) -> None:
        found.append((cpu_seconds(), meters.examples_per_second))

    with tempfile.TemporaryDirectory() as work:
        train(description, objective, store, examples, settings, seed=0, work=Path(work), on_epoch=keep)
    return found


def largest_difference(store: HyperImageStore, one: CnnCheckpoint, several: CnnCheckpoint) -> float:
    """Between the gradients of one process and of several."""
    exact = Component("ddp:InFloat64", SOUND.init_args)
    batches = -(-n_training(len(store.songs)) * one.windows_per_song // one.batch_size)
    epochs = -(-STEPS // batches)
    found = [gradients(store, replace(each, encoder=exact, max_epochs=epochs)) for each in (one, several)]
    return max(
        float((ours - theirs).abs().max())
        for steps in zip(*found, strict=True)
        for ours, theirs in zip(*steps, strict=True)
    )


def gradients(store: HyperImageStore, settings: CnnCheckpoint) -> list[list[Tensor]]:
    """Of the first steps, a tensor a weight."""
    steps: list[list[Tensor]] = []

    def keep(optimizer: Optimizer, *_: object) -> None:
        if len(steps) < STEPS:
            weights = optimizer.param_groups[0]["params"]
            steps.append([weight.grad.clone() for weight in weights if weight.grad is not None])

    hook = register_optimizer_step_post_hook(keep)
    train_on(store, settings)
    hook.remove()
    return steps


def cost(store: HyperImageStore, settings: CnnCheckpoint, epochs: int) -> tuple[float, float]:
    """CPU seconds of all epochs but the first, of all processes; windows a second of the last."""
    (first, _), *_, (last, windows) = train_on(store, replace(settings, max_epochs=epochs))
    return last - first, round(windows, 1)


def cpu_seconds() -> float:
    """Of this process and of those that it has started."""
    here = psutil.Process()
    return sum(sum(each.cpu_times()[:2]) for each in (here, *here.children()))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
