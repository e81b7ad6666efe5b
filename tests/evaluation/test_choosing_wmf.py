"""Which numbers are chosen of those that were tried, and which are tried."""

from __future__ import annotations

from math import log

import numpy as np
import pytest

from earshot.evaluation.choosing_wmf import GRID, Grid, TriedNumbers, choose, search
from earshot.evaluation.wmf_trials import SongRanking
from earshot.params import WmfFactors, WmfSettings

AUTO = WmfSettings("auto", "auto", "auto", "auto", 15)
ONE_PLAY_EACH = np.ones(10, np.float32)


def tried(**scores: tuple[int, float, float]) -> dict[tuple[int, ...], TriedNumbers]:
    """Factors, mAP and AUC of some, in order."""
    return {
        (n,): TriedNumbers(WmfFactors(factors, 2.0, 1.0, 10.0, 15), SongRanking(map_, auc))
        for n, (factors, map_, auc) in enumerate(scores.values())
    }


@pytest.mark.parametrize(
    ("scores", "chosen"),
    [
        ({"worse": (50, 0.20, 0.80), "better": (50, 0.25, 0.80)}, 1),
        ({"best auc": (50, 0.20, 0.80), "best sum": (50, 0.25, 0.79), "best map": (50, 0.26, 0.77)}, 1),
        ({"as good": (50, 0.2510, 0.80), "with fewer": (20, 0.25, 0.80), "too few": (10, 0.2, 0.8)}, 1),
        ({"first of": (50, 0.25, 0.80), "equals": (50, 0.25, 0.80)}, 0),
    ],
)
def test_the_largest_sum_with_the_fewest_factors(
    scores: dict[str, tuple[int, float, float]], chosen: int
) -> None:
    assert choose(tried(**scores)) == (chosen,)


def near(wanted: WmfFactors) -> dict[tuple[int, ...], TriedNumbers]:
    """All that is tried where a score falls with the distance from `wanted`, in logarithms."""

    def score(numbers: WmfFactors) -> SongRanking | None:
        pairs = [(getattr(numbers, name), getattr(wanted, name)) for name in GRID]
        return SongRanking(0.3 - 0.01 * sum(abs(log(one / other)) for one, other in pairs), 0.8)

    return search(Grid.of(AUTO, ONE_PLAY_EACH), score)


def test_a_peak_inside_the_grid_is_found_in_few_trials() -> None:
    grid = Grid.of(AUTO, ONE_PLAY_EACH)
    everywhere = {
        grid.numbers((f, a, e, r)) for f in range(4) for a in range(3) for e in range(4) for r in range(4)
    }
    assert len(everywhere) == 4 * 3 * 4 * 4
    for wanted in sorted(everywhere, key=str)[::19]:
        found = near(wanted)
        assert found[choose(found)].numbers == wanted
        assert len(found) <= 24


def test_lambda_is_a_multiple_of_the_mean_confidence_and_given_numbers_stand() -> None:
    # c = 1 + 2 log(1 + 1 / 1) = 2.386; three times that is 7.2
    assert Grid.of(AUTO, ONE_PLAY_EACH).numbers((2, 1, 2, 1)) == WmfFactors(50, 2.0, 1.0, 7.2, 15)
    some = Grid.of(WmfSettings("auto", 3.0, "auto", 44.0, 5), ONE_PLAY_EACH)
    assert some.numbers(some.start()) == WmfFactors(50, 3.0, 1.0, 44.0, 5)
    assert {(one.numbers.alpha, one.numbers.regularization) for one in search(some, peak).values()} == {
        (3.0, 44.0)
    }
    assert some.at_an_end((3, 0, 3, 0)) == ["factors"]


def peak(numbers: WmfFactors) -> SongRanking:
    return SongRanking(numbers.factors / 1000 + numbers.epsilon / 100, 0.8)


def test_numbers_without_a_solution_are_passed_over() -> None:
    grid = Grid.of(AUTO, ONE_PLAY_EACH)
    found = search(grid, lambda numbers: peak(numbers) if numbers.factors < 100 else None)
    assert found[choose(found)].numbers.factors == 50
    assert search(grid, lambda _: None) == {}
