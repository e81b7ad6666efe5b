"""Every rule of the gate decides alone; figures are made up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array

from earshot.evaluation.cold_start import ColdStart
from earshot.evaluation.tags import large_genres
from earshot.releases.gate import STOPPING, Difference, Evidence, judge


def between(low: float | None, high: float | None, p: float | None = 0.0001, artists: int = 60) -> Difference:
    value = None if low is None or high is None else (low + high) / 2
    return {"value": value, "low": low, "high": high, "artists": artists, "p": p}


def check(name: str, passed: bool = True) -> dict[str, object]:
    return {"name": name, "passed": passed}


HELD = tuple(check(name) for name in STOPPING)
ABOVE = {"random": {"auc": between(0.1, 0.3), "map_at_500": between(-0.04, 0.17, None)}}
GOOD = Evidence(
    ABOVE,
    {"5f": {"auc": between(-0.02, 0.04, 0.3), "map_at_500": between(-0.01, 0.01, None)}},
    None,
    checks=HELD,
)
EPSILON = 0.025


def test_a_candidate_that_keeps_every_rule_is_released() -> None:
    verdict = judge(GOOD, EPSILON)
    assert verdict.released
    figures = "auc +0.010 [-0.020, +0.040], p = 0.3, map_at_500 +0.000 [-0.010, +0.010]"
    assert verdict.reason == f"is not worse than 5f ({figures}; -0.025 allowed)"
    assert [rule.name for rule in verdict.rules] == ["release", "chance", "checks"]


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ({"against": {"5f": {"auc": between(-0.03, -0.001)}}}, "is clearly worse than 5f"),
        (
            {"against": {"5f": {"auc": between(None, None, None, artists=8)}}},
            "cannot be compared with 5f (auc (8 artists: too few to say); -0.025 allowed); at least 20",
        ),
        ({"best": {"a0": {"auc": between(-0.051, -0.026)}}}, "has lost too much to a0, the best release"),
        ({"genres": {"jazz": {"auc": between(-0.20, -0.03)}}}, "is clearly worse in jazz (auc -0.115"),
        ({"baselines": {"linear_bow": {"auc": between(-0.03, -0.001)}}}, "is clearly worse than linear_bow"),
        (
            {"baselines": {"artist_mean": {"auc": between(-0.03, 0.2), "map_at_500": between(-0.2, -0.1)}}},
            "is clearly worse than artist_mean",
        ),
        ({"lists": {"5f": {"recall_at_20": between(-0.04, -0.01)}}}, "lists clearly worse than those of 5f"),
        (
            {"checks": (check("objective_falls", False), check("objective_converged"))},
            "checks: objective_falls failed",
        ),
        (
            {"checks": (check("objective_falls"), check("objective_converged", False))},
            "objective_converged failed",
        ),
        ({"checks": ()}, "checks: objective_falls was not made, objective_converged was not made"),
        (
            {"chance": {"random": {"auc": between(-0.01, 0.21, 0.03)}}},
            "about 480 artists would be needed to show a difference of this size",
        ),
        ({"chance": {"random": {"auc": between(0.01, 0.2, 0.0005)}}}, "does not clearly beat random"),
        ({"chance": {"random": {"auc": between(-0.3, 0.2, 0.8)}}}, "more artists would not show it"),
        ({"chance": {"random": {"auc": between(None, None, None, 8)}}}, "at least 20 artists are needed"),
        (
            {"chance": {"random": {**ABOVE["random"], "map_at_500": between(-0.2, -0.01)}}},
            "does not clearly beat random",
        ),
    ],
)
def test_one_broken_rule_is_enough(broken: dict[str, object], told: str) -> None:
    verdict = judge(replace(GOOD, **broken), EPSILON)  # type: ignore[arg-type]
    assert not verdict.released
    assert told in verdict.reason
    assert [rule.passed for rule in verdict.rules].count(False) == 1


@pytest.mark.parametrize(
    "allowed",
    [
        {"against": {"5f": {"auc": between(-0.2, 0.01)}}},  # too few artists to show that it is no worse
        {"against": {"5f": {"auc": between(-0.02, -0.01)}}},  # worse for sure, by less than epsilon
        {"best": {"a0": {"auc": between(-0.049, -0.03)}}},  # twice epsilon, where one loss may follow another
        {"best": {"a0": {"auc": between(-0.2, -0.02)}}},
        {"genres": {"jazz": {"auc": between(-0.2, -0.02)}}},  # worse, but not clearly by more than epsilon
        {"genres": {"jazz": {"auc": between(-0.5, 0.1)}}},
        {"genres": {"jazz": {"auc": between(None, None)}}},
        {"baselines": {"linear_bow": {"auc": between(-0.2, 0.01)}}},
        {"baselines": {"linear_bow": {"auc": between(None, None)}}},
        {"lists": {"5f": {"recall_at_20": between(-0.02, -0.01)}}},  # worse for sure, by less than epsilon
        {"lists": {"5f": {"recall_at_20": between(-0.2, 0.01)}}},
        {"lists": {"5f": {"recall_at_20": between(None, None)}}},
        {"checks": (*HELD, check("validation_loss_falls", False))},
    ],
)
def test_what_does_not_stop_a_release(allowed: dict[str, object]) -> None:
    assert judge(replace(GOOD, **allowed), EPSILON).released  # type: ignore[arg-type]


def test_what_cannot_be_shown_is_told_with_the_artists_it_takes() -> None:
    told = judge(replace(GOOD, against={"5f": {"auc": between(-0.05, 0.05, artists=100)}}), EPSILON).reason
    # A standard error of .05 / 1.96 must become .025 / (1.96 + 1.28): 1,094 artists, rounded up.
    assert told.endswith("to show that it is not worse, about 1,100 artists would be needed")


def test_a_first_candidate_is_judged_by_chance_alone() -> None:
    """Of 57 artists: the AUC is clearly above, mAP lies on both sides of 0."""
    first = replace(GOOD, against={}, unpaired="nothing is released yet")
    verdict = judge(first, EPSILON)
    assert verdict.released
    assert verdict.reason.endswith("; judged as a first candidate: nothing is released yet")
    assert [rule.name for rule in verdict.rules] == ["chance", "checks"]


def test_warnings_are_told() -> None:
    verdict = judge(replace(GOOD, checks=(*HELD, check("validation_loss_falls", False))), EPSILON)
    assert verdict.rules[-1].told == "checks: all that must hold do; warnings: validation_loss_falls"


def test_a_genre_is_large_by_songs_and_by_artists() -> None:
    artists = np.array([f"a{n:02d}" for n in range(24)] * 2, dtype=object)
    artists.sort()
    nobody = csr_array((1, 48))
    cold_start = ColdStart(
        np.arange(48).astype(object), artists, np.ones(48, np.bool_), np.array([0]), nobody
    )
    of_few_artists = ["solo"] * 24 + [""] * 24
    many_small = [f"genre {n // 4}" for n in range(48)]
    everywhere = ["rock; pop" if n % 2 else "rock" for n in range(48)]
    assert large_genres(of_few_artists, cold_start, 0.1) == {}
    found = large_genres(everywhere, cold_start, 0.5)
    assert {name: int(mask.sum()) for name, mask in found.items()} == {"rock": 48, "pop": 24}
    assert list(large_genres(everywhere, cold_start, 0.6)) == ["rock"]
    # songs of twelve small genres are judged together, those of none by nobody
    pooled = large_genres([*many_small[:46], "", ""], cold_start, 0.1)
    assert {name: int(mask.sum()) for name, mask in pooled.items()} == {"smaller genres": 46}
    beside = large_genres(["rock", "folk"] * 12 + ["rock"] * 24, cold_start, 0.6)
    assert list(beside) == ["rock"]  # folk has too few artists
