"""Numbers of the factorization: found on held-out songs, or given, or the usual ones."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from earshot.catalogue.play_counts import read_play_counts, write_play_counts
from earshot.factors.numbers import WMF, read_numbers
from earshot.files import read_json
from earshot.params import Params, Split, WmfFactors, WmfSettings
from earshot.stages import wmf_search
from earshot.stages.paths import Paths
from tests.stages.evaluated_workspace import paths_of, write_workspace

AUTO = WmfSettings("auto", "auto", "auto", "auto", 5)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Params]:
    root = tmp_path_factory.mktemp("workspace")
    return root, replace(write_workspace(root), wmf_factors=AUTO)


def run(root: Path, params: Params, name: str) -> tuple[Paths, dict]:
    paths = paths_of(root, name)
    return paths, wmf_search.run(paths, params)


def written(paths: Paths) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in paths.output.iterdir()}


@pytest.fixture(scope="module")
def found(workspace: tuple[Path, Params]) -> tuple[Paths, dict]:
    return run(*workspace, "found")


def test_what_is_chosen_is_the_best_line_of_the_table(found: tuple[Paths, dict]) -> None:
    paths, summary = found
    table = pd.read_csv(paths.output / "search.csv")
    chosen = table[table["chosen"]]
    assert len(chosen) == 1
    assert len(table) == summary["tried"] > 4
    assert (chosen["map"] + chosen["auc"]).item() >= (table["map"] + table["auc"]).max() - 0.002
    assert read_json(paths.output / WMF) == {
        **chosen[["factors", "alpha", "epsilon", "regularization"]].iloc[0].to_dict(),
        "iterations": 5,
    }
    assert "of 89 warm songs with audio, held out" in summary["how"]


def test_plays_of_cold_songs_tell_nothing(
    workspace: tuple[Path, Params], found: tuple[Paths, dict], tmp_path: Path
) -> None:
    root, params = workspace
    shutil.copytree(root / "data" / "training_set", tmp_path / "data" / "training_set")
    training_set = tmp_path / "data" / "training_set"
    plays, songs = read_play_counts(training_set), pd.read_parquet(training_set / "songs.parquet")
    cold = np.isin(plays.song_ids, songs.loc[songs["cold"], "song_id"])
    entries = plays.matrix.tocoo()
    user, item = entries.coords
    count = np.where(cold[item], 999, entries.data)
    table = pd.DataFrame({"user": user, "item": item, "play_count": count})
    write_play_counts(training_set, plays.user_ids, plays.song_ids, table)
    again, _ = run(tmp_path, params, "again")
    assert written(again) == written(found[0])


def test_an_interrupted_search_goes_on_to_the_same_bytes(
    workspace: tuple[Path, Params], found: tuple[Paths, dict], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = (found[0].work / "tried.jsonl").read_text().splitlines(keepends=True)
    paths = paths_of(workspace[0], "interrupted")
    (paths.work / "tried.jsonl").write_text("".join(whole[:3]) + whole[3][:20])
    scored = []
    score = wmf_search.score
    monkeypatch.setattr(wmf_search, "score", lambda *arguments: scored.append(1) or score(*arguments))
    wmf_search.run(paths, workspace[1])
    assert len(scored) == len(whole) - 3
    assert written(paths) == written(found[0])


def test_of_many_songs_those_not_drawn_still_tell_where_listeners_are(
    workspace: tuple[Path, Params], monkeypatch: pytest.MonkeyPatch
) -> None:
    training_set = workspace[0] / "data" / "training_set"
    monkeypatch.setattr(wmf_search, "MAX_SONGS", 30)
    monkeypatch.setattr(wmf_search, "MAX_OTHER_ITEMS", 12)
    monkeypatch.setattr(wmf_search, "MAX_LISTENERS", 50)
    plays, drawn = wmf_search.warm_sample(training_set)
    everything, songs = read_play_counts(training_set), pd.read_parquet(training_set / "songs.parquet")
    assert (len(drawn), len(plays.user_ids), len(plays.song_ids)) == (30, 50, 42)
    cold = set(songs.loc[songs["cold"], "song_id"])
    assert not cold & set(plays.song_ids)
    dense = (everything.matrix.toarray() > 0)[np.isin(everything.user_ids, plays.user_ids)]
    heard = dict(zip(everything.song_ids, dense.sum(axis=0), strict=True))
    others = set(plays.song_ids) - set(drawn["song_id"])
    left = set(everything.song_ids) - cold - set(plays.song_ids)
    assert min(heard[song] for song in others) >= max(heard[song] for song in left)


def test_songs_of_an_artist_are_held_out_together_where_the_split_is_by_artist(
    workspace: tuple[Path, Params],
) -> None:
    root, params = workspace
    plays, songs = wmf_search.warm_sample(root / "data" / "training_set")
    artists = songs.set_index("song_id")["artist_id"]
    for by, shared in (("artist", False), ("song", True)):
        for trial in wmf_search._trials(paths_of(root, by), plays, songs, Split(by=by, folds=4, fold=0)):  # type: ignore[arg-type]
            held_out = set(artists[trial.cold_start.song_ids])
            others = set(artists[~artists.index.isin(trial.cold_start.song_ids)])
            assert bool(held_out & others) == shared
    assert params.training_set.split.by == "song"


def test_given_numbers_stand_and_nothing_is_read(workspace: tuple[Path, Params], tmp_path: Path) -> None:
    given = WmfSettings(7, 3.0, 0.5, 11.0, 4)
    paths, summary = run(tmp_path, replace(workspace[1], wmf_factors=given), "given")  # no training set there
    assert read_numbers(paths.output) == WmfFactors(7, 3.0, 0.5, 11.0, 4)
    assert (summary["how"], summary["tried"]) == ("as params.yaml says", 0)
    (inside,) = summary["checks"]  # an asset check that Dagster waits for, whatever was tried
    assert (inside["passed"], inside["observed"]) == (True, "nothing was tried")


@pytest.mark.parametrize("few", ["songs", "listeners"])
def test_a_catalogue_too_small_gets_the_usual_numbers(
    few: str, workspace: tuple[Path, Params], tmp_path: Path
) -> None:
    root, params = workspace
    shutil.copytree(root / "data" / "training_set", tmp_path / "data" / "training_set")
    training_set = tmp_path / "data" / "training_set"
    if few == "songs":
        songs = pd.read_parquet(training_set / "songs.parquet")
        songs.head(8).to_parquet(training_set / "songs.parquet")
    else:
        ids = np.array(["song-0001"], dtype=object)
        plays = pd.DataFrame({"user": [0], "item": [0], "play_count": [3]})
        write_play_counts(training_set, np.array(["one"], dtype=object), ids, plays)
    params = replace(params, wmf_factors=replace(AUTO, factors=9))
    paths, summary = run(tmp_path, params, few)
    assert read_numbers(paths.output) == WmfFactors(9, 2.0, 1e-6, 100.0, 5)
    assert "the default numbers stand" in summary["how"]
    assert pd.read_csv(paths.output / "search.csv").empty
