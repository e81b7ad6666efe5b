"""Words, scenes and music by the same networks, each beside what hears no order in time (Kim et al. 2019)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from comparison.foot import draw_sources
from earshot.checks import check
from earshot.errors import UserError
from earshot.files import replace_array, write_json
from earshot.processes import progress
from earshot.stages.paths import Paths
from sample_level_cnn.clips import SIDES, ClipTask, read_task
from sample_level_cnn.controls import CONTROLS
from sample_level_cnn.dcase_2017 import read_dcase_2017
from sample_level_cnn.domains_page import draw_page
from sample_level_cnn.learning import learn, scores_of
from sample_level_cnn.made_scenes import made_scenes
from sample_level_cnn.made_words import made_words
from sample_level_cnn.magnatagatune import read_magnatagatune
from sample_level_cnn.measures import accuracy, describe, describe_auc, instance_f
from sample_level_cnn.params import Domain, SampleLevelCnn
from sample_level_cnn.speech_commands import read_speech_commands
from sample_level_cnn.twin import build_network

PARAMS = SampleLevelCnn

READERS = {
    "magnatagatune": read_magnatagatune,
    "speech_commands": read_speech_commands,
    "dcase_2017": read_dcase_2017,
}

Scores = NDArray[np.floating]


def run(paths: Paths, params: SampleLevelCnn) -> dict[str, Any]:
    """Write metrics.json, a file of epochs, and report.html."""
    found = {name: _judge(paths, name, domain, params) for name, domain in params.domains.items()}
    write_json(paths.output / "metrics.json", {name: metrics for name, (metrics, _) in found.items()})
    write_json(paths.output / "epochs.json", {name: epochs for name, (_, epochs) in found.items()})
    foot = draw_sources(paths.root, "reproductions/sample_level_cnn/dvc.yaml:domains")
    page = draw_page({name: metrics for name, (metrics, _) in found.items()}, params, foot)
    (paths.output / "report.html").write_text(page, encoding="utf-8")
    return _summary({name: metrics for name, (metrics, _) in found.items()})


def read_domain(domain: Domain, root: Path, kept: Path) -> ClipTask:
    """The clips of a domain; what is decoded of a folder, which is relative to `root`, is kept.

    UserError for a folder that is not there or that the reader refuses, or for made segments of another
    length.
    """
    if domain.folder is None:
        assert domain.size is not None
        task = made_words(domain.size) if domain.source == "made_words" else made_scenes(domain.size)
        cut = domain.segments
        if task.samples.shape[1:] != (cut.n_segments, cut.n_samples) or cut.sample_rate != 22050:
            raise UserError(
                f"domains, source={domain.source!r}: segments={cut.n_segments} of {cut.n_samples} at "
                f"{cut.sample_rate} Hz, wanted {task.samples.shape[1]} of {task.samples.shape[2]} at 22050 Hz"
            )
        return task
    folder = root / domain.folder
    if not folder.is_dir():
        raise UserError(f"domains, folder={domain.folder!r}: not there; wanted a folder of {domain.source}")
    return read_task(READERS[domain.source](folder), domain.segments, kept)


def _judge(paths: Paths, name: str, domain: Domain, params: SampleLevelCnn) -> tuple[dict[str, Any], Any]:
    """Metrics of all systems of a domain, and the epochs of its networks."""
    work = paths.work / name
    task = read_domain(domain, paths.root, work / "samples.npy")
    systems: dict[str, Scores] = {
        system: _kept(work / f"{system}.npy", lambda make=make: make(task, domain.segments.sample_rate))
        for system, make in CONTROLS.items()
    }
    epochs: dict[str, Any] = {}
    for network in progress(list(domain.networks), description=f"Networks of {name}", unit="network"):
        systems[network], epochs[network] = _heard(work, task, domain, network)
    return {
        "metric": _metric(task, domain),
        "systems": _described(systems, task, domain, params),
        "clips": {side: len(getattr(task, side)) for side in SIDES},
        "groups": len(set(task.groups[task.test])),
        "labels": dict(zip(task.labels, task.targets.sum(axis=0).astype(int).tolist(), strict=True)),
        "left_out": task.left_out,
    }, epochs


def _metric(task: ClipTask, domain: Domain) -> str:
    """As the papers judge each."""
    if task.one_each:
        return "accuracy"
    return "auc" if domain.source == "magnatagatune" else "instance_f"


def _described(
    systems: Mapping[str, Scores], task: ClipTask, domain: Domain, params: SampleLevelCnn
) -> dict[str, dict[str, Any]]:
    targets, groups = task.targets[task.test], task.groups[task.test]
    metric = _metric(task, domain)
    if metric == "auc":
        return describe_auc(systems, targets, groups)
    ratios = {
        name: accuracy(scores, targets)
        if metric == "accuracy"
        else instance_f(scores, targets, params.threshold)
        for name, scores in systems.items()
    }
    return describe(ratios, groups, params.bootstraps, domain.seed)


def _heard(work: Path, task: ClipTask, domain: Domain, name: str) -> tuple[Scores, list[dict[str, Any]]]:
    cut = domain.segments
    try:
        network = build_network(
            domain.networks[name], len(task.labels), cut.sample_rate, cut.n_samples, domain.seed
        )
    except (TypeError, ValueError) as error:
        raise UserError(f"domains, networks, {name}: {error}") from None
    epochs = learn(
        network, task, domain.training, seed=domain.seed, kept=work / f"{name}.pt", judge=lambda _: 0.0
    )
    return scores_of(network, task, task.test), [vars(each) for each in epochs]


def _kept(path: Path, make: Any) -> Scores:
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_array(path, make())
    found: Scores = np.load(path)
    return found


def _summary(metrics: dict[str, Any]) -> dict[str, Any]:
    values = {
        f"{domain}_{system}_{found['metric']}": values["value"]
        for domain, found in metrics.items()
        for system, values in found["systems"].items()
    }
    above = {
        domain: max(values["value"] for name, values in found["systems"].items() if name not in CONTROLS)
        > found["systems"]["most_frequent"]["value"]
        for domain, found in metrics.items()
    }
    return {
        **values,
        "checks": [
            check(
                "networks_hear_something",
                "the best network of each domain tells more than the most frequent labels do",
                passed=all(above.values()),
                observed=", ".join(name for name, better in above.items() if not better) or "in every domain",
                expected="in every domain",
            )
        ],
    }
