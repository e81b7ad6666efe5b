"""The stage on a made-up workspace whose encoder hears every trait."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from earshot.classes import Component
from earshot.errors import UserError
from earshot.files import write_json
from earshot.pages.results import metric_axis, metric_cell
from earshot.params import Split
from earshot.stages import evaluation_report, fold_models
from tests.stages.evaluated_workspace import paths_of, write_workspace
from tests.training.heard import cnn_params

CHROMIUM = shutil.which("chromium")
OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]
SYSTEMS = ["random", "shuffled_content", "linear_bow", "candidate", "upper_bound"]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    root = tmp_path_factory.mktemp("workspace")
    params = write_workspace(root)
    few = replace(params, evaluation_report=replace(params.evaluation_report, bootstraps=100))
    paths = paths_of(root, "evaluation_report")
    summary = evaluation_report.run(paths, few)
    return root, few, paths.output, summary


@pytest.fixture(scope="module")
def metrics(workspace):
    return json.loads((workspace[2] / "metrics.json").read_text())


@pytest.fixture(scope="module")
def page(workspace):
    return (workspace[2] / "report.html").read_text(encoding="utf-8")


def test_systems_with_intervals_around_their_values(metrics):
    assert list(metrics["systems"]) == SYSTEMS
    for system in metrics["systems"].values():
        for metric in ("map_at_500", "auc", "auc_centred"):
            low, high = system[f"{metric}_ci95_artists"]
            assert low < system[metric] < high
    assert metrics["systems"]["random"]["auc"] < 0.55 < 0.65 < metrics["systems"]["candidate"]["auc"]


def test_differences_and_protocol(workspace, metrics):
    differences = json.loads((workspace[2] / "differences.json").read_text())
    assert len(differences) == 5 * 4 / 2
    found = differences["candidate_minus_random"]
    values = metrics["systems"]
    assert found["auc"] == pytest.approx(values["candidate"]["auc"] - values["random"]["auc"], abs=2e-6)
    assert found["beats"]
    assert not differences["shuffled_content_minus_random"]["beats"]
    kinds = json.loads((workspace[2] / "known_and_cold_artists.json").read_text())
    assert (kinds["known_artists"]["systems"], kinds["cold_artists"]) == (metrics["systems"], None)
    protocol = metrics["protocol"]
    assert protocol["candidates"] == protocol["candidates_of_known_artists"] == 30
    assert (protocol["k"], protocol["bootstraps"]) == (500, 100)
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
        assert [plots.loc[name, "auc_low"], plots.loc[name, "auc_high"]] == system["auc_ci95_artists"]
        assert songs[songs["system"] == name]["n_listeners"].sum() == mine["n_positives"].sum()
    assert users["user_id"].str.startswith("user-").all()


def test_summary_carries_checks(workspace):
    summary = workspace[3]
    assert [check["passed"] for check in summary["checks"]][:2] == [True, True]
    assert summary["users"] > 0
    json.dumps(summary, allow_nan=False)


def test_the_page_loads_nothing_and_escapes_everything(page):
    assert not re.search(r"""(?:src|href)=["'](?!data:)""", page)
    assert "url(" not in page
    assert "@import" not in page
    assert "Title &amp; &lt;b&gt;4&lt;/b&gt;" in page
    assert "<b>4</b>" not in page


def test_headline_and_rows_say_one_thing_with_the_same_digits(workspace, page):
    differences = json.loads((workspace[2] / "differences.json").read_text())
    beaten, _, others = page.split("</header>")[0].partition("It does not beat ")
    for name in ("random", "shuffled_content", "linear_bow"):
        found = differences[f"candidate_minus_{name}"]
        digits = f"{found['auc']:+.3f}".replace("-", "\N{MINUS SIGN}")
        assert f"{name} (AUC {digits})" in (beaten if found["beats"] else others)
        assert f"candidate {'beats' if found['beats'] else 'does not beat'} {name}" in page
        assert f'<span class="value">{digits}</span>' in page


def test_words_stand_instead_of_an_interval_of_few_artists():
    found = {"auc": 0.6, "auc_ci95_artists": [None, None], "n_artists": 8}
    cell = metric_cell(found, "auc", "AUC", metric_axis([found], "auc"), signs=False)
    assert "8 artists: too few to say" in cell


def test_the_page_shows_what_was_found(page, metrics):
    for name in SYSTEMS:
        assert name in page
    assert f"{metrics['systems']['candidate']['auc']:.3f}" in page
    assert page.count('<circle class="g') + page.count('<circle class="other') == 120
    assert page.count("<audio ") == 8
    assert page.count("data:image/png") == 6 + 1
    assert "<summary>song-0000, step by step</summary>" in page
    assert "Files that do not decode" in page


def test_same_inputs_give_the_same_bytes(workspace, tmp_path):
    root, params, output, summary = workspace
    again = replace(paths_of(root, "again"), output=tmp_path)
    assert evaluation_report.run(again, params) == summary
    for file in sorted(output.iterdir()):
        assert (tmp_path / file.name).read_bytes() == file.read_bytes(), file.name


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


def test_the_recipe_is_shown_over_all_folds_with_the_digits_of_its_table(workspace, tmp_path, metrics):
    root, params, _, _ = workspace
    shutil.copytree(root / "data", tmp_path / "data")
    (tmp_path / "data" / "fold_models" / "summary.json").unlink()
    (tmp_path / "data" / "fold_models").rmdir()
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
    page = (paths.output / "report.html").read_text(encoding="utf-8")
    headline = re.search(r"<p>([0-9]+ listeners.*?)</p>", page, re.DOTALL)[1]
    assert "That is over models of 2 folds, 30 artists in all." in headline
    assert f"random (AUC {against['auc']:+.3f})" in headline.replace("\N{MINUS SIGN}", "-")
    assert "The recipe, over all folds" in page


@pytest.fixture
def browser(workspace, tmp_path):
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for option in (*OPTIONS, f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        driver.get((workspace[2] / "report.html").as_uri())
        yield driver
    finally:
        driver.quit()


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_the_page_in_a_browser(browser):
    look = browser.execute_script
    assert (
        look("return performance.getEntriesByType('resource').filter(e => !e.name.startsWith('data:'))") == []
    )

    first, second = browser.find_elements("css selector", "button.play")[:2]
    first.click()
    assert first.get_attribute("aria-pressed") == "true"
    assert look("return [...sounds.values()].filter(audio => !audio.paused).length") == 1
    second.click()
    assert [button.get_attribute("aria-pressed") for button in (first, second)] == ["false", "true"]
    second.click()
    assert look("return [...sounds.values()].every(audio => audio.paused)")

    browser.find_element("css selector", ".genres .g0").click()
    assert look("return document.querySelectorAll('.sky .g0.dim').length") == 0
    assert look("return document.querySelectorAll('.sky .dim').length") > 0

    for width in (1400, 390):
        browser.set_window_size(width, 900)
        assert look("return document.documentElement.scrollWidth <= innerWidth")
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
