"""The pages, drawn from what the stages measured on a made-up workspace."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace

import pandas as pd
import pytest

from earshot.cli.results import show_results
from earshot.files import write_json
from earshot.pages import hyper_images, song_sheet
from earshot.pages.render import number
from earshot.pages.report import DESCRIPTIONS
from earshot.pages.results import metric_axis, metric_cell
from earshot.pages.served_lists import draw_lists
from earshot.stages import evaluation_report, pages, provenance, served_quality, warm_up
from tests.chromium import CHROMIUM, findings
from tests.chromium import OPTIONS as HEADLESS
from tests.stages import delivered
from tests.stages.evaluated_workspace import paths_of, write_workspace

OPTIONS = [*HEADLESS, "--autoplay-policy=no-user-gesture-required"]
FILES = ["evaluation.html", "warm_up.html", "drift.html", "validation.html"]
LINE = {"measure": "loudness", "observed": -31.0, "low": -20.0, "high": -10.0, "drifted": True, "far": True}
METRICS, KINDS = ("recall", "ndcg", "hit_rate"), ("all", "known", "new")
PARTS = ("by_popularity", "by_activity", "by_genre")
DIFFERENCE = {"value": -0.01, "ci95_artists": [-0.02, 0.01]}
CHECK = {"name": "plays", "table": "totals", "column": "plays", "expectation": "", "arguments": {}}


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A workspace in which all is measured that the pages show, and its parameters."""
    root = tmp_path_factory.mktemp("workspace")
    params = write_workspace(root)
    params = replace(
        params,
        warm_up=replace(params.warm_up, listeners=[1, 3, 40], n0_multiples=[0.1, 1.0, 4.0], bootstraps=100),
    )
    stages = {"evaluation_report": evaluation_report, "warm_up": warm_up, "served_quality": served_quality}
    for name, stage in stages.items():
        paths = paths_of(root, name)
        write_json(paths.output / "summary.json", stage.run(paths, params))
        paths.output.rename(root / "data" / name)
    for name in ("drift", "play_counts"):
        (root / "data" / name).mkdir()
    line = {"delivery": "quiet", "songs": 3, "new_songs": 3, **LINE}
    pd.DataFrame([line]).to_parquet(root / "data" / "drift" / "drift.parquet")
    write_json(root / "data" / "drift" / "summary.json", {"hubs": {}})  # as where nothing is released
    totals = dict.fromkeys(("rows", "invalid_rows", "unknown_rows", "listeners", "songs", "plays"), 3)
    check = CHECK | {"expected": "at least 10", "observed": "12", "verdict": "holds"}
    report = {"success": True, "totals": totals, "checks": [check]}
    write_json(root / "data" / "play_counts" / "validation.json", report)
    return root, params


@pytest.fixture(scope="module")
def workspace(measured):
    """The same with its pages: root, parameters, their folder, their summary."""
    root, params = measured
    paths = delivered.paths_of(root, "pages")
    return root, params, paths.output, pages.run(paths, params)


@pytest.fixture(scope="module")
def page(workspace):
    return (workspace[2] / "evaluation.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def metrics(workspace):
    return json.loads((workspace[0] / "data" / "evaluation_report" / "metrics.json").read_text())


def test_the_index_leads_to_every_page(workspace):
    assert workspace[3] == {"pages": FILES, "notices": []}
    index = (workspace[2] / "index.html").read_text(encoding="utf-8")
    assert re.findall('href="([^"]*)"', index) == FILES
    assert "Not drawn" not in index


def test_a_page_without_its_numbers_is_not_drawn_and_the_index_says_so(measured, workspace, tmp_path):
    """As of a workspace whose last evaluation was made before pages were drawn apart."""
    shutil.copytree(measured[0] / "data", tmp_path / "data", ignore=shutil.ignore_patterns("pages"))
    (tmp_path / "data" / "evaluation_report" / "neighbours.json").unlink()
    paths = delivered.paths_of(tmp_path, "pages")
    summary = pages.run(paths, measured[1])
    gone = "data/evaluation_report/neighbours.json not there"
    assert summary == {"pages": FILES[1:], "notices": [f"evaluation.html not drawn: {gone}"]}
    index = (paths.output / "index.html").read_text(encoding="utf-8")
    assert f"<b>Not drawn</b>: {gone};\n<code>dvc repro evaluation_report</code> makes it." in index
    assert re.findall('href="([^"]*)"', index) == FILES[1:]
    for name in FILES[1:]:
        assert (paths.output / name).read_bytes() == (workspace[2] / name).read_bytes()


def test_new_looks_draw_no_picture_again_and_the_same_bytes_otherwise(workspace, tmp_path, monkeypatch):
    root, params, output, summary = workspace
    shutil.copytree(root / "data", tmp_path / "data")
    monkeypatch.setattr(song_sheet, "song_sheet", None)
    monkeypatch.setattr(hyper_images, "hyper_image_png", None)
    paths = delivered.paths_of(tmp_path, "pages")
    assert pages.run(paths, params) == summary
    assert delivered.contents(paths.output) == delivered.contents(output)


def test_drift_and_validation_and_warm_up_show_what_was_found(workspace):
    root, _, output, _ = workspace
    drift, validation, warm = (
        (output / f"{name}.html").read_text(encoding="utf-8") for name in ("drift", "validation", "warm_up")
    )
    assert "−31.0 dB" in drift
    assert "far beyond chance" in drift
    assert 'id="hubs"' not in drift
    assert "The one check holds." in validation
    summary = json.loads((root / "data" / "warm_up" / "summary.json").read_text())
    assert f"{summary['both_auc_3_listeners']:.3f}" in warm
    # by each of three draws three systems; how songs rise, and by how little at each n0, by draw
    assert warm.count("<polygon") == 3 * 3 + 3 + 3


def test_the_evaluation_loads_nothing_and_escapes_everything(page):
    assert not re.search(r"""(?:src|srcset|href)=["'](?!data:|#)""", page)
    assert "url(" not in page
    assert "@import" not in page
    assert "Title &amp; &lt;b&gt;4&lt;/b&gt;" in page
    assert "<b>4</b>" not in page


def test_headline_and_rows_say_one_thing_with_the_same_digits(workspace, page):
    differences = json.loads((workspace[0] / "data" / "evaluation_report" / "differences.json").read_text())
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
    # of the embedded catalogue alone, and of encoders that hear more than sound
    for name in set(DESCRIPTIONS) - {"perfect_ear", "sound_only"}:
        assert name in page
    assert f"{metrics['systems']['candidate']['auc']:.3f}" in page
    assert page.count('<circle class="g') + page.count('<circle class="other') == 120
    assert page.count("<audio ") == 8
    assert page.count("data:image/png") == 2 * (6 + 1), "for light and for dark screens"
    assert "<summary>song-0000, step by step</summary>" in page
    assert "Files that do not decode" in page


def test_lists_are_shown_as_they_were_measured(workspace, page):
    """Every figure, of all, known and new songs in this order, with its interval; 30 of 120 songs are new."""
    found = json.loads((workspace[0] / "data" / "served_quality" / "served_quality.json").read_text())
    headline, section = page.partition("</header>")[0], page.split('<section id="lists">')[1]
    section, rules = section.split("</section>")[0].split("<h3>Rules of the list</h3>")
    shown = re.findall('<span class="value">([^<]*)</span><span class="ends">([^<]*)</span>', section)
    places = [(f"{metric}_at_{k}", kind) for metric in METRICS for kind in KINDS for k in (10, 20, 100)]
    values = [(found["found"][kind], name) for name, kind in places]
    values += [(part, "recall_at_20") for parts in PARTS for part in found[parts]]
    assert shown == [(f"{of[name]:.3f}", in_words(of, f"{name}_ci95_artists")) for of, name in values]
    assert all(f"{found['found'][kind]['recall_at_20']:.3f}" in headline for kind in KINDS)
    # 30 of the 120 songs less those that a listener is known to have played, some 14 of the 90 others
    share = found["question"]["new_songs_of_listable"]
    assert 30 / 110 < share < 30 / 100
    assert section.count(f"{100 * share:.1f} %") == 2
    assert f'<span class="value">{100 * found["makeup"]["10"]["new_songs"]:.1f} %</span>' in section
    assert "drawn by a hash" in section
    for rule in found["rules"]:
        assert f'<span class="value">{rule["recall_at_20_all"]:.3f}</span>' in rules
    assert "data/served_quality</code></dt>" in page


def test_the_terminal_says_how_good_lists_are(workspace, capsys):
    root = workspace[0]
    found = json.loads((root / "data" / "served_quality" / "served_quality.json").read_text())
    every, known, new = (f"{found['found'][kind]['recall_at_20']:.3f}" for kind in KINDS)
    show_results(root)
    shown = capsys.readouterr().out
    assert re.findall(r"│ (\w+) \* ", shown) == ["candidate"]
    assert ".5 is random order" in " ".join(shown.split())
    line = f"recall@20 {every} (known {known}, new {new}); new songs are "
    assert f"    lists  {line}{100 * found['makeup']['10']['new_songs']:.1f} %" in shown


def in_words(values, interval):
    low, high = values[interval]
    return (
        f"{values['n_artists']} artists: too few to say"
        if low is None
        else f"{number(low)} to {number(high)}"
    )


def test_rules_of_the_list_are_named_with_what_they_cost(workspace):
    """Of no rule there is no difference; the rule that params.yaml has stands out."""
    found = json.loads((workspace[0] / "data" / "served_quality" / "served_quality.json").read_text())
    rows = []
    for share, most in ((None, None), (0.05, None), (None, 1), (0.125, 2)):
        recall = {f"recall_at_20_{kind}": 0.25 for kind in KINDS}
        less = {f"recall_at_20_{kind}_difference": DIFFERENCE for kind in KINDS}
        rule = {"new_share": share, "max_per_artist": most, "configured": most == 1}
        rows.append(rule | recall | less | {"makeup": {"10": {"new_songs": 0.5}}})
    section = draw_lists(found | {"rules": rows})
    names = ["No rule", "At least 5 % new songs", "At most 1 song of an artist"]
    names.append("At least 12.5 % new songs and at most 2 songs of an artist")
    assert re.findall('<th scope="row">([^<]*)(?=<)', section)[-4:] == names
    assert section.count(">−0.010 (−0.020 to +0.010)<") == 3 * 3
    assert re.findall('class="candidate">\n<th scope="row">([^<]*)', section) == names[2:3]


def test_lists_that_nobody_could_be_asked_about(workspace, tmp_path):
    root, params, _, _ = workspace
    shutil.copytree(root / "data", tmp_path / "data")
    file = tmp_path / "data" / "served_quality" / "served_quality.json"
    question = json.loads(file.read_text())["question"]
    write_json(file, {"question": question | {"listeners": 0, "listable_songs": None}})
    paths = delivered.paths_of(tmp_path, "pages")
    assert pages.run(paths, params)["pages"] == FILES
    page = (paths.output / "evaluation.html").read_text(encoding="utf-8")
    assert "there is nothing to judge" in page
    assert "recall@20" not in page


def test_the_recipe_is_shown_over_all_folds_with_the_digits_of_its_table(workspace, tmp_path, metrics):
    root, params, _, _ = workspace
    shutil.copytree(root / "data", tmp_path / "data")
    measured = tmp_path / "data" / "evaluation_report"
    differences = json.loads((measured / "differences.json").read_text())
    random = {
        "candidate_minus_random": differences["candidate_minus_random"] | {"auc": 0.1234, "n_artists": 60}
    }
    recipe = {"folds": [0, 1], "candidates": 60, "n_users": 150, "systems": metrics["systems"]}
    write_json(measured / "over_folds.json", recipe | {"differences": random})
    paths = delivered.paths_of(tmp_path, "pages")
    pages.run(paths, params)
    page = (paths.output / "evaluation.html").read_text(encoding="utf-8")
    headline = re.search(r"<p>([0-9]+ listeners.*?)</p>", page, re.DOTALL)[1]
    assert "That is over models of 2 folds, 60 artists in all." in headline
    assert "It beats random (AUC +0.123)." in headline
    assert "The recipe, over all folds" in page


@pytest.fixture
def browser(workspace, page, tmp_path):
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for option in (*OPTIONS, f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    told = {"data/evaluation_report": {md5_of(page): {"made": "today", "params": "</script>"}}}
    beside = workspace[0] / "data" / "provenance.js"
    beside.write_text(f"const provenance = {json.dumps(told)};\n")
    provenance.write_advice(workspace[0], "<h2>What else to tell</h2>")
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        driver.get((workspace[2] / "evaluation.html").as_uri())
        yield driver
    finally:
        driver.quit()
        beside.unlink()
        (workspace[0] / provenance.ADVICE).unlink()


def md5_of(page):
    """Of what the page tells of, as its foot names it."""
    return re.search(
        '<footer class="foot" data-output="data/evaluation_report" data-md5="([0-9a-f]+.dir)"', page
    )[1]


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_the_page_in_a_browser(browser, workspace):
    look = browser.execute_script
    assert (
        look("return performance.getEntriesByType('resource').filter(e => !e.name.startsWith('data:'))") == []
    )
    assert foot(browser) == {"made": "today", "commit": "unknown", "release": "unknown", "run": "unknown"} | {
        "params": "</script>"
    }

    assert browser.find_element("css selector", "#advice h2").text == "What else to tell"

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
        assert findings(browser) == []
    browser.get((workspace[2] / "warm_up.html").as_uri())
    assert set(foot(browser).values()) == {"unknown"}, "nothing is known of these numbers"
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


def foot(browser):
    facts = browser.find_elements("css selector", "footer [data-fact]")
    return {fact.get_attribute("data-fact"): fact.text for fact in facts}
