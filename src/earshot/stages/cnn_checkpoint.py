"""A network that learns from sound where the plays have put a song."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from earshot import tracking
from earshot.checks import TRAINING_WAS_LONG_ENOUGH, VALIDATION_LOSS_FALLS, check
from earshot.classes import module_stem
from earshot.columns import SONG_ID
from earshot.errors import UserError
from earshot.params import CnnCheckpoint, Params
from earshot.predictors.artist_vectors import ARTIST, ArtistVectors, artist_vectors
from earshot.predictors.familiar import Familiar
from earshot.predictors.load import device, familiarize_with, predict, save_encoder
from earshot.predictors.song_encoder import (
    EncoderDescription,
    SongEncoder,
    average,
    describe,
    families_of_encoder,
    heard_beside,
)
from earshot.predictors.spreading import spread_networks
from earshot.spaces.space import kind_of
from earshot.stages.paths import Paths
from earshot.store.reader import HyperImageStore
from earshot.training.examples import Examples, read_examples
from earshot.training.train import Trained, build_objective, train

if TYPE_CHECKING:
    from torch import nn

    from earshot.training.callbacks import OnEpoch

MOST_LATE = 0.05
"""Of the fall of the validation loss, in the last quarter of the epochs."""
_FAMILIAR_SONGS = 2000
"""Songs learned from that a new song is held against."""


def run(paths: Paths, params: Params) -> dict[str, Any]:
    """Train the encoder of params.yaml; write encoder.pt, encoder.json and, of the first seed, curves.csv.

    Returns
    -------
    The summary: numbers of songs, weights and epochs, losses of the best epoch, and the checks.

    Raises
    ------
    UserError
        Too few songs, an encoder or objective that cannot be built, or a loss that is not finite any more.
    """
    import pandas as pd

    training_set = paths.data("training_set")
    with tracking.training_run(paths.root, paths.work, params) as tracked:
        tracked.log_songs(params, training_set, HyperImageStore.open(training_set / "hyper_images"))
        all_trained, examples = write_encoder(paths, params, tracked.log_epoch)
        trained = all_trained[0]
        summary = _summary(all_trained, examples.n_training, len(examples.songs) - examples.n_training)
        summary["candidate"] = _named(paths.output, params.cnn_checkpoint)
        pd.DataFrame(trained.epochs).to_csv(paths.output / "curves.csv", index=False)
        tracked.finish(trained.epochs, summary, paths.output / "encoder.pt")
    return {**summary, "checks": [_check(all_trained), _check_length(all_trained)]}


def write_encoder(
    paths: Paths, params: Params, on_epoch: OnEpoch = lambda _, __: None
) -> tuple[list[Trained], Examples]:
    """Train an encoder on training set and factors and write it into the output; how, and on what.

    Of several seeds the encoder is the average of theirs. Unfinished work is kept in `paths.work`;
    `on_epoch`, of the first seed, and errors as in `earshot.training.train`.
    """
    cnn = params.cnn_checkpoint
    store = HyperImageStore.open(paths.data("training_set") / "hyper_images")
    examples = read_examples(paths.data("training_set"), paths.data("wmf_factors"), store)
    objective = build_objective(cnn.objective, examples)
    artists = _artists(store, examples) if ARTIST in families_of_encoder(cnn.encoder) else None
    others = heard_beside(cnn.encoder, store, examples.positions[: examples.n_training], artists)
    description = describe(cnn.encoder, store.format, cnn.window_seconds, int(objective.n_outputs), others)  # type: ignore[arg-type]
    _refuse_averages(objective, cnn)
    learn = partial(_learn, paths, params, description, store, examples, artists)
    trained = [learn(0, objective, on_epoch)]
    trained += spread_networks(learn, range(1, cnn.seeds), "Training with other seeds")
    encoder = average([each.encoder for each in trained]).to(device())

    def hear(rows: NDArray[np.int64]) -> NDArray[np.float32]:
        return predict(encoder, store, examples.positions[rows])

    objective.save_space(paths.output, hear)  # type: ignore[operator]
    encoder.scale_outputs(objective.output_mean, objective.output_scale)  # type: ignore[arg-type]
    encoder.familiar = _familiar(encoder, store, examples, params.seed)
    save_encoder(paths.output, encoder, replace(description, seeds=cnn.seeds))
    return trained, examples


def _learn(
    paths: Paths,
    params: Params,
    description: EncoderDescription,
    store: HyperImageStore,
    examples: Examples,
    artists: ArtistVectors | None,
    number: int,
    objective: nn.Module | None = None,
    on_epoch: OnEpoch = lambda _, __: None,
) -> Trained:
    """The training of a seed; without `objective` it makes its own, which of several seeds learns nothing."""
    return train(
        description,
        objective or build_objective(params.cnn_checkpoint.objective, examples),
        store,
        examples,
        params.cnn_checkpoint,
        seed=params.seed,
        number=number,
        work=_work(paths, number),
        artists=artists,
        on_epoch=on_epoch,
    )


def _work(paths: Paths, number: int) -> Path:
    work = paths.work / f"seed{number}" if number else paths.work
    work.mkdir(exist_ok=True)
    return work


def _refuse_averages(objective: nn.Module, cnn: CnnCheckpoint) -> None:
    if cnn.seeds > 1 and any(True for _ in objective.parameters()):
        raise UserError(
            f"cnn_checkpoint.seeds={cnn.seeds}: {cnn.objective.class_path!r} learns numbers of its own, so "
            "that the vectors of another seed lie elsewhere: wanted 1"
        )


def _artists(store: HyperImageStore, examples: Examples) -> ArtistVectors:
    """Of all songs with factors: those for early stopping have their artist's without themselves too."""
    words = store.words(ARTIST, examples.positions)
    return artist_vectors(examples.songs[SONG_ID].tolist(), words, examples.factors)


def _named(output: Path, settings: CnnCheckpoint) -> dict[str, str]:
    """What the model is called; `name` is `<encoder>+<objective>`, by the names of their modules."""
    encoder, objective = (module_stem(asdict(part)) for part in (settings.encoder, settings.objective))
    parts = {"encoder": encoder, "objective": objective, "space": kind_of(output)}
    return {"name": f"{encoder}+{objective}", **parts}


def _familiar(encoder: SongEncoder, store: HyperImageStore, examples: Examples, seed: int) -> Familiar:
    """Of the songs learned from, or as many of them as say enough."""
    learned = examples.positions[: examples.n_training]  # behind them stand those for early stopping
    some = np.random.default_rng(seed).permutation(learned)[:_FAMILIAR_SONGS]
    return familiarize_with(encoder, store, np.sort(some))


def _check(trained: Sequence[Trained]) -> dict[str, Any]:
    ends = [
        (each.epochs[0].validation_loss, each.epochs[each.best_epoch].validation_loss) for each in trained
    ]
    first, best = min(ends, key=lambda losses: losses[0] - losses[1])  # of the seed that learned least
    return check(
        VALIDATION_LOSS_FALLS,
        "the encoder learns something that holds for songs it was not trained on",
        passed=best < first,
        observed=f"{best:.4g}",
        expected=f"below {first:.4g}, that of the first epoch",
    )


def _check_length(trained: Sequence[Trained]) -> dict[str, Any]:
    """The learning rate ends at 0, so the last epoch may be the best one; but it has little left to bring."""
    late = max(_late([epoch.validation_loss for epoch in each.epochs]) for each in trained)
    return check(
        TRAINING_WAS_LONG_ENOUGH,
        "the validation loss was not still improving when the training ended; where it was, more "
        "cnn_checkpoint.min_steps or max_epochs are worth a try",
        passed=late <= MOST_LATE,
        observed=f"{100 * late:.1f} % of its fall in the last quarter of the epochs",
        expected=f"at most {100 * MOST_LATE:g} %",
    )


def _late(losses: list[float]) -> float:
    """The share of the fall of validation losses, one an epoch, that comes in the last quarter of them."""
    before, best = min(losses[: -(-3 * len(losses) // 4)]), min(losses)  # -(-3 n // 4): 3 n / 4, rounded up
    return (before - best) / (losses[0] - best) if losses[0] > best else 0.0


def _summary(all_trained: Sequence[Trained], n_training: int, n_validation: int) -> dict[str, Any]:
    trained = all_trained[0]
    best = trained.epochs[trained.best_epoch]
    return {
        "training_songs": n_training,
        "validation_songs": n_validation,
        "seeds": len(all_trained),
        "weights": sum(weight.numel() for weight in trained.encoder.parameters()),
        "epochs": len(trained.epochs),
        "best_epoch": best.epoch,
        "training_loss": best.training_loss,
        "validation_loss": best.validation_loss,
    }
