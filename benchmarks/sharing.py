"""Claim: a shared release serves one listener as home does, and hardly tells whose plays it was made of.

    python benchmarks/sharing.py HOME [--seeds N]

HOME is a workspace whose training lane has run on the embedded catalogue. Its sounds are heard, and plays
are drawn anew by the catalogue's program.

*Membership.* A factorization is fitted to a random half of the 2,000 listeners, with HOME's numbers, and an
encoder trained towards it with noise (`earshot.lanes.noisy_targets`) as HOME's params.yaml says: what
`earshot release share --songs` writes.
The attacker holds the sounds and all plays of the listeners, members or not, and looks at each: how well the
fold-in fits (`residual`: eq. 3, by the confidence of the plays; `fit`: mean score of the played songs;
`left_out`: the same of each when its own play is left out, exactly) and how long it is (`norm`:
x' (X'X + lambda I)^-1 x of the folded-in listener x). A stronger one has 1,000 listeners of his own and made
the same of them, without noise. He looks at the same less what his own says of the listener
(`..., less his own`; difficulty calibration, Watson et al. 2022), at how far songs lie from where his own has
them, turned by orthogonal
Procrustes, towards the listener (`reconstruction`), and at all of these by a logistic regression learned on
half of the members and non-members and asked of the other (`all`). Both are tried on what is shared
(`by sound`), and on the song vectors of the factorization, which are not.

*One listener.* Every listener that HOME's report asks, one by one, with all plays of songs that were not
cold, solved as a workspace of one listener does against what is shared of HOME; AUC of the cold songs by
what the shared encoder says of their sound, beside that of HOME's own listeners and predictions.

The last line is JSON: `one_listener`, AUC at home and elsewhere with differences and paired intervals over
artists; `attack`, AUC (at least .5: an attacker may turn a figure round) by what was attacked and what was
looked at: mean over the seeds with a 95 % interval, the wider of that over listeners (bootstrap) and that
over seeds (t).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.linalg import orthogonal_procrustes
from scipy.sparse import csr_array, vstack
from scipy.stats import rankdata, t

from earshot.arrays import is_among, positions_of
from earshot.catalogue.play_counts import PlayCounts, read_play_counts, write_play_counts
from earshot.columns import ITEM, PLAY_COUNT, SONG_ID, USER
from earshot.datasets.embedded import catalogue, listeners
from earshot.evaluation.cold_start import read_cold_start
from earshot.evaluation.protocol import System, difference, evaluate
from earshot.factors.numbers import read_numbers
from earshot.factors.solves import confidence
from earshot.files import replace_array
from earshot.lanes.noisy_targets import add_noise
from earshot.lanes.shared_encoder import hear_for_others
from earshot.params import Params, WmfFactors, load_params
from earshot.predictors.load import load_encoder
from earshot.spaces.placing import Ids, Placed, rows_of
from earshot.spaces.shared import SharedWmf
from earshot.spaces.wmf import WmfSpace, read_placed
from earshot.stages.cnn_checkpoint import write_encoder
from earshot.stages.paths import Paths
from earshot.stages.wmf_factors import write_factors
from earshot.store.reader import HyperImageStore
from earshot.versioning import PreviousOutput

Floats = NDArray[np.float64]

OWN_LISTENERS = 1000
BY_SOUND, BY_PLAYS = "by sound", "song vectors, which are not shared"
LESS = ", less his own"


@dataclass(frozen=True)
class Made:
    """Songs of one factorization: their places by sound, and those of the factorization; float64 (n, d).

    `heard` are all songs with a sound.
    """

    songs: Ids
    places: dict[str, Floats]
    heard: Placed


def draw_plays(n_listeners: int) -> tuple[Ids, csr_array]:
    """Ids of the songs of the embedded catalogue, sorted, and float32 (n_listeners, n_songs)."""
    songs = sorted(catalogue.catalogue_songs(), key=lambda song: song.song_id)
    features = listeners.taste_features(
        np.array([catalogue.taste_coordinates(song.traits) for song in songs])
    )
    renown = np.array([listeners.draw_renown(song.number) for song in songs])
    rows = []
    for number in range(n_listeners):
        played, counts = listeners.draw_plays(number, listeners.attraction(number, features, renown))
        pointers = np.array([0, len(played)])
        rows.append(csr_array((counts.astype(np.float32), played, pointers), shape=(1, len(songs))))
    return np.array([song.song_id for song in songs], dtype=object), csr_array(vstack(rows, format="csr"))


def make(home: Path, songs: Ids, plays: csr_array, params: Params, folder: Path, noise: bool) -> Made:
    """Factorize `plays` of `songs`, (n_listeners, n_songs), and train an encoder, in the empty `folder`.

    With `noise` as it is trained to be shared.
    """
    training_set, source = folder / "data" / "training_set", home / "data" / "training_set"
    training_set.mkdir(parents=True)
    (training_set / "hyper_images").symlink_to((source / "hyper_images").resolve())
    shutil.copyfile(source / "songs.parquet", training_set / "songs.parquet")
    there = np.flatnonzero(np.bincount(plays.indices, minlength=len(songs)))
    entries = csr_array(plays[:, there]).tocoo()
    table = pd.DataFrame({USER: entries.coords[0], ITEM: entries.coords[1], PLAY_COUNT: entries.data})
    users = np.array([f"u{n:05d}" for n in range(plays.shape[0])], dtype=object)
    write_play_counts(training_set, users, songs[there], table.sort_values([USER, ITEM]))
    paths = Paths(folder, folder / "output", folder / "work", folder / "failed", PreviousOutput(folder, None))
    numbers = read_numbers(home / "data" / "wmf_factors")
    paths.make("wmf_factors", lambda made: write_factors(made, numbers, params.seed))
    factors = folder / "data" / "wmf_factors"
    trained = WmfSpace.read(factors).songs
    if noise:
        noisy = add_noise(trained.vectors, len(users), np.random.default_rng([params.seed, 7]))
        replace_array(factors / "item_factors.npy", noisy)
    paths.make("cnn_checkpoint", lambda made: write_encoder(made, params))
    store = HyperImageStore.open(training_set / "hyper_images")
    heard = hear_for_others(load_encoder(folder / "data" / "cnn_checkpoint"), store, trained.ids, named=True)
    by_sound = rows_of(heard.ids, heard.vectors, trained.ids)
    return Made(
        trained.ids,
        {BY_SOUND: by_sound.astype(np.float64), BY_PLAYS: trained.vectors.astype(np.float64)},
        heard,
    )


def look(plays: csr_array, songs: Floats, wmf: WmfFactors, beside: Floats | None = None) -> dict[str, Floats]:
    """What the attacker sees of each listener, (n_listeners,) each.

    `plays` are (n_listeners, n_songs); `beside` are the songs where his own model has them.
    """
    weights, ridge = confidence(plays, wmf.alpha, wmf.epsilon), wmf.regularization * np.eye(songs.shape[1])
    gram = songs.T @ songs
    lines = []
    for row in range(plays.shape[0]):
        played = slice(weights.indptr[row], weights.indptr[row + 1])
        y, c = songs[weights.indices[played]], weights.data[played].astype(np.float64)
        inverse = np.linalg.inv(gram + ridge + (y.T * (c - 1)) @ y)  # of A, eq. 4 of Hu et al.
        x = inverse @ (c @ y)
        score, own = y @ x, np.einsum("nd,de,ne->n", y, inverse, y)
        # each play's own score without it (Sherman and Morrison), as in earshot.spaces.explaining
        left_out = (score - c * own) * (1 + (c - 1) * own / (1 - (c - 1) * own))
        loss = x @ gram @ x + c @ (1 - score) ** 2 - score @ score + wmf.regularization * x @ x
        found = {
            "residual": -loss / c.sum(),
            "fit": score.mean(),
            "left_out": left_out.mean(),
            "norm": -x @ np.linalg.solve(gram + ridge, x),
        }
        if beside is not None:
            found["reconstruction"] = ((y - beside[weights.indices[played]]) @ x).mean()
        lines.append(found)
    return {name: np.array([line[name] for line in lines]) for name in lines[0]}


def attack(
    plays: csr_array, songs: Floats, own: Floats, wmf: WmfFactors, members: NDArray[np.bool_], seed: int
) -> dict[str, Floats]:
    """All that is seen of each listener of `plays`, of whom some are members, in `songs`; `own` are his."""
    turned = own @ orthogonal_procrustes(own, songs)[0]
    seen, expected = look(plays, songs, wmf, turned), look(plays, own, wmf)
    seen |= {f"{name}{LESS}": seen[name] - expected[name] for name in expected}
    return seen | {
        "all": _regression(np.column_stack([*seen.values()]), members, np.random.default_rng(seed))
    }


def _regression(seen: Floats, members: NDArray[np.bool_], rng: np.random.Generator) -> Floats:
    """Log odds (n,) of every listener by a logistic regression on the half that he or she is not in."""
    columns = np.column_stack([(seen - seen.mean(axis=0)) / seen.std(axis=0), np.ones(len(seen))])
    half, odds = rng.permutation(len(seen)) % 2 == 0, np.zeros(len(seen))
    for learned in (half, ~half):
        weights = np.zeros(columns.shape[1])
        for _ in range(25):  # Newton's method, with a ridge of 1
            share = 1 / (1 + np.exp(-columns[learned] @ weights))
            slope = columns[learned].T @ (members[learned] - share) - weights
            curve = (columns[learned].T * (share * (1 - share))) @ columns[learned] + np.eye(len(weights))
            weights += np.linalg.solve(curve, slope)
        odds[~learned] = columns[~learned] @ weights
    return odds


def auc(values: Floats, members: NDArray[np.bool_]) -> float:
    """That a member stands above a non-member; a tie counts half."""
    n, m = members.sum(), (~members).sum()
    return float((rankdata(values)[members].sum() - n * (n + 1) / 2) / (n * m))


def membership(home: Path, seeds: int) -> dict[str, dict[str, dict[str, float]]]:
    """By what was attacked and what was looked at, mean AUC over the seeds and its interval."""
    songs, plays = draw_plays(catalogue.N_LISTENERS + OWN_LISTENERS)
    found: dict[str, dict[str, list[tuple[float, float]]]] = {BY_SOUND: {}, BY_PLAYS: {}}
    for seed in range(seeds):
        for kind, name, values, members in _tries(home, songs, plays, seed):
            one = auc(values, members), _half_width(values, members, seed)
            found[kind].setdefault(name, []).append(one)
            print(seed, kind, name, f"{one[0]:.3f} +- {one[1]:.3f}", flush=True)
    return {kind: {name: _interval(tries) for name, tries in each.items()} for kind, each in found.items()}


def _tries(
    home: Path, songs: Ids, plays: csr_array, seed: int
) -> Iterator[tuple[str, str, Floats, NDArray[np.bool_]]]:
    params, wmf = (
        replace(load_params(home / "params.yaml"), seed=seed),
        read_numbers(home / "data" / "wmf_factors"),
    )
    members = np.zeros(catalogue.N_LISTENERS, dtype=np.bool_)
    members[np.random.default_rng(seed).permutation(len(members))[: len(members) // 2]] = True
    with TemporaryDirectory() as folder:
        theirs, his = csr_array(plays[np.flatnonzero(members)]), csr_array(plays[len(members) :])
        made = make(home, songs, theirs, params, Path(folder) / "members", noise=True)
        others = replace(params, seed=seed + 1000)
        own = make(home, songs, his, others, Path(folder) / "own", noise=False)
    both = np.intersect1d(made.songs.astype(str), own.songs.astype(str)).astype(object)
    asked = csr_array(plays[: len(members)][:, positions_of(songs, both)])
    for kind in (BY_SOUND, BY_PLAYS):
        sides = [each.places[kind][positions_of(each.songs, both)] for each in (made, own)]
        for name, values in attack(asked, *sides, wmf, members, seed).items():
            yield kind, name, values, members


def _half_width(values: Floats, members: NDArray[np.bool_], seed: int) -> float:
    rng, found = np.random.default_rng([seed, 1]), []
    for _ in range(200):
        drawn = rng.integers(len(values), size=len(values))
        found.append(auc(values[drawn], members[drawn]))
    low, high = np.quantile(found, [0.025, 0.975])
    return float(high - low) / 2


def _interval(tries: list[tuple[float, float]]) -> dict[str, float]:
    values, halves = np.array(tries).T
    mean, n = max(values.mean(), 1 - values.mean()), len(values)
    spread = t.ppf(0.975, n - 1) * values.std(ddof=1) / np.sqrt(n) if n > 1 else 0.0
    half = max(spread, halves.mean() / np.sqrt(n))
    return {
        name: round(float(each), 3)
        for name, each in (("auc", mean), ("low", mean - half), ("high", mean + half))
    }


def one_listener(home: Path) -> dict[str, Any]:
    """AUC of the cold songs, of every listener at home and one by one elsewhere."""
    data = home / "data"
    cold_start, plays = read_cold_start(data / "training_set"), read_play_counts(data / "training_set")
    space, predicted = WmfSpace.read(data / "wmf_factors"), data / "predicted_factors"
    own = read_placed(predicted / "item_factors.npy", predicted / "items.parquet", SONG_ID)
    with TemporaryDirectory() as folder:
        params = load_params(home / "params.yaml")
        heard = make(home, plays.song_ids, plays.matrix, params, Path(folder) / "shared", noise=True).heard
    candidates = rows_of(heard.ids, heard.vectors, cold_start.song_ids)
    places = rows_of(heard.ids, heard.vectors, space.songs.ids)
    nothing = Placed(np.empty(0, dtype=object), places[:0])
    shared = SharedWmf(places.T @ places, nothing, space.wmf)
    trained = space.training_listeners()
    users = rows_of(trained.ids, trained.vectors, plays.user_ids)
    asked = rows_of(own.ids, own.vectors, cold_start.song_ids)
    at_home = evaluate(System(users, asked), cold_start)
    vectors = np.zeros((len(plays.user_ids), places.shape[1]), np.float32)
    alone = vectors.copy()
    warm = is_among(plays.song_ids, space.songs.ids)
    for user in cold_start.users:
        played = _only(plays, user, warm)
        songs = Placed(played.song_ids, rows_of(space.songs.ids, places, played.song_ids))
        vectors[user] = shared.place_listeners(played, songs).vectors[0]
        alone[user] = WmfSpace(None, nothing, space.wmf).place_listeners(played, songs).vectors[0]
    found = {"home": _told(at_home.interval("auc"))}
    systems = {
        "elsewhere": System(vectors, candidates),
        "elsewhere without X'X": System(alone, candidates),
    }
    for name, system in systems.items():
        there = evaluate(system, cold_start)
        found[name] = _told(there.interval("auc")) | {"minus_home": _told(difference(there, at_home, "auc"))}
        print(name, found[name], flush=True)
    return found


def _only(plays: PlayCounts, user: int, wanted: NDArray[np.bool_]) -> PlayCounts:
    """The plays of one listener, of some of the songs."""
    row = slice(plays.matrix.indptr[user], plays.matrix.indptr[user + 1])
    songs, counts = plays.matrix.indices[row], plays.matrix.data[row]
    songs, counts = songs[wanted[songs]], counts[wanted[songs]]
    pointers = np.array([0, len(songs)])
    matrix = csr_array((counts, np.arange(len(songs)), pointers), shape=(1, len(songs)))
    return PlayCounts(plays.user_ids[[user]], plays.song_ids[songs], matrix)


def _told(interval: Any) -> dict[str, float]:
    return {name: round(float(value), 4) for name, value in vars(interval).items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("home", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    told = {"one_listener": one_listener(asked.home), "attack": membership(asked.home, asked.seeds)}
    for kind, figures in told["attack"].items():
        for name, line in figures.items():
            print(f"{kind:36s} {name:24s} {line['auc']:.3f} [{line['low']:.3f}, {line['high']:.3f}]")
    print(json.dumps(told))
