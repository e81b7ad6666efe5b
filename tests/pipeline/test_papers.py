"""The papers' comparisons run through both front ends, on the catalogue that is there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.workspace import Workspace

FOLDER = "reproductions/oord_2013"
SMALL = {"seeds": "[0, 1]", "max_epochs": "1", "words": "50", "shuffles": "2"}

MATERIALIZE = (
    *("dagster", "asset", "materialize", "--select", "group:oord_2013", "-m", "orchestration.definitions"),
    # as the jobs do; a process a step loads all definitions again
    *("--config-json", '{"execution": {"config": {"in_process": {}}}}'),
)

GENRES = "reproductions/hyper_image"
TAGS = "reproductions/auto_tagging"
LEVELS = "reproductions/multi_level_2017"
SMALL_TAGS = {"max_epochs": "1", "words": "50", "least_songs": "5", "n_tags": "10"}
SMALL_GENRES = {"max_epochs": "1", "bootstraps": "100", "least_songs": "10", "folds": "4"}
SMALL_GENRES |= {"words": "50", "shuffles": "2", "epochs": "3", "pieces": "1", "steps": "5", "trials": "2"}
_SMALL_VECTORS = {"max_epochs": "1", "words": "50", "shuffles": "2", "least_songs": "10"}
SMALL_VECTORS: dict[str, dict[str, str]] = {
    "lee_2018_dcue": _SMALL_VECTORS | {"windows": "400", "windows_between": "200"},
    "artist_2017": _SMALL_VECTORS | {"steps": "3"},
}
"""Of papers whose systems are vectors, by folder."""

SAMPLES = "reproductions/sample_level_cnn"
SMALL_SAMPLES = {"max_epochs": "1", "stages": "1", "size": "6", "least_songs": "5", "bootstraps": "100"}


@pytest.mark.soak
def test_the_comparison_through_both_front_ends(workspace: Workspace) -> None:
    """With the one network that others are made of; `make soak` has all."""
    for key, value in (SMALL | {"seeds": "[0]"}).items():
        workspace.set_param(key, value, f"{FOLDER}/params.yaml")
    params = workspace.root / FOLDER / "params.yaml"
    text = params.read_text()
    others = text[text.index("  cnn_mse_all_rows:") : text.index("\nevaluation:")]
    params.write_text(text.replace(others, ""))
    assert "not made" in workspace.earshot("paper", "oord_2013")
    workspace.run("dvc", "repro", f"{FOLDER}/dvc.yaml")
    assert "fresh" in workspace.earshot("paper", "oord_2013")
    found = workspace.root / "data" / "oord_2013" / "cross_validation"
    auc = {name: system["auc"] for name, system in metrics(found)["systems"].items()}
    assert auc["random"] < 0.55 < auc["linear_bow"] < auc["upper_bound"]
    assert set(auc) >= {
        "mlr",
        "mlp_bow",
        "linear_modulation",
        "linear_statistics",
        "genre_and_audio",
        "popularity",
    }
    before = (found / "metrics.json").read_bytes()
    said = workspace.run(*MATERIALIZE)
    assert said.count("up to date, nothing ran") >= 2
    assert (found / "metrics.json").read_bytes() == before
    assert workspace.stale_in_dvc() == set()
    workspace.set_param("words", "51", f"{FOLDER}/params.yaml")
    said = workspace.earshot("paper", "oord_2013")
    assert "stale" in said
    assert "changed  words" in said
    assert "better from audio" in (workspace.root / "data" / "papers.html").read_text()
    (workspace.root / FOLDER / "dvc.lock").write_text("schema: '2.0'\nstages:\n  cross_val")
    assert "cut short" in workspace.earshot("repair")


@pytest.mark.soak
def test_all_of_the_papers_through_both_front_ends(workspace: Workspace) -> None:
    smaller = {
        FOLDER: SMALL,
        GENRES: SMALL_GENRES,
        TAGS: SMALL_TAGS,
        LEVELS: SMALL_TAGS,
        SAMPLES: SMALL_SAMPLES,
    }
    smaller |= {f"reproductions/{name}": small for name, small in SMALL_VECTORS.items()}
    for folder, small in smaller.items():
        for key, value in small.items():
            workspace.set_param(key, value, f"{folder}/params.yaml")
    assert "upper_bound" in workspace.job("paper")
    found = workspace.root / "data" / "oord_2013" / "cross_validation"
    networks = {"time_shuffled", "cnn_wpe", "cnn_wpe_all_rows", "cnn_mse_all_rows", "cnn_mse"}
    assert networks | {"random", "mlr", "upper_bound"} < set(metrics(found)["systems"])
    by_seed = metrics(found)["over_seeds"]["random"]["auc"]
    assert by_seed[0] != by_seed[1]
    genres = metrics(workspace.root / "data" / "hyper_image" / "cross_validation")
    assert list(genres["splits"]) == ["snippet", "song", "artist"]
    assert genres["splits"]["artist"]["on_both_sides"] == {"songs": 0, "artists": 0}
    moods = metrics(workspace.root / "data" / "hyper_image" / "moods")
    assert list(moods["protocol"]["songs_by_mood"]) == ["cheerful", "dark", "dreamy"]
    embedded = metrics(workspace.root / "data" / "hyper_image" / "recommendation")["systems"]
    assert {"ridge_on_embedding", "side_features", "fm", "cnn_mse", "upper_bound"} < set(embedded)
    composed = metrics(workspace.root / "data" / "hyper_image" / "composing")["ways"]
    assert {"real_songs", "noise", "untrained_network", "free_levels", "stretches", "played"} <= set(composed)
    words = metrics(workspace.root / "data" / "sample_level_cnn" / "domains")["words"]["systems"]
    assert words["linear_statistics"]["value"] > words["most_frequent"]["value"]
    tags = metrics(workspace.root / "data" / "auto_tagging" / "cross_validation")["splits"]
    assert tags["artist"]["folds"]["0"]["artists_on_both_sides"] == 0
    levels = workspace.root / "data" / "multi_level_2017"
    assert metrics(levels / "factors")["systems"]["levels_of_all"]["auc"] > 0.5
    before = (found / "metrics.json").read_bytes()
    for folder in smaller:
        assert "Running stage" not in workspace.run("dvc", "repro", f"{folder}/dvc.yaml")
    workspace.run("dvc", "repro", "--force", "--no-run-cache", f"{FOLDER}/dvc.yaml")
    assert (found / "metrics.json").read_bytes() == before


@pytest.mark.soak
@pytest.mark.parametrize("name", SMALL_VECTORS)
def test_vectors_of_a_paper_through_both_front_ends(workspace: Workspace, name: str) -> None:
    folder = f"reproductions/{name}"
    for key, value in SMALL_VECTORS[name].items():
        workspace.set_param(key, value, f"{folder}/params.yaml")
    workspace.run("dvc", "repro", f"{folder}/dvc.yaml")
    found = workspace.root / "data" / name / "cross_validation"
    assert {"random", "linear_bow", "cnn_mse", "upper_bound"} < set(metrics(found)["systems"])
    claims = json.loads((found / "claims.json").read_text())
    assert all("is not in this table" not in claim["here"] for claim in claims)
    before = (found / "metrics.json").read_bytes()
    said = workspace.run(*(word.replace("oord_2013", name) for word in MATERIALIZE))
    assert said.count("up to date, nothing ran") >= 2
    workspace.run("dvc", "repro", "--force", "--no-run-cache", f"{folder}/dvc.yaml")
    assert (found / "metrics.json").read_bytes() == before


ALONE = {
    "hyper_image": SMALL_GENRES,
    "auto_tagging": SMALL_TAGS,
    "multi_level_2017": SMALL_TAGS,
    "sample_level_cnn": SMALL_SAMPLES,
}
"""Of papers that learn labels, not factors."""


@pytest.mark.soak
@pytest.mark.parametrize("paper", ALONE)
def test_labels_of_a_paper_through_both_front_ends(workspace: Workspace, paper: str) -> None:
    folder = f"reproductions/{paper}"
    for key, value in ALONE[paper].items():
        workspace.set_param(key, value, f"{folder}/params.yaml")
    assert "not made" in workspace.earshot("paper", paper)
    workspace.run(*(word.replace("oord_2013", paper) for word in MATERIALIZE))
    assert "fresh" in workspace.earshot("paper", paper)
    found = sorted((workspace.root / "data" / paper).glob("*/summary.json"))
    before = [path.read_bytes() for path in found]
    assert "Running stage" not in workspace.run("dvc", "repro", f"{folder}/dvc.yaml")
    workspace.run("dvc", "repro", "--force", "--no-run-cache", f"{folder}/dvc.yaml")
    assert [path.read_bytes() for path in found] == before


def metrics(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "metrics.json").read_text())
    return content


def test_a_bad_parameter_of_a_paper_is_named_with_its_file(workspace: Workspace) -> None:
    workspace.set_param("words", "-3", f"{FOLDER}/params.yaml")
    said = workspace.run("dvc", "repro", f"{FOLDER}/dvc.yaml", succeeds=False)
    assert f"{FOLDER}/params.yaml: words=-3: " in said


MIXES = {
    "wang_2014_hldbn": {
        "max_epochs": "1",
        "words": "50",
        "shuffles": "2",
        "epochs": "3",
        "batch_size": "64",
        "widths": "[8, 4]",
        "pretraining_seeds": "[0, 1]",
    },
    "hybrids": {
        "max_epochs": "1",
        "words": "50",
        "shuffles": "2",
        "draws": "1",
        "n0_multiples": "[0.2, 1.0]",
        "seeds": "[0]",
    },
}


@pytest.mark.soak
@pytest.mark.parametrize("paper", MIXES)
def test_ratings_and_hybrids_through_both_front_ends(paper: str, workspace: Workspace) -> None:
    for key, value in MIXES[paper].items():
        workspace.set_param(key, value, f"reproductions/{paper}/params.yaml")
    workspace.run("dvc", "repro", f"reproductions/{paper}/dvc.yaml")
    assert "fresh" in workspace.earshot("paper", paper)
    found = sorted((workspace.root / "data" / paper).glob("*/claims.json"))
    assert len(found) == (1 if paper == "wang_2014_hldbn" else 2)
    before = [path.read_bytes() for path in found]
    selected = (*MATERIALIZE[:4], f"group:{paper}", *MATERIALIZE[5:])
    assert workspace.run(*selected).count("up to date, nothing ran") >= len(found)
    assert [path.read_bytes() for path in found] == before
