"""Claim: of 60 artists and more the gate releases an equal model nine times of ten, and never a deaf one.

    python benchmarks/gate_power.py [SIMULATIONS] [DEAF_SIMULATIONS] [SEED] [DECISION]

Every rule that `earshot.releases.judge` has, on what `release_evidence.as_evidence` makes of
simulated results; nothing of either stands here again. The model: AUC and mAP are means
over artists of scores. A score is the system's true value, and normal noise: of a trained
model partly the artist's own (the same for every trained model), partly the training's;
of predictions dealt to the wrong songs their own, of a random order none. The noise of
AUC and of mAP go together (`CORRELATION`). Each artist has two songs, of one of eight genres.

The spreads are those of the embedded catalogue: `SPREAD` is what the gate says of seed 0,
(high - low) / width * sqrt(artists), and twice what it says of a second training on the same
factors, .023 and .040: a later candidate's factors are made anew too. DECISION, a file in
releases/decisions/, gives those of another catalogue.

A candidate differs from the release by so much AUC in truth, by `MAP_PER_AUC` as much in mAP, by
`RECALL_PER_AUC` as much in recall@20 of the lists; the best release kept is as good as the release. A first
candidate differs by so much from chance; one after a change of features or split replaces what it cannot be
paired with, and differs by so much from linear_bow, to which the noise is that to the release.

The last line is JSON: seed, simulations, deaf_simulations, released: by `first`, `later` or `changed`, true
difference and artists, the share released.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.stats import t

from earshot import releases
from earshot.evaluation.cold_start import ColdStart
from earshot.evaluation.intervals import Replicates
from earshot.evaluation.metrics import Floats, Metric
from earshot.evaluation.protocol import Result
from earshot.evaluation.tables import metric_name
from earshot.evaluation.tags import large_genres
from earshot.params import load_params
from earshot.releases import Differences
from earshot.releases.gate import STOPPING
from earshot.stages.release_evidence import CANDIDATE, DEAF, METRICS, as_evidence, differences

ARTISTS = (20, 60, 120, 500)
DIFFERENCES = {
    "first": ("deaf", 0.05, 0.1, 0.2, 0.28),
    "later": ("deaf", -0.1, -0.05, -0.025, -0.01, 0.0, 0.025),
    "changed": ("deaf", -0.2, -0.1, -0.05, -0.025, 0.0, 0.05),
}
"""True differences in AUC: of a first candidate from chance, of others from release or linear_bow."""
SPREAD = {
    "auc": {"random": 0.059, "shuffled_content": 0.096, "release": 0.05},
    "map_at_500": {"random": 0.10, "shuffled_content": 0.115, "release": 0.08},
}
"""Standard deviation over artists of the candidate's difference to each."""
CHANCE = {"auc": 0.5, "map_at_500": 0.1}
HEARS = {"auc": 0.28, "map_at_500": 0.2}
"""How far above chance the release is."""
MAP_PER_AUC = 0.7
RECALL_PER_AUC = 0.5
LIST_SPREAD = 0.035
"""Standard deviation over artists of the difference in recall@20 of two trainings of one recipe."""
CORRELATION = 0.6
GENRES = 8
RELEASE, BEST, BASELINE = "release", "best", "linear_bow"

K = 500
NAMED: dict[str, Metric] = {metric_name(metric, K): metric for metric in METRICS}

Scores = dict[str, Floats]
"""(n_artists,) by metric."""


def main(
    simulations: int = 300, deaf_simulations: int = 1000, seed: int = 0, decision: str | None = None
) -> None:
    """Simulate, print a line a kind of candidate and difference."""
    spread = read_spread(Path(decision)) if decision else SPREAD
    settings = load_params(Path(__file__).parents[1] / "params.yaml").release
    rules = settings.epsilon, settings.min_genre_share
    released: dict[str, dict[str, dict[str, float]]] = {}
    print("candidate, true difference: share released with", *ARTISTS, "artists")
    for kind, tried in DIFFERENCES.items():
        for difference in tried:
            n = deaf_simulations if difference == "deaf" else simulations
            shares = {}
            for artists in ARTISTS:
                judged = decide(kind, difference, artists, n, spread, rules, seed)
                shares[str(artists)] = round(sum(judged) / n, 4)
            released.setdefault(kind, {})[str(difference)] = shares
            print(
                f"{kind:6s} {difference!s:>7s}", *(f"{share:7.3f}" for share in shares.values()), flush=True
            )
    told = {
        "seed": seed,
        "simulations": simulations,
        "deaf_simulations": deaf_simulations,
        "released": released,
    }
    print(json.dumps(told))


def read_spread(decision: Path) -> dict[str, dict[str, float]]:
    """As `SPREAD`, of a decision; what it does not say of a release is taken from there, in proportion."""
    said = json.loads(decision.read_text())["differences"]
    spread: dict[str, dict[str, float]] = {}
    for metric in SPREAD:
        found = {name if name in DEAF else RELEASE: _deviation(**each[metric]) for name, each in said.items()}
        larger = found["random"] / SPREAD[metric]["random"]
        spread[metric] = {RELEASE: larger * SPREAD[metric][RELEASE], **found}
    return spread


def _deviation(low: float, high: float, artists: int, **_: float) -> float:
    """Over artists, of what has that interval: so many standard errors, of sqrt(artists) to one deviation."""
    return float((high - low) / (2 * t.ppf(0.975, artists - 1)) * np.sqrt(artists))


def decide(
    kind: str,
    difference: str | float,
    artists: int,
    n: int,
    spread: dict[str, dict[str, float]],
    rules: tuple[float, float],
    seed: int,
) -> Iterator[bool]:
    """Whether each of `n` simulated candidates is released; `rules` are epsilon and min_genre_share."""
    rng = np.random.default_rng([artists, list(DIFFERENCES).index(kind), seed])
    later, (epsilon, min_genre_share) = kind == "later", rules
    for _ in range(n):
        scores = simulate(difference, kind, artists, spread, rng)
        results = {name: as_result(each) for name, each in scores.items()}
        pairs = {name: (results[CANDIDATE], each) for name, each in results.items()}
        genres = by_genre(scores, min_genre_share) if later else {}
        checks = [{"name": name, "passed": True} for name in STOPPING]
        baselines = {BASELINE: differences(*pairs[BASELINE], K)} if kind == "changed" else {}
        lists = {RELEASE: list_differences(difference, artists, rng)} if later else {}
        unpaired = None if later else "nothing to be paired with"
        paired, champion = ([RELEASE], BEST) if later else ([], None)
        evidence = as_evidence(pairs, K, paired, champion, genres, unpaired, checks, baselines, lists)
        yield releases.judge(evidence, epsilon).released


def list_differences(difference: str | float, artists: int, rng: np.random.Generator) -> Differences:
    """Candidate minus release in recall@20; of a deaf one as much as its AUC falls."""
    falls = -HEARS["auc"] if difference == "deaf" else float(difference)
    shares = RECALL_PER_AUC * falls + LIST_SPREAD * rng.standard_normal(artists)
    error = shares.std(ddof=1) / np.sqrt(artists)
    half = float(t.ppf(0.975, artists - 1)) * error
    value = float(shares.mean())
    return {"recall_at_20": {"value": value, "low": value - half, "high": value + half, "artists": artists}}


def simulate(
    difference: str | float,
    kind: str,
    artists: int,
    spread: dict[str, dict[str, float]],
    rng: np.random.Generator,
) -> dict[str, Scores]:
    """Scores of artists by system."""
    others = {"first": (), "later": (RELEASE, BEST), "changed": (BASELINE,)}
    names = (CANDIDATE, *DEAF, *others[kind])
    noise = {name: correlated(artists, rng) for name in (*names, "artist")}
    scores: dict[str, Scores] = {name: {} for name in names}
    for metric, sd in spread.items():
        own = sd[RELEASE] / np.sqrt(2)  # two trainings differ by this much each
        shared = np.sqrt(max(0.0, sd["random"] ** 2 - own**2)) * noise["artist"][metric]
        dealt = np.sqrt(max(0.0, sd["shuffled_content"] ** 2 - sd["random"] ** 2))
        dealt = dealt if metric == "auc" else max(dealt, sd["random"] / 3)
        chance, per_auc = CHANCE[metric], 1.0 if metric == "auc" else MAP_PER_AUC
        for name in names:
            if name == DEAF[0]:
                scores[name][metric] = np.full(artists, chance)
            elif name == DEAF[1] or (name == CANDIDATE and difference == "deaf"):
                scores[name][metric] = chance + dealt * noise[name][metric]
            else:
                above = 0.0 if kind == "first" else HEARS[metric]
                above += per_auc * float(difference) if name == CANDIDATE else 0.0
                scores[name][metric] = chance + above + shared + own * noise[name][metric]
    return scores


def correlated(artists: int, rng: np.random.Generator) -> Scores:
    """Normal noise of both metrics."""
    one, other = rng.standard_normal((2, artists))
    return {"auc": one, "map_at_500": CORRELATION * one + np.sqrt(1 - CORRELATION**2) * other}


def as_result(scores: Scores) -> Result:
    """Means over artists, with replicates as the protocol has them."""
    n = len(scores["auc"])
    values: dict[Metric, Floats] = {NAMED[name]: each for name, each in scores.items()}
    users = np.full(n, n)  # as many, whichever artist is deleted
    made = {metric: Replicates((each.sum() - each) / (n - 1), users) for metric, each in values.items()}
    nothing, ids = np.empty(0), np.arange(n).astype(object)
    return Result(values, made, nothing, nothing, ids)


def by_genre(scores: dict[str, Scores], min_share: float) -> dict[str, Differences]:
    """Candidate minus release among the artists of every genre that the gate judges by itself."""
    found = {}
    for genre, mask in genres(len(scores[CANDIDATE]["auc"]), min_share).items():
        pair = (
            as_result({metric: each[mask] for metric, each in scores[name].items()})
            for name in (CANDIDATE, RELEASE)
        )
        found[genre] = differences(*pair, K)
    return found


@cache
def genres(artists: int, min_share: float) -> dict[str, NDArray[np.bool_]]:
    """Which artists are of each large genre."""
    two = np.repeat(np.arange(artists), 2)
    ids = np.array([f"artist-{artist:04d}" for artist in two], dtype=object)
    nobody = csr_array((0, len(two)), dtype=np.bool_)
    cold_start = ColdStart(ids, ids, np.ones(len(two), np.bool_), np.empty(0, np.int64), nobody)
    found = large_genres([f"genre {artist % GENRES}" for artist in two], cold_start, min_share)
    return {genre: mask[::2] for genre, mask in found.items()}


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]), *sys.argv[4:])
