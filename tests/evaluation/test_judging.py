"""Songs of known artists and of cold ones, judged together and apart."""

from __future__ import annotations

from math import log2

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from earshot.evaluation import tables
from earshot.evaluation.judging import judge
from earshot.evaluation.protocol import ColdStart, System
from earshot.pages.results import draw_kinds

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


def judged(known, k=500):
    falling = System(np.ones((3, 1)), np.array([[5.0], [4.0], [3.0], [2.0], [1.0]]))
    return judge({"falling": falling}, question(known), k=k)


def test_both_kinds_apart():
    kinds = judged([True, True, True, False, False]).kinds
    assert (kinds["known_artists"]["candidates"], kinds["known_artists"]["n_users"]) == (3, 3)
    # the second listener has no cold song left
    assert (kinds["cold_artists"]["candidates"], kinds["cold_artists"]["n_users"]) == (2, 2)
    known, cold = (kinds[kind]["systems"]["falling"] for kind in ("known_artists", "cold_artists"))
    assert known["auc"] == (2 / 2 + 1 / 2 + 0 / 2) / 3
    assert round(known["map_at_500"], 6) == round((1 / 1 + 1 / 2 + 1 / 3) / 3, 6)
    assert cold["auc"] == (1 / 1 + 0 / 1) / 2
    assert cold["map_at_500"] == (1 / 1 + 1 / 2) / 2


def test_one_kind_alone_is_the_whole():
    found = judged([False] * 5)
    assert found.kinds["known_artists"] is None
    assert found.kinds["cold_artists"]["systems"] == found.metrics["systems"]


def test_the_report_shows_the_kinds_apart_where_there_are_both():
    both, one = judged([True, True, True, False, False]).kinds, judged([True] * 5).kinds
    headings = {"map_at_500": "mAP@500", "auc": "AUC"}
    assert "3 songs of known artists, 3 listeners" in draw_kinds(both, headings)
    assert "2 songs of cold artists, 2 listeners" in draw_kinds(both, headings)
    assert draw_kinds(one, headings) == ""


def test_every_metric_stands_in_every_table():
    found = judged([True] * 5, k=3)
    values = found.metrics["systems"]["falling"]
    # a tenth of five songs is one, the first: the first listener has played it, and one more
    assert values["recall_at_tenth"] == round((1 / 2 + 0 / 1 + 0 / 2) / 3, 6)
    best_of_two = 1 + 1 / log2(3)
    assert values["ndcg_at_3"] == round((1 / best_of_two + 1 / log2(3) + (1 / log2(4)) / best_of_two) / 3, 6)
    per_user = tables.per_user(found.results, question([True] * 5), pd.Series(["ann", "bob", "eve"]))
    assert per_user.columns.tolist() == [
        *("system", "user_id", "n_positives"),
        *("average_precision", "auc", "auc_centred", "recall", "ndcg"),
    ]
    assert per_user["recall"].tolist() == [1 / 2, 0 / 1, 0 / 2]
    assert per_user["average_precision"].tolist() == pytest.approx([(1 / 1) / 2, 1 / 2, (1 / 3) / 2])
    metrics = ("map_at_3", "auc", "auc_centred", "recall_at_tenth", "ndcg_at_3")
    named = {name for metric in metrics for name in (metric, f"{metric}_ci95_artists")}
    assert set(values) == {*named, "n_artists"}
    drawn = tables.systems_table(found.metrics, 3)
    assert {"ndcg_at_3", "ndcg_at_3_low", "ndcg_at_3_high"} <= set(drawn.columns)
