"""All systems judged on one cold start, and what metrics.json says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earshot.evaluation import tables
from earshot.evaluation.protocol import (
    ColdStart,
    Permutations,
    Result,
    System,
    evaluate,
    evaluate_permutations,
)
from earshot.processes import progress

Judged = System | Permutations

KINDS = ("known_artists", "cold_artists")
"""Candidates whose artist the factors know another song of, and the others."""


@dataclass(frozen=True)
class Judgement:
    """What was found.

    Attributes
    ----------
    results
        By system.
    metrics
        The content of metrics.json.
    differences
        `<later>_minus_<earlier>` -> paired differences, of all pairs of systems.
    kinds
        Kind of candidate -> sizes and metrics by system among those candidates
        alone; null where no user has a relevant one.
    """

    results: dict[str, Result]
    metrics: dict[str, Any]
    differences: dict[str, Any]
    kinds: dict[str, Any]


def judge(systems: Mapping[str, Judged], cold_start: ColdStart, k: int) -> Judgement:
    """Evaluate every system, over all candidates and apart over songs of known and of cold artists."""
    results = evaluate_all(systems, cold_start, k)
    metrics = {
        "systems": {name: tables.describe(result, k) for name, result in results.items()},
        "protocol": tables.describe_protocol(cold_start, k),
    }
    kinds = {
        kind: describe_kind([part], found, k) if found else None
        for kind, (part, found) in judge_kinds(systems, cold_start, results, k).items()
    }
    return Judgement(results, metrics, tables.differences(results, k), kinds)


def evaluate_all(systems: Mapping[str, Judged], cold_start: ColdStart, k: int) -> dict[str, Result]:
    """By system; none where nobody is asked."""
    if not len(cold_start.users):
        return {}
    watched = progress(systems.items(), description="Evaluating", unit="systems")
    return {
        name: evaluate(system, cold_start, k)
        if isinstance(system, System)
        else evaluate_permutations(system, cold_start, k)
        for name, system in watched
    }


def judge_kinds(
    systems: Mapping[str, Judged],
    cold_start: ColdStart,
    results: dict[str, Result],
    k: int,
) -> dict[str, tuple[ColdStart, dict[str, Result]]]:
    """Each of `KINDS` apart, with results by system; `results` are those of all candidates."""
    kinds = {}
    for kind, mask in zip(KINDS, (cold_start.known_artist, ~cold_start.known_artist), strict=True):
        if mask.all():
            kinds[kind] = cold_start.only(mask), results
        else:
            kinds[kind] = evaluate_among(systems, cold_start, mask, k)
    return kinds


def evaluate_among(
    systems: Mapping[str, Judged],
    cold_start: ColdStart,
    candidates: NDArray[np.bool_],
    k: int,
) -> tuple[ColdStart, dict[str, Result]]:
    """Ask about some of the candidates alone, `(n_candidates,)`; the question, and results by system."""
    part = cold_start.only(candidates)
    inside = {name: _only(system, candidates) for name, system in systems.items()}
    return part, evaluate_all(inside, part, k)


def _only(system: Judged, candidates: NDArray[np.bool_]) -> Judged:
    if isinstance(system, Permutations):
        system_inside = _only(system.system, candidates)
        assert isinstance(system_inside, System)
        return Permutations(system_inside, system.seed)
    return System(system.user_vectors, system.item_vectors[candidates])


def describe_kind(parts: Sequence[ColdStart], results: Mapping[str, Result], k: int) -> dict[str, Any]:
    """Sizes and metrics by system among the candidates of one kind; `parts` are those of each fold."""
    return {
        "candidates": sum(len(part.song_ids) for part in parts),
        "n_users": sum(len(part.users) for part in parts),
        "systems": {name: tables.describe(result, k) for name, result in results.items()},
    }
