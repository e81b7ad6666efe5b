"""Models in other taste spaces, and of other code, released and served by the real stages."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from earshot.classes import Component
from earshot.params import load_params
from earshot.predictors.load import load_encoder, predict, read_description, save_encoder
from earshot.predictors.song_encoder import build
from earshot.spaces.fused import save_scales
from earshot.spaces.hybrid import COMBINATION, RULES, no_combination, save_rule
from earshot.spaces.learned import LearnedListeners
from earshot.spaces.placing import Placed
from earshot.spaces.space import kind_of
from earshot.spaces.wmf import Wmf, WmfSpace
from earshot.stages import cnn_checkpoint
from earshot.stages.paths import Paths
from earshot.store.reader import HyperImageStore
from earshot.versioning import PreviousOutput
from tests.releases.tiny_workspace import PROJECT, TOY, Repository, write_model

WMF = Wmf(alpha=2.0, epsilon=1.0, regularization=10.0)
SCALES = (0.7, 0.3)


def fuse(made: Path) -> None:
    """Have the model say twice, side by side, what it said, for a fused space."""
    folder = made / "cnn_checkpoint"
    plain, description = load_encoder(folder, [TOY]), read_description(folder)
    fused = build(replace(description, n_outputs=2 * description.n_outputs))
    scales = torch.tensor(SCALES).repeat_interleave(description.n_outputs)
    with torch.no_grad():
        line = fused.network.line
        line.weight.copy_(plain.network.line.weight.repeat(2, 1) * scales[:, None])
        line.bias.copy_(plain.network.line.bias.repeat(2) * scales)
    save_encoder(folder, fused, replace(description, n_outputs=2 * description.n_outputs))
    save_scales(folder, SCALES)
    store = HyperImageStore.open(made / "training_set" / "hyper_images")
    predicted = predict(load_encoder(folder, [TOY]), store, np.arange(len(store.songs)))
    np.save(made / "predicted_factors" / "item_factors.npy", predicted)


def learn_listeners(made: Path) -> LearnedListeners:
    """As two towers would leave it: listeners of the factorization, songs where the network puts them."""
    space = WmfSpace.read(made / "wmf_factors")
    songs = pd.read_parquet(made / "predicted_factors" / "items.parquet")["song_id"].to_numpy(dtype=object)
    predicted = np.load(made / "predicted_factors" / "item_factors.npy")
    warm = np.isin(songs, space.songs.ids)
    learned = LearnedListeners(space.training_listeners(), Placed(songs, predicted).only(warm), WMF)
    learned.save(made / "cnn_checkpoint")
    return learned


def ranked(repository: Repository) -> pd.DataFrame:
    lists = repository.read("recommendations/recommendations.parquet")
    return lists[["user_id", "song_id", "rank", "cold"]]


@pytest.mark.soak
def test_a_fused_model_of_one_prediction_twice_is_served_as_the_plain_one(
    repository: Repository, second_release: Repository
) -> None:
    """Both of one seed: scores add up to the same, so every list and every figure is the same."""
    first = repository.pointer()["release"]
    write_model(repository.root / "made", seed=2)
    fuse(repository.root / "made")
    repository.repro()
    fused, plain = repository.pointer(), second_release.pointer()
    assert fused["release"] not in (first, plain["release"])
    assert "cnn_checkpoint/space.json" in fused["files"]
    decided = repository.decisions()[fused["release"]]
    assert decided["metrics"]["candidate"] == pytest.approx(
        second_release.decisions()[plain["release"]]["metrics"]["candidate"], abs=1e-4
    )
    assert first in decided["differences"], "paired with the release of another space"
    pd.testing.assert_frame_equal(ranked(repository), ranked(second_release))
    # the next candidate is paired with a fused release, and a rollback serves what was before
    write_model(repository.root / "made", seed=3)
    (repository.root / "made" / "cnn_checkpoint" / "space.json").unlink(missing_ok=True)
    repository.repro("release")
    assert fused["release"] in repository.decisions()[repository.pointer()["release"]]["differences"]


def test_learned_listeners_are_served_and_travel(repository: Repository, tmp_path: Path) -> None:
    write_model(repository.root / "made", seed=2)
    space = learn_listeners(repository.root / "made")
    repository.repro()
    released = repository.pointer()
    assert {name for name in released["files"] if "space" in name} == {
        f"cnn_checkpoint/space{name}"
        for name in (".json", "_items.parquet", "_listeners.npy", "_songs.npy", "_users.parquet")
    }
    users = repository.read("served_factors/users.parquet")["user_id"].to_numpy(dtype=object)
    served = np.load(repository.root / "data" / "served_factors" / "user_factors.npy")
    known = np.isin(users, space.listeners.ids)
    assert known.any()
    np.testing.assert_array_equal(served[known], space.listeners.vectors[np.isin(space.listeners.ids, users)])
    rows = json.loads(repository.earshot("recommend", str(users[0]), "-k", "3", "--json"))
    assert {row["release"] for row in rows} == {released["release"]}
    file = tmp_path / "learned.zip"
    repository.earshot("release", "export", released["release"], str(file))
    repository.earshot("release", "import", str(file))
    assert repository.pointer() == released
    said = repository.earshot("listeners", "s010", "-k", "3", "--candidate", "--json")
    assert len(json.loads(said)) == 3


def train_by_angles(made: Path, work: Path) -> None:
    """Have the stage cnn_checkpoint learn listeners and songs by the angle between them."""
    work.mkdir()
    (work / "data").symlink_to(made)
    paths = Paths(work, work / "output", work / "work", work, PreviousOutput(work, None))
    for folder in (paths.output, paths.work):
        folder.mkdir()
    params = load_params(PROJECT / "params.yaml")
    encoder = {"channels": [16, 16], "kernels": [3, 1], "pools": [4, 1]}
    objective = {"users": "factors", "dimensions": 8}
    settings = replace(
        params.cnn_checkpoint,
        encoder=Component("earshot.encoders.pooled_in_time:PooledInTime", encoder),
        objective=Component("earshot.training.objectives.content_user:ContentUser", objective),
        window_seconds=0.2,
        learning_rate=0.02,
        ema_decay=0.9,
        augment=None,
        min_steps=300,
    )
    cnn_checkpoint.write_encoder(paths, replace(params, cnn_checkpoint=settings))
    for path in (made / "cnn_checkpoint").glob("[es]*.[pnj]*"):
        if path.name != "summary.json":
            path.unlink()
    for path in paths.output.iterdir():
        path.rename(made / "cnn_checkpoint" / path.name)
    store = HyperImageStore.open(made / "training_set" / "hyper_images")
    predicted = predict(load_encoder(made / "cnn_checkpoint"), store, np.arange(len(store.songs)))
    np.save(made / "predicted_factors" / "item_factors.npy", predicted)


@pytest.mark.soak
def test_listeners_learned_by_angles_are_judged_released_and_served(
    repository: Repository, tmp_path: Path
) -> None:
    """From the training to `earshot recommend`, by the real stages but for those that only measure."""
    before = repository.pointer()["release"]
    write_model(repository.root / "made", seed=2)
    train_by_angles(repository.root / "made", tmp_path / "trained")
    repository.repro()
    (name,) = repository.decisions().keys() - {before}
    decided = repository.decisions()[name]
    assert before in decided["differences"], "paired with what is served"
    assert decided["metrics"]["candidate"]["auc"] > 0.6, "heard, and not only remembered"
    if not decided["released"]:
        repository.earshot("release", "promote", name, "--force", "--reason", "a test")
        repository.repro()
    assert repository.pointer()["release"] == name
    served = repository.root / "data" / "served_factors" / "release" / "cnn_checkpoint"
    assert kind_of(served) == LearnedListeners.kind
    user = str(repository.read("served_factors/users.parquet")["user_id"][0])
    rows = json.loads(repository.earshot("recommend", user, "-k", "5", "--json"))
    assert {row["release"] for row in rows} == {name}
    places = dict(
        zip(
            repository.read("served_factors/items.parquet")["song_id"],
            np.load(repository.root / "data/served_factors/item_factors.npy"),
            strict=True,
        )
    )
    taste = np.load(repository.root / "data/served_factors/user_factors.npy")[0]
    for row in rows:
        assert row["score"] == pytest.approx(float(taste @ places[row["song_id"]]), rel=1e-4, abs=1e-5)
    lists = repository.read("recommendations/recommendations.parquet")
    assert lists["cold"].any(), "songs that nobody has played are among them"


@pytest.mark.soak
def test_hybrids_are_served_and_travel(repository: Repository, tmp_path: Path) -> None:
    for seed, rule in enumerate(RULES, start=2):
        write_model(repository.root / "made", seed=seed)
        factors = WmfSpace.read(repository.root / "made" / "wmf_factors").songs.vectors.shape[1]
        save_rule(repository.root / "made" / "cnn_checkpoint", rule, no_combination(factors))
        repository.repro()
        released = repository.pointer()
        spaces = {name for name in released["files"] if "space" in name}
        assert spaces == {"cnn_checkpoint/space.json", f"cnn_checkpoint/{COMBINATION}"}
        file = tmp_path / f"{rule}.zip"
        repository.earshot("release", "export", released["release"], str(file))
        repository.earshot("release", "import", str(file))
        assert repository.pointer() == released
        rows = json.loads(repository.earshot("recommend", "u000", "-k", "3", "--json"))
        assert {row["release"] for row in rows} == {released["release"]}


def test_other_code_than_a_release_was_trained_with_is_told(repository: Repository) -> None:
    path = repository.root / "releases" / "current.json"
    released = repository.pointer()
    assert released["code"] is not None
    summary = repository.root / "data" / "served_factors" / "summary.json"
    assert not any("code of" in notice for notice in json.loads(summary.read_text())["notices"])
    path.write_text(json.dumps(released | {"code": "another"}))
    repository.repro("served_factors")
    (told,) = (notice for notice in json.loads(summary.read_text())["notices"] if "code of" in notice)
    assert (
        f"Means, or the version of Python, is not that with which release {released['release']} was" in told
    )
