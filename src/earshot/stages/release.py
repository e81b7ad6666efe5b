"""The candidate against what is released; the pointer moves only to a model that is not worse."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from earshot import releases, tracking
from earshot.params import Params
from earshot.releases import Manifest, NothingReleased
from earshot.releases.manifest import REFIT
from earshot.stages.paths import Paths
from earshot.stages.release_evidence import measure
from earshot.stages.release_refit import with_refit
from earshot.versioning.reproduce import in_experiment


def run(paths: Paths, params: Params) -> dict[str, Any]:
    """Write which release is served from now on to the *file* `paths.output`; the summary is the decision.

    Where params.yaml asks for it, what is released is trained once more, on all songs (`release_refit`).
    Inside `dvc exp run` the candidate is judged and nothing changes.
    """
    candidate, current = releases.candidate(paths.root), releases.read_pointer(paths.root)
    known = _known(paths.root, candidate, current)
    decision = known or _judge(paths, params, candidate, current)
    if known is None:
        weights = paths.data("cnn_checkpoint") / "encoder.pt"
        tracking.log_evaluation(paths.root, params, weights, decision, paths.data("evaluation_report"))
    if in_experiment() and (paths.releases / "current.json").is_file():
        shutil.copyfile(paths.releases / "current.json", paths.output)
        return decision
    if in_experiment():
        releases.write_pointer(paths.output, NothingReleased("an experiment releases nothing"))
        return decision
    release = candidate
    if decision["released"] and params.release.refit:
        release, decision[REFIT] = with_refit(paths, params, candidate)
    if known is None:
        # before the pointer moves: after a kill in between the candidate is judged once more
        releases.write_decision(paths.root, candidate.release, decision)
    if known is None and not decision["released"]:
        releases.keep_candidate(paths.root, candidate)
    if decision["released"]:
        _move(paths, release, current)
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
    measured = measure(paths, params, candidate, current)
    verdict = releases.judge(measured.evidence, params.release.epsilon)
    return {
        "candidate": candidate.release,
        **asdict(verdict),
        "epsilon": params.release.epsilon,
        "feature_key": candidate.feature_key,
        "split": candidate.split,
        "folds": measured.folds,
        "users": measured.users,
        "songs": measured.songs,
        "metrics": measured.metrics,
        "differences": {**measured.evidence.chance, **measured.evidence.against, **measured.evidence.best},
        "genres": measured.evidence.genres,
        "baselines": measured.evidence.baselines,
        "lists": measured.evidence.lists,
        "not_cached": measured.not_cached,
        "not_scored": measured.not_scored,
    }


def _move(paths: Paths, release: Manifest, current: Manifest | NothingReleased) -> None:
    if isinstance(current, Manifest):
        releases.archive(paths.root, current)  # the pointer may hold the only copy
    releases.write_pointer(paths.output, release)


def _stay(paths: Paths, current: Manifest | NothingReleased, reason: str) -> None:
    """The same bytes, so that DVC skips serving."""
    if isinstance(current, Manifest):
        shutil.copyfile(paths.releases / "current.json", paths.output)
    else:
        releases.write_pointer(paths.output, NothingReleased(reason))
