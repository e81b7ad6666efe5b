"""All systems judged on one cold start, and what metrics.json says of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from earshot.evaluation import tables
from earshot.evaluation.protocol import ColdStart, Result, System, evaluate
from earshot.processes import progress

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


def judge(
    systems: Mapping[str, System], cold_start: ColdStart, k: int, bootstraps: int, seed: int
) -> Judgement:
    """Evaluate every system, over all candidates and apart over songs of known and of cold artists."""
    results = _evaluate_all(systems, cold_start, k, bootstraps, seed)
    metrics = {
        "systems": {name: tables.describe(result, k) for name, result in results.items()},
        "protocol": tables.describe_protocol(cold_start, k, bootstraps),
    }
    kinds: dict[str, Any] = {}
    for kind, mask in zip(KINDS, (cold_start.known_artist, ~cold_start.known_artist), strict=True):
        part = cold_start.only(mask)
        inside = {name: System(s.user_vectors, s.item_vectors[mask]) for name, s in systems.items()}
        found = results if mask.all() else _evaluate_all(inside, part, k, bootstraps, seed)
        kinds[kind] = _describe_kind(part, found, k) if found else None
    return Judgement(results, metrics, tables.differences(results, k), kinds)


def _evaluate_all(
    systems: Mapping[str, System], cold_start: ColdStart, k: int, bootstraps: int, seed: int
) -> dict[str, Result]:
    if not len(cold_start.users):
        return {}
    watched = progress(systems.items(), description="Evaluating", unit="systems")
    return {name: evaluate(system, cold_start, k, bootstraps, seed) for name, system in watched}


def _describe_kind(part: ColdStart, results: Mapping[str, Result], k: int) -> dict[str, Any]:
    return {
        "candidates": len(part.song_ids),
        "n_users": len(part.users),
        "systems": {name: tables.describe(result, k) for name, result in results.items()},
    }
