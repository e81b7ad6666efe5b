"""What a candidate is judged by, all of it measured on today's snapshot."""

from __future__ import annotations

import math
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from earshot import releases
from earshot.checks import CANDIDATE
from earshot.columns import GENRES, SONG_ID
from earshot.evaluation.intervals import Interval
from earshot.evaluation.judging import evaluate_all, evaluate_among
from earshot.evaluation.protocol import (
    Metric,
    Result,
    System,
    chance,
    difference,
    pool,
    random_system,
    shuffled_content,
)
from earshot.evaluation.tags import large_genres
from earshot.files import read_json
from earshot.params import Params, Split
from earshot.releases import Differences, Evidence, Manifest, NothingReleased
from earshot.releases.manifest import FOLD_MODELS
from earshot.spaces.space import read_space
from earshot.spaces.wmf import Wmf
from earshot.stages.folds import Snapshot, hear_system, read_snapshots, read_system
from earshot.stages.paths import Paths
from earshot.store.reader import HyperImageStore
from earshot.trusted import trusted_in

METRICS: dict[str, Metric] = {"map_at_500": "map", "auc": "auc"}
K = 500
DEAF = ("random", "shuffled_content")
"""Systems that hear nothing: a random order, and the candidate's predictions dealt to the wrong songs."""


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
    not_cached
        Releases with better figures that could not be scored again, for want of their files in DVC's cache.
    """

    evidence: Evidence
    metrics: dict[str, dict[str, float | None]]
    folds: dict[str, list[int]]
    users: int
    songs: int
    not_cached: list[str]


def measure(
    paths: Paths, params: Params, candidate: Manifest, current: Manifest | NothingReleased
) -> Measured:
    """Score the candidate, the release and the best release kept, each with its own encoders.

    A recipe of which there are models of several folds is judged by the answers of all, pooled;
    against another by those of the folds that both have.
    """
    store = HyperImageStore.open(paths.data("training_set") / "hyper_images")
    families = {name: family.key for name, family in store.families.items()}
    unpaired = releases.why_unpaired(candidate, current, families)
    paired = {current.release: current} if isinstance(current, Manifest) and unpaired is None else {}
    best, not_cached = _best(paths.root, candidate, paired, families)
    models = {CANDIDATE: _Model.candidate(paths, params, candidate)}
    models |= {name: _Model.released(paths, params, each) for name, each in (paired | best).items()}
    settings = replace(params.training_set, split=Split(**candidate.split))
    snapshots = read_snapshots(paths, settings, candidate.folds, params.seed)
    systems = [_systems(models, snapshot) for snapshot in snapshots]
    answers = [
        evaluate_all(found, snapshot.cold_start, K)
        for found, snapshot in zip(systems, snapshots, strict=True)
    ]
    pairs = {name: _pooled(answers, name) for name in systems[0]}
    genres = {}
    if paired:
        genres = _by_genre(snapshots[0], systems[0], next(iter(paired)), params.release.min_genre_share)
    folds = [snapshot.fold for snapshot in snapshots]
    return Measured(
        as_evidence(pairs, list(paired), list(best), genres, unpaired, _checks(paths), len(folds)),
        {name: _values(other) for name, (_, other) in pairs.items()},
        {name: [fold for fold, found in zip(folds, systems, strict=True) if name in found] for name in pairs},
        sum(len(each.cold_start.users) for each in snapshots),
        sum(len(each.cold_start.song_ids) for each in snapshots),
        not_cached,
    )


def _pooled(answers: Sequence[Mapping[str, Result]], name: str) -> tuple[Result, Result]:
    """The candidate and the system `name`, each over the folds that both have answered."""
    both = [found for found in answers if name in found]
    return pool([found[CANDIDATE] for found in both]), pool([found[name] for found in both])


def as_evidence(
    pairs: Mapping[str, tuple[Result, Result]],
    paired: Sequence[str],
    best: Sequence[str],
    genres: dict[str, dict[str, Result]],
    unpaired: str | None,
    checks: Sequence[dict[str, Any]],
    folds: int = 1,
) -> Evidence:
    """What the gate decides by.

    Parameters
    ----------
    pairs
        By system, `DEAF` among them: the candidate's result, and that of the system on the same questions.
    paired, best
        The system that is the release, and the one that is the best release kept; or none.
    genres
        Results of the candidate and of the release by genre.
    """
    return Evidence(
        {name: _differences(*pairs[name], by_chance=True) for name in DEAF},
        {name: _differences(*pairs[name]) for name in paired},
        unpaired,
        {name: _differences(*pairs[name]) for name in best},
        {genre: _differences(found[CANDIDATE], found[paired[0]]) for genre, found in genres.items()},
        tuple(checks),
        folds,
    )


def _best(
    root: Path, candidate: Manifest, paired: dict[str, Manifest], families: Mapping[str, str]
) -> tuple[dict[str, Manifest], list[str]]:
    """The best release kept, if it is another one, and better ones that are not cached."""
    not_cached: list[str] = []
    for release in releases.best_first(root, candidate, families):
        if release.release in (candidate.release, *paired):  # best first: what follows is no better
            break
        if releases.is_cached(release, root):
            return {release.release: release}, not_cached
        not_cached.append(release.release)
    return {}, not_cached


@dataclass(frozen=True)
class _Model:
    """The files of a model and of those of other folds, and what reads them.

    Attributes
    ----------
    folder
        `<stage>/<file>`, and `fold_models/<fold>/<file>`. Its predictions are read where they are there.
    work
        For what its encoders hear: outlives a kill.
    """

    release: Manifest
    folder: Path
    work: Path
    trusted: Collection[str]

    @classmethod
    def candidate(cls, paths: Paths, params: Params, candidate: Manifest) -> _Model:
        return cls(candidate, paths.root / "data", paths.work / CANDIDATE, trusted_in(params))

    @classmethod
    def released(cls, paths: Paths, params: Params, release: Manifest) -> _Model:
        folder = paths.work / release.release
        shutil.rmtree(folder, ignore_errors=True)
        releases.fetch(release, paths.root, folder)
        trusted = releases.trusted_classes(paths.root, release.release, params)
        return cls(release, folder, paths.work / f"{release.release}-songs", trusted)

    def system(self, snapshot: Snapshot) -> System | None:
        """Its answers to the question of `snapshot`; None without a model of that fold."""
        if snapshot.fold == Split(**self.release.split).fold:
            encoder, factors = self.folder / "cnn_checkpoint", self.folder / "wmf_factors"
        elif snapshot.fold in self.release.folds:
            encoder = factors = self.folder / FOLD_MODELS / str(snapshot.fold)
        else:
            return None
        space = read_space(encoder, factors, Wmf.of(self.release.params["wmf_factors"]))
        predicted = self.folder / "predicted_factors"
        if encoder.name == "cnn_checkpoint" and predicted.is_dir():
            return read_system(snapshot, predicted, space)
        return hear_system(snapshot, encoder, space, self.work, self.trusted)


def _systems(models: Mapping[str, _Model], snapshot: Snapshot) -> dict[str, System]:
    """Whoever has a model of that fold, and what hears nothing."""
    found = {name: model.system(snapshot) for name, model in models.items()}
    candidate = found[CANDIDATE]
    assert candidate is not None, snapshot.fold
    return {name: each for name, each in found.items() if each is not None} | _deaf(snapshot, candidate)


def _deaf(snapshot: Snapshot, system: System) -> dict[str, System]:
    sizes = (len(snapshot.plays.user_ids), len(snapshot.cold_start.song_ids))
    random, shuffled = DEAF
    return {
        random: random_system(*sizes, snapshot.seed),
        shuffled: shuffled_content(system, snapshot.seed),
    }


def _by_genre(
    snapshot: Snapshot, systems: dict[str, System], release: str, min_share: float
) -> dict[str, dict[str, Result]]:
    """Of every large genre, among its own songs: how the candidate ranks them for those who play them."""
    songs = pd.read_parquet(snapshot.folder / "songs.parquet").set_index(SONG_ID)
    genres = songs[GENRES].reindex(snapshot.cold_start.song_ids.tolist()).fillna("").tolist()
    pair = {name: systems[name] for name in (CANDIDATE, release)}
    found: dict[str, dict[str, Result]] = {}
    for genre, mask in large_genres(genres, snapshot.cold_start, min_share).items():
        _, results = evaluate_among(pair, snapshot.cold_start, mask, K)
        found |= {genre: results} if results else {}
    return found


def _checks(paths: Paths) -> tuple[dict[str, Any], ...]:
    summaries = [read_json(paths.data(stage) / "summary.json") for stage in releases.MADE_BY]
    return tuple(check for summary in summaries for check in summary.get("checks", []))


def _differences(candidate: Result, other: Result, by_chance: bool = False) -> Differences:
    artists = len(candidate.artist_ids)
    found: Differences = {
        name: {**_numbers(difference(candidate, other, metric)), "artists": artists}
        for name, metric in METRICS.items()
    }
    if by_chance:
        p = chance(candidate, other)
        found["auc"]["p"] = p if math.isfinite(p) else None
    return found


def _numbers(interval: Interval) -> releases.Difference:
    return {key: value if math.isfinite(value) else None for key, value in asdict(interval).items()}


def _values(result: Result) -> dict[str, float | None]:
    values = {name: result.value(metric) for name, metric in METRICS.items()}
    return {name: value if math.isfinite(value) else None for name, value in values.items()}
