"""Claim: which objective ranks new artists' songs best hangs on how many songs there are to learn from.

    python benchmarks/objectives.py [SONGS,SONGS,...] [WORLDS] [SEED]

Worlds with 1,000 to 100,000 `SONGS` to learn from (a tenth of them, 2,000 at most, for early stopping),
`WORLDS` of each size. Songs have traits, most of which their artist decides; half of them are what listeners
care for. Artists and songs are more or less popular, whatever they sound like. A listener plays songs in
proportion to exp(taste . traits + popularity), about `PLAYS` of them; there is one listener to
`SONGS_A_LISTENER` songs, so that a song has as many listeners in every world. What is heard of a song is a
frozen vector of `HEARD` numbers: a network of random weights on all traits, and noise. The factorization is
`earshot.factors.wmf.fit`. Then one layer of `HIDDEN` units learns from frozen vectors, by each objective of
`earshot.training.objectives` as it stands: AdamW, averaged weights and early stopping as in
`earshot.training.train`, in a plain loop over vectors in memory (through the store, whose windows are
images, a world of 100,000 songs would take hours). All have the same number of steps and one of the
same `LEARNING_RATES`: that of the lowest validation loss in the first world of its size, of more than
`LARGEST_TRIED` songs in one of so many. `ridge` is a regression from vectors to factors.

Asked are `ASKED` listeners about the same number of cold songs in every world, of `COLD_ARTISTS` artists that
nobody has played before; each has played some 20 of them. AUC, mAP@500 and recall@20 of the pooled worlds,
differences from factors_mse with intervals over artists (`earshot.evaluation.protocol`).

The last line is JSON: seed, worlds, sizes: by songs, then objective, its learning_rate, seconds of a
training, and auc, map_at_500, recall_at_20, each `[value, difference, low, high]`.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from earshot.evaluation.cold_start import ColdStart
from earshot.evaluation.metrics import Metric
from earshot.evaluation.protocol import Result, System, difference, evaluate, pool
from earshot.factors.solves import confidence
from earshot.factors.wmf import fit
from earshot.spaces.wmf import Wmf
from earshot.training.examples import Examples
from earshot.training.lesson import half_cosine
from earshot.training.objectives.contrastive import Contrastive
from earshot.training.objectives.factors_auc import FactorsAuc
from earshot.training.objectives.factors_metric import FactorsMetric
from earshot.training.objectives.factors_mse import FactorsMse

SIZES = "1000,3000,10000,30000,100000"
LARGEST_TRIED = 30_000
OBJECTIVES: dict[str, Callable[[Examples], nn.Module]] = {
    "factors_mse": FactorsMse,
    "factors_metric": FactorsMetric,
    "factors_auc": FactorsAuc,
    "contrastive": Contrastive,
}
LEARNING_RATES = (0.0003, 0.0015, 0.0075)
TRAITS, HEARD, HIDDEN, FACTORS = 16, 200, 256, 32
"""Traits that listeners care for, and as many that they do not; numbers heard of a song; and so on."""
ARTIST_SHARE = 0.7
"""Of the variance of traits, and of popularity."""
TASTE, POPULARITY, NOISE = 1.5, 1.0, 1.0
"""Standard deviations: of taste . traits over songs, of popularity, of noise in a heard number by its own."""
SONGS_AN_ARTIST, SONGS_A_LISTENER, PLAYS, COLD_PLAYS = 5, 4, 60, 20
COLD_ARTISTS, ASKED = 200, 500
DROPOUT = 0.3
WMF = Wmf(alpha=2.0, epsilon=1.0, regularization=10.0)
ITERATIONS, BATCH, LEAST_STEPS, EPOCHS, VALIDATIONS = 10, 256, 500, 4, 10
MOST_VALIDATION, VALIDATION_BATCH, EMA_DECAY, WEIGHT_DECAY = 2_000, 32, 0.99, 1e-4
LISTENERS_AT_ONCE = 64

Singles = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class World:
    """Frozen vectors of songs to learn from and of cold ones, the factorization, and what is asked.

    Attributes
    ----------
    examples
        The songs to learn from, then those for early stopping.
    heard, cold_heard
        float32 (n, HEARD) each.
    question
        Of the first listeners about the cold songs.
    """

    examples: Examples
    heard: Tensor
    cold_heard: Tensor
    question: ColdStart


def main(sizes: str = SIZES, worlds: int = 3, seed: int = 0) -> None:
    """Draw, train, ask; print a line an objective and size."""
    told: dict[str, dict[str, dict[str, object]]] = {}
    for size in map(int, sizes.split(",")):
        rates = choose_rates(min(size, LARGEST_TRIED), seed)
        found: dict[str, list[tuple[Result, Result]]] = defaultdict(list)
        seconds: dict[str, float] = {}
        for number in range(worlds):
            begun = time.process_time()
            world = draw_world(size, number, seed)
            print(f"{size} songs, world {number}: {time.process_time() - begun:.0f} s", flush=True)
            found["ridge"].append(ask(world, ridge(world)))
            for name in OBJECTIVES:
                begun = time.process_time()
                system, _ = learn(world, name, rates[name], number)
                seconds[name] = time.process_time() - begun
                found[name].append(ask(world, system))
                print(f"{name:15s} AUC {found[name][-1][0].value('auc'):.4f}", flush=True)
        told[str(size)] = compare(found)
        for name, each in told[str(size)].items():
            each |= {"learning_rate": rates.get(name), "seconds": round(seconds.get(name, 0.0), 1)}
            print(f"{size:7d} {name:15s}", each, flush=True)
    print(json.dumps({"seed": seed, "worlds": worlds, "sizes": told}))


def draw_world(n_songs: int, number: int, seed: int) -> World:
    """Songs of warm artists, then of cold ones; their plays and factors."""
    rng = np.random.default_rng([seed, number, n_songs])
    warm = np.repeat(np.arange(-(-n_songs // SONGS_AN_ARTIST)), SONGS_AN_ARTIST)[:n_songs]
    cold = np.repeat(np.arange(COLD_ARTISTS), SONGS_AN_ARTIST) + warm.max() + 1
    artists = np.concatenate([warm, cold])
    traits = by_artist(artists, 2 * TRAITS, rng)
    popularity = POPULARITY * by_artist(artists, 1, rng)[:, 0]
    tastes = TASTE / np.sqrt(TRAITS) * rng.standard_normal((max(ASKED, n_songs // SONGS_A_LISTENER), TRAITS))
    heard = torch.from_numpy(hear(traits, rng))
    liked = traits[:, :TRAITS]
    plays = draw_plays(tastes, liked[:n_songs], popularity[:n_songs], PLAYS, rng)
    cold_plays = draw_plays(tastes[:ASKED], liked[n_songs:], popularity[n_songs:], COLD_PLAYS, rng)
    names = np.array([f"artist-{number}-{artist:06d}" for artist in artists], dtype=object)
    ids = np.array([f"song-{song:06d}" for song in range(len(artists))], dtype=object)
    # songs stand by artist: the last ones are those for early stopping, of artists of their own
    songs = pd.DataFrame({"song_id": ids[:n_songs], "artist_id": names[:n_songs]})
    users = np.flatnonzero(np.diff(cold_plays.indptr) > 0)
    question = ColdStart(
        ids[n_songs:],
        names[n_songs:],
        np.zeros(len(cold), np.bool_),
        users,
        csr_array(cold_plays[users].astype(np.bool_)),
    )
    return World(factorize(songs, plays, number), heard[:n_songs], heard[n_songs:], question)


def by_artist(artists: Ints, width: int, rng: np.random.Generator) -> Singles:
    """`(n_songs, width)`, of variance 1: a share of it is alike for all songs of an artist."""
    common = rng.standard_normal((artists.max() + 1, width), dtype=np.float32)[artists]
    own = rng.standard_normal((len(artists), width), dtype=np.float32)
    return np.sqrt(np.float32(ARTIST_SHARE)) * common + np.sqrt(np.float32(1 - ARTIST_SHARE)) * own


def hear(traits: Singles, rng: np.random.Generator) -> Singles:
    """Frozen vectors, `(n_songs, HEARD)`."""
    width = traits.shape[1]
    inner = rng.standard_normal((width, 4 * width), dtype=np.float32) * np.float32(1.5 / np.sqrt(width))
    outer = rng.standard_normal((4 * width, HEARD), dtype=np.float32)
    heard = np.tanh(traits @ inner + rng.standard_normal(4 * width, dtype=np.float32)) @ outer
    heard = (heard - heard.mean(axis=0)) / heard.std(axis=0)
    return heard + np.float32(NOISE) * rng.standard_normal(heard.shape, dtype=np.float32)


def draw_plays(
    tastes: NDArray[np.float64], traits: Singles, popularity: Singles, mean: int, rng: np.random.Generator
) -> csr_array:
    """Play counts, float32 (n_listeners, n_songs): of each listener a number of draws, `mean` on average."""
    numbers = 1 + rng.poisson((mean - 1) * rng.gamma(4, 1 / 4, len(tastes)))
    rows, columns = np.repeat(np.arange(len(tastes)), numbers), []
    for first in range(0, len(tastes), LISTENERS_AT_ONCE):
        block = slice(first, first + LISTENERS_AT_ONCE)
        weights = np.exp(tastes[block].astype(np.float32) @ traits.T + popularity)
        ends = weights.cumsum(axis=1, dtype=np.float64)  # a song has the stretch before its end
        for end, number in zip(ends, numbers[block], strict=True):
            columns.append(np.searchsorted(end, end[-1] * rng.random(number)))
    ones = np.ones(len(rows), dtype=np.float32)
    shape = (len(tastes), len(traits))
    return csr_array(coo_array((ones, (rows, np.concatenate(columns))), shape=shape))  # adds up repeats


def factorize(songs: pd.DataFrame, plays: csr_array, seed: int) -> Examples:
    """The examples with their factors, all songs of `songs`."""
    fitted = fit(
        confidence(plays, WMF.alpha, WMF.epsilon),
        factors=FACTORS,
        regularization=WMF.regularization,
        iterations=ITERATIONS,
        seed=seed,
    )
    n_training = len(songs) - min(MOST_VALIDATION, len(songs) // 10)
    return Examples(
        songs,
        fitted.item_factors,
        np.arange(len(songs)),
        n_training,
        fitted.user_factors,
        plays.T.tocsr(),
        np.arange(plays.shape[0]).astype(str).astype(object),
        WMF,
    )


@cache
def choose_rates(n_songs: int, seed: int) -> dict[str, float]:
    """By objective the learning rate of the lowest validation loss in the first world of so many songs."""
    world, chosen = draw_world(n_songs, 0, seed), {}
    for name in OBJECTIVES:
        losses = {rate: learn(world, name, rate, seed=0)[1] for rate in LEARNING_RATES}
        chosen[name] = min(losses, key=losses.__getitem__)
        print(f"{name}: {losses}", flush=True)
    return chosen


def learn(world: World, name: str, rate: float, seed: int) -> tuple[System, float]:
    """Train for an objective; the system of its best validation, and the loss of that."""
    torch.manual_seed(seed)
    examples, objective = world.examples, OBJECTIVES[name](world.examples)
    network = network_of(objective.n_outputs)
    model = nn.ModuleList([network, objective])
    averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(EMA_DECAY))
    n_steps = max(LEAST_STEPS, EPOCHS * (examples.n_training // BATCH))
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, half_cosine(n_steps))
    best, weights = float("inf"), {}
    for step, songs in enumerate(batches(examples.n_training, n_steps, seed), start=1):
        optimizer.zero_grad()
        objective(network(world.heard[songs]), songs).mean().backward()
        optimizer.step()
        schedule.step()
        averaged.update_parameters(model)
        if step % (n_steps // VALIDATIONS) == 0:
            loss = validate(*averaged.module.eval(), world)
            if loss < best:
                best = loss
                weights = {key: value.detach().clone() for key, value in averaged.module.named_parameters()}
    model.load_state_dict(weights, strict=False)  # all but the targets
    return placed(world, network.eval(), objective), best


def network_of(n_outputs: int) -> nn.Module:
    """A head on frozen vectors."""
    hidden = (nn.Linear(HEARD, HIDDEN), nn.ReLU(), nn.Dropout(DROPOUT))
    return nn.Sequential(*hidden, nn.Linear(HIDDEN, n_outputs))


def batches(n: int, n_steps: int, seed: int) -> Iterator[Tensor]:
    """Rows of the songs to learn from, each once an epoch."""
    rng, left = np.random.default_rng(seed), np.empty(0, np.int64)
    for _ in range(n_steps):
        if len(left) < min(BATCH, n):
            left = rng.permutation(n)
        yield torch.from_numpy(left[:BATCH])
        left = left[BATCH:]


@torch.no_grad()
def validate(network: nn.Module, objective: nn.Module, world: World) -> float:
    """Mean loss of the songs for early stopping, by as many at a time as in `earshot.training.windows`."""
    songs = torch.arange(world.examples.n_training, len(world.heard))
    parts = [objective(network(world.heard[part]), part) for part in songs.split(VALIDATION_BATCH)]
    return float(torch.cat(parts).mean())


@torch.no_grad()
def placed(world: World, network: nn.Module, objective: nn.Module) -> System:
    """Listeners and cold songs where the stage cnn_checkpoint would have them."""

    def vectors(heard: Tensor) -> Singles:
        return (network(heard) * objective.output_scale + objective.output_mean).numpy()

    with tempfile.TemporaryDirectory() as folder:
        objective.save_space(Path(folder), lambda rows: vectors(world.heard[rows]))
    return System(world.examples.user_factors, vectors(world.cold_heard))


def ridge(world: World) -> System:
    """Factors by regression from frozen vectors; of some penalties that of the least validation error."""
    n, y = world.examples.n_training, world.examples.factors.astype(np.float64)
    x = np.column_stack([world.heard.numpy().astype(np.float64), np.ones(len(y))])
    tried = []
    for penalty in 10.0 ** np.arange(0, 6):
        left = x[:n].T @ x[:n] + penalty * np.diag([1.0] * HEARD + [0.0])
        weights = np.linalg.solve(left, x[:n].T @ y[:n])
        tried.append((float(np.square(x[n:] @ weights - y[n:]).mean()), penalty, weights))
    _, _, weights = min(tried, key=lambda each: each[:2])
    cold = np.column_stack([world.cold_heard.numpy(), np.ones(len(world.cold_heard))])
    return System(world.examples.user_factors, cold @ weights)


def ask(world: World, system: System) -> tuple[Result, Result]:
    """By the first 500 songs, and by the first 20: recall looks at no more than a tenth of the songs."""
    return evaluate(system, world.question, k=500), evaluate(system, world.question, k=20)


def compare(found: dict[str, list[tuple[Result, Result]]]) -> dict[str, dict[str, object]]:
    """By system and metric its value over all worlds, and the difference from factors_mse."""
    pooled = {name: [pool(results) for results in zip(*each, strict=True)] for name, each in found.items()}
    measures: dict[str, tuple[int, Metric]] = {
        "auc": (0, "auc"),
        "map_at_500": (0, "map"),
        "recall_at_20": (1, "recall"),
    }
    told: dict[str, dict[str, object]] = {}
    for name, results in pooled.items():
        told[name] = {}
        for measure, (depth, metric) in measures.items():
            gap = difference(results[depth], pooled["factors_mse"][depth], metric)
            numbers = (results[depth].value(metric), gap.value, gap.low, gap.high)
            told[name][measure] = [round(number, 4) for number in numbers]
    return told


if __name__ == "__main__":
    main(*sys.argv[1:2], *map(int, sys.argv[2:]))
