"""The stage on a made-up workspace whose encoder hears every trait."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from earshot.classes import Component
from earshot.errors import UserError
from earshot.files import write_json
from earshot.params import Split
from earshot.stages import evaluation_report, fold_models
from tests.stages.delivered import contents
from tests.stages.evaluated_workspace import paths_of, write_workspace
from tests.training.heard import cnn_params

SYSTEMS = ["random", "shuffled_content", "linear_bow", "artist_mean", "candidate", "upper_bound"]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    root = tmp_path_factory.mktemp("workspace")
    params = write_workspace(root)
    paths = paths_of(root, "evaluation_report")
    summary = evaluation_report.run(paths, params)
    return root, params, paths.output, summary


@pytest.fixture(scope="module")
def metrics(workspace):
    return json.loads((workspace[2] / "metrics.json").read_text())


def test_systems_with_intervals_around_their_values(metrics):
    assert list(metrics["systems"]) == SYSTEMS
    for name, system in metrics["systems"].items():
        for metric in ("map_at_500", "auc", "auc_centred"):
            around = "permutations" if name == "shuffled_content" else "ci95_artists"
            low, high = system[f"{metric}_{around}"]
            assert low < system[metric] < high
    assert metrics["systems"]["random"]["auc"] < 0.55 < 0.65 < metrics["systems"]["candidate"]["auc"]


def test_differences_and_protocol(workspace, metrics):
    differences = json.loads((workspace[2] / "differences.json").read_text())
    assert len(differences) == 6 * 5 / 2
    found = differences["candidate_minus_random"]
    values = metrics["systems"]
    assert found["auc"] == pytest.approx(values["candidate"]["auc"] - values["random"]["auc"], abs=2e-6)
    assert found["beats"]
    assert not differences["shuffled_content_minus_random"]["beats"]
    kinds = json.loads((workspace[2] / "known_and_cold_artists.json").read_text())
    assert (kinds["known_artists"]["systems"], kinds["cold_artists"]) == (metrics["systems"], None)
    protocol = metrics["protocol"]
    assert protocol["candidates"] == protocol["candidates_of_known_artists"] == 30
    assert protocol["k"] == 500
    others = protocol["users_without_warm_play"] + protocol["users_without_candidate"]
    assert protocol["n_users"] + others == 80


def test_tables_hold_the_means(workspace, metrics):
    users, songs = (pd.read_parquet(workspace[2] / f"{name}.parquet") for name in ("per_user", "per_song"))
    plots = pd.read_csv(workspace[2] / "systems.csv").set_index("system")
    for name, system in metrics["systems"].items():
        mine = users[users["system"] == name]
        assert mine["average_precision"].mean() == pytest.approx(system["map_at_500"], abs=1e-6)
        assert mine["auc"].mean() == pytest.approx(system["auc"], abs=1e-6)
        assert plots.loc[name, "auc"] == system["auc"]
        ends = system["auc_permutations" if name == "shuffled_content" else "auc_ci95_artists"]
        assert [plots.loc[name, "auc_low"], plots.loc[name, "auc_high"]] == ends
        assert songs[songs["system"] == name]["n_listeners"].sum() == mine["n_positives"].sum()
    assert users["user_id"].str.startswith("user-").all()


def test_summary_carries_checks(workspace):
    summary = workspace[3]
    assert [check["passed"] for check in summary["checks"]][:2] == [True, True]
    assert summary["users"] > 0
    json.dumps(summary, allow_nan=False)


def test_same_inputs_give_the_same_bytes(workspace, tmp_path):
    root, params, output, summary = workspace
    again = replace(paths_of(root, "again"), output=tmp_path)
    assert evaluation_report.run(again, params) == summary
    assert contents(tmp_path) == contents(output)


def test_what_the_page_shows_of_songs(workspace):
    places = pd.read_parquet(workspace[2] / "map.parquet")
    assert places.columns.tolist() == ["song_id", "title", "artist", "genres", "cold", "x", "y"]
    assert len(places) == 120
    assert places[["x", "y"]].min().tolist() == [3, 3]
    examples = json.loads((workspace[2] / "neighbours.json").read_text())
    assert [len(song["neighbours"]) for song in examples] == [5] * 6
    for song in examples:
        cosines = [near["cosine"] for near in song["neighbours"]]
        assert cosines == sorted(cosines, reverse=True)
        assert song["song_id"] not in [near["song_id"] for near in song["neighbours"]]
    curves = workspace[0] / "data" / "cnn_checkpoint" / "curves.csv"
    assert (workspace[2] / "curves.csv").read_bytes() == curves.read_bytes()


def test_a_song_without_prediction_is_named(workspace, tmp_path):
    root, params, _, _ = workspace
    predicted = root / "data" / "predicted_factors"
    items, factors = pd.read_parquet(predicted / "items.parquet"), np.load(predicted / "item_factors.npy")
    moved = tmp_path / "data"
    moved.mkdir()
    for folder in ("training_set", "wmf_factors", "cnn_checkpoint", "fold_models"):
        (moved / folder).symlink_to(root / "data" / folder)
    (moved / "predicted_factors").mkdir()
    items.iloc[1:].to_parquet(moved / "predicted_factors" / "items.parquet")
    np.save(moved / "predicted_factors" / "item_factors.npy", factors[1:])
    with pytest.raises(UserError, match="no song_id 'song-0000'"):
        evaluation_report.run(paths_of(tmp_path, "evaluation_report"), params)


def test_the_recipe_is_judged_over_all_folds(workspace, tmp_path, metrics):
    root, params, _, _ = workspace
    shutil.copytree(root / "data", tmp_path / "data")
    (tmp_path / "data" / "fold_models" / "summary.json").unlink()
    (tmp_path / "data" / "fold_models").rmdir()
    (tmp_path / "data" / "warm_up").mkdir()
    write_json(tmp_path / "data" / "warm_up" / "warm_up.json", {"n0": 10.0})
    split = Split(by="song", folds=2, fold=0)
    params = replace(
        params,
        training_set=replace(params.training_set, split=split),
        cnn_checkpoint=cnn_params(
            encoder=Component(
                "earshot.encoders.convolutional:ConvolutionalEncoder",
                {"channels": 8, "hidden": 8, "families": ["mel"]},
            )
        ),
    )
    paths = paths_of(tmp_path, "fold_models")
    write_json(paths.output / "summary.json", fold_models.run(paths, params))
    paths.output.rename(tmp_path / "data" / "fold_models")
    paths = paths_of(tmp_path, "evaluation_report")
    evaluation_report.run(paths, params)

    found = json.loads((paths.output / "over_folds.json").read_text())
    assert found["folds"] == [0, 1]
    assert list(found["systems"]) == ["random", "shuffled_content", "candidate"]
    assert found["candidates"] > metrics["protocol"]["candidates"] + 40
    assert found["systems"]["candidate"]["n_artists"] == 30
    against = found["differences"]["candidate_minus_random"]
    assert against["beats"]
