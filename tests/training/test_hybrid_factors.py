"""What a hybrid's objective leaves beside the network, and a combination that can be found again."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import csr_array

from earshot.catalogue.play_counts import PlayCounts
from earshot.files import read_json
from earshot.spaces.hybrid import COMBINATION, RULES, Hybrid, learn_combination
from earshot.spaces.placing import Placed
from earshot.spaces.wmf import Wmf, WmfSpace
from earshot.training.examples import Examples
from earshot.training.objectives.factors_mse import FactorsMse
from earshot.training.objectives.hybrid_factors import HybridFactors
from tests.spaces.spaces import ids

WMF = Wmf(2.0, 1.0, 3.0)


def examples_of(seed: int, n_songs: int = 12, n_users: int = 9) -> Examples:
    rng = np.random.default_rng(seed)
    plays = csr_array((rng.random((n_songs, n_users)) < 0.6).astype(np.float32))
    users, items = (rng.normal(size=(n, 3)).astype(np.float32) for n in (n_users, n_songs))
    songs = pd.DataFrame({"song_id": [f"s{n}" for n in range(n_songs)]})
    return Examples(songs, items, np.arange(n_songs), 6, users, plays, None, WMF)


def test_a_combination_that_was_put_there_is_found_again() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(3, 7)).astype(np.float32)
    predicted = rng.normal(size=(400, 3)).astype(np.float32)
    share = rng.random(400).astype(np.float32)
    by_plays = rng.normal(size=(400, 3)).astype(np.float32)
    s = share[:, None]
    features = np.concatenate([predicted, by_plays, np.ones((400, 1), np.float32)], axis=1)
    places = (1 - s) * predicted + s * by_plays + s * (1 - s) * (features @ truth.T)
    np.testing.assert_allclose(learn_combination(predicted, [by_plays], [share], places), truth, atol=1e-2)
    nothing = learn_combination(predicted, [by_plays], [share], (1 - s) * predicted + s * by_plays)
    np.testing.assert_allclose(nothing, 0, atol=1e-5)


@pytest.mark.parametrize("rule", RULES)
def test_the_rule_is_saved_and_the_loss_is_that_of_the_factors(rule: str, tmp_path: Path) -> None:
    examples = examples_of(0)
    objective = HybridFactors(examples, rule)
    outputs = objective.targets * 0.5
    rows = torch.arange(len(examples.songs))
    np.testing.assert_array_equal(objective(outputs, rows), FactorsMse(examples)(outputs, rows))
    objective.save_space(tmp_path, lambda some: examples.factors[some] * np.float32(0.8))
    assert read_json(tmp_path / "space.json") == {"kind": "hybrid", "rule": rule}
    combination = np.load(tmp_path / COMBINATION)
    factors = examples.factors.shape[1]
    assert combination.shape == (factors, 2 * factors + 1)
    assert combination.any() == (rule == "feature_combination")


def test_rules_by_hand() -> None:
    """One factor; a listener at 1, whose plays alone put a song at y; 1 of n0 = 4 listeners have come."""
    listeners, songs = (Placed(ids(*names), np.ones((len(names), 1), np.float32)) for names in ("ab", "x"))
    inner = WmfSpace(listeners, songs, WMF)
    plays = PlayCounts(ids("a", "b"), ids("x", "y"), csr_array(np.array([[1, 1], [0, 1]], np.float32)))
    y = inner.place_songs(ids("x"), None, plays, None).vectors.item()
    predicted, c = np.full((1, 1), 8, np.float32), np.array([[0.5, 2, 1]], np.float32)
    wanted = {
        "weighted": 0.75 * 8 + 0.25 * y,
        "switching": 8.0,
        "feature_combination": 0.75 * 8 + 0.25 * y + 0.1875 * (0.5 * 8 + 2 * y + 1),
    }
    for rule, place in wanted.items():
        combination = c if rule == "feature_combination" else np.zeros_like(c)
        space = Hybrid(inner, rule, combination)
        assert space.place_songs(ids("x"), predicted, plays, 4.0).vectors.item() == pytest.approx(
            place, rel=1e-5
        )
    switched = Hybrid(inner, "switching", np.zeros_like(c)).place_songs(ids("x"), predicted, plays, 1.0)
    assert switched.vectors.item() == pytest.approx(y, rel=1e-5)


def test_a_rule_that_there_is_not_is_refused() -> None:
    with pytest.raises(
        ValueError, match="rule='mixed': wanted one of weighted, switching, feature_combination"
    ):
        HybridFactors(examples_of(0), "mixed")
