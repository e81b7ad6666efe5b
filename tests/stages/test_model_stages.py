"""wmf_factors, cnn_checkpoint and predicted_factors, one after the other, on a small catalogue."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from numpy.testing import assert_allclose, assert_array_equal

from earshot import tracking
from earshot.catalogue import split
from earshot.catalogue.play_counts import read_play_counts
from earshot.classes import Component
from earshot.errors import UserError
from earshot.executors import executing_on
from earshot.factors.numbers import read_numbers, write_numbers
from earshot.factors.solves import confidence, solve_rows
from earshot.params import ExecutorSettings, Params, Split, TrainingSet, WmfFactors, check_params
from earshot.stages import cnn_checkpoint, fold_models, predicted_factors, wmf_factors
from earshot.stages.paths import Paths
from earshot.stages.training_set import write_other_split
from earshot.versioning import PreviousOutput
from tests.spark_here import small_spark
from tests.training.heard import N_SONGS, N_USERS, cnn_params, write_training_set

NUMBERS = WmfFactors(factors=3, alpha=2.0, epsilon=1.0, regularization=10.0, iterations=15)


@pytest.fixture
def params() -> Params:
    content = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    return replace(check_params(content, "params.yaml", Params), cnn_checkpoint=cnn_params())


def _paths(root: Path, stage: str) -> Paths:
    output, work, failed = (root / part / stage for part in ("data", "work", "failed"))
    shutil.rmtree(output, ignore_errors=True)
    for folder in (output, work, failed):
        folder.mkdir(parents=True, exist_ok=True)
    return Paths(root, output, work, failed, PreviousOutput(root / "cache", None))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(name, tmp_path / name)
    write_training_set(tmp_path / "data" / "training_set")
    (tmp_path / "data" / "wmf_search").mkdir()
    write_numbers(tmp_path / "data" / "wmf_search", NUMBERS)
    return tmp_path


def test_cold_songs_shape_no_factor_and_are_folded_in_exactly(root: Path, params: Params) -> None:
    paths = _paths(root, "wmf_factors")
    summary = wmf_factors.run(paths, params)
    plays = read_play_counts(root / "data" / "training_set")
    cold = np.arange(N_SONGS) % 4 == 0
    users = np.load(paths.output / "user_factors.npy")
    assert users.shape == (N_USERS, 3)
    assert pd.read_parquet(paths.output / "cold_items.parquet")["song_id"].tolist() == list(
        plays.song_ids[cold]
    )
    assert pd.read_parquet(paths.output / "items.parquet")["song_id"].tolist() == list(plays.song_ids[~cold])
    confidences = confidence(plays.matrix, 2.0, 1.0)
    assert read_numbers(paths.output) == NUMBERS
    expected = solve_rows(confidences[:, cold].T.tocsr(), users, 10.0)
    assert_allclose(np.load(paths.output / "cold_factors.npy"), expected)
    warm = solve_rows(confidences[:, ~cold].T.tocsr(), users, 10.0)
    assert_allclose(np.load(paths.output / "item_factors.npy"), warm, atol=1e-5)
    curve = pd.read_csv(paths.output / "objective.csv")
    assert curve["iteration"].tolist() == list(range(1, 16))
    assert summary["objective"] == curve["objective"].iloc[-1]
    assert (summary["warm_songs"], summary["cold_songs"], summary["listeners"]) == (45, 15, N_USERS)


@pytest.mark.parametrize(("iterations", "converged"), [(1, False), (3, False), (60, True)])
def test_a_factorization_that_still_moves_has_not_converged(
    root: Path, params: Params, iterations: int, converged: bool
) -> None:
    """Its objective falls all the same: in every iteration of as many as there are."""
    write_numbers(root / "data" / "wmf_search", replace(NUMBERS, iterations=iterations))
    falls, converges = wmf_factors.run(_paths(root, "wmf_factors"), params)["checks"]
    assert falls["passed"]
    assert converges["passed"] == converged
    assert f"in iteration {iterations}" in converges["observed"]


def test_an_interrupted_factorization_goes_on_to_the_same_bytes(root: Path, params: Params) -> None:
    whole = _paths(root, "wmf_factors")
    wmf_factors.run(whole, params)
    kept, names = _paths(root, "continued"), [path.name for path in whole.output.iterdir()]
    wmf_factors.write_factors(kept, replace(NUMBERS, iterations=6), params.seed)
    wmf_factors.run(_paths(root, "continued"), params)
    for name in names:
        assert (kept.output / name).read_bytes() == (whole.output / name).read_bytes()


@pytest.mark.soak
def test_spark_makes_the_factors_where_the_numbers_say_so(
    root: Path, params: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the checks that the gate wants; cold songs are folded in by eq. 3; what Spark has made is kept."""
    numbers = replace(NUMBERS, iterations=30, factorizer="spark_als")
    write_numbers(root / "data" / "wmf_search", numbers)
    paths, settings = _paths(root, "wmf_factors"), ExecutorSettings(spark="local[1]")
    with small_spark(tmp_path, monkeypatch), executing_on(settings):
        summary = wmf_factors.run(paths, params)
    assert read_numbers(paths.output) == numbers
    assert [(each["name"], each["passed"]) for each in summary["checks"]] == [
        ("objective_falls", True),
        ("objective_converged", True),
    ]
    assert pd.read_csv(paths.output / "objective.csv")["iteration"].tolist() == [0, 30]
    plays = read_play_counts(root / "data" / "training_set")
    of_cold = confidence(plays.matrix[:, np.arange(N_SONGS) % 4 == 0], 2.0, 1.0).T.tocsr()
    users = np.load(paths.output / "user_factors.npy")
    assert_allclose(np.load(paths.output / "cold_factors.npy"), solve_rows(of_cold, users, 10.0))
    monkeypatch.setenv("PATH", "/nowhere")  # no Java
    again = _paths(root, "again")
    shutil.copytree(paths.work, again.work, dirs_exist_ok=True)
    assert wmf_factors.run(again, params) == summary
    made, once_more = (np.load(each.output / "item_factors.npy") for each in (paths, again))
    assert_array_equal(made, once_more)


def test_what_is_heard_tells_cold_songs_apart(root: Path, params: Params) -> None:
    summaries = [
        stage.run(_paths(root, name), params)
        for name, stage in [
            ("wmf_factors", wmf_factors),
            ("cnn_checkpoint", cnn_checkpoint),
            ("predicted_factors", predicted_factors),
        ]
    ]
    predicted = np.load(root / "data" / "predicted_factors" / "item_factors.npy")
    songs = pd.read_parquet(root / "data" / "predicted_factors" / "items.parquet")["song_id"]
    assert songs.tolist() == [f"song-{n:02d}" for n in range(N_SONGS)]
    upper = np.load(root / "data" / "wmf_factors" / "cold_factors.npy")
    users = np.load(root / "data" / "wmf_factors" / "user_factors.npy")
    told = np.corrcoef((users @ predicted[::4].T).ravel(), (users @ upper.T).ravel())[0, 1]
    assert told > 0.7
    assert summaries[1]["training_songs"] + summaries[1]["validation_songs"] == 45
    curves = pd.read_csv(root / "data" / "cnn_checkpoint" / "curves.csv")
    assert curves["validation_loss"].min() == summaries[1]["validation_loss"]
    latest = tracking.latest_run(root)
    assert latest is not None
    outputs = b"".join(path.read_bytes() for path in (root / "data" / "cnn_checkpoint").iterdir())
    assert latest["run_id"].encode() not in outputs


OBJECTIVES = ("factors_metric:FactorsMetric", "factors_auc:FactorsAuc", "contrastive:Contrastive")


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_other_objectives_lie_in_the_space_of_the_factorization_too(
    root: Path, params: Params, objective: str
) -> None:
    """They order cold songs, and put them as far out as their listeners would."""
    part = Component(f"earshot.training.objectives.{objective}", {})
    params = replace(params, cnn_checkpoint=cnn_params(objective=part, max_epochs=30, patience=30))
    for name, stage in [("wmf_factors", wmf_factors), ("cnn_checkpoint", cnn_checkpoint)]:
        summary = stage.run(_paths(root, name), params)
    assert summary["candidate"]["space"] == "wmf"
    assert not (root / "data" / "cnn_checkpoint" / "space.json").exists()
    predicted_factors.run(_paths(root, "predicted_factors"), params)
    predicted = np.load(root / "data" / "predicted_factors" / "item_factors.npy")[::4]
    upper = np.load(root / "data" / "wmf_factors" / "cold_factors.npy")
    users = np.load(root / "data" / "wmf_factors" / "user_factors.npy")
    scores, right = users @ predicted.T, users @ upper.T
    assert np.corrcoef(scores.ravel(), right.ravel())[0, 1] > 0.6
    assert 0.4 < scores.std() / right.std() < 1.5


def test_prediction_goes_on_where_it_was_interrupted(root: Path, params: Params) -> None:
    for name, stage in [("wmf_factors", wmf_factors), ("cnn_checkpoint", cnn_checkpoint)]:
        stage.run(_paths(root, name), params)
    paths = _paths(root, "predicted_factors")
    np.save(paths.work / "0.npy", np.full((N_SONGS, 3), 7, dtype=np.float32))
    predicted_factors.run(paths, params)
    assert_array_equal(np.load(paths.output / "item_factors.npy"), np.full((N_SONGS, 3), 7))


def test_nothing_to_learn_from_is_said(root: Path, params: Params) -> None:
    path = root / "data" / "training_set" / "songs.parquet"
    songs = pd.read_parquet(path)
    songs.assign(cold=True).to_parquet(path)
    with pytest.raises(UserError, match="every song with plays is cold"):
        wmf_factors.run(_paths(root, "wmf_factors"), params)
    for validation, message in [
        (True, "no song to learn from"),
        (False, "no song for early stopping among 45"),
    ]:
        songs.assign(validation=validation).to_parquet(path)
        wmf_factors.run(_paths(root, "wmf_factors"), params)
        with pytest.raises(UserError, match=message):
            cnn_checkpoint.run(_paths(root, "cnn_checkpoint"), params)


def _held_out_anew(root: Path, settings: TrainingSet) -> None:
    """The training set with the songs of another fold held out, in its place."""
    write_other_split(root / "data" / "training_set", _paths(root, "other").output, settings)
    shutil.rmtree(root / "data" / "training_set")
    (root / "data" / "other").rename(root / "data" / "training_set")


def test_the_recipe_is_trained_again_on_every_other_fold(
    root: Path, params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the first model was: the training set's own fold would come out the same."""
    songs = pd.read_parquet(root / "data" / "training_set" / "songs.parquet")
    settings = [replace(params.training_set, split=Split(by="song", folds=3, fold=fold)) for fold in range(3)]
    params = replace(params, training_set=settings[2])
    _held_out_anew(root, settings[2])

    def bytes_made() -> dict[str, bytes]:
        made = root / "data" / "fold_models"
        return {str(path.relative_to(made)): path.read_bytes() for path in made.rglob("*.*")}

    summary = fold_models.run(_paths(root, "fold_models"), params)
    assert (summary["folds"], summary["left_out"]) == ([0, 1], {})
    whole = bytes_made()
    for fold in (0, 1):
        made = root / "data" / "fold_models" / str(fold)
        assert read_numbers(made) == NUMBERS
        items = pd.read_parquet(made / "items.parquet")["song_id"]
        cold = split.cold(songs["song_id"], songs["artist_id"], settings[fold].split)
        assert set(items) == set(songs.loc[~cold, "song_id"])

    with monkeypatch.context() as nothing_trained:
        nothing_trained.setattr(cnn_checkpoint, "write_encoder", None)
        fold_models.run(_paths(root, "fold_models"), params)  # after a kill: what was finished is there still
    assert bytes_made() == whole

    one = replace(params, release=replace(params.release, folds="one"))
    assert fold_models.run(_paths(root, "fold_models"), one)["folds"] == []
    monkeypatch.setattr(fold_models, "ENOUGH_ARTISTS", summary["cold_artists"])
    assert fold_models.run(_paths(root, "fold_models"), params)["folds"] == []

    _held_out_anew(root, settings[0])
    wmf_factors.run(_paths(root, "wmf_factors"), params)
    cnn_checkpoint.write_encoder(_paths(root, "cnn_checkpoint"), params)
    for name in ("encoder.pt", "encoder.json"):
        assert (root / "data" / "cnn_checkpoint" / name).read_bytes() == whole[f"0/{name}"]


@pytest.mark.soak
def test_models_of_the_other_folds_have_the_same_bytes_from_two_workers_of_ray(
    root: Path, params: Params
) -> None:
    for way in (ExecutorSettings(), ExecutorSettings(kind="ray", workers=2)):
        shutil.rmtree(root / "work", ignore_errors=True)
        with executing_on(way):
            fold_models.run(_paths(root, "fold_models"), params)
        (root / "data" / "fold_models").rename(root / way.kind)
    files = sorted(path.relative_to(root / "ray") for path in (root / "ray").rglob("*") if path.is_file())
    assert len(files) > 10
    assert files == sorted(
        path.relative_to(root / "local") for path in (root / "local").rglob("*") if path.is_file()
    )
    for file in files:
        assert (root / "ray" / file).read_bytes() == (root / "local" / file).read_bytes(), file
