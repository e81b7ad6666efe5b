"""Songs of known artists and of cold ones, judged together and apart."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from earshot.evaluation.judging import judge
from earshot.evaluation.protocol import ColdStart, System
from earshot.evaluation.report.results import draw_parts

RELEVANT = np.array(
    [  # songs 0 to 2 are of known artists, 3 and 4 of cold ones
        [1, 0, 0, 1, 0],
        [0, 1, 0, 0, 0],
        [0, 0, 1, 0, 1],
    ],
    dtype=bool,
)


def question(known):
    ids = np.array([f"s{n}" for n in range(5)], dtype=object)
    return ColdStart(ids, ids, np.array(known), np.arange(3), csr_array(RELEVANT))


def judged(known):
    falling = System(np.ones((3, 1)), np.array([[5.0], [4.0], [3.0], [2.0], [1.0]]))
    return judge({"falling": falling}, question(known), k=500, bootstraps=100, seed=0).metrics


def test_both_kinds_apart():
    system = judged([True, True, True, False, False])["systems"]["falling"]
    known, cold = system["known_artists"], system["cold_artists"]
    assert (known["candidates"], known["n_users"]) == (3, 3)
    assert known["auc"] == (2 / 2 + 1 / 2 + 0 / 2) / 3
    assert round(known["map_at_500"], 6) == round((1 / 1 + 1 / 2 + 1 / 3) / 3, 6)
    assert (cold["candidates"], cold["n_users"]) == (2, 2)  # the second listener has no cold song left
    assert cold["auc"] == (1 / 1 + 0 / 1) / 2
    assert cold["map_at_500"] == (1 / 1 + 1 / 2) / 2


def test_one_kind_alone_is_the_whole():
    system = judged([False] * 5)["systems"]["falling"]
    assert system["known_artists"] is None
    assert system["cold_artists"]["auc_ci95_artists"] == system["auc_ci95_artists"]


def test_the_report_shows_the_kinds_apart_where_there_are_both():
    both, one = judged([True, True, True, False, False])["systems"], judged([True] * 5)["systems"]
    headings = {"map_at_500": "mAP@500", "auc": "AUC"}
    assert "3 songs of known artists, 3 listeners" in draw_parts(both, headings)
    assert "2 songs of artists never heard, 2 listeners" in draw_parts(both, headings)
    assert draw_parts(one, headings) == ""
