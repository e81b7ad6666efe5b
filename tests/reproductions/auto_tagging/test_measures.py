"""Macro AUC and PR-AUC, their replicates and permutations, against values by hand, sklearn, slow loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from auto_tagging.measures import (
    METRICS,
    TagResult,
    compare,
    describe,
    difference,
    permuted,
    pool,
    tag_metrics,
)


def test_two_tags_by_hand() -> None:
    #                  drums guitar
    labels = np.array([[1, 0], [0, 1], [1, 0], [0, 1]], dtype=bool)
    scores = np.array([[0.9, 0.5], [0.8, 0.5], [0.7, 0.5], [0.1, 0.5]])
    found = tag_metrics(scores, labels, ["a", "b", "c", "d"])
    # drums: of the pairs (song with, song without) 3 of 4 in order; precision 1/1 and 2/3 at its songs
    assert found.per_tag["auc"].tolist() == [3 / 4, 1 / 2]
    assert found.per_tag["pr_auc"] == pytest.approx([(1 + 2 / 3) / 2, 1 / 2])
    assert found.value("auc") == 5 / 8
    # without b, whose song stands between those with drums, drums are told without a mistake
    assert found.replicates["auc"].means[1] == (1 + 1 / 2) / 2


def test_a_tag_that_all_have_or_none_is_not_judged() -> None:
    labels = np.array([[1, 0, 1], [1, 0, 0]], dtype=bool)
    scores = np.array([[0.1, np.nan, 0.8], [0.2, np.nan, 0.3]])
    found = tag_metrics(scores, labels, ["a", "b"])
    assert np.isnan(found.per_tag["auc"]).tolist() == [True, True, False]
    assert found.value("auc") == 1
    assert describe(found)["n_tags"] == 1
    assert describe(found)["auc_ci95_artists"] == [None, None]  # two artists are too few
    nothing = tag_metrics(scores, labels, ["a", "b"], judged=[True, True, False])
    assert describe(nothing)["auc"] is None
    with pytest.raises(ValueError, match="NaN"):
        tag_metrics(np.full((2, 3), np.nan), labels, ["a", "b"])
    with pytest.raises(ValueError, match="wanted"):
        tag_metrics(scores, labels, ["a"])


@st.composite
def _asked(draw: st.DrawFn) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.str_]]:
    n_songs, n_tags = draw(st.integers(2, 12)), draw(st.integers(1, 3))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, draw(st.integers(1, 9)), (n_songs, n_tags)) / 3  # some tie
    return scores, rng.random((n_songs, n_tags)) < 0.4, rng.choice(list("abcde"), n_songs)


@given(_asked())
@settings(max_examples=30)
def test_values_and_every_replicate_as_sklearn_has_them(
    asked: tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.str_]],
) -> None:
    scores, labels, artists = asked
    found = tag_metrics(scores, labels, artists)
    judged = labels.any(axis=0) & ~labels.all(axis=0)
    for metric, function in zip(METRICS, (roc_auc_score, average_precision_score), strict=True):
        expected = [function(labels[:, t], scores[:, t]) if judged[t] else np.nan for t in range(len(judged))]
        np.testing.assert_allclose(found.per_tag[metric], expected, atol=1e-12)
        for artist, mean in zip(found.artist_ids, found.replicates[metric].means, strict=True):
            left = artists != artist
            without = [
                function(labels[left, t], scores[left, t])
                for t in np.flatnonzero(judged)
                # a tag that no song is left with has no PR-AUC; one that all have: no AUC, and a PR-AUC of 1
                if labels[left, t].any() and not (metric == "auc" and labels[left, t].all())
            ]
            np.testing.assert_allclose(mean, np.mean(without) if without else np.nan, atol=1e-6)


def test_sklearn_is_as_a_plain_loop() -> None:
    rng = np.random.default_rng(0)
    scores, labels = rng.integers(0, 6, (40, 2)).astype(float), rng.random((40, 2)) < 0.3
    found = tag_metrics(scores, labels, rng.integers(0, 9, 40))
    for tag in range(2):
        with_it = scores[labels[:, tag], tag]
        without = scores[~labels[:, tag], tag]
        wins = [(s > o) + (s == o) / 2 for s in with_it for o in without]
        precisions = [(with_it >= s).sum() / (scores[:, tag] >= s).sum() for s in with_it]
        assert found.per_tag["auc"][tag] == pytest.approx(np.mean(wins), abs=1e-12)
        assert found.per_tag["pr_auc"][tag] == pytest.approx(np.mean(precisions), abs=1e-12)


def test_pooled_folds_are_paired_and_leave_an_artist_out_of_all() -> None:
    rng = np.random.default_rng(1)
    artists = np.array(["other"] * 5 + [f"{n % 40:02d}" for n in range(195)])
    songs = [np.arange(200), np.arange(5, 200)]  # one artist is in the first fold alone
    labels = [rng.random((len(own), 3)) < 0.3 for own in songs]
    noise = [rng.normal(size=has.shape) for has in labels]

    def told(weight: float, kept: NDArray[np.bool_]) -> TagResult:
        return pool(
            [
                tag_metrics((weight * has + each)[kept[own]], has[kept[own]], artists[own][kept[own]])
                for own, has, each in zip(songs, labels, noise, strict=True)
            ]
        )

    good, poor = (told(weight, artists != "") for weight in (1.0, 0.2))
    assert good.value("auc") == pytest.approx(np.mean(good.per_tag["auc"]))
    assert len(good.artist_ids) == 41
    for artist in ("07", "other"):
        mean = good.replicates["auc"].means[good.artist_ids.tolist().index(artist)]
        assert mean == pytest.approx(told(1.0, artists != artist).value("auc"), abs=1e-6)
    assert compare(good, poor)["beats"]
    assert not compare(poor, good)["beats"]
    assert difference(good, poor, "auc").low > 0
    alone = good.interval("auc")
    assert alone.low < alone.value < alone.high


def test_permutations_are_chance() -> None:
    rng = np.random.default_rng(2)
    labels = rng.random((400, 4)) < 0.25
    dealt = permuted(labels + 0.0, labels, rng.integers(0, 50, 400), seed=0)
    assert dealt.value("auc") == pytest.approx(0.5, abs=0.01)
    assert dealt.value("pr_auc") == pytest.approx(labels.mean(), abs=0.01)
    least, most = describe(dealt)["auc_permutations"]
    assert least < dealt.value("auc") < most
    assert np.isnan(dealt.interval("auc").low)
