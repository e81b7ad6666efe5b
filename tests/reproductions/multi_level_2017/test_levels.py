"""Levels of networks on a small catalogue: aggregation against a slow loop, the ladder, the whole stages."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from auto_tagging.networks import tagger
from auto_tagging.params import TagChoice, TagFolds, Tagger, TagTraining
from auto_tagging.protocol import make_tag_fold, read_tag_task
from earshot.classes import Component
from earshot.errors import UserError
from earshot.params import read_params
from earshot.predictors.inputs import consecutive
from earshot.stages.paths import Paths
from multi_level_2017 import cross_validation, genres
from multi_level_2017.levels import ladder, level_vectors, read_levels, write_levels
from multi_level_2017.params import MultiLevel
from tests.reproductions.tagged import ENCODER, write_tagged

SHIPPED = Path(__file__).parents[3] / "reproductions" / "multi_level_2017"


def _network(pools: tuple[int, ...]) -> Tagger:
    init_args = {"pools": list(pools), "channels": [4, 6, 5][: len(pools)], "families": ["mel", "mfcc"]}
    training = TagTraining(
        window_seconds=0.15,  # 6 frames
        batch_size=32,
        max_epochs=1,
        patience=1,
        learning_rate=0.01,
        weight_decay=0.0,
        ema_decay=0.9,
        windows_per_song=4,
    )
    return Tagger(Component("earshot.encoders.frame_level:FrameLevelCnn", init_args), training)


def _params() -> MultiLevel:
    shipped = read_params(SHIPPED / "params.yaml", MultiLevel)
    choice = TagChoice("tags", 50, 2)
    return replace(
        shipped,
        tags=choice,
        folds=TagFolds(["song"], 4, [0], [0], 0.2),
        words=10,
        networks={"short": _network((2,)), "long": _network((2, 3))},
        transfer=replace(shipped.transfer, genres=TagChoice("genres", 50, 2)),
    )


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with raw_audio and hyper_images; genres are what can be heard, too."""
    folder = tmp_path_factory.mktemp("workspace")
    write_tagged(folder / "data", genres=["rock" if n % 3 else "dub" for n in range(60)])
    return folder


def _paths(root: Path, stage: str) -> Paths:
    output = root / "data" / "multi_level_2017" / stage
    for folder in (output, root / "work" / stage):
        folder.mkdir(parents=True, exist_ok=True)
    return Paths(root, output, root / "work" / stage, root / "failed", previous=None)  # type: ignore[arg-type]


def test_levels_of_a_song_are_maxima_of_windows_averaged(root: Path, tmp_path: Path) -> None:
    params = _params()
    task = read_tag_task(root / "data" / "raw_audio", root / "data" / "hyper_images", params.tags)
    fold = make_tag_fold(task, params, "song", 0, 0, tmp_path)
    levels = level_vectors(fold, "long", params.networks["long"])
    assert [each.shape for each in levels] == [(60, 4), (60, 6)]
    encoder = tagger(fold, "long", params.networks["long"].cnn)
    for song in (0, 7, 31, 59):
        image = task.store.frames(song)
        maxima: list[list[np.ndarray]] = [[], []]
        for start in consecutive(len(image), encoder.n_frames):
            window = np.resize(image[start:], (1, encoder.n_frames, image.shape[1]))  # a short song again
            with torch.inference_mode():
                heard = encoder._standardized(torch.from_numpy(window.copy())).transpose(1, 2)
                for number, activation in enumerate(encoder.network.levels(heard)):
                    maxima[number].append(activation[0].numpy().max(axis=1))
        for number, some in enumerate(maxima):
            assert levels[number][song] == pytest.approx(np.mean(some, axis=0), abs=1e-4)


def test_the_ladder_by_hand_and_back_from_disk(root: Path, tmp_path: Path) -> None:
    task = read_tag_task(root / "data" / "raw_audio", root / "data" / "hyper_images", _params().tags)
    # of song n: n + 1/4, n + 1/2, n + 3/4
    one, two, three = (np.arange(60, dtype=np.float32)[:, None] + part / 4 for part in (1, 2, 3))
    vectors = {"short": [one], "long": [two, three]}
    write_levels(tmp_path / "new" / "levels", vectors, task.store)
    ids = task.store.songs["song_id"].to_numpy()[[4, 2]]
    back = read_levels(tmp_path / "new" / "levels", ids)
    found = {name: part(back).tolist() for name, part in ladder(["short", "long"]).items()}
    assert found == {
        "last_of_short": [[4.25], [2.25]],
        "last_of_long": [[4.75], [2.75]],
        "levels_of_short": [[4.25], [2.25]],
        "levels_of_long": [[4.5, 4.75], [2.5, 2.75]],
        "last_of_all": [[4.25, 4.75], [2.25, 2.75]],
        "levels_of_all": [[4.25, 4.5, 4.75], [2.25, 2.5, 2.75]],
    }
    with pytest.raises(UserError, match="no vectors of song 'nobody'"):
        read_levels(tmp_path / "new" / "levels", ["nobody"])


def test_an_encoder_without_levels_is_refused(root: Path) -> None:
    params = _params()
    networks = {**params.networks, "other": replace(params.networks["long"], encoder=ENCODER)}
    with pytest.raises(UserError, match=r"networks.other.encoder.class_path=.*ConvolutionalEncoder"):
        cross_validation.run(_paths(root, "refused"), replace(params, networks=networks))


def test_seeds_without_networks_are_refused() -> None:
    params = _params()
    with pytest.raises(ValueError, match=r"transfer.seeds=\[3\]: wanted some of folds.seeds=\[0\]"):
        replace(params, transfer=replace(params.transfer, seeds=[0, 3]))


def test_windows_too_short_for_a_network_are_refused(root: Path) -> None:
    params = _params()
    networks = {**params.networks, "long": _network((3, 3))}
    with pytest.raises(UserError, match="windows of 6 frames: wanted 9 at least"):
        cross_validation.run(_paths(root, "refused"), replace(params, networks=networks))


@pytest.mark.slow
def test_the_stages(root: Path) -> None:
    params = _params()
    summary = cross_validation.run(_paths(root, "cross_validation"), params)
    output = root / "data" / "multi_level_2017"
    systems = json.loads((output / "cross_validation" / "metrics.json").read_text())["splits"]["song"][
        "systems"
    ]
    assert {"local_short", "last_of_long", "levels_of_all", "linear_bow", "tag_frequency"} <= systems.keys()
    assert len(summary["checks"]) == 3
    assert len(json.loads((output / "cross_validation" / "claims.json").read_text())) == 4
    found = genres.run(_paths(root, "genres"), params)
    assert 0 <= found["levels_of_all_by_song_auc"] <= 1
    assert "learned for tags" in (output / "genres" / "report.html").read_text()
