"""Every rule of the gate decides alone; figures are made up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array

from earshot.evaluation.cold_start import ColdStart
from earshot.evaluation.genres import large_genres
from earshot.releases.gate import STOPPING, Difference, Evidence, judge


def between(low: float | None, high: float | None) -> Difference:
    value = None if low is None or high is None else (low + high) / 2
    return {"value": value, "low": low, "high": high}


def check(name: str, passed: bool = True) -> dict[str, object]:
    return {"name": name, "passed": passed}


HELD = tuple(check(name) for name in STOPPING)
GOOD = Evidence({"5f": {"auc": between(-0.02, 0.04), "map_at_500": between(-0.01, 0.01)}}, None, checks=HELD)
EPSILON = 0.025


def test_a_candidate_that_keeps_every_rule_is_released() -> None:
    verdict = judge(GOOD, EPSILON)
    assert verdict.released
    figures = "auc +0.010 [-0.020, +0.040], map_at_500 +0.000 [-0.010, +0.010]"
    assert verdict.reason == f"is not worse than 5f ({figures}; -0.025 allowed)"
    assert [rule.name for rule in verdict.rules] == ["release", "checks"]


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ({"against": {"5f": {"auc": between(-0.03, 0.5)}}}, "may be worse than 5f"),
        ({"against": {"5f": {"auc": between(None, None)}}}, "too few artists to tell"),
        ({"best": {"a0": {"auc": between(-0.051, 0.02)}}}, "may have lost too much to a0, the best release"),
        ({"genres": {"jazz": {"auc": between(-0.20, -0.03)}}}, "is clearly worse in jazz (auc -0.115"),
        ({"checks": (check("objective_falls", False), *HELD[1:])}, "checks: objective_falls failed"),
        ({"checks": HELD[:2]}, "checks: cnn_mse_beats_shuffled_content was not made"),
        (
            {"against": {"random": {"auc": between(0.0, 0.2)}}, "unpaired": "nothing is released yet"},
            "does not beat random",
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
        {"best": {"a0": {"auc": between(-0.049, -0.03)}}},  # twice epsilon, where one loss may follow another
        {"genres": {"jazz": {"auc": between(-0.2, -0.02)}}},  # worse, but not clearly by more than epsilon
        {"genres": {"jazz": {"auc": between(-0.5, 0.1)}}},
        {"genres": {"jazz": {"auc": between(None, None)}}},
        {"checks": (*HELD, check("validation_loss_falls", False))},
    ],
)
def test_what_does_not_stop_a_release(allowed: dict[str, object]) -> None:
    assert judge(replace(GOOD, **allowed), EPSILON).released  # type: ignore[arg-type]


def test_warnings_are_told() -> None:
    verdict = judge(replace(GOOD, checks=(*HELD, check("validation_loss_falls", False))), EPSILON)
    assert verdict.rules[-1].told == "checks: all that must hold do; warnings: validation_loss_falls"


def test_a_genre_is_large_by_songs_and_by_artists() -> None:
    artists = np.array([f"a{n:02d}" for n in range(12)] * 2, dtype=object)
    artists.sort()
    nobody = csr_array((1, 24))
    cold_start = ColdStart(
        np.arange(24).astype(object), artists, np.ones(24, np.bool_), np.array([0]), nobody
    )
    of_few_artists = ["solo"] * 12 + [""] * 12
    everywhere = ["rock; pop" if n % 2 else "rock" for n in range(24)]
    assert large_genres(of_few_artists, cold_start, 0.1) == {}
    found = large_genres(everywhere, cold_start, 0.5)
    assert {name: int(mask.sum()) for name, mask in found.items()} == {"rock": 24, "pop": 12}
    assert list(large_genres(everywhere, cold_start, 0.6)) == ["rock"]
