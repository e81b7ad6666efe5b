"""The page of the models: what was decided, in whose words, and what is only claimed."""

from __future__ import annotations

import json
from dataclasses import asdict
from math import isnan
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from earshot.queries.models import read_models
from earshot.releases import Manifest
from earshot.releases.manifest import ModelName
from earshot.serve.app import make_server

HOSTILE = "<script>alert(1)</script>"
ESCAPED = "&lt;script&gt;alert(1)&lt;/script&gt;"


def manifest(name: str, number: int, auc: float, **others: object) -> Manifest:
    made = ModelName(HOSTILE, "e", "o", "wmf")
    metrics = {"candidate": {"auc": auc, "map_at_500": auc / 2}, "random": {"auc": 0.5}}
    return Manifest(name, number, None, "key", {}, {}, {}, {}, metrics, candidate=made, **others)  # type: ignore[arg-type]


def decision(name: str, released: bool, told: str, auc: float) -> dict[str, object]:
    difference = {"value": auc, "low": auc - 0.01, "high": auc + 0.01, "artists": 57}
    return {
        "candidate": name,
        "released": released,
        "reason": told,
        "rules": [
            {"name": "release", "passed": released, "told": told},
            {"name": "checks", "passed": True, "told": "all hold"},
        ],
        "differences": {"aaaaaaaaaaaa": {"auc": {**difference, "p": 5e-05}}},
        "genres": {HOSTILE: {"auc": {**difference, "low": None, "high": None}}},
        "lists": {"aaaaaaaaaaaa": {"recall_at_20": difference}},
    }


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Release 2 serves after release 1; a candidate was refused, something was imported."""
    (tmp_path / ".earshot").mkdir()
    folder = tmp_path / "releases"
    written = {
        "current.json": asdict(manifest("bbbbbbbbbbbb", 2, 0.8)),
        "aaaaaaaaaaaa.json": asdict(manifest("aaaaaaaaaaaa", 1, 0.7)),
        "candidates/cccccccccccc.json": asdict(manifest("cccccccccccc", 3, 0.6)),
        "imported/dddddddddddd.json": {
            "manifest": asdict(manifest("dddddddddddd", 9, 0.9)),
            "claim": decision("dddddddddddd", True, "claims to be fine", 0.25),
        },
        "decisions/bbbbbbbbbbbb.json": decision("bbbbbbbbbbbb", True, f"is better {HOSTILE}", 0.125),
        "decisions/cccccccccccc.json": decision("cccccccccccc", False, "is worse", -0.5),
    }
    for name, content in written.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(content))
    return tmp_path


def test_models_stand_in_order_with_what_became_of_them(root: Path) -> None:
    models = read_models(root)
    assert [(each.name[0], each.state) for each in models] == [
        ("b", "serves now"),
        ("a", "served before"),
        ("c", "refused"),
        ("d", "imported, not promoted"),
    ]
    assert [each.is_claim for each in models] == [False, False, False, True]
    served, first, refused, imported = models
    assert (served.figures["auc"].value, isnan(served.figures["auc"].low)) == (0.8, True)
    assert first.paired == {}
    assert [rule.passed for rule in refused.told.rules or ()] == [False, True]
    (difference,) = [found["auc"] for found in imported.paired["On the same songs, minus"].values()]
    assert (difference.value, difference.artists) == (0.25, 57)


def test_the_page_shows_all_of_it_and_runs_nothing_of_it(root: Path) -> None:
    client = TestClient(make_server(root).app, "http://localhost:8000")
    page = client.get("/models").text
    assert HOSTILE not in page
    assert page.count(ESCAPED) >= 4 + 1 + 3  # what models are made of, a rule, genres
    assert "<b>Released</b>: all 2 rules hold." in page
    assert "<b>Refused</b>: 1 of 2 rules does not hold." in page
    assert page.count("figures are a claim of its archive") == 1
    assert page.count("what its archive says was found elsewhere") == 1
    for shown in ("+0.125", "−0.500", "57 artists, p = 5e-05", "recall@20", "mAP@500"):
        assert shown in page
    assert "style=" not in page


def test_a_workspace_without_a_model_says_so(tmp_path: Path) -> None:
    (tmp_path / ".earshot").mkdir()
    page = TestClient(make_server(tmp_path).app, "http://localhost:8000").get("/models").text
    assert "No model was judged yet" in page
    assert "/reports/pages/evaluation.html" in page
