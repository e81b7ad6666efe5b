"""What a candidate is judged by, all of it measured on today's snapshot."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from earshot import releases
from earshot.checks import CANDIDATE
from earshot.evaluation.judging import Judged, evaluate_all
from earshot.evaluation.protocol import (
    Permutations,
    Result,
    pool,
    random_system,
)
from earshot.evaluation.tables import metric_name
from earshot.files import read_json
from earshot.params import Params, Split
from earshot.releases import Differences, Evidence, Manifest, NothingReleased
from earshot.stages.folds import FoldSnapshot, read_snapshots
from earshot.stages.paths import Paths
from earshot.stages.release_questions import METRICS, FirstFold, differences
from earshot.stages.released_models import Model
from earshot.stages.rivals import Rivals, find_rivals

DEAF = ("random", "shuffled_content")
"""Systems that hear nothing: a random order, and the candidate's predictions dealt to the wrong songs."""

Pairs = Mapping[str, tuple[Result, Result]]
"""By system: the candidate's result, and that of the system on the same questions."""


@dataclass(frozen=True)
class Measured:
    """The evidence, and what stands beside it in the decision.

    Attributes
    ----------
    metrics
        mAP and AUC by system.
    folds
        By system, the folds that it was judged on: those of which it has a model.
    users, songs
        How many were asked, and about how many songs, over all folds.
    not_cached, not_scored
        As in `earshot.stages.rivals.Rivals`.
    """

    evidence: Evidence
    metrics: dict[str, dict[str, float | None]]
    folds: dict[str, list[int]]
    users: int
    songs: int
    not_cached: list[str]
    not_scored: list[str]


def measure(
    paths: Paths, params: Params, candidate: Manifest, current: Manifest | NothingReleased
) -> Measured:
    """Score the candidate, the release and the releases kept, each with its own encoders, as it is served.

    A recipe of which there are models of several folds is judged by the answers of all, pooled;
    against another by those of the folds that both have.
    """
    k = params.evaluation_report.k
    rivals = find_rivals(paths, candidate, current)
    models = {CANDIDATE: Model.candidate(paths, params, candidate)}
    others = rivals.paired | rivals.kept
    models |= {name: Model.released(paths, params, each) for name, each in others.items()}
    snapshots = read_snapshots(paths, params, Split(**candidate.split), candidate.folds)
    systems = [_systems(models, snapshot) for snapshot in snapshots]
    answers = [
        evaluate_all(found, snapshot.cold_start, k)
        for found, snapshot in zip(systems, snapshots, strict=True)
    ]
    pairs = {name: _pooled(answers, name) for name in systems[0]}
    first = FirstFold(paths, params, snapshots[0], systems[0], k)
    across_splits = first.across_splits(rivals)
    evidence = as_evidence(
        pairs | across_splits,
        k,
        [*rivals.paired, *across_splits],
        _champion(answers[0], rivals),
        first.by_genre(rivals),
        rivals.unpaired,
        _checks(paths),
        first.baselines(current, rivals),
        first.lists(models, rivals),
        len(snapshots),
    )
    folds = [snapshot.fold for snapshot in snapshots]
    return Measured(
        evidence,
        {name: _values(other, k) for name, (_, other) in pairs.items()},
        {name: [fold for fold, found in zip(folds, systems, strict=True) if name in found] for name in pairs},
        sum(len(each.cold_start.users) for each in snapshots),
        sum(len(each.cold_start.song_ids) for each in snapshots),
        rivals.not_cached,
        rivals.not_scored,
    )


def as_evidence(
    pairs: Pairs,
    k: int,
    paired: Sequence[str],
    champion: str | None,
    genres: dict[str, Differences],
    unpaired: str | None,
    checks: Sequence[dict[str, Any]],
    baselines: dict[str, Differences],
    lists: dict[str, Differences],
    folds: int = 1,
) -> Evidence:
    """What the gate is told.

    Parameters
    ----------
    pairs
        With `DEAF` among them.
    paired
        The system that is the release, or none.
    champion
        The best release kept, if that is another one.
    genres, baselines, lists
        As in `Evidence`.
    """
    return Evidence(
        {name: differences(*pairs[name], k, by_chance=True) for name in DEAF},
        {name: differences(*pairs[name], k) for name in paired},
        unpaired,
        {} if champion is None else {champion: differences(*pairs[champion], k)},
        genres,
        baselines,
        lists,
        tuple(checks),
        folds,
    )


def _champion(answers: Mapping[str, Result], rivals: Rivals) -> str | None:
    """The release kept with the best AUC of today; None if the one that is served is as good.

    Figures of the days when they were released would name the oldest: with more candidates mAP is lower for
    the same model.
    """
    aucs = {name: answers[name].value("auc") for name in (*rivals.paired, *rivals.kept)}
    best = max(aucs, key=lambda name: aucs[name], default=None)
    return None if best in rivals.paired else best


def _pooled(answers: Sequence[Mapping[str, Result]], name: str) -> tuple[Result, Result]:
    """The candidate and the system `name`, each over the folds that both have answered."""
    both = [found for found in answers if name in found]
    return pool([found[CANDIDATE] for found in both]), pool([found[name] for found in both])


def _systems(models: Mapping[str, Model], snapshot: FoldSnapshot) -> dict[str, Judged]:
    """Whoever has a model of that fold, and what hears nothing."""
    found = {name: model.system(snapshot) for name, model in models.items()}
    candidate = found[CANDIDATE]
    assert candidate is not None, snapshot.fold
    sizes = (len(snapshot.plays.user_ids), len(snapshot.cold_start.song_ids))
    random, shuffled = DEAF
    deaf: dict[str, Judged] = {
        random: random_system(*sizes, snapshot.seed),
        shuffled: Permutations(candidate, snapshot.seed),
    }
    return {name: each for name, each in found.items() if each is not None} | deaf


def _checks(paths: Paths) -> tuple[dict[str, Any], ...]:
    summaries = [read_json(paths.data(stage) / "summary.json") for stage in releases.MADE_BY]
    return tuple(check for summary in summaries for check in summary.get("checks", []))


def _values(result: Result, k: int) -> dict[str, float | None]:
    values = {metric_name(metric, k): result.value(metric) for metric in METRICS}
    return {name: value if math.isfinite(value) else None for name, value in values.items()}
