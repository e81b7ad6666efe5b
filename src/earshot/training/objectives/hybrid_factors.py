"""Mean squared error to the item factors, for a space that joins sound and listeners as Burke's hybrids."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from earshot.catalogue.first_entries import draw_first
from earshot.factors.solves import confidence, solve_rows
from earshot.spaces.hybrid import (
    FEATURE_COMBINATION,
    RULES,
    WEIGHTED,
    Rule,
    learn_combination,
    no_combination,
    save_rule,
)
from earshot.spaces.placing import Vectors
from earshot.training.examples import Examples, Hear
from earshot.training.objectives.factors_mse import FactorsMse

SHARES = (0.02, 0.05, 0.1, 0.2, 0.5)
"""Of the mean listeners of a song: how many have come, in the draws that a combination is learned from."""


class HybridFactors(FactorsMse):
    """The loss of `FactorsMse` (van den Oord et al. 2013, eq. 4), in the space `earshot.spaces.hybrid`.

    A combination is learned from the songs for early stopping, as the network has not learned from them: with
    random first listeners, and n0 the mean listeners of a song. Listeners' factors know these songs' plays.

    Parameters
    ----------
    examples
        With user factors and plays.
    rule
        How the two are joined.
    """

    def __init__(self, examples: Examples, rule: Rule = WEIGHTED) -> None:
        super().__init__(examples)
        if rule not in RULES or examples.user_factors is None:
            raise ValueError(
                f"rule={rule!r}: wanted one of {', '.join(RULES)}, and examples with user factors"
            )
        self._rule, self._examples = rule, examples

    def save_space(self, folder: Path, hear: Hear) -> None:
        """Write the rule, and what was learned for it."""
        combination = no_combination(self.n_outputs)
        if self._rule == FEATURE_COMBINATION:
            combination = combination_of(self._examples, hear)
        save_rule(folder, self._rule, combination)


def combination_of(examples: Examples, hear: Hear) -> Vectors:
    """C of `earshot.spaces.hybrid`, from the songs for early stopping, with random first listeners.

    Parameters
    ----------
    examples
        With user factors and plays.
    hear
        What is predicted for some rows of the examples.
    """
    users, plays, wmf = examples.user_factors, examples.plays, examples.wmf
    assert users is not None
    assert plays is not None
    assert wmf is not None
    rows = np.arange(examples.n_training, len(examples.songs))
    known, rng = csr_array(plays[rows]), np.random.default_rng(0)
    n0 = float(np.diff(plays.indptr).mean())
    placed, shares = [], []
    for share in SHARES:
        first = draw_first(known, None, max(round(share * n0), 1), rng)
        placed.append(solve_rows(confidence(first, wmf.alpha, wmf.epsilon), users, wmf.regularization))
        shares.append(np.minimum(np.diff(first.indptr) / n0, 1.0))
    return learn_combination(hear(rows), placed, shares, examples.factors[rows])
