"""Ridge regression on features that are decomposed once, against scikit-learn's."""

import numpy as np
import pytest
from sklearn.linear_model import RidgeCV

from earshot.baselines import shared_ridge
from earshot.baselines.shared_ridge import decompose


@pytest.mark.parametrize(("n", "d", "noise"), [(40, 7, 0.1), (12, 30, 1.0), (25, 25, 5.0)])
def test_predictions_are_those_of_leave_one_out_ridge(n: int, d: int, noise: float) -> None:
    draw = np.random.default_rng(n)
    features, others = 3 + draw.standard_normal((n, d)), 3 + draw.standard_normal((5, d))
    targets = features @ draw.standard_normal((d, 4)) + noise * draw.standard_normal((n, 4)) - 2
    expected = RidgeCV(alphas=shared_ridge.PENALTIES).fit(features, targets).predict(others)
    np.testing.assert_allclose(decompose(features).predict(targets, others), expected, rtol=1e-4, atol=1e-4)
