"""How the ranking of cold songs gets better with time: by what is known of users, and by negatives."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from comparison.fold import Fold, make_fold
from earshot.columns import N_FRAMES
from earshot.evaluation.protocol import System, measure
from earshot.files import replacing
from earshot.predictors.inputs import draw_starts, read_windows
from earshot.predictors.load import predict
from earshot.predictors.song_encoder import describe
from earshot.processes import progress
from earshot.stages.paths import Paths
from earshot.training.examples import Examples, read_examples
from earshot.training.objectives.content_user import ContentUser
from earshot.training.train import build_objective, untrained
from earshot.training.windows import RandomWindows
from lee_2018_dcue.exact import PlaysWithNegatives, draw_pairs, exact_loss
from lee_2018_dcue.networks import unit_heads
from lee_2018_dcue.params import Lee2018

PARAMS = Lee2018

NEGATIVES = ("batch", "exact")
"""Out of the songs of a batch, each with all its plays; out of all songs, for plays one by one."""


def run(paths: Paths, params: Lee2018) -> dict[str, Any]:
    """Write curve.csv: network, negatives, windows, plays, auc, map, cpu_seconds.

    Windows are how many the network has heard, plays from how many pairs of listener and song it has
    learned. Seconds are as long as it took here, in all threads and without the measuring; nothing else hangs
    on them.
    """
    fold = make_fold(paths, params, params.folds.held_out[0], params.folds.seeds[0])
    curves = [
        _curve(fold, params, name, negatives).assign(network=name, negatives=negatives)
        for name, negatives in product(params.curve.networks, NEGATIVES)
    ]
    lines = pd.concat(curves, ignore_index=True)
    lines.to_csv(paths.output / "curve.csv", index=False)
    ends = lines.groupby(["network", "negatives"], sort=False).last().reset_index()
    return {f"auc_{line.network}_{line.negatives}": line.auc for line in ends.itertuples()}


def _curve(fold: Fold, params: Lee2018, name: str, negatives: str) -> pd.DataFrame:
    """One training with its points; one that was killed goes on from its last point."""
    settings = params.curve
    course = _Course(fold, params, name)
    folder = fold.paths.root / "curves"
    folder.mkdir(exist_ok=True)
    kept = folder / f"{name}-{negatives}.pt"
    points = course.load(kept) if kept.is_file() else [course.point(0, 0, 0, 0.0)]
    batches, windows, plays, seconds = (
        points[-1][key] for key in ("batches", "windows", "plays", "cpu_seconds")
    )
    bar = progress(description=f"{name}, {negatives}", unit="windows", total=settings.windows)
    bar.update(windows)
    started = time.process_time()
    for batch in (_exact if negatives == "exact" else _in_batch)(course, params, batches):
        if windows >= settings.windows:
            break
        course.learn(batch)
        batches, windows, plays = batches + 1, windows + len(batch.images), plays + batch.plays
        bar.update(len(batch.images))
        if windows >= points[-1]["windows"] + settings.windows_between or windows >= settings.windows:
            seconds += time.process_time() - started
            points.append(course.point(batches, windows, plays, seconds))
            course.save(kept, points)
            started = time.process_time()
    bar.close()
    return pd.DataFrame(points)


class _Batch(NamedTuple):
    """Windows, what their outputs lose, and from how many plays that is learned."""

    images: Tensor
    loss: Callable[[Tensor], Tensor]
    plays: int


class _Course:
    """A network and its objective, learning a batch at a time; judged with averaged weights."""

    def __init__(self, fold: Fold, params: Lee2018, name: str) -> None:
        self.fold = fold
        network, settings = params.embeddings[name], params.curve
        self.examples = read_examples(fold.training_set, fold.wmf_factors, fold.store)
        torch.manual_seed(fold.seed)
        objective = build_objective(network.objective, self.examples)
        assert isinstance(objective, ContentUser)
        window = params.embedding.window_seconds
        described = describe(network.encoder, fold.store.format, window, objective.n_outputs)
        self.n_frames = described.n_frames
        self.encoder = untrained(described, fold.store, self.examples, fold.seed)
        self.objective = objective
        self._both = nn.ModuleList([self.encoder, objective])
        average = get_ema_multi_avg_fn(settings.ema_decay)  # type: ignore[no-untyped-call]
        self._averaged = AveragedModel(self._both, multi_avg_fn=average)
        self._optimizer = torch.optim.AdamW(
            self._both.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
        )
        candidates = fold.cold_start.song_ids
        self._candidates = [fold.store.position(song_id) for song_id in candidates]

    def learn(self, batch: _Batch) -> None:
        """A step."""
        self._both.train()
        self._optimizer.zero_grad()
        batch.loss(self.encoder(batch.images)).backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        self._averaged.update_parameters(self._both)

    def point(self, batches: int, windows: int, plays: int, seconds: float) -> dict[str, Any]:
        """A line of the curve: how the averaged weights rank the fold's cold songs."""
        averaged: Any = self._averaged.module
        heard = predict(averaged[0].eval(), self.fold.store, self._candidates)
        judged = System(averaged[1].listeners(), unit_heads(heard, self.objective.heads))
        result = measure(judged, self.fold.cold_start, self.fold.params.evaluation.k)
        found = {"auc": round(result.value("auc"), 6), "map": round(result.value("map"), 6)}
        return {
            "batches": batches,
            "windows": windows,
            "plays": plays,
            "cpu_seconds": round(seconds, 1),
            **found,
        }

    def save(self, path: Any, points: list[dict[str, Any]]) -> None:
        """All that it takes to go on, and the points so far."""
        parts = (self._both, self._averaged, self._optimizer)
        with replacing(path) as beside:
            torch.save(
                {"parts": [p.state_dict() for p in parts], "points": points, "rng": torch.get_rng_state()},
                beside,
            )

    def load(self, path: Any) -> list[dict[str, Any]]:
        """Go on from what `save` wrote; the points."""
        kept = torch.load(path, weights_only=True)  # runs no code
        both, averaged, optimizer = kept["parts"]
        self._both.load_state_dict(both)
        self._averaged.load_state_dict(averaged)
        self._optimizer.load_state_dict(optimizer)
        torch.set_rng_state(kept["rng"])
        points: list[dict[str, Any]] = kept["points"]
        return points


def _in_batch(course: _Course, params: Lee2018, done: int) -> Iterator[_Batch]:
    """Songs in a random order, again and again, from the batch number `done` on."""
    windows = RandomWindows(
        course.fold.store,
        course.examples,
        n_frames=course.n_frames,
        windows_per_song=1,
        batch_size=params.curve.batch_size,
        seed=course.fold.seed,
    )
    epoch, read = divmod(done, len(windows))
    windows.load_state_dict({"epoch": epoch, "batches_read": read})
    counts = torch.from_numpy(np.diff(_plays(course.examples).indptr))  # (n_songs,)
    while True:
        for (images, *_), songs in windows:
            yield _Batch(images, partial(_mean, course.objective, songs), int(counts[songs].sum()))


def _mean(objective: ContentUser, songs: Tensor, outputs: Tensor) -> Tensor:
    losses: Tensor = objective(outputs, songs)
    return losses.mean()


def _exact(course: _Course, params: Lee2018, done: int) -> Iterator[_Batch]:
    """Plays in a random order, again and again, from the batch number `done` on."""
    settings, store, seed = params.curve, course.fold.store, course.fold.seed
    positions = course.examples.positions[: course.examples.n_training]
    song_frames = store.songs[N_FRAMES].to_numpy(dtype=np.int64)[positions]
    plays = _plays(course.examples)[: course.examples.n_training]
    for number, pairs in enumerate(draw_pairs(plays, settings.pairs, settings.negatives, seed)):
        if number >= done:
            starts = draw_starts(
                song_frames[pairs.songs], course.n_frames, np.random.default_rng([seed, number, 1])
            )
            images, *_ = read_windows(store, [], positions[pairs.songs], starts, course.n_frames)
            yield _Batch(
                torch.from_numpy(images), partial(_of_pairs, course.objective, pairs), len(pairs.positives)
            )


def _of_pairs(objective: ContentUser, pairs: PlaysWithNegatives, outputs: Tensor) -> Tensor:
    return exact_loss(objective, outputs, pairs)


def _plays(examples: Examples) -> Any:
    assert examples.plays is not None  # `read_examples` gives them
    return examples.plays
