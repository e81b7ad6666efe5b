"""What a candidate is judged by, all of it measured on today's snapshot."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from earshot import releases
from earshot.arrays import is_among
from earshot.artists import LEAST_ARTISTS
from earshot.catalogue import split
from earshot.checks import ARTIST_MEAN, BASELINES, CANDIDATE, LINEAR_BOW
from earshot.columns import GENRES, SONG_ID, USER_ID
from earshot.evaluation.cold_start import read_vectors
from earshot.evaluation.intervals import Interval
from earshot.evaluation.judging import Judged, evaluate_all, evaluate_among
from earshot.evaluation.list_quality import list_difference, look
from earshot.evaluation.protocol import (
    Metric,
    Permutations,
    Result,
    System,
    chance,
    difference,
    pool,
    random_system,
)
from earshot.evaluation.tables import metric_name
from earshot.evaluation.tags import large_genres
from earshot.files import read_json
from earshot.params import Params, Split
from earshot.recommend.list_rules import ListRules
from earshot.releases import Differences, Evidence, Manifest, NothingReleased
from earshot.stages.folds import Snapshot, read_snapshots
from earshot.stages.held_out import read_held_out
from earshot.stages.paths import Paths
from earshot.stages.released_models import Model
from earshot.stages.training_set import split_ids
from earshot.store.reader import HyperImageStore

METRICS: tuple[Metric, ...] = ("map", "auc")
DEAF = ("random", "shuffled_content")
"""Systems that hear nothing: a random order, and the candidate's predictions dealt to the wrong songs."""
MOST_KEPT = 10
"""Releases that are scored again, beside the one that is served."""
LIST_DEPTH = 20

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
        Releases that were not scored again: their files are not in DVC's cache, or `MOST_KEPT` were.
    """

    evidence: Evidence
    metrics: dict[str, dict[str, float | None]]
    folds: dict[str, list[int]]
    users: int
    songs: int
    not_cached: list[str]
    not_scored: list[str]


@dataclass(frozen=True)
class _Rivals:
    """Whom a candidate is held against.

    Attributes
    ----------
    unpaired
        From `releases.why_unpaired`.
    paired
        What is released, if it can be paired; or nothing.
    other_split
        What is released, if it hears the same but other songs were cold to it; or nothing.
    kept
        Earlier releases that are scored again.
    not_cached, not_scored
        As in `Measured`.
    """

    unpaired: str | None
    paired: dict[str, Manifest]
    other_split: dict[str, Manifest]
    kept: dict[str, Manifest]
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
    rivals = _rivals(paths, candidate, current)
    models = {CANDIDATE: Model.candidate(paths, params, candidate)}
    others = rivals.paired | rivals.kept
    models |= {name: Model.released(paths, params, each) for name, each in others.items()}
    settings = replace(params.training_set, split=Split(**candidate.split))
    snapshots = read_snapshots(paths, settings, candidate.folds, params.seed)
    systems = [_systems(models, snapshot) for snapshot in snapshots]
    answers = [
        evaluate_all(found, snapshot.cold_start, k)
        for found, snapshot in zip(systems, snapshots, strict=True)
    ]
    pairs = {name: _pooled(answers, name) for name in systems[0]}
    first = _First(paths, params, snapshots[0], systems[0], k)
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


@dataclass(frozen=True)
class _First:
    """What is asked of the models that may be served alone: the question of the snapshot's own split."""

    paths: Paths
    params: Params
    snapshot: Snapshot
    systems: dict[str, Judged]
    k: int

    def across_splits(self, rivals: _Rivals) -> dict[str, tuple[Result, Result]]:
        """Candidate and release on the songs that were cold to both, of a release with another split.

        Nothing where too few such songs are left to ask about.
        """
        found: dict[str, tuple[Result, Result]] = {}
        cold_start = self.snapshot.cold_start
        for name, release in rivals.other_split.items():
            songs = pd.read_parquet(self.snapshot.folder / "songs.parquet")
            cold = songs.loc[split.cold(*split_ids(songs), Split(**release.split)), SONG_ID]
            both = is_among(cold_start.song_ids, cold)
            if len(np.unique(cold_start.artists[both])) < LEAST_ARTISTS:
                continue
            model = Model.released(self.paths, self.params, release)
            pair = {CANDIDATE: self.systems[CANDIDATE], name: model.first_system(self.snapshot)}
            results = self._among(pair, both)
            found |= {name: (results[CANDIDATE], results[name])} if results else {}
        return found

    def baselines(self, current: Manifest | NothingReleased, rivals: _Rivals) -> dict[str, Differences]:
        """Candidate minus what must not be clearly better, where it replaces what it cannot be paired with.

        The artists' means are asked about songs of known artists alone: they say nothing of the others.
        """
        if isinstance(current, NothingReleased) or rivals.paired:
            return {}
        candidate = self.systems[CANDIDATE]
        assert isinstance(candidate, System)
        cold_start, found = self.snapshot.cold_start, {}
        everywhere = np.ones(len(cold_start.song_ids), dtype=np.bool_)
        with np.load(self.paths.data("evaluation_report") / BASELINES, allow_pickle=False) as items:
            for name, asked in ((LINEAR_BOW, everywhere), (ARTIST_MEAN, cold_start.known_artist)):
                # listeners lie where the factorization put them, as songs do
                pair = {CANDIDATE: candidate, name: System(self._listeners(), items[name])}
                if results := self._among(pair, asked):
                    found[name] = differences(results[CANDIDATE], results[name], self.k)
        return found

    def by_genre(self, rivals: _Rivals) -> dict[str, Differences]:
        """Candidate minus release among the songs of every genre that is judged by itself."""
        songs = pd.read_parquet(self.snapshot.folder / "songs.parquet").set_index(SONG_ID)
        genres = songs[GENRES].reindex(self.snapshot.cold_start.song_ids.tolist()).fillna("").tolist()
        found: dict[str, Differences] = {}
        for release in rivals.paired:
            pair = {name: self.systems[name] for name in (CANDIDATE, release)}
            masks = large_genres(genres, self.snapshot.cold_start, self.params.release.min_genre_share)
            for genre, mask in masks.items():
                if results := self._among(pair, mask):
                    found[genre] = differences(results[CANDIDATE], results[release], self.k)
        return found

    def lists(self, models: Mapping[str, Model], rivals: _Rivals) -> dict[str, Differences]:
        """Candidate minus release in recall of the lists that listeners get."""
        training_set = self.paths.data("training_set")
        found: dict[str, Differences] = {}
        for name in rivals.paired:
            held_out = read_held_out(training_set, self.params.served_quality)
            if len(held_out.asked):
                maker = held_out.maker(ListRules.of(self.params.recommendations))
                candidate, release = (
                    look(models[each].lists(training_set, held_out, maker), held_out.question, [LIST_DEPTH])
                    for each in (CANDIDATE, name)
                )
                between = list_difference(candidate, release, ("recall", LIST_DEPTH))
                numbers = {**_numbers(between), "artists": held_out.question.n_artists}
                found[name] = {f"recall_at_{LIST_DEPTH}": numbers}
        return found

    def _among(self, systems: Mapping[str, Judged], candidates: NDArray[np.bool_]) -> dict[str, Result]:
        return evaluate_among(systems, self.snapshot.cold_start, candidates, self.k)[1]

    def _listeners(self) -> NDArray[np.float32]:
        factors, ids = self.paths.data("wmf_factors"), self.snapshot.plays.user_ids
        return read_vectors(factors / "user_factors.npy", factors / "users.parquet", USER_ID, ids)


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


def _rivals(paths: Paths, candidate: Manifest, current: Manifest | NothingReleased) -> _Rivals:
    store = HyperImageStore.open(paths.data("training_set") / "hyper_images")
    families = {name: family.key for name, family in store.families.items()}
    unpaired = releases.why_unpaired(candidate, current, families)
    paired, other_split = {}, {}
    if isinstance(current, Manifest) and unpaired is None:
        paired = {current.release: current}
    elif isinstance(current, Manifest):
        with_this_split = replace(current, split=candidate.split)
        if releases.why_unpaired(candidate, with_this_split, families) is None:
            other_split = {current.release: current}
    alike = [
        release
        for release in releases.alike(paths.root, candidate, families)
        if release.release not in (candidate.release, *paired)
    ]
    cached = [release for release in alike if releases.is_cached(release, paths.root)]
    return _Rivals(
        unpaired,
        paired,
        other_split,
        {release.release: release for release in cached[:MOST_KEPT]},
        [release.release for release in alike if release not in cached],
        [release.release for release in cached[MOST_KEPT:]],
    )


def _champion(answers: Mapping[str, Result], rivals: _Rivals) -> str | None:
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


def _systems(models: Mapping[str, Model], snapshot: Snapshot) -> dict[str, Judged]:
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


def differences(candidate: Result, other: Result, k: int, by_chance: bool = False) -> Differences:
    """Candidate minus other by metric, with paired intervals; with `by_chance` also p of the AUC."""
    artists = len(candidate.artist_ids)
    found: Differences = {
        metric_name(metric, k): {**_numbers(difference(candidate, other, metric)), "artists": artists}
        for metric in METRICS
    }
    if by_chance:
        p = chance(candidate, other)
        found["auc"]["p"] = p if math.isfinite(p) else None
    return found


def _numbers(interval: Interval) -> releases.Difference:
    return {key: value if math.isfinite(value) else None for key, value in asdict(interval).items()}


def _values(result: Result, k: int) -> dict[str, float | None]:
    values = {metric_name(metric, k): result.value(metric) for metric in METRICS}
    return {name: value if math.isfinite(value) else None for name, value in values.items()}
