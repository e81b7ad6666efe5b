"""The stage on a made-up workspace whose encoder hears every trait."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from earshot.catalogue.play_counts import read_play_counts
from earshot.files import write_json
from earshot.stages import served_quality
from earshot.stages.held_out import LENGTH, read_held_out
from tests.stages.delivered import contents
from tests.stages.evaluated_workspace import paths_of, write_workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    root = tmp_path_factory.mktemp("workspace")
    params = write_workspace(root)
    (root / "data" / "warm_up").mkdir()
    write_json(root / "data" / "warm_up" / "warm_up.json", {"n0": 10.0})
    paths = paths_of(root, "served_quality")
    summary = served_quality.run(paths, params)
    return root, params, paths.output, summary


@pytest.fixture(scope="module")
def found(workspace):
    return json.loads((workspace[2] / "served_quality.json").read_text())


def test_known_and_new_songs_are_found_far_above_chance(workspace, found):
    question = found["question"]
    assert (question["songs"], question["new_songs"], question["listeners"]) == (120, 30, 79)
    plays = read_play_counts(workspace[0] / "data" / "training_set")
    # about a tenth of the plays of 90 known songs, all plays of 30 new ones
    assert question["plays_of_new_songs"] == pytest.approx(plays.matrix.nnz / 4, rel=0.1)
    assert question["held_out_plays"] == pytest.approx(0.13 * plays.matrix.nnz * 3 / 4, rel=0.25)
    for kind in ("all", "known", "new"):
        quality = found["found"][kind]
        # 20 of some 108 songs that a listener has not played: .19 by chance
        assert quality["recall_at_20"] > 0.22
        low, high = quality["recall_at_20_ci95_artists"]
        assert low < quality["recall_at_20"] < high
        assert quality["recall_at_10"] < quality["recall_at_20"] < quality["recall_at_100"]


def test_parts_and_make_up(found):
    assert [part["size"] for part in found["by_popularity"]] == [
        23,
        22,
        22,
        22,
    ]
    assert [part["size"] for part in found["by_activity"]] == [20, 20, 20, 19]
    assert {part["name"] for part in found["by_genre"]} == {"dub", "folk", "house", "deep house"}
    ten, hundred = found["makeup"]["10"], found["makeup"]["100"]
    assert 0 < ten["new_songs"] < 1
    assert ten["gini"] > hundred["gini"]
    assert hundred["coverage"] == 1


def test_what_is_held_out_and_listed(workspace):
    root, params, output, _ = workspace
    held_out = read_held_out(root / "data" / "training_set", params.served_quality)
    assert not held_out.n_listeners[held_out.new].any()
    lists = np.load(output / "lists.npy")
    assert lists.shape == (79, LENGTH)
    known = held_out.known.matrix
    for row, listener in enumerate(held_out.asked[:5]):
        played = held_out.known.song_ids[known[[listener]].indices]
        assert not set(held_out.song_ids[lists[row][lists[row] >= 0]]) & set(played)


def test_same_inputs_give_the_same_bytes(workspace, tmp_path):
    root, params, output, summary = workspace
    again = replace(paths_of(root, "again"), output=tmp_path)
    assert served_quality.run(again, params) == summary
    assert contents(tmp_path) == contents(output)


def test_nobody_to_ask_is_said(workspace, tmp_path):
    """Every listener has played one song alone."""
    root, params, _, _ = workspace
    for folder in (root / "data").iterdir():
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / "data" / folder.name).symlink_to(folder)
    alone = tmp_path / "data" / "training_set"
    alone.unlink()
    alone.mkdir()
    for file in (root / "data" / "training_set").iterdir():
        (alone / file.name).symlink_to(file)
    (alone / "plays.parquet").unlink()
    plays = pd.read_parquet(root / "data" / "training_set" / "plays.parquet")
    plays.drop_duplicates("user").to_parquet(alone / "plays.parquet")
    paths = paths_of(tmp_path, "served_quality")
    summary = served_quality.run(paths, params)
    assert summary["listeners"] == 0
    assert "no listener" in summary["notices"][0]
