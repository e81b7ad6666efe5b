"""What a candidate is judged by, all of it measured on today's snapshot."""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from earshot import releases
from earshot.audio.store import HyperImageStore
from earshot.columns import GENRES, SONG_ID
from earshot.evaluation.cold_start import ColdStart, read_cold_start
from earshot.evaluation.genres import large_genres
from earshot.evaluation.intervals import Interval
from earshot.evaluation.judging import evaluate_all, evaluate_among
from earshot.evaluation.protocol import Metric, Result, System, chance, difference
from earshot.evaluation.systems import random_system, shuffled_content
from earshot.files import read_json
from earshot.params import Params
from earshot.plays.tables import PlayCounts, read_play_counts
from earshot.recommend.hybrid import Wmf
from earshot.recommend.rescoring import cold_song_factors, listeners_today
from earshot.releases import Differences, Evidence, Manifest, NothingReleased
from earshot.stages.paths import Paths

METRICS: dict[str, Metric] = {"map_at_500": "map", "auc": "auc"}
K, BOOTSTRAPS = 500, 1000
CANDIDATE = "candidate"
DEAF = ("random", "shuffled_content")
"""Systems that hear nothing: a random order, and the candidate's predictions dealt to the wrong songs."""


@dataclass(frozen=True)
class Snapshot:
    """What all are judged on alike."""

    folder: Path
    cold_start: ColdStart
    plays: PlayCounts
    seed: int


@dataclass(frozen=True)
class Measured:
    """The evidence, and what stands beside it in the decision.

    Attributes
    ----------
    metrics
        mAP and AUC by system.
    not_cached
        Releases with better figures that could not be scored again, for want of their files in DVC's cache.
    """

    evidence: Evidence
    snapshot: Snapshot
    metrics: dict[str, dict[str, float | None]]
    not_cached: list[str]


def measure(
    paths: Paths, params: Params, candidate: Manifest, current: Manifest | NothingReleased
) -> Measured:
    """Score the candidate, the release and the best release kept, each with its own encoder."""
    folder = paths.data("training_set")
    snapshot = Snapshot(folder, read_cold_start(folder), read_play_counts(folder), params.seed)
    system, unpaired = (
        _candidate_system(paths, snapshot, candidate),
        releases.why_unpaired(candidate, current),
    )
    paired = {current.release: current} if isinstance(current, Manifest) and unpaired is None else {}
    best, not_cached = _best(paths.root, candidate, paired)
    rescored = {
        name: _released_system(paths, params, snapshot, each) for name, each in (paired | best).items()
    }
    systems = {CANDIDATE: system, **_deaf(snapshot, system), **rescored}
    results = evaluate_all(systems, snapshot.cold_start, K, BOOTSTRAPS, params.seed)
    genres = (
        _by_genre(snapshot, systems, next(iter(paired)), params.release.min_genre_share) if paired else {}
    )
    evidence = as_evidence(results, list(paired), list(best), genres, unpaired, _checks(paths))
    return Measured(evidence, snapshot, {name: _values(each) for name, each in results.items()}, not_cached)


def as_evidence(
    results: dict[str, Result],
    paired: Sequence[str],
    best: Sequence[str],
    genres: dict[str, dict[str, Result]],
    unpaired: str | None,
    checks: Sequence[dict[str, Any]],
) -> Evidence:
    """What the gate is told of results by system, `CANDIDATE` and `DEAF` among them.

    Parameters
    ----------
    paired, best
        The system that is the release, and the one that is the best release kept; or none.
    genres
        Results of the candidate and of the release by genre.
    """
    return Evidence(
        {name: _differences(results, name) for name in DEAF},
        {name: _differences(results, name) for name in paired},
        unpaired,
        {name: _differences(results, name) for name in best},
        {genre: _differences(found, paired[0]) for genre, found in genres.items()},
        tuple(checks),
    )


def _best(
    root: Path, candidate: Manifest, paired: dict[str, Manifest]
) -> tuple[dict[str, Manifest], list[str]]:
    """The best release kept, if it is another one, and better ones that are not cached."""
    not_cached: list[str] = []
    for release in releases.best_first(root, candidate):
        if release.release in (candidate.release, *paired):
            break
        if releases.is_cached(release, root):
            return {release.release: release}, not_cached
        not_cached.append(release.release)
    return {}, not_cached


def _candidate_system(paths: Paths, snapshot: Snapshot, candidate: Manifest) -> System:
    predicted = paths.data("predicted_factors")
    rows = pd.Index(pd.read_parquet(predicted / "items.parquet")[SONG_ID])
    factors = np.load(predicted / "item_factors.npy", allow_pickle=False)
    items = factors[rows.get_indexer(pd.Index(snapshot.cold_start.song_ids))]
    return System(_users(paths.data("wmf_factors"), snapshot, candidate), items)


def _released_system(paths: Paths, params: Params, snapshot: Snapshot, release: Manifest) -> System:
    folder = paths.work / release.release
    shutil.rmtree(folder, ignore_errors=True)
    releases.fetch(release, paths.root, folder)
    heard = paths.work / f"{release.release}-songs"
    heard.mkdir(exist_ok=True)
    store = HyperImageStore.open(snapshot.folder / "hyper_images")
    trusted = releases.trusted_classes(paths.root, release.release, params)
    items = cold_song_factors(folder / "cnn_checkpoint", store, snapshot.cold_start.song_ids, heard, trusted)
    return System(_users(folder / "wmf_factors", snapshot, release), items)


def _users(wmf_folder: Path, snapshot: Snapshot, release: Manifest) -> Any:
    wmf = Wmf.of(release.params["wmf_factors"])
    return listeners_today(wmf_folder, snapshot.folder, snapshot.plays, wmf)


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
    told = songs[GENRES].reindex(snapshot.cold_start.song_ids.tolist()).fillna("").tolist()
    pair = {name: systems[name] for name in (CANDIDATE, release)}
    found: dict[str, dict[str, Result]] = {}
    for genre, mask in large_genres(told, snapshot.cold_start, min_share).items():
        _, results = evaluate_among(pair, snapshot.cold_start, mask, K, BOOTSTRAPS, snapshot.seed)
        found |= {genre: results} if results else {}
    return found


def _checks(paths: Paths) -> tuple[dict[str, Any], ...]:
    summaries = [read_json(paths.data(stage) / "summary.json") for stage in releases.MADE_BY]
    return tuple(check for summary in summaries for check in summary.get("checks", []))


def _differences(results: dict[str, Result], other: str) -> Differences:
    pair = results[CANDIDATE], results[other]
    artists = len(pair[0].artist_ids)
    found: Differences = {
        name: {**_numbers(difference(*pair, metric)), "artists": artists} for name, metric in METRICS.items()
    }
    if other in DEAF:
        p = chance(*pair)
        found["auc"]["p"] = p if math.isfinite(p) else None
    return found


def _numbers(interval: Interval) -> releases.Difference:
    return {key: value if math.isfinite(value) else None for key, value in asdict(interval).items()}


def _values(result: Result) -> dict[str, float | None]:
    values = {name: result.value(metric) for name, metric in METRICS.items()}
    return {name: value if math.isfinite(value) else None for name, value in values.items()}
