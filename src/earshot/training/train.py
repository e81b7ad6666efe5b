"""Training an encoder, to be killed at any moment and continued to the same bytes."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.strategies import DDPStrategy
from torch import nn

from earshot.classes import Component, load_class
from earshot.columns import N_FRAMES
from earshot.errors import UserError
from earshot.params import CnnCheckpoint
from earshot.predictors.artist_vectors import ArtistVectors
from earshot.predictors.inputs import draw_starts, of_songs
from earshot.predictors.load import device
from earshot.predictors.song_encoder import EncoderDescription, SongEncoder, build
from earshot.predictors.song_scale import SongScale
from earshot.store.reader import HyperImageStore
from earshot.training.batch_norm import over_ranks
from earshot.training.callbacks import Averaging, EarlyStopping, Epoch, Metering, OnEpoch, Progress, Resumable
from earshot.training.examples import Examples
from earshot.training.lesson import Lesson
from earshot.training.ranks import Ranks
from earshot.training.together import Started, together
from earshot.training.windows import Channels, RandomWindows, SongWindows, WholeSongs


def build_objective(component: Component, examples: Examples) -> nn.Module:
    """A new objective. Raises UserError for a class that is not there, or init_args it refuses."""
    kind = load_class(component.class_path, "cnn_checkpoint.objective.class_path")
    try:
        objective: nn.Module = kind(examples, **component.init_args)
    except (TypeError, ValueError) as error:
        raise UserError(f"cnn_checkpoint.objective.init_args={component.init_args!r}: {error}") from None
    return objective


Doubles = NDArray[np.float64]

_SECONDS_BETWEEN_CHECKPOINTS = 60.0
_BETWEEN_SEEDS = 1_000_003
"""Between the seeds of encoders that are averaged, so that no seed of params.yaml gives the same ones."""
_BETWEEN_RANKS = 1 << 40
"""Likewise between those of processes, which leave out other weights."""
_SONGS_FOR_ROW_STATISTICS = 500
_SONGS_FOR_SCALES = 10_000


@dataclass(frozen=True)
class Trained:
    """An encoder with the averaged weights of its best epoch, and how it got there.

    The objective that it was trained for has those of its own of the same epoch.
    """

    encoder: SongEncoder
    epochs: list[Epoch]
    best_epoch: int


def train(
    description: EncoderDescription,
    objective: nn.Module,
    store: HyperImageStore,
    examples: Examples,
    params: CnnCheckpoint,
    *,
    seed: int,
    work: Path,
    number: int = 0,
    artists: ArtistVectors | None = None,
    on_epoch: OnEpoch = lambda _, __: None,
    seconds_between_checkpoints: float = _SECONDS_BETWEEN_CHECKPOINTS,
) -> Trained:
    """Fit an encoder to `objective` with exponentially averaged weights and early stopping.

    Parameters
    ----------
    description
        The encoder and its window.
    objective
        As `earshot.training.objectives` describes. Where `params` wants several processes, what
        `params.objective` names, which the others build.
    store
        Hyper-images; `examples.positions` are its lines.
    examples
        Songs to learn from and to validate on.
    params
        Batch size, learning rate, ...
    seed
        Of weights, dropout and the windows drawn.
    number
        Of several encoders that are averaged, so that they begin with other weights and draw other windows.
    artists
        Of the songs to learn from, where the encoder is told of artists.
    work
        An existing folder; a training killed there goes on from it, and ends in the same weights.
    on_epoch
        Called with each epoch that was not trained before a kill, and with how it went.
    seconds_between_checkpoints
        In epochs longer than this the training can go on from their middle.

    Raises
    ------
    UserError
        A loss that is not finite any more, or another process that was killed.
    """
    job = _Job(
        description,
        store,
        examples,
        params,
        seed,
        number,
        artists,
        work / "resume.ckpt",
        (work / "resume.ckpt").is_file(),
        seconds_between_checkpoints,
    )
    with together(params.processes, _learn_too, job) as ranks:
        return _learn(job, objective, on_epoch, ranks)


@dataclass(frozen=True)
class _Job:
    """The parameters of `train` that every process is given."""

    description: EncoderDescription
    store: HyperImageStore
    examples: Examples
    params: CnnCheckpoint
    seed: int
    number: int
    artists: ArtistVectors | None
    unfinished: Path
    goes_on: bool
    seconds_between_checkpoints: float


def _learn_too(job: _Job, ranks: Ranks) -> None:
    """As every process but the first."""
    objective = build_objective(job.params.objective, job.examples)  # its weights come from the first
    _learn(job, objective, lambda _, __: None, ranks)


def _learn(job: _Job, objective: nn.Module, on_epoch: OnEpoch, ranks: Ranks) -> Trained:
    params, own_seed = job.params, job.seed + job.number * _BETWEEN_SEEDS
    torch.manual_seed(own_seed)
    encoder = untrained(job.description, job.store, job.examples, job.seed, job.artists)
    if not ranks.is_first:
        torch.manual_seed(own_seed + ranks.rank * _BETWEEN_RANKS)
    lesson = Lesson(
        encoder,
        objective,
        learning_rate=params.learning_rate,
        weight_decay=params.weight_decay,
        optimizer=params.optimizer,
        ranks=ranks,
    )
    data = _data(job, own_seed, ranks)
    n_epochs, patience = epochs_of(params, len(data.train_dataloader()))
    metering = Metering()
    early_stopping = EarlyStopping(patience, on_epoch, metering, ranks)
    callbacks = [
        metering,
        early_stopping,
        Averaging(params.ema_decay),
        *([Progress(early_stopping)] if ranks.is_first else []),
        Resumable(job.unfinished, job.seconds_between_checkpoints, ranks),
    ]
    with _silence(), over_ranks(encoder, ranks):
        trainer = _trainer(n_epochs, callbacks, ranks)
        trainer.fit(lesson, data, ckpt_path=job.unfinished if job.goes_on else None, weights_only=True)
    lesson.cpu().load_state_dict(early_stopping.best_weights, strict=False)  # all but the targets
    encoder.scale_outputs(objective.output_mean, objective.output_scale)  # type: ignore[arg-type]
    return Trained(encoder.eval(), early_stopping.epochs, early_stopping.best)


def untrained(
    description: EncoderDescription,
    store: HyperImageStore,
    examples: Examples,
    seed: int,
    artists: ArtistVectors | None = None,
) -> SongEncoder:
    """A new encoder, drawn from torch's generator, that hears on the scales of the songs to learn from.

    `seed` draws the windows that the scales of rows are measured on; the other parameters are as of `train`.
    """
    encoder = build(description)
    # of the seed alone: encoders that are averaged hear rows on one scale
    encoder.standardize_rows(*_row_statistics(store, examples, description.n_frames, seed))
    encoder.artists = artists
    _fit_scales(encoder, store, examples.positions[: examples.n_training])
    return encoder


def epochs_of(params: CnnCheckpoint, batches: int) -> tuple[int, int]:
    """Epochs, and how many of them without a better validation loss end a training, of so many batches each.

    What a network learns goes with its steps. An epoch of a small catalogue has few.
    """
    n_epochs = max(params.max_epochs, math.ceil(params.min_steps / batches))  # at least min_steps batches
    return n_epochs, math.ceil(params.patience * n_epochs / params.max_epochs)  # the same share of all epochs


def _trainer(n_epochs: int, callbacks: list[Callback], ranks: Ranks) -> Trainer:
    return Trainer(
        accelerator=device().type,
        devices=ranks.size,
        strategy=_shared(ranks) if ranks.size > 1 else "auto",
        max_epochs=n_epochs,
        deterministic=True,
        callbacks=callbacks,
        num_sanity_val_steps=0,  # the callbacks would take a trial validation for an epoch
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def _shared(ranks: Ranks) -> DDPStrategy:
    """Weights that have no gradient are looked for: a network may have some.

    Torch then leaves its buckets of gradients as they are from the first step on, so that a training that
    goes on adds gradients up in the same order. Buffers are constants, or alike on all ranks (`over_ranks`).
    """
    return DDPStrategy(
        cluster_environment=Started(ranks), find_unused_parameters=True, forward_sync_buffers=False
    )


def _data(job: _Job, seed: int, ranks: Ranks) -> SongWindows:
    description, params = job.description, job.params
    training = RandomWindows(
        job.store,
        job.examples,
        n_frames=description.n_frames,
        windows_per_song=params.windows_per_song,
        batch_size=params.batch_size,
        seed=seed,
        # channels change the image alone
        channels=(
            Channels(job.store.format, params.augment)
            if params.augment is not None and description.hears_image
            else None
        ),
        others=description.others,
        artists=job.artists,
        ranks=ranks,
    )
    whole = WholeSongs(job.store, job.examples, description.n_frames, description.others, job.artists, ranks)
    return SongWindows(training, whole)


def _fit_scales(encoder: SongEncoder, store: HyperImageStore, learned: NDArray[np.int64]) -> None:
    some = learned[:: 1 + len(learned) // _SONGS_FOR_SCALES]  # evenly over the ids: vectors are held at once
    for number, scale in encoder.scales.items():
        other = encoder.others[int(number)]
        assert isinstance(scale, SongScale)
        scale.fit(of_songs(store, other, some), words=bool(other.words))


def _row_statistics(
    store: HyperImageStore, examples: Examples, n_frames: int, seed: int
) -> tuple[Doubles, Doubles]:
    """Mean and standard deviation of each row, over a window of each of some training songs."""
    draw = np.random.default_rng(seed)
    positions = draw.permutation(examples.positions[: examples.n_training])[:_SONGS_FOR_ROW_STATISTICS]
    starts = draw_starts(store.songs[N_FRAMES].to_numpy(dtype=np.int64)[positions], n_frames, draw)
    windows = store.windows(positions, starts, n_frames)
    frames = windows.reshape(-1, windows.shape[2])  # (n_songs * n_frames, n_rows)
    return frames.mean(axis=0, dtype=np.float64), frames.std(axis=0, dtype=np.float64)


@contextmanager
def _silence() -> Iterator[None]:
    """Without Lightning's words on accelerators and tips, and its own use of what torch has deprecated."""
    for name in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r".*LeafSpec", category=FutureWarning)
        warnings.filterwarnings("ignore", message=r"find_unused_parameters=True")
        yield
