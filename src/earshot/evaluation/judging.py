"""All systems judged on one cold start, and what metrics.json says of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earshot.evaluation import tables
from earshot.evaluation.protocol import ColdStart, Result, System, evaluate
from earshot.processes import progress


@dataclass(frozen=True)
class Judgement:
    """Results by system, and the content of metrics.json."""

    results: dict[str, Result]
    metrics: dict[str, Any]


def judge(
    systems: Mapping[str, System], cold_start: ColdStart, k: int, bootstraps: int, seed: int
) -> Judgement:
    """Evaluate every system, over all candidates and apart over songs of known and of cold artists.

    A part is null where no user has a relevant song in it.
    """
    results: dict[str, Result] = {}
    described: dict[str, Any] = {}
    for name, system in progress(systems.items(), description="Evaluating", unit="systems"):
        whole = results[name] = evaluate(system, cold_start, k, bootstraps, seed)
        described[name] = tables.describe(whole, k)
        for kind, mask in _kinds(cold_start).items():
            part = cold_start.only(mask)
            found = whole if mask.all() else _evaluate_part(system, mask, part, k, bootstraps, seed)
            described[name][kind] = found and _describe_part(part, found, k)
    metrics = {
        "systems": described,
        "differences": tables.differences(results, k),
        "protocol": tables.describe_protocol(cold_start, k, bootstraps),
    }
    return Judgement(results, metrics)


def _kinds(cold_start: ColdStart) -> dict[str, NDArray[np.bool_]]:
    return {"known_artists": cold_start.known_artist, "cold_artists": ~cold_start.known_artist}


def _evaluate_part(
    system: System, mask: NDArray[np.bool_], part: ColdStart, k: int, bootstraps: int, seed: int
) -> Result | None:
    if not len(part.users):
        return None
    return evaluate(System(system.user_vectors, system.item_vectors[mask]), part, k, bootstraps, seed)


def _describe_part(part: ColdStart, found: Result, k: int) -> dict[str, Any]:
    sizes = {"candidates": len(part.song_ids), "n_users": len(part.users)}
    return sizes | tables.describe(found, k)
