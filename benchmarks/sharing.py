"""Claim: a shared release serves one listener as home does, and does not tell whose plays it was made of.

    python benchmarks/sharing.py [--home WORKSPACE] [--listeners N] [--seeds N]

*Membership.* Half of so many listeners of the embedded catalogue's program (2,000: as many as it has) are
members: a factorization is fitted to their plays with its numbers, and X'X, lambda and the song vectors are
shared. The attacker holds all plays of a member or non-member, and 2,000 listeners of his own, with which he fits
two models of the same kind to compare with (Shokri et al. 2017; difficulty calibration, Watson et al. 2022).
What he looks at, each as it is and less the mean of his own models:

- residual: eq. 3 of the folded-in listener, by the confidence of the plays;
- fit, left_out: mean score of the played songs, and of each when its own play is left out (exactly);
- norm: x' (X'X + lambda I)^-1 x of the folded-in listener x;
- reconstruction: how far the vectors of the played songs lie from those that his own models put there, turned
  to where the shared songs are (orthogonal Procrustes), along x;
- listeners_norm: norm again, with the X'X of the members, which is *not* in a shared release;
- all: a logistic regression of all of these but the last on half of the members and non-members, asked of the
  other half.

*One listener.* With --home, a workspace whose training lane has run on that catalogue: every listener that
the report asks, one by one, with all plays of songs that were not cold, solved against what a shared release
holds; AUC of the cold songs by their sound, beside that of the listeners of the home factorization.

The last line is JSON: `attack`, AUC by what was looked at, {mean over seeds, low, high} (95 %, bootstraps of the
listeners and t over the seeds, the wider); `one_listener`, AUC at home, with and without song vectors, and
differences with paired intervals over artists.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack
from scipy.stats import rankdata, t
from scipy.linalg import orthogonal_procrustes

from earshot.arrays import is_among
from earshot.catalogue.play_counts import PlayCounts, read_play_counts
from earshot.datasets.embedded import catalogue, listeners
from earshot.evaluation.cold_start import read_cold_start
from earshot.evaluation.protocol import System, difference, evaluate
from earshot.factors.numbers import read_numbers
from earshot.factors.solves import confidence, solve_rows
from earshot.factors.wmf import fit
from earshot.params import WmfFactors
from earshot.spaces.placing import Placed, rows_of
from earshot.spaces.shared import SharedWmf
from earshot.spaces.wmf import Wmf, WmfSpace, read_placed

Floats = NDArray[np.float64]

NUMBERS = WmfFactors(factors=50, alpha=2.0, epsilon=10.0, regularization=23.0, iterations=15)
"""Those that wmf_search finds on the embedded catalogue."""
OWN_LISTENERS, OWN_MODELS = 2000, 2
BAR = 0.55


@dataclass(frozen=True)
class Model:
    """What is shared, float64: song vectors (n_songs, d), and X'X of the listeners, which is not."""

    songs: Floats
    listeners_gram: Floats

    @classmethod
    def of(cls, plays: csr_array, seed: int) -> Model:
        """Fitted to `plays`, (n_listeners, n_songs)."""
        weights = confidence(plays, NUMBERS.alpha, NUMBERS.epsilon)
        fitted = fit(
            weights,
            factors=NUMBERS.factors,
            regularization=NUMBERS.regularization,
            iterations=NUMBERS.iterations,
            seed=seed,
        )
        users = fitted.user_factors.astype(np.float64)
        return cls(fitted.item_factors.astype(np.float64), users.T @ users)


def draw_plays(n_listeners: int) -> csr_array:
    """(n_listeners, 1000) of the embedded catalogue's program; float32."""
    songs = catalogue.catalogue_songs()
    coordinates = np.array([catalogue.taste_coordinates(song.traits) for song in songs])
    features = listeners.taste_features(coordinates)
    renown = np.array([listeners.draw_renown(song.number) for song in songs])
    rows = []
    for number in range(n_listeners):
        played, counts = listeners.draw_plays(number, listeners.attraction(number, features, renown))
        pointers = np.array([0, len(played)])
        rows.append(csr_array((counts.astype(np.float32), played, pointers), shape=(1, len(songs))))
    return csr_array(vstack(rows, format="csr"))


def look(plays: csr_array, model: Model, beside: Floats | None = None) -> dict[str, Floats]:
    """What the attacker sees of each listener of `plays`, (n_listeners,) each; the larger, the likelier.

    `beside` are song vectors of a model of his own, turned to those of `model`.
    """
    weights = confidence(plays, NUMBERS.alpha, NUMBERS.epsilon)
    ridge = NUMBERS.regularization * np.eye(NUMBERS.factors)
    gram = model.songs.T @ model.songs
    norm, listeners_norm = np.linalg.inv(gram + ridge), np.linalg.inv(model.listeners_gram + ridge)
    lines = []
    for row in range(plays.shape[0]):
        played = slice(weights.indptr[row], weights.indptr[row + 1])
        y, c = model.songs[weights.indices[played]], weights.data[played].astype(np.float64)
        inverse = np.linalg.inv(gram + ridge + (y.T * (c - 1)) @ y)  # of A, eq. 4 of Hu et al.
        x = inverse @ (c @ y)
        score, own = y @ x, np.einsum("nd,de,ne->n", y, inverse, y)
        # each play's own score without it (Sherman and Morrison), as in earshot.spaces.explaining
        left_out = (score - c * own) * (1 + (c - 1) * own / (1 - (c - 1) * own))
        loss = x @ gram @ x + c @ (1 - score) ** 2 - score @ score + NUMBERS.regularization * x @ x
        found = {
            "residual": -loss / c.sum(),
            "fit": score.mean(),
            "left_out": left_out.mean(),
            "norm": -x @ norm @ x,
            "listeners_norm": -x @ listeners_norm @ x,
        }
        if beside is not None:
            found["reconstruction"] = float(((y - beside[weights.indices[played]]) @ x).mean())
        lines.append(found)
    return {name: np.array([line[name] for line in lines]) for name in lines[0]}


def attack(targets: csr_array, own: csr_array, seed: int) -> tuple[dict[str, Floats], NDArray[np.bool_]]:
    """What is seen of every target, and which of them are members."""
    rng = np.random.default_rng(seed)
    members = np.zeros(targets.shape[0], dtype=np.bool_)
    members[rng.permutation(len(members))[: len(members) // 2]] = True
    shared = Model.of(csr_array(targets[np.flatnonzero(members)]), seed)
    size = min(own.shape[0], int(members.sum()))
    his = [Model.of(csr_array(own[rng.permutation(own.shape[0])[:size]]), seed + 1) for _ in range(OWN_MODELS)]
    turned = [each.songs @ orthogonal_procrustes(each.songs, shared.songs)[0] for each in his]
    seen = look(targets, shared, np.mean(turned, axis=0))
    expected = [look(targets, each) for each in his]
    for name in expected[0]:
        seen[f"{name}_calibrated"] = seen[name] - np.mean([each[name] for each in expected], axis=0)
    seen["all"] = _regression(
        np.column_stack([value for name, value in seen.items() if "listeners" not in name]), members, rng
    )
    return seen, members


def _regression(seen: Floats, members: NDArray[np.bool_], rng: np.random.Generator) -> Floats:
    """Log odds (n,) of every target by a logistic regression on the half that it is not in."""
    scaled = (seen - seen.mean(axis=0)) / seen.std(axis=0)
    columns = np.column_stack([scaled, np.ones(len(scaled))])
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


def membership(n_listeners: int, seeds: int) -> dict[str, dict[str, float]]:
    """AUC by what was looked at: mean over the seeds and interval."""
    plays = draw_plays(n_listeners + OWN_LISTENERS)
    targets, own = csr_array(plays[:n_listeners]), csr_array(plays[n_listeners:])
    values: dict[str, list[float]] = {}
    halves: dict[str, list[float]] = {}
    for seed in range(seeds):
        seen, members = attack(targets, own, seed)
        for name, value in seen.items():
            values.setdefault(name, []).append(auc(value, members))
            halves.setdefault(name, []).append(_half_width(value, members, seed))
    return {name: _interval(values[name], halves[name]) for name in values}


def _half_width(values: Floats, members: NDArray[np.bool_], seed: int) -> float:
    rng, found = np.random.default_rng([seed, 1]), []
    for _ in range(200):
        drawn = rng.integers(len(values), size=len(values))
        found.append(auc(values[drawn], members[drawn]))
    low, high = np.quantile(found, [0.025, 0.975])
    return float(high - low) / 2


def _interval(values: list[float], halves: list[float]) -> dict[str, float]:
    mean, n = float(np.mean(values)), len(values)
    spread = float(t.ppf(0.975, n - 1) * np.std(values, ddof=1) / np.sqrt(n)) if n > 1 else 0.0
    half = max(spread, float(np.mean(halves)) / np.sqrt(n))
    return {"auc": round(mean, 4), "low": round(mean - half, 4), "high": round(mean + half, 4)}


def one_listener(home: Path) -> dict[str, Any]:
    """AUC of the cold songs, of every listener at home and one by one elsewhere."""
    data = home / "data"
    cold_start, plays = read_cold_start(data / "training_set"), read_play_counts(data / "training_set")
    space = WmfSpace.read(data / "wmf_factors")
    numbers = Wmf(*(getattr(read_numbers(data / "wmf_factors"), name) for name in Wmf.__annotations__))
    heard = read_placed(
        data / "predicted_factors" / "item_factors.npy", data / "predicted_factors" / "items.parquet", "song_id"
    )
    candidates = rows_of(heard.ids, heard.vectors, cold_start.song_ids)
    warm = is_among(plays.song_ids, space.songs.ids)
    y, y_hat = space.songs.vectors, rows_of(heard.ids, heard.vectors, space.songs.ids)
    nothing = Placed(np.empty(0, dtype=object), np.empty((0, y.shape[1]), np.float32))
    shared = {
        "with song vectors": (SharedWmf(y.T @ y, space.songs, numbers), y),
        "by sound": (SharedWmf(y.T @ y, nothing, numbers), y_hat),
        "by sound, X'X of the sound": (SharedWmf(y_hat.T @ y_hat, nothing, numbers), y_hat),
    }
    trained = space.training_listeners()
    at_home = evaluate(System(rows_of(trained.ids, trained.vectors, plays.user_ids), candidates), cold_start)
    found: dict[str, Any] = {"home": vars(at_home.interval("auc")) | {"map": at_home.interval("ap").value}} if False else {}
    found["home"] = _told(at_home.interval("auc"))
    for name, (elsewhere, places) in shared.items():
        songs = Placed(space.songs.ids, places)
        vectors = np.zeros((len(plays.user_ids), y.shape[1]), np.float32)
        for user in cold_start.users:
            row = csr_array(plays.matrix[[user]])
            own = row.indices[warm[row.indices]]  # a workspace holds what its listener has
            counts = np.asarray(row.toarray()[0, own], np.float32)
            alone = PlayCounts(
                plays.user_ids[[user]],
                plays.song_ids[own],
                csr_array((counts, np.arange(len(own)), np.array([0, len(own)])), shape=(1, len(own))),
            )
            here = Placed(plays.song_ids[own], rows_of(songs.ids, songs.vectors, plays.song_ids[own]))
            vectors[user] = elsewhere.place_listeners(alone, here).vectors[0]
        there = evaluate(System(vectors, candidates), cold_start)
        found[name] = _told(there.interval("auc")) | {"minus_home": _told(difference(there, at_home, "auc"))}
        print(name, found[name], flush=True)
    # what a listener of a few songs is without X'X of home
    vectors = np.stack([
        solve_rows(
            confidence(csr_array(plays.matrix[[user]][:, np.flatnonzero(warm & (plays.matrix[[user]].toarray()[0] > 0))]), numbers.alpha, numbers.epsilon),
            rows_of(space.songs.ids, y, plays.song_ids[warm & (plays.matrix[[user]].toarray()[0] > 0)]), numbers.regularization)[0]
        for user in cold_start.users])
    full = np.zeros((len(plays.user_ids), y.shape[1]), np.float32)
    full[cold_start.users] = vectors
    there = evaluate(System(full, candidates), cold_start)
    found["without X'X"] = _told(there.interval("auc")) | {"minus_home": _told(difference(there, at_home, "auc"))}
    return found


def _told(interval: Any) -> dict[str, float]:
    return {name: round(float(value), 4) for name, value in vars(interval).items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path)
    parser.add_argument("--listeners", type=int, default=catalogue.N_LISTENERS)
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    told: dict[str, Any] = {}
    if asked.home is not None:
        told["one_listener"] = one_listener(asked.home)
    if asked.seeds:
        told["attack"] = membership(asked.listeners, asked.seeds)
        for name, line in told["attack"].items():
            print(f"{name:28s} {line['auc']:.3f} [{line['low']:.3f}, {line['high']:.3f}]")
    print(json.dumps(told))
