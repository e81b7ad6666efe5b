"""Models of other families and taste spaces: trained, judged beside what is served, released, asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from earshot.files import parse_yaml, write_json
from tests.pipeline.workspace import Workspace

ENCODERS, OBJECTIVES = "src/earshot/encoders", "src/earshot/training/objectives"


def named(file: str, kind: str, **init_args: Any) -> dict[str, Any]:
    return {"file": file, "class": kind, "init_args": init_args}


ARTIST = named("src/earshot/families/artist.py", "SongArtist")
SAMPLES = named("src/earshot/families/samples.py", "Samples16")
WORDS = named("src/earshot/families/metadata.py", "Metadata", fields=["genres"])
SMALL_RAW = {"stride": 81, "channels": [8, 8, 16]}
EXAMPLES: dict[str, dict[str, Any]] = {
    "raw_waveform+factors_mse": {
        "families": [SAMPLES],
        "encoder": named(f"{ENCODERS}/raw_waveform.py", "RawWaveformEncoder", **SMALL_RAW),
        "space": "wmf",
    },
    "blocks+two_tower": {
        "objective": named(f"{OBJECTIVES}/two_tower.py", "TwoTower"),
        "space": "learned_listeners",
    },
    "pooled_in_time+content_user": {
        "encoder": named(f"{ENCODERS}/pooled_in_time.py", "PooledInTime", channels=[16] * 5),
        "objective": named(f"{OBJECTIVES}/content_user.py", "ContentUser", users="factors", dimensions=16),
        "space": "learned_listeners",
    },
    "blocks+factors_metric": {
        "objective": named(f"{OBJECTIVES}/factors_metric.py", "FactorsMetric"),
        "space": "wmf",
    },
    "blocks+factors_auc": {
        "objective": named(f"{OBJECTIVES}/factors_auc.py", "FactorsAuc"),
        "space": "wmf",
    },
    "blocks+contrastive": {
        "objective": named(f"{OBJECTIVES}/contrastive.py", "Contrastive"),
        "space": "wmf",
    },
    "sound_and_words+fused_factors": {
        "families": [WORDS],
        "encoder": named(f"{ENCODERS}/sound_and_words.py", "SoundAndWords"),
        "objective": named(f"{OBJECTIVES}/fused_factors.py", "FusedFactors"),
        "space": "fused",
    },
}


def configure(
    workspace: Workspace, families: list[Any] | None = None, space: str = "", **components: Any
) -> None:
    """Have params.yaml name these, families beside the default model's; as JSON, which YAML is too."""
    path = workspace.root / "params.yaml"
    params = parse_yaml(path.read_text())
    params["hyper_images"]["families"] = [ARTIST, *(families or [])]
    params["cnn_checkpoint"] |= components
    write_json(path, params)


def release_it(workspace: Workspace, before: dict[str, Any]) -> str:
    """Serve the newest candidate, whatever the gate said of so small a training; its name."""
    (path,) = (
        path for path in (workspace.root / "releases" / "decisions").glob("*.json") if path.stem not in before
    )
    decision = json.loads(path.read_text())
    assert before["release"] in decision["differences"], "paired with what is served"
    if not decision["released"]:
        workspace.earshot("release", "promote", path.stem, "--force", "--reason", "a test")
    return path.stem


def check_served(workspace: Workspace, name: str, space: str) -> None:
    """What is served is this model, its scores products of what is served, and it answers."""
    data = workspace.root / "data"
    assert workspace.summary("served_factors")["release"] == name
    kind = data / "served_factors" / "release" / "cnn_checkpoint" / "space.json"
    assert (json.loads(kind.read_text())["kind"] if kind.is_file() else "wmf") == space
    songs = pd.read_parquet(data / "served_factors" / "items.parquet")["song_id"]
    users = pd.read_parquet(data / "served_factors" / "users.parquet")["user_id"]
    places = dict(zip(songs, np.load(data / "served_factors" / "item_factors.npy"), strict=True))
    tastes = dict(zip(users, np.load(data / "served_factors" / "user_factors.npy"), strict=True))
    lists = pd.read_parquet(data / "recommendations" / "recommendations.parquet")
    assert set(lists["release"]) == {name}
    some = lists.sample(200, random_state=0)
    scores = [float(tastes[u] @ places[s]) for u, s in zip(some["user_id"], some["song_id"], strict=True)]
    np.testing.assert_allclose(some["score"], scores, rtol=1e-4, atol=1e-5)
    song, audio = pd.read_parquet(data / "raw_audio" / "songs.parquet")[["song_id", "audio"]].iloc[0]
    for asked in (["similar", song], ["similar", audio], ["recommend", users[0]]):
        assert workspace.earshot(*asked, "-k", "3").count(name) == 3


def before(workspace: Workspace) -> dict[str, Any]:
    """Names of all that was decided, and the release that is served."""
    names = [path.stem for path in (workspace.root / "releases" / "decisions").glob("*.json")]
    pointer = json.loads((workspace.root / "releases" / "current.json").read_text())
    return dict.fromkeys(names) | {"release": pointer["release"]}


@pytest.mark.soak  # tests/releases/test_other_spaces.py has small ones
@pytest.mark.parametrize("front_end", ["dvc", "dagster"])
@pytest.mark.parametrize("model", EXAMPLES)
def test_another_model_is_trained_judged_released_and_served(
    workspace: Workspace, model: str, front_end: str
) -> None:
    known = before(workspace)
    configure(workspace, **EXAMPLES[model])
    if front_end == "dvc":
        workspace.run("dvc", "repro")
        workspace.run("python", "-m", "orchestration.sync")
    else:
        workspace.job("everything")
    assert workspace.stale_in_dvc() == workspace.stale_in_dagster() == set()
    metrics = json.loads((workspace.root / "data" / "evaluation_report" / "metrics.json").read_text())
    assert (metrics["candidate"]["name"], metrics["candidate"]["space"]) == (model, EXAMPLES[model]["space"])
    assert metrics["systems"]["candidate"]["auc"] > 0.5
    name = release_it(workspace, known)
    assert json.loads(workspace.earshot("release", "show", name))["candidate"]["name"] == model
    if front_end == "dvc":
        workspace.run("dvc", "repro")
    else:
        workspace.job("onboard")
    check_served(workspace, name, EXAMPLES[model]["space"])


@pytest.mark.soak
def test_samples_beside_a_served_release_change_nothing_that_is_served(workspace: Workspace) -> None:
    """The family is stored, and no song is encoded again; nor is the candidate trained again for it."""
    then, served = workspace.versions(), workspace.root / "data" / "served_factors"
    vectors = (served / "item_factors.npy").read_bytes(), (served / "user_factors.npy").read_bytes()
    encoded = {path.name for path in (served / "predicted").glob("*.npy")}
    configure(workspace, families=[SAMPLES])
    said = workspace.run("dvc", "repro", "--single-item", "hyper_images", "served_factors", "recommendations")
    assert "Predicting factors" not in said
    now = workspace.versions()
    assert now["hyper_images"] != then["hyper_images"]
    assert ((served / "item_factors.npy").read_bytes(), (served / "user_factors.npy").read_bytes()) == vectors
    assert {path.name for path in (served / "predicted").glob("*.npy")} == encoded
    assert now["recommendations"] == then["recommendations"]


@pytest.mark.soak
def test_what_cannot_be_served_is_refused_before_any_stage_works(workspace: Workspace) -> None:
    configure(workspace, objective=named(f"{OBJECTIVES}/genre.py", "Genre"))
    (workspace.root / "data" / "inbox" / "empty").mkdir()
    said = workspace.run("python", "-m", "earshot", "stage", "raw_audio", succeeds=False)
    assert "objectives.genre:Genre': what it trains cannot be served" in said
    assert "Genre" in workspace.run("dvc", "repro", "cnn_checkpoint", succeeds=False)
    failed = workspace.job("everything", succeeds=False)
    assert "cannot be served" in failed


def test_an_example_is_one_file(tmp_path: Path) -> None:
    """Each model of these is a file of its own, and nothing else in the source names it."""
    root = Path(__file__).parents[2] / "src"
    for stem in (
        "raw_waveform",
        "two_tower",
        "content_user",
        "sound_and_words",
        "factors_metric",
        "factors_auc",
    ):
        naming = [path for path in root.rglob("*.py") if stem in path.read_text() and path.stem != stem]
        assert naming == [], stem
