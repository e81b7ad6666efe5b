"""The stage on a made-up workspace whose encoder hears every trait."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from earshot.catalogue.play_counts import read_play_counts
from earshot.files import write_json
from earshot.params import NewSongs
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


def test_what_rules_cost_and_bring_beside_none(found):
    rows = {(row["new_share"], row["max_per_artist"]): row for row in found["rules"]}
    assert list(rows) == [
        (None, None),
        (0.05, None),
        (0.1, None),
        (0.2, None),
        (None, 1),
        (None, 2),
        (None, 3),
    ]
    none = rows[None, None]
    assert [row["configured"] for row in found["rules"]] == [True] + [False] * 6
    for kind in ("all", "known", "new"):
        assert none[f"recall_at_20_{kind}"] == found["found"][kind]["recall_at_20"]
        assert none[f"recall_at_20_{kind}_difference"] == {"value": 0, "ci95_artists": [0, 0]}
        for row in found["rules"]:
            difference = row[f"recall_at_20_{kind}_difference"]
            assert difference["value"] == pytest.approx(
                row[f"recall_at_20_{kind}"] - none[f"recall_at_20_{kind}"], abs=2e-6
            )
            low, high = difference["ci95_artists"]
            assert low <= difference["value"] <= high
    assert none["makeup"]["20"]["new_songs"] == found["makeup"]["20"]["new_songs"]
    assert rows[0.2, None]["makeup"]["10"]["new_songs"] >= 0.2
    assert rows[None, 1]["makeup"]["20"]["diversity"] > none["makeup"]["20"]["diversity"]


def test_what_is_judged_are_lists_by_the_rules_of_params(workspace, tmp_path):
    root, params, output, _ = workspace
    paths = replace(paths_of(root, "by rules"), output=tmp_path)
    ruled = replace(params.recommendations, new_songs=NewSongs(0.5), max_per_artist=1)
    summary = served_quality.run(paths, replace(params, recommendations=ruled))
    assert summary["new_songs_at_10"] >= 0.5
    held_out = read_held_out(root / "data" / "training_set", params.served_quality)
    lists = np.load(tmp_path / "lists.npy")
    for listed in lists:
        artists = held_out.artist_ids[listed[listed >= 0]].tolist()
        assert len(artists) == len(set(artists))
    rows = json.loads((tmp_path / "served_quality.json").read_text())["rules"]
    assert [row["configured"] for row in rows] == [False] * 7 + [True]
    assert rows[-1]["recall_at_20_all"] == summary["recall_at_20_all"]
    before = json.loads((output / "served_quality.json").read_text())["rules"]
    assert rows[0] == {**before[0], "configured": False}


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


def test_who_is_asked_by_date_and_which_artists_a_part_has(workspace, tmp_path):
    """Every play has a date but one of the first listener's; songs n to n + 3 are of one artist."""
    training_set = tmp_path / "training_set"
    shutil.copytree(workspace[0] / "data" / "training_set", training_set)
    plays = pd.read_parquet(training_set / "plays.parquet")
    cold = pd.read_parquet(training_set / "songs.parquet")["cold"].to_numpy()
    dates = 1_000_000_000 + np.arange(len(plays))
    dates[np.flatnonzero((plays["user"] == 0) & ~cold[plays["item"]])[0]] = -1
    seconds = pd.Series(dates).astype("Int64").mask(dates < 0)
    plays.assign(first_played_at=seconds, last_played_at=seconds).to_parquet(training_set / "plays.parquet")
    held_out = read_held_out(training_set, workspace[1].served_quality)
    assert held_out.by_date.tolist() == [False] + [True] * (len(held_out.asked) - 1)
    assert not read_held_out(
        workspace[0] / "data" / "training_set", workspace[1].served_quality
    ).by_date.any()
    first_eight = np.arange(120) < 8
    assert held_out.about(first_eight).n_artists == 2
    assert held_out.about(first_eight, np.array([], dtype=np.int64)).n_artists == 0


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
