"""What deliveries bring is text on every page: it adds no element, no attribute and no script."""

from __future__ import annotations

import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import artist_2017.page
import hyper_image.composing_page
import hyper_image.judged
import hyper_image.page
import lee_2018_dcue.page
import oord_2013.look_page
import sample_level_cnn.domains_page
import sample_level_cnn.tags_page
from auto_tagging.page import draw_tag_page
from auto_tagging.table import TagTable
from comparison.claims import Claim
from comparison.page import draw_page as draw_comparison
from comparison.systems import CANDIDATE
from earshot.code import code_files
from earshot.deliveries.arrivals import Arrival
from earshot.lanes import onboard
from earshot.pages import drift, hyper_images, index, papers, report, served_lists, songs, validation, warm_up
from earshot.pages.foot import draw_foot
from earshot.pages.model_card import draw_card
from earshot.pages.render import STATIC, TEMPLATES
from earshot.releases.model_card import Figure as ShownFigure
from earshot.releases.model_card import ModelCard
from earshot.validation.expectations import Check, CheckResult, Observed
from earshot.validation.merging import Totals
from earshot.validation.report import write_report
from sample_level_cnn.gates import Gates
from sample_level_cnn.learning import StagedEpoch
from sample_level_cnn.params import SampleNetwork

PLAIN = "A title"
HOSTILE = [
    "</script><script>alert(1)</script>",
    "</style></title></textarea><img src=x onerror=alert(1)>",
    '"><b onmouseover="alert(1)">\' onfocus=\'alert(1)',
    "{{ 7 * 7 }}{% include 'x' %}{# note #}",
    "<!--",
    "&lt &amp \u2028 ]]> \\u003c \\",  # without ";", which parts genres
]
METRICS = ("map_at_500", "auc", "auc_centred")
PNG = hyper_images.png(Figure((0.1, 0.1)))
PRECISIONS = ("precision_at_1", "precision_at_3", "macro_f1")


def values(*metrics: str) -> dict[str, Any]:
    return {
        **dict.fromkeys(metrics, 0.7),
        **{f"{name}_ci95_artists": [0.6, 0.8] for name in metrics},
        "n_artists": 30,
        "beats": True,
    }


def protocol() -> dict[str, Any]:
    counts = ("candidates", "candidates_of_known_artists", "n_artists", "n_users", "median_positives")
    more = ("users_without_warm_play", "users_without_candidate", "users_not_drawn")
    return dict.fromkeys((*counts, *more, "cold_songs_without_listeners"), 40) | {"k": 500}


def titled_songs(title: str) -> pd.DataFrame:
    """Three songs of which everything is called `title`."""
    every = {"title": title, "artist": title, "genres": title, "genre": title, "label": title}
    ids = [f"{number}{title}" for number in range(3)]
    return pd.DataFrame({"song_id": ids, **every, "cold": False, "held_out": True, "tags": title})


def evaluation(title: str, folder: Path) -> str:
    some = titled_songs(title)
    clip = folder / "clip.mp3"
    clip.write_bytes(b"sound")
    first, second, _ = songs.describe_songs(some).values()
    systems = dict.fromkeys(("random", "candidate", "upper_bound", title), values(*METRICS))
    return report.draw_page(
        report.Report(
            metrics={"protocol": protocol(), "systems": systems},
            differences={f"candidate_minus_{title}": values(*METRICS)},
            kinds={"known_artists": None},
            recipe=None,
            lists=served(title),
            curves=pd.DataFrame({"epoch": [0, 1], "training_loss": [2, 1.0], "validation_loss": [2, 1.0]}),
            songs=some,
            positions=np.zeros((3, 2)),
            examples=[songs.Example(first, PNG, [(second, 0.5)])],
            sheet=PNG,
            sounds={first.song_id: clip},
            counted={title: 3},
        )
    )


def served(title: str) -> dict[str, Any]:
    """More genres than are shown at once, all called `title`."""
    measured = values(*(f"{metric}_at_{k}" for metric in served_lists.METRICS for k in served_lists.DEPTHS))
    part = measured | {"name": title, "size": 3, "listeners": 9}
    counts = ("listeners", "songs", "new_songs", "listable_songs", "held_out_plays", "plays_of_new_songs")
    shares = {"held_out_share": 0.1, "new_songs_of_listable": 0.5, "listeners_by_date": 4, "n_artists": 30}
    return {
        "question": dict.fromkeys(counts, 9) | shares,
        "found": dict.fromkeys(served_lists.KINDS, part),
        "by_popularity": [part],
        "by_activity": [part],
        "by_genre": [part] * (served_lists.MOST_GENRES + 1),
        "makeup": {str(k): dict.fromkeys(served_lists.MAKE_UP, 0.5) for k in served_lists.DEPTHS},
    }


def drifted(title: str, folder: Path) -> str:
    line = {"measure": drift.LOUDNESS, "observed": 1.0, "low": 0.0, "high": 2.0, "far": False}
    delivery = {"delivery": title, "songs": 3, "new_songs": 3, "drifted": True}
    foot = draw_foot("data/drift", {"data/drift": title}, ["release", "run"], model=title)
    return drift.draw_page(pd.DataFrame([line | delivery]), dict.fromkeys(drift.HUBS, 0.5), foot)


def validated(title: str, folder: Path) -> str:
    check = Check("name", title, title, "user", title, title, sets_aside=True)
    write_report(folder, Totals(3, 0, 0, 1, 2, 3), [CheckResult(check, Observed(3, 1, (title,), title))])
    return validation.draw_page(json.loads((folder / "validation.json").read_text()))


def indexed(title: str, folder: Path) -> str:
    """Files have earshot's own names."""
    there = index.PageLine("drift.html", title, title)
    return index.draw_page(
        [there, index.PageLine("warm_up.html", title, title, ["data/warm_up/warm_up.json"])]
    )


def arrived(title: str, folder: Path) -> str:
    (folder / "data").mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        arrivals = [Arrival(f"first {title}", 1.7e9, 1.7e9 + 30), Arrival(title, 1.8e9, 1.8e9 + 30)]
        patch.setattr(onboard, "read_arrivals", lambda root: arrivals)
        return onboard.write_page(folder).read_text(encoding="utf-8")


def table_of(title: str) -> Any:
    systems = {title: values(*METRICS), CANDIDATE: values(*METRICS)}
    metrics = {
        "systems": systems,
        "over_seeds": {title: {"auc": [0.6, 0.7]}},
        "permutations": {"auc": [0.4, 0.5]},
        "split": {"by": title, "folds": 5, "held_out": [0]},
        "seeds": [0, 1],
        "protocol": {title: protocol()},
        "k": 500,
    }
    kinds = {title: {"candidates": 3, "n_users": 3, "systems": systems}, "cold_artists": None}
    differences = {f"{CANDIDATE}_minus_{title}": values(*METRICS)}
    return SimpleNamespace(metrics=metrics, differences=differences, kinds=kinds | {"cold": kinds[title]})


def comparison(title: str, folder: Path) -> str:
    claims = [Claim(title, title, title, "holds")]
    return draw_comparison(table_of(title), claims, {title: title}, CANDIDATE, "van den Oord et al. 2013")


def asked(title: str, *metrics: str) -> dict[str, Any]:
    systems = {title: values(*metrics), CANDIDATE: values(*metrics)}
    return {"systems": systems, "differences": {f"{CANDIDATE}_minus_{title}": values(*metrics)}}


def content_user(title: str, folder: Path) -> str:
    point = {"network": title, "negatives": "exact", "windows": 3, "plays": 4, "cpu_seconds": 1.5}
    curve = pd.DataFrame([{**point, "auc": 0.5, "map": 0.1}, {**point, "auc": 0.6, "map": 0.2}])
    return lee_2018_dcue.page.draw_page(
        table_of(title), [], asked(title, *METRICS), {"empty": title}, curve, CANDIDATE
    )


def artist_labels(title: str, folder: Path) -> str:
    found = {
        "artists": asked(title, *METRICS),
        "tags": asked(title, "auc", "pr_auc"),
        "genres": {"empty": title},
    }
    sizes = {"artists": [0, 9], "songs": [0, 2], "learned": [0, 18], "factors_auc": [0.5, 0.6]}
    return artist_2017.page.draw_page(table_of(title), [], found, pd.DataFrame(sizes), CANDIDATE)


def closer_look(title: str, folder: Path) -> str:
    some = titled_songs(title)
    ids = some["song_id"]
    tables = {
        "tags": pd.DataFrame({"tag": [title], "n_songs": [3], "factors": [0.7], "predicted": [np.nan]}),
        "artists": pd.DataFrame({"factor": [0, 0], "end": ["high", "low"], "artist": [title, title]}),
        "neighbours": pd.DataFrame({"song_id": ids[:1], "by": "sound", "neighbour": ids[1]}),
        "map": pd.DataFrame({"song_id": ids, "x": 3.0, "y": 97.0}),
    }
    return oord_2013.look_page.draw_page(some, tables)


def genres(title: str, folder: Path) -> str:
    some = titled_songs(title)
    systems = {"majority": values(*PRECISIONS), title: values(*PRECISIONS)}
    fold = {"systems": systems, "snippets": 9, "artists": 3}
    metrics = {
        "splits": {"artist": {"systems": systems, "folds": {title: fold}}},
        "songs": {"artist": {"songs": 3, "systems": systems, "minus_logistic_mfcc": systems}},
        "protocol": {
            "by": ["artist"],
            "held_out": [0],
            "folds": 3,
            "snippets": 9,
            "snippet_seconds": 3.0,
            "songs": 3,
            "artists": 3,
            "songs_left_out": {title: 1},
            "songs_by_genre": {title: 3},
        },
    }
    near = pd.DataFrame({"song_id": some["song_id"], "neighbour": some["song_id"][::-1], "cosine": 0.5})
    params: Any = SimpleNamespace(
        candidate=title,
        labels=SimpleNamespace(word="genre"),
        networks={title: SimpleNamespace(init_args={"architecture": title})},
    )
    return hyper_image.page.draw_page(metrics, some, np.eye(3, dtype=np.float32), near, params)


def composed(title: str, folder: Path) -> str:
    found = dict.fromkeys(hyper_image.judged.NAMED, 0.5) | {"both_ci95": [0.4, 0.6], "own": None, "pieces": 3}
    ways = dict.fromkeys(hyper_image.composing_page.HEARD, found)
    shown = [hyper_image.composing_page.ShownPiece(way, title, True, b"mp3", PNG) for way in ways]
    metrics = {"labels": [title], "left_out": {title: "why"}, "chance": 0.5, "ways": ways}
    return hyper_image.composing_page.draw_page(
        metrics, [Claim(title, title, title, "holds")], shown, "genre"
    )


def claimed(title: str, folder: Path) -> str:
    claims = [{"claim": title, "paper": title, "here": title, "verdict": "holds"}]
    return papers.draw_page(
        [
            papers.PaperPart(
                "paper", title, "fresh", claims, ["data/paper/stage/report.html"], {"stage": title}
            )
        ]
    )


def tags(title: str, folder: Path) -> str:
    systems = {"linear_bow": values("auc", "pr_auc"), title: values("auc", "pr_auc")}
    fold = {"songs": 9, "artists": 3, "tags_not_on_both_sides": [title]}
    way = {
        "systems": systems,
        "folds": {"0": fold},
        "over_seeds": {title: {"auc": [0.6, 0.8]}},
    }
    metrics = {
        "splits": {"artist": way},
        "candidate": title,
        "protocol": {
            "by": ["artist"],
            "column": "tags",
            "songs": 9,
            "artists": 3,
            "songs_by_tag": {title: 3},
            "left_out": {"songs without a tag": 1},
        },
    }
    lines = {"system": [title, "linear_bow"], "by": "artist", "tag": title, "auc": [0.7, np.nan]}
    differences = {"artist": {f"{title}_minus_linear_bow": values("auc", "pr_auc")}}
    table = TagTable(metrics, differences, pd.DataFrame(lines))
    return draw_tag_page(table, [Claim(title, title, title, "holds")], {title: title}, "auto-tagging")


def tags_of_samples(title: str, folder: Path) -> str:
    systems = {"linear_bow": values("auc", "pr_auc"), title: values("auc", "pr_auc")}
    protocol = {"songs": 9, "artists": 3, "songs_by_tag": {title: 3}, "left_out": {"rarer tags": 1}}
    metrics = {"splits": {"artist": {"systems": systems}}, "protocol": protocol}
    differences = {"artist": {f"{title}_minus_linear_bow": values("auc", "pr_auc")}}
    network = SampleNetwork({"block": title}, 100.0)
    settings: Any = SimpleNamespace(
        tagging=SimpleNamespace(folds=SimpleNamespace(by=["artist"])),
        segments=SimpleNamespace(sample_rate=22050),
        networks={title: network},
        **dict.fromkeys(("candidate", "pictures", "gates"), title),
    )
    numbers = np.random.default_rng(0).random((2, 4), dtype=np.float32)
    learned = sample_level_cnn.tags_page.TagsShown(
        {title: [StagedEpoch(0, 60, 0.5, 0.5, 0.7), StagedEpoch(0, 120, 0.4, 0.4, 0.8)]},
        [numbers, numbers],
        Gates([numbers], [numbers[0]]),
    )
    claims = [Claim(title, title, title, "holds")]
    table = TagTable(metrics, differences, pd.DataFrame())
    return sample_level_cnn.tags_page.draw_page(table, learned, claims, [title, "soft"], settings)


def domains(title: str, folder: Path) -> str:
    found = {"value": 0.7, "ci95": [0.6, None], "minus": {}}
    systems = {"linear_statistics": found, title: found | {"minus": {"linear_statistics": found}}}
    metrics = {
        "metric": "instance_f",
        "systems": systems,
        "clips": {"training": 3, "validation": 2, "test": 1},
        "groups": 1,
        "labels": {title: 6},
        "left_out": {title: 1},
    }
    params: Any = SimpleNamespace(threshold=0.1)
    return sample_level_cnn.domains_page.draw_page({title: metrics}, params)


def warming_up(title: str, folder: Path) -> str:
    """Nothing but numbers stands on it."""
    systems = {name: values("auc") for name in warm_up.LABELS}
    gains = {f"both_minus_{end}": values("auc", "map_at_500") for end in ("prediction", "plays")}
    more = {"songs_left_out": 1, "systems": systems, "differences": gains}
    column = {"listeners": 3, "songs": 10, **more}
    rise = values("rise") | {"new": 0.4, "started": 0.5}
    found = {
        "k": 500,
        "n0": 4.0,
        "songs": {"choosing": 5, "shown": 5},
        "multiple": 1.4,
        "mean_listeners": 2.9,
        "choice": [
            {
                "n0": 4.0,
                "multiple": 1.4,
                "auc": None,
                "rises": [{"draw": "dated", "listeners": 3, "value": -0.1}],
            }
        ],
        "draws": [
            {
                "draw": "dated",
                "columns": [column, column],
                "k": 500,
                "mixed": [{"listeners": 3, **dict.fromkeys(warm_up.KINDS, rise)}],
            }
        ],
    }
    return warm_up.draw_page(found)


def model_card(title: str, folder: Path) -> str:
    """What is in the file of a stranger."""
    numbers = ("listeners", "songs", "artists", "sounds", "set_aside", "shared_songs", "factors")
    card = ModelCard(
        **dict.fromkeys(("data", "licence"), title),
        **dict.fromkeys(numbers, 2000),
        derived_from="0" * 12,
        model="blocks+factors_mse",
        n0=60.0,
        features={"n_fft": 1024.0},
        families=["artist"],
        figures={"auc": ShownFigure(0.7, 0.6, 0.8)},
        limits=[title],
    )
    return draw_card(card)


PAGES: dict[str, Callable[[str, Path], str]] = {
    "evaluation report": evaluation,
    "drift": drifted,
    "play counts: expected and observed": validated,
    "arrivals": arrived,
    "papers": claimed,
    "van den Oord et al. 2013": comparison,
    "a closer look": closer_look,
    "Lee et al. 2018": content_user,
    "Park et al. 2018": artist_labels,
    "hyper-image genres": genres,
    "composing": composed,
    "auto-tagging": tags,
    "sample-level networks, tags": tags_of_samples,
    "sample-level networks, domains": domains,
    "as plays come": warming_up,
    "pages": indexed,
    "model card": model_card,
}


class Parsed(HTMLParser):
    """The elements with the names of their attributes, the texts and values, and what is in scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self.links: list[str] = []
        self._inside = ""
        self.feed(str(page))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(name for name, _ in attrs)))
        self.texts += [value or "" for _, value in attrs]
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action")]
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self.elements.append((f"/{tag}", ()))
        self._inside = ""

    def handle_data(self, data: str) -> None:
        (self.scripts if self._inside in ("script", "style") else self.texts).append(data)

    def handle_comment(self, data: str) -> None:
        self.elements.append(("comment", ()))


def values_of(script: str) -> str:
    """A script or style as it stands; of JSON, rows of values, each as text."""
    rows = json.loads(script) if script.startswith("[[") else [[script]]
    return "\n".join(str(value) for row in rows for value in row)


@pytest.mark.parametrize("name", PAGES)
def test_a_title_is_text_whatever_it_holds(name: str, tmp_path: Path) -> None:
    draw = PAGES[name]
    plain = Parsed(draw(PLAIN, tmp_path))
    assert f"earshot · {name}" in plain.texts
    for title in HOSTILE:
        page = Parsed(draw(title, tmp_path))
        assert page.elements == plain.elements
        assert [text.replace(title, PLAIN) for text in page.texts] == plain.texts
        assert [values_of(script).replace(title, PLAIN) for script in page.scripts] == [
            values_of(script) for script in plain.scripts
        ]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_one_file_that_loads_nothing(name: str, tmp_path: Path) -> None:
    page = Parsed(PAGES[name](PLAIN, tmp_path))
    there = ("drift.html", "paper/stage/report.html")
    assert all(link.startswith(("data:", "#")) or link in there for link in page.links)
    assert not any(tag in ("link", "iframe", "object", "embed", "base") for tag, _ in page.elements)
    assert not any(word in script for script in page.scripts for word in ("url(", "@import", "fetch("))


def test_templates_count_as_code_of_the_modules_that_draw_with_them() -> None:
    assert {"drift.html", "base.html", "page.css", "table.html"} <= code_files(["earshot.pages.drift"]).keys()
    assert "drift.html" not in code_files(["earshot.pages.warm_up"])
    of_paper = code_files(["hyper_image.page"])
    assert {"page.html", "cloud.html", "cloud.js", "cloud.css", "base.html"} <= of_paper.keys()
    assert of_paper["page.html"].parent.name == "hyper_image"


def test_every_template_is_drawn_with() -> None:
    modules = ("advice", "foot", "index", "report", "warm_up", "drift", "papers", "validation", "model_card")
    used = code_files(["earshot.lanes.onboard", *(f"earshot.pages.{name}" for name in modules)]).values()
    assert {file for folder in (TEMPLATES, STATIC) for file in folder.iterdir()} <= set(used)
