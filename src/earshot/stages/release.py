"""The candidate against what is released; the pointer moves only to a model that is not worse."""

from __future__ import annotations

import math
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from earshot import releases
from earshot.audio.store import HyperImageStore
from earshot.columns import SONG_ID
from earshot.evaluation.cold_start import ColdStart, read_cold_start
from earshot.evaluation.intervals import Interval
from earshot.evaluation.protocol import Metric, Result, System, difference, evaluate
from earshot.evaluation.systems import random_system, shuffled_content
from earshot.params import Params
from earshot.plays.tables import PlayCounts, read_play_counts
from earshot.recommend.hybrid import Wmf
from earshot.recommend.rescoring import cold_song_factors, listeners_today
from earshot.releases import Manifest, NothingReleased
from earshot.stages.paths import Paths
from earshot.versioning.experiments import in_experiment

METRICS: dict[str, Metric] = {"map_at_500": "map", "auc": "auc"}


@dataclass(frozen=True)
class Snapshot:
    """What candidate and release are judged on alike."""

    folder: Path
    cold_start: ColdStart
    plays: PlayCounts
    seed: int

    def judge(self, system: System) -> Result:
        return evaluate(system, self.cold_start, seed=self.seed)


def run(paths: Paths, params: Params) -> dict[str, Any]:
    """Write which release is served from now on to the *file* `paths.output`; the summary is the decision.

    Inside `dvc exp run` the candidate is judged and nothing changes.
    """
    candidate, current = releases.candidate(paths.root), releases.read_pointer(paths.root)
    known = _known(paths.root, candidate, current)
    decision = known or _judge(paths, params, candidate, current)
    if in_experiment() and (paths.releases / "current.json").is_file():
        shutil.copyfile(paths.releases / "current.json", paths.output)
        return decision
    if in_experiment():
        releases.write_pointer(paths.output, NothingReleased("an experiment releases nothing"))
        return decision
    if known is None:
        releases.write_decision(paths.root, candidate.release, decision)
    if decision["released"]:
        _move(paths, candidate, current)
    else:
        _stay(paths, current, decision["reason"])
    return decision


def _known(root: Path, candidate: Manifest, current: Manifest | NothingReleased) -> dict[str, Any] | None:
    """What needs no judging."""
    name = candidate.release
    if isinstance(current, Manifest) and current.release == name:
        return {"candidate": name, "released": False, "reason": "this model is what is released"}
    put_back = releases.rolled_back(root, name)
    if put_back is not None:
        reason = (
            f"a person went back from it to {put_back}; `earshot release rollback {name}` serves it again"
        )
        return {"candidate": name, "released": False, "reason": reason}
    return None


def _judge(
    paths: Paths, params: Params, candidate: Manifest, current: Manifest | NothingReleased
) -> dict[str, Any]:
    folder = paths.data("training_set")
    snapshot = Snapshot(folder, read_cold_start(folder), read_play_counts(folder), params.seed)
    system = _candidate_system(paths, snapshot, candidate)
    unpaired = releases.why_unpaired(candidate, current)
    others = (
        {current.release: _released_system(paths, snapshot, current)}
        if isinstance(current, Manifest) and unpaired is None
        else _first_opponents(snapshot, system)
    )
    judged, results = snapshot.judge(system), {name: snapshot.judge(other) for name, other in others.items()}
    against = {name: _differences(judged, result) for name, result in results.items()}
    verdict = releases.judge(against, unpaired, params.release.epsilon)
    return {
        "candidate": candidate.release,
        **asdict(verdict),
        "epsilon": params.release.epsilon,
        "feature_key": candidate.feature_key,
        "split": candidate.split,
        "users": len(snapshot.cold_start.users),
        "songs": len(snapshot.cold_start.song_ids),
        "metrics": {name: _values(result) for name, result in {"candidate": judged, **results}.items()},
        "differences": against,
    }


def _candidate_system(paths: Paths, snapshot: Snapshot, candidate: Manifest) -> System:
    import pandas as pd

    predicted = paths.data("predicted_factors")
    rows = pd.Index(pd.read_parquet(predicted / "items.parquet")[SONG_ID])
    factors = np.load(predicted / "item_factors.npy", allow_pickle=False)
    items = factors[rows.get_indexer(pd.Index(snapshot.cold_start.song_ids))]
    return System(_users(paths.data("wmf_factors"), snapshot, candidate), items)


def _released_system(paths: Paths, snapshot: Snapshot, current: Manifest) -> System:
    folder = paths.work / current.release
    shutil.rmtree(folder, ignore_errors=True)
    releases.fetch(current, paths.root, folder)
    heard = paths.work / f"{current.release}-songs"
    heard.mkdir(exist_ok=True)
    store = HyperImageStore.open(snapshot.folder / "hyper_images")
    items = cold_song_factors(folder / "cnn_checkpoint", store, snapshot.cold_start.song_ids, heard)
    return System(_users(folder / "wmf_factors", snapshot, current), items)


def _users(wmf_folder: Path, snapshot: Snapshot, release: Manifest) -> Any:
    wmf = Wmf.of(release.params["wmf_factors"])
    return listeners_today(wmf_folder, snapshot.folder, snapshot.plays, wmf)


def _first_opponents(snapshot: Snapshot, system: System) -> dict[str, System]:
    sizes = (len(snapshot.plays.user_ids), len(snapshot.cold_start.song_ids))
    return {
        "random": random_system(*sizes, snapshot.seed),
        "shuffled_content": shuffled_content(system, snapshot.seed),
    }


def _differences(candidate: Result, other: Result) -> releases.Differences:
    return {name: _numbers(difference(candidate, other, metric)) for name, metric in METRICS.items()}


def _numbers(interval: Interval) -> releases.Difference:
    return {key: value if math.isfinite(value) else None for key, value in asdict(interval).items()}


def _values(result: Result) -> dict[str, float | None]:
    values = {name: result.value(metric) for name, metric in METRICS.items()}
    return {name: value if math.isfinite(value) else None for name, value in values.items()}


def _move(paths: Paths, candidate: Manifest, current: Manifest | NothingReleased) -> None:
    if isinstance(current, Manifest):
        releases.archive(paths.root, current)
    releases.write_pointer(paths.output, candidate)


def _stay(paths: Paths, current: Manifest | NothingReleased, reason: str) -> None:
    """The same bytes, so that DVC skips serving."""
    if isinstance(current, Manifest):
        shutil.copyfile(paths.releases / "current.json", paths.output)
    else:
        releases.write_pointer(paths.output, NothingReleased(reason))
