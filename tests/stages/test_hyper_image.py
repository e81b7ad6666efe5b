"""The genre reproduction on a made-up catalogue: genres can be heard, and so can artists."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from earshot.classes import Component
from earshot.errors import UserError
from earshot.files import parse_yaml
from earshot.params import check_params
from earshot.store.reader import write_store
from earshot.store.rows import FAMILIES, ImageFormat, Row
from earshot.store.shards import write_shard
from hyper_image import cross_validation, moods
from hyper_image.cloud import three_components
from hyper_image.measures import Answers, answer, at_least_chance, describe, measure, replicates
from hyper_image.neighbours import describe_neighbours
from hyper_image.params import HyperImageParams
from hyper_image.snippets import KEPT_TOGETHER, make_fold, on_both_sides, read_catalogue
from hyper_image.song_level import MfccSums
from tests.stages.evaluated_workspace import paths_of
from tests.stages.test_pages import CHROMIUM, OPTIONS

N_ARTISTS, SONGS_EACH, FRAMES = 30, 3, 45
WINDOW = 10
GENRES = ["Dub", "folk", "house & <b>"]
MOODS = ["cheerful", "Dark", "dreamy"]
OWN = Path(__file__).parents[2] / "reproductions" / "hyper_image" / "params.yaml"


def _params(**training: object) -> HyperImageParams:
    params = check_params(parse_yaml(OWN.read_text()), str(OWN), HyperImageParams)
    settings = {
        "window_seconds": 0.5,
        "batch_size": 16,
        "max_epochs": 12,
        "learning_rate": 0.1,
        "weight_decay": 0.0,
        "ema_decay": 0.9,
        **training,
    }
    small = {
        name: replace(encoder, init_args={"architecture": "IC(2,5,6)LPF(12)F(5)O"})
        for name, encoder in params.networks.items()
    }
    return replace(
        params,
        folds=replace(params.folds, folds=4, held_out=[0], validation_share=0.2),
        training=replace(params.training, **settings),
        networks=small,
        bootstraps=100,
    )


def _write(root: Path) -> None:
    """30 artists of one genre each, three songs each; more songs that take no part."""
    draw = np.random.default_rng(5)
    n_songs = N_ARTISTS * SONGS_EACH + 3
    artist = np.minimum(np.arange(n_songs) // SONGS_EACH, N_ARTISTS)
    songs = pd.DataFrame({"song_id": [f"song-{n:03}" for n in range(n_songs)], "title": "", "artist": None})
    songs["artist_id"] = [f"artist-{n:02}" if n < N_ARTISTS else None for n in artist]
    songs["genres"] = [GENRES[n % 3] for n in artist[:-3]] + ["dub;folk", None, "rare"]
    songs["tags"] = [f"fast;{MOODS[n % 3]}" for n in artist[:-3]] + ["Dark;cheerful", "fast", None]
    level = 128 + 40 * np.eye(3)[artist % 3][:, [0, 1, 2, 0]]  # of a genre
    level = level + draw.normal(0, 25, (N_ARTISTS + 1, 4))[artist]  # of an artist
    rows = tuple(Row(f"{family}_{n}", family, 0.0, 1.0) for family in FAMILIES for n in range(4))
    noise = draw.normal(0, 12, (n_songs, FRAMES, len(rows)))
    images = np.clip(np.tile(level, len(FAMILIES))[:, None] + noise, 0, 255).astype(np.uint8)
    folder = root / "data" / "hyper_images"
    (folder / "shards").mkdir(parents=True)
    write_shard(folder / "shards" / "all.npy", list(images), len(rows))
    index = songs[["song_id"]].assign(shard="all", first_frame=FRAMES * np.arange(n_songs), n_frames=FRAMES)
    write_store(folder, ImageFormat("a-key", 10240, 512, rows), index)
    (root / "data" / "raw_audio").mkdir()
    songs.iloc[::-1].to_parquet(root / "data" / "raw_audio" / "songs.parquet")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    root = tmp_path_factory.mktemp("workspace")
    _write(root)
    paths = paths_of(root, "hyper_image")
    return root, paths, cross_validation.run(paths, _params())


def _catalogue(root: Path):
    data = root / "data"
    return read_catalogue(data / "raw_audio", data / "hyper_images", 0.5, 20, _params().labels)


def test_snippets_lie_side_by_side_in_their_songs(workspace) -> None:
    catalogue = _catalogue(workspace[0])
    assert catalogue.labels == ["dub", "folk", "house & <b>"]
    assert catalogue.left_out == {"without a genre": 1, "of several genres": 1, "of a rare genre": 1}
    assert len(catalogue.snippets) == N_ARTISTS * SONGS_EACH * (FRAMES // WINDOW)
    second = catalogue.snippets.iloc[4:8]
    assert second["snippet"].tolist() == [f"song-001#{n}" for n in range(4)]
    assert second["first_frame"].tolist() == [45, 55, 65, 75]
    window = catalogue.snippet_store.windows([6], [0], WINDOW)
    assert_array_equal(window, catalogue.store.windows([1], [20], WINDOW))


@pytest.mark.parametrize("by", KEPT_TOGETHER)
def test_no_way_of_splitting_leaks(workspace, by: str) -> None:
    snippets = _catalogue(workspace[0]).snippets
    folds = replace(_params().folds, held_out=[0, 1, 2, 3])
    made = [make_fold(snippets, by, number, folds) for number in folds.held_out]
    assert_array_equal(np.sort(np.concatenate([fold.test for fold in made])), np.arange(len(snippets)))
    for fold in made:
        sides = np.concatenate([fold.training, fold.validation, fold.test])
        assert_array_equal(np.sort(sides), np.arange(len(snippets)))
        leaked = [on_both_sides(snippets, fold, column) for column in ("song_id", "artist_id")]
        expected = {"snippet": [True, True], "song": [False, True], "artist": [False, False]}
        assert [count > 0 for count in leaked] == expected[by]


def test_precision_and_f1_by_hand() -> None:
    scores = np.array([[3.0, 2, 1, 0], [3, 2, 1, 0], [0, 0, 1, 0], [-np.inf, 5, 2, 1]])
    answers = answer(scores, np.array([0, 3, 1, 0]), np.array([0, 0, 1, 2]))
    assert answers.ranks.tolist() == [1, 4, 4, 4]  # a tie counts against, and so does what nobody taught
    assert answers.guesses.tolist() == [0, 0, 2, 1]
    found = measure(answers, 4, np.array([[1, 2], [1, 0], [1, 0]]))
    assert_allclose(found["precision_at_1"], [1 / 4, 2 / 4])
    assert_allclose(found["precision_at_3"], [1 / 4, 2 / 4])
    # genre 0: 2 * 1 of 2 there and 2 guessed; genres 1, 2 and 3: none right
    assert_allclose(found["macro_f1"], [(2 / 4 + 0 + 0 + 0) / 4, (2 * 2 / (2 + 4) + 0) / 2])


def test_the_most_frequent_genre_is_no_worse_than_chance() -> None:
    """Of four balanced genres the one most frequent on one side is the rarest on the other."""
    values = {"precision_at_1": [0.083, 0.4], "precision_at_3": [0.8, 0.6], "macro_f1": [0.04, np.nan]}
    floored = at_least_chance({metric: np.array(each) for metric, each in values.items()}, 4)
    assert_allclose(floored["precision_at_1"], [1 / 4, 0.4])
    assert_allclose(floored["precision_at_3"], [0.8, 3 / 4])
    assert_allclose(floored["macro_f1"], [1 / 4, np.nan])


def test_an_interval_is_over_artists() -> None:
    always = Answers(np.repeat([0, 1], 500), np.zeros(1000, int), np.repeat([1, 2], 500), np.zeros(1000, int))
    told = describe(measure(always, 2, replicates(2, 1000, seed=0)))
    assert told["precision_at_1"] == 0.5
    assert told["precision_at_1_ci95_artists"] == [0, 1]  # as many snippets as you like, two artists
    assert told["precision_at_3_ci95_artists"] == [1, 1]


def test_genres_are_told_and_random_snippets_flatter(workspace) -> None:
    _, paths, summary = workspace
    metrics = json.loads((paths.output / "metrics.json").read_text())
    for name in ("hyper_image", "late_fusion"):
        by = {split: found["systems"][name]["precision_at_1"] for split, found in metrics["splits"].items()}
        majority = metrics["splits"]["artist"]["systems"]["majority"]["precision_at_1"]
        assert by["artist"] > majority + 0.15
        assert by["snippet"] >= by["artist"]
        flattery = metrics["snippet_minus_artist"][name]["precision_at_1"]
        assert flattery == pytest.approx(by["snippet"] - by["artist"], abs=2e-6)
    assert {check["name"]: check["passed"] for check in summary["checks"]}["nothing_on_both_sides"]
    assert metrics["splits"]["artist"]["systems"]["majority"]["precision_at_3"] == 1  # there are three
    assert summary["songs_of_several_genres"] == 1


def test_songs_are_told_beside_a_plain_yardstick(workspace) -> None:
    _, paths, summary = workspace
    metrics = json.loads((paths.output / "metrics.json").read_text())
    for by, found in metrics["songs"].items():
        systems = {name: values["precision_at_1"] for name, values in found["systems"].items()}
        assert list(systems) == ["logistic_mfcc", "hyper_image", "late_fusion"]
        assert systems["logistic_mfcc"] > 0.5  # three genres of equal size
        difference = found["minus_logistic_mfcc"]["hyper_image"]["precision_at_1"]
        assert difference == pytest.approx(systems["hyper_image"] - systems["logistic_mfcc"], abs=2e-6)
        assert summary[f"logistic_mfcc_of_songs_by_{by}_precision_at_1"] == systems["logistic_mfcc"]
    per_snippet = pd.read_parquet(paths.output / "per_snippet.parquet").query("system == 'majority'")
    asked = per_snippet.groupby("by")["song_id"].nunique()
    assert {by: found["songs"] for by, found in metrics["songs"].items()} == asked.to_dict()


def test_one_way_of_splitting_alone_gives_the_same_figures(workspace, tmp_path: Path) -> None:
    _, paths, _ = workspace
    whole = json.loads((paths.output / "metrics.json").read_text())
    params = _params()
    for by in ("song", "snippet"):
        output = tmp_path / by
        output.mkdir()
        alone = replace(params, folds=replace(params.folds, by=[by]))
        cross_validation.run(replace(paths, output=output), alone)
        metrics = json.loads((output / "metrics.json").read_text())
        assert metrics["splits"] == {by: whole["splits"][by]}
        assert metrics["songs"] == {by: whole["songs"][by]}
        assert "Split at random" not in (output / "report.html").read_text()


def test_means_and_deviations_by_hand() -> None:
    """Excerpts of 2 and of 1 frames are one song, with values 1, 3 and 5; another one is left out."""
    sums = MfccSums(np.array([2.0, 7, 1]), np.array([[4.0], [70], [5]]), np.array([[10.0], [700], [25]]))
    assert_allclose(sums.statistics(np.array([0, -1, 0])), [[3, np.sqrt(8 / 3)]])


def test_tables_hold_the_means(workspace) -> None:
    output = workspace[1].output
    metrics = json.loads((output / "metrics.json").read_text())
    table = pd.read_parquet(output / "per_snippet.parquet")
    for (by, system), lines in table.groupby(["by", "system"]):
        found = metrics["splits"][by]
        least = 1 / table["genre"].nunique() if system == "majority" else 0.0  # no worse than chance
        assert found["systems"][system]["precision_at_1"] == pytest.approx(
            max(least, (lines["rank"] <= 1).mean()), abs=1e-6
        )
        for fold, some in lines.groupby("fold"):
            told = found["folds"][str(fold)]
            assert len(some) == told["snippets"]
            value = told["systems"][system]["precision_at_1"]
            assert (some["guess"] == some["genre"]).mean() == pytest.approx(value, abs=1e-6)


def test_every_song_has_an_embedding_and_neighbours(workspace) -> None:
    output = workspace[1].output
    embedding, songs = np.load(output / "embedding.npy"), pd.read_parquet(output / "songs.parquet")
    assert embedding.shape == (len(songs), 5) == (N_ARTISTS * SONGS_EACH + 3, 5)
    assert songs["held_out"].any()
    assert not songs["held_out"].all()
    near = pd.read_parquet(output / "neighbours.parquet")
    assert (near["song_id"] != near["neighbour"]).all()
    lengths = np.linalg.norm(embedding, axis=1, keepdims=True)
    units = embedding / np.where(lengths > 0, lengths, 1)  # behind a ReLU all may be 0
    cosines = units[7] @ units.T
    cosines[7] = -1
    mine = near[near["song_id"] == songs["song_id"][7]]
    assert mine["neighbour"].iloc[0] == songs["song_id"][cosines.argmax()]
    assert_allclose(mine["cosine"], np.sort(cosines)[:-6:-1], atol=1e-6)


def test_three_components_of_a_line_and_of_a_ball() -> None:
    line = np.outer([0.0, 1, 2, 5], [3, 4])
    assert_allclose(three_components(line)[:, 0], [-1, -0.6, -0.2, 1])
    assert_allclose(three_components(line)[:, 1:], 0, atol=1e-7)
    ball = three_components(np.random.default_rng(0).normal(size=(50, 9)))
    assert np.linalg.norm(ball, axis=1).max() == pytest.approx(1)
    assert_allclose(ball.min(axis=0), -ball.max(axis=0))
    assert_allclose(np.cov(ball.T), np.diag(ball.var(axis=0, ddof=1)), atol=1e-9)


def test_an_interrupted_run_goes_on_to_the_same_bytes(workspace, tmp_path: Path) -> None:
    _, paths, summary = workspace
    work = tmp_path / "kept"
    shutil.copytree(paths.work, work)
    shutil.rmtree(work / "hyper_image" / "artist-fold0")
    (tmp_path / "output").mkdir()
    again = replace(paths, work=work, output=tmp_path / "output")
    assert cross_validation.run(again, _params()) == summary
    files = sorted(file for file in paths.output.rglob("*") if file.is_file())
    assert len(files) > 5
    for file in files:
        same = again.output / file.relative_to(paths.output)
        assert same.read_bytes() == file.read_bytes(), file.name


def test_what_cannot_work_is_said_before_any_training(workspace, tmp_path: Path) -> None:
    paths = replace(workspace[1], work=tmp_path)
    params = _params()
    bad = Component("earshot.encoders.notation:NotationEncoder", {"architecture": "IC(5,15)O"})
    with pytest.raises(UserError, match=r"'C\(5,15\)' at position 1"):
        cross_validation.run(paths, replace(params, networks={**params.networks, "bad": bad}))
    with pytest.raises(UserError, match=r"least_songs=31: 0 genres .* the most: dub 30"):
        cross_validation.run(paths, replace(params, least_songs=31))
    of_one = replace(params.labels, column="tags", among=["dark", "fast"])
    with pytest.raises(UserError, match=r"least_songs=20: 1 genres .* column 'tags' .* the most: fast 61"):
        cross_validation.run(paths, replace(params, labels=of_one))
    with pytest.raises(UserError, match=r"labels.column='mode': songs.parquet has no such column"):
        cross_validation.run(paths, replace(params, labels=replace(params.labels, column="mode")))
    with pytest.raises(UserError, match="split by snippet, fold 0 has none of 360 to hold out"):
        cross_validation.run(paths, replace(params, folds=replace(params.folds, folds=10**9)))
    assert list(tmp_path.iterdir()) == []


def test_moods_are_told_out_of_tags(workspace, tmp_path: Path) -> None:
    """The same songs under other names: what is said of them is the same."""
    _, paths, _ = workspace
    (tmp_path / "output").mkdir()
    params = _params()
    folds = replace(params.folds, by=["song"])
    params = replace(params, moods=replace(params.moods, folds=folds))
    of_moods = replace(paths, work=tmp_path / "work", output=tmp_path / "output")
    summary = moods.run(of_moods, params)
    assert summary["songs_of_several_moods"] == 1
    assert summary["songs_without_a_mood"] == 2
    metrics = json.loads((tmp_path / "output" / "metrics.json").read_text())
    assert metrics["protocol"]["songs_by_mood"] == {"cheerful": 30, "dark": 30, "dreamy": 30}
    genres = json.loads((paths.output / "metrics.json").read_text())["splits"]["song"]["systems"]
    assert metrics["splits"]["song"]["systems"] == {
        name: genres[name] for name in ("majority", "hyper_image")
    }
    told = pd.read_parquet(tmp_path / "output" / "per_snippet.parquet")
    assert set(told["mood"]) == {"cheerful", "dark", "dreamy"}
    claims = json.loads((tmp_path / "output" / "claims.json").read_text())
    assert [claim["claim"].count("mood") for claim in claims] == [1, 1]
    assert "The mood of a song" in (tmp_path / "output" / "report.html").read_text()


def test_neighbours_by_hand() -> None:
    """Of other artists, and labelled: b and d of a (one alike), a and c of b (one alike)."""
    songs = pd.DataFrame({"song_id": list("abcde"), "artist_id": list("xyzxy")})
    songs["label"], songs["held_out"] = ["dub", "dub", "folk", "folk", ""], [True, True, False, False, True]
    near = pd.DataFrame({"song_id": list("aaabbb"), "neighbour": list("bdcaec")})
    found = describe_neighbours(songs, near, bootstraps=200, seed=0)
    assert found["songs"] == 2
    assert found["share"] == pytest.approx((1 / 2 + 1 / 2) / 2)  # of a: b and c, as d is by the same artist
    assert found["by_chance"] == pytest.approx((1 / 2 + 1 / 3) / 2, abs=1e-6)  # of b, c; of a, c, d
    assert found["difference"] == pytest.approx(1 / 12, abs=1e-6)
    assert found["difference_ci95_artists"] == pytest.approx([0, 1 / 6], abs=1e-6)
    alone = describe_neighbours(songs, near[near["neighbour"] == "d"], bootstraps=200, seed=0)
    assert alone["songs"] == 0


def test_claims_are_of_the_strictest_split(workspace) -> None:
    claims = json.loads((workspace[1].output / "claims.json").read_text())
    metrics = json.loads((workspace[1].output / "metrics.json").read_text())
    value = metrics["splits"]["artist"]["systems"]["hyper_image"]["precision_at_1"]
    assert f"precision@1 {value:.3f}" in claims[0]["here"]
    low, high = metrics["minus_majority"]["artist"]["hyper_image"]["precision_at_1_ci95_artists"]
    assert f"({low:+.3f} to {high:+.3f})" in claims[0]["here"]
    assert claims[0]["verdict"] == ("holds" if low > 0 else "cannot be told")
    assert len(claims) == 3


def test_the_page_loads_nothing_and_escapes_everything(workspace) -> None:
    page = (workspace[1].output / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"""(?:src|href)=["'][^#]""", page)
    assert "house &amp; &lt;b&gt;" in page
    assert "house & <b>" not in page


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_the_cloud_turns_in_a_browser(workspace, tmp_path: Path) -> None:
    from selenium import webdriver
    from selenium.webdriver import ActionChains

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for option in (*OPTIONS, f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        driver.get((workspace[1].output / "report.html").as_uri())
        look, picture = driver.execute_script, "return document.querySelector('canvas').toDataURL()"
        assert look("return performance.getEntriesByType('resource')") == []
        assert look("return drawn.length") == N_ARTISTS * SONGS_EACH + 3
        canvas = driver.find_element("css selector", "canvas")
        before = look(picture)
        ActionChains(driver).drag_and_drop_by_offset(canvas, 90, 40).perform()
        look("draw()")
        assert look(picture) != before
        for width in (1400, 390):
            driver.set_window_size(width, 900)
            assert look("return document.documentElement.scrollWidth <= innerWidth")
        assert [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"] == []
    finally:
        driver.quit()
