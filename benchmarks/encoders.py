"""Question: what does every encoder of the papers tell of tags, where all are asked alike?

    python benchmarks/encoders.py [WORKSPACE]

In a workspace with hyper-images: one table of the networks that the papers in `reproductions/` train, by the
protocol of `auto_tagging`, fold 0 and seed 0 of its params.yaml, songs held out by artist, as those must
that learn whose songs they hear.
Networks that learn tags answer themselves, the mean over a song's windows; of those that learn something else
(factors, artists, who plays what) a ridge regression on their song vectors does, as in the papers' own
tables. Each paper's settings are its params.yaml. What `make paper` has trained on the same split is read;
the rest is trained, and kept in `.earshot/work/encoders`.

Prints the table: AUC and PR-AUC, and AUC less that of a bag of words and of statistics of the frames, paired,
with 95 % intervals over artists. The last line is JSON: by system these, and what it learns.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
sys.path.insert(0, str(Path(__file__).parents[1] / "reproductions"))

import numpy as np
from numpy.typing import NDArray

from artist_2017.params import Artist2017
from artist_2017.transfer import UNTRAINED, vector_kinds
from auto_tagging.networks import tag_scores
from auto_tagging.params import AutoTagging, By
from auto_tagging.protocol import TagFold, TagTask, read_task
from auto_tagging.systems import CONTROLS, LINEAR_BOW, LINEAR_STATISTICS, TWO_LAYERS, Make, on_vectors
from auto_tagging.table import TagTable, compare_taggers
from comparison.fold import Fold, make_fold
from comparison.networks import predicted_factors
from comparison.params import Comparison
from comparison.systems import CANDIDATE
from earshot.arrays import positions_of
from earshot.columns import SONG_ID
from earshot.params import read_params
from earshot.stages.paths import Paths
from earshot.versioning import PreviousOutput
from lee_2018_dcue.networks import embedding
from lee_2018_dcue.params import Lee2018
from multi_level_2017.cross_validation import makes as of_levels
from multi_level_2017.params import MultiLevel
from sample_level_cnn.params import SampleLevelCnn
from sample_level_cnn.tag_networks import clips_of, read_sounds, scores_of, trained
from wang_2014_hldbn.models import HLDBN, Models
from wang_2014_hldbn.params import Wang2014

BY: By = "artist"
FOLD, SEED = 0, 0
MEL = "mel_27"
Compared = TypeVar("Compared", bound=Comparison)
Vectors = Callable[[Fold], NDArray[np.floating]]
"""Of all songs of a fold, (n_songs, d)."""


def main(workspace: str = ".") -> None:
    """Make every system that is not kept, print the table."""
    root = Path(workspace).resolve()
    params = read_params(_params(root, "auto_tagging"), AutoTagging)
    tagging = replace(params, folds=replace(params.folds, by=[BY], held_out=[FOLD], seeds=[SEED]))
    task = read_task(_paths(root, root), tagging)
    learned = _of_plays_and_artists(root)
    learned["tags"] = _of_tags(root, tagging) | _of_all_layers(root) | _of_samples(root, task)
    goals = {name: goal for goal, some in learned.items() for name in some}
    networks = {name: make for some in learned.values() for name, make in some.items()}
    makes = {**CONTROLS, **TWO_LAYERS, **networks}
    _show(compare_taggers(task, tagging, makes, MEL, root / ".earshot/work/encoders"), goals)


def _of_tags(root: Path, params: AutoTagging) -> dict[str, Make]:
    """The networks of `auto_tagging`."""
    work = _work(root, "auto_tagging", "cross_validation")
    return {
        name: _in(work, partial(tag_scores, name=name, params=each.cnn))
        for name, each in params.networks.items()
    }


def _of_all_layers(root: Path) -> dict[str, Make]:
    """The networks of `multi_level_2017`, and two layers on all layers of each and of all three."""
    params = read_params(_params(root, "multi_level_2017"), MultiLevel)
    work = _work(root, "multi_level_2017", "cross_validation")
    systems = of_levels(params).items()
    return {name: _in(work, make) for name, make in systems if name.startswith(("local_", "levels_"))}


def _of_samples(root: Path, task: TagTask) -> dict[str, Make]:
    """The networks of `sample_level_cnn`, those on samples and the one on mel frames."""
    settings = read_params(_params(root, "sample_level_cnn"), SampleLevelCnn).tags
    work = _work(root, "sample_level_cnn", "tags")

    def tell(fold: TagFold, name: str) -> NDArray[np.float32]:
        sounds = read_sounds(task, settings.segments, _paths(root, work))
        network, _ = trained(fold, name, sounds, settings)
        return scores_of(network, clips_of(fold, sounds), fold.test)

    return {f"sample_level_{name}": _in(work, partial(tell, name=name)) for name in settings.networks}


def _of_plays_and_artists(root: Path) -> dict[str, dict[str, Make]]:
    """By what is learned, ridge regressions on song vectors of what learns no tags; of nothing: untrained."""
    artists, park = _fold(root, "artist_2017", Artist2017)
    content, lee = _fold(root, "lee_2018_dcue", Lee2018)
    tastes, wang = _fold(root, "wang_2014_hldbn", Wang2014)

    def towers(fold: Fold, name: str) -> NDArray[np.floating]:
        return embedding(fold, name, lee.embeddings[name], lee.embedding).songs

    def beliefs(fold: Fold, name: str) -> NDArray[np.floating]:
        return Models(fold, wang, SEED).fitted(name).x

    labels = {name: _told(artists, vectors) for name, vectors in vector_kinds(park).items()}
    return {
        "nothing": {UNTRAINED: labels.pop(UNTRAINED)},
        "artists": labels,
        "ratings": {name: _told(tastes, partial(beliefs, name=name)) for name in ("hldbn_random", HLDBN)},
        "plays": {f"dcue_{name}": _told(content, partial(towers, name=name)) for name in lee.embeddings},
        "factors": {CANDIDATE: _told(artists, partial(predicted_factors, name=CANDIDATE))},
    }


def _fold(root: Path, paper: str, kind: type[Compared]) -> tuple[Callable[[], Fold], Compared]:
    """The fold of a paper on this split, made when it is asked for, and the paper's settings."""
    params = read_params(_params(root, paper), kind)
    work = root / ".earshot/work/encoders" / BY / paper
    if params.folds.by == BY:
        work = _work(root, paper, "cross_validation") or work
    asked = replace(params, folds=replace(params.folds, by=BY, held_out=[FOLD], seeds=[SEED]))
    return partial(make_fold, _paths(root, work), asked, FOLD, SEED), params


def _told(fold: Callable[[], Fold], vectors: Vectors) -> Make:
    def of_task(tag_fold: TagFold) -> NDArray[np.floating]:
        made = fold()
        return vectors(made)[positions_of(made.songs[SONG_ID], tag_fold.task.songs[SONG_ID])]

    return on_vectors(of_task)


def _in(work: Path, make: Make) -> Make:
    """`make`, with what is kept of the fold in a folder inside `work`."""
    return lambda fold: make(replace(fold, work=work / fold.work.name))


def _work(root: Path, paper: str, stage: str) -> Path:
    """Where the last run of the stage has kept what it made; a folder of this program where it never ran."""
    kept = sorted(
        (root / ".earshot/work/reproductions" / paper / stage).glob("*/kept"),
        key=lambda path: path.stat().st_mtime,
    )
    return kept[-1] if kept else root / ".earshot/work/encoders" / paper


def _params(root: Path, paper: str) -> Path:
    return root / "reproductions" / paper / "params.yaml"


def _paths(root: Path, work: Path) -> Paths:
    return Paths(root, root, work, root, PreviousOutput(root, None))


def _show(table: TagTable, goals: Mapping[str, str]) -> None:
    systems, differences = table.metrics["splits"][BY]["systems"], table.differences[BY]
    found: dict[str, Any] = {}
    for name, values in systems.items():
        less = {
            f"less_{other}": differences.get(f"{name}_minus_{other}")
            for other in (LINEAR_BOW, LINEAR_STATISTICS)
        }
        found[name] = {"learns": goals.get(name), **values, **less}
    print(f"| by {BY} | learns | AUC | PR-AUC | less {LINEAR_BOW} | less {LINEAR_STATISTICS} |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, row in found.items():
        less = [_interval(row[f"less_{other}"], "+.3f") for other in (LINEAR_BOW, LINEAR_STATISTICS)]
        cells = (name, row["learns"] or "", _interval(row, ".3f"), f"{row['pr_auc']:.3f}", *less)
        print("|", " | ".join(cells), "|")
    print(json.dumps(found))


def _interval(row: Mapping[str, Any] | None, form: str) -> str:
    if row is None:
        return ""
    low, high = row["auc_ci95_artists"]
    spread = "" if low is None else f" ({low:{form}} to {high:{form}})"
    return f"{row['auc']:{form}}{spread}"


if __name__ == "__main__":
    main(*sys.argv[1:])  # type: ignore[arg-type]
