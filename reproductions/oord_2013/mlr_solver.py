"""The metric that ranks with least slack: cutting planes for a structural SVM (McFee & Lanckriet 2010).

With one slack for all queries (after Joachims, Finley and Yu 2009) the problem is

    min over psd W of  f(W) = tr W + C max over orderings of (loss - <W, difference>)

The orderings found so far give a problem with few constraints; the constraint that its solution violates
most is added, and so on. As in Lim, McFee and Lanckriet 2013 some steps of ADMM, from where the last
ones ended, do for a solution: with an a_r >= 0 for each constraint, sum a <= C, in turns

    W = Z - U + (sum_r a_r difference_r - I) / rho    the best a: a small quadratic programme
    Z = P(W + U)                                      the projection on the psd matrices
    U = U + W - Z

Any such a also bounds f from below: where sum_r a_r difference_r <= I, f(W) >= sum_r a_r loss_r for every W.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oord_2013.mlr_constraints import Constraint

Doubles = NDArray[np.float64]
Oracle = Callable[[Doubles], Constraint]

_RHO = 10.0
_TOLERANCE = 0.02
_ROUNDS = 40
_STEPS = 10
_STILL = 1e-3
_DUAL_STEPS = 100
_OPEN = 1e-4


@dataclass(frozen=True)
class Learned:
    """A metric, and how it was found.

    Attributes
    ----------
    metric
        W, (d, d).
    slack_weight
        C.
    objective, lower_bound
        f of the best metric so far, and what no metric is below, after each round.
    """

    metric: Doubles
    slack_weight: float
    objective: list[float]
    lower_bound: list[float]


def learn_metrics(
    oracle: Oracle, d: int, slack_weights: Sequence[float], diagonal: bool
) -> Iterator[Learned]:
    """The metric for each of `slack_weights`, within 2 % of the least objective or after 40 rounds.

    Parameters
    ----------
    oracle
        Gives the constraint that a metric (d, d) violates most. Features of mean squared
        length 1 are wanted.
    slack_weights
        C, rising; each goes on from where the one before ended.
    diagonal
        Learn the weights of the features alone, W = diag(w).
    """
    master = _Master(d, diagonal)
    for slack_weight in slack_weights:
        yield _minimize(oracle, master, slack_weight)


class _Master:
    """The problem with the constraints so far, and where ADMM stands."""

    def __init__(self, d: int, diagonal: bool) -> None:
        self.metric = np.zeros((d, d))  # Z
        self._diagonal = diagonal
        self._scaled_dual = np.zeros((d, d))  # U
        self._differences, self._losses, self._weights = np.zeros((0, d * d)), np.zeros(0), np.zeros(0)

    def add(self, constraint: Constraint) -> float:
        """The slack that the metric needs."""
        matrix = np.diag(np.diagonal(constraint.difference)) if self._diagonal else constraint.difference
        # a row a constraint, (n, d * d)
        self._differences = np.concatenate([self._differences, matrix.reshape(1, -1)])
        self._losses, self._weights = np.append(self._losses, constraint.loss), np.append(self._weights, 0)
        return constraint.loss - float((matrix * self.metric).sum())

    def improve(self, slack_weight: float) -> None:
        """Some steps of ADMM, until the metric stands still."""
        # (n, n): <difference_r, difference_s> / rho
        products = self._differences @ self._differences.T / _RHO
        for _ in range(_STEPS):
            base = self.metric - self._scaled_dual - np.eye(len(self.metric)) / _RHO  # Z - U - I / rho
            slacks = self._losses - self._differences @ base.ravel()  # linear part of the dual in a, (n,)
            self._weights = _best_weights(products, slacks, self._weights, slack_weight)
            free, last = base + self._sum() / _RHO, self.metric  # W, and Z before this step
            self.metric = self._project(free + self._scaled_dual)
            self._scaled_dual = self._scaled_dual + free - self.metric
            moved = max(np.linalg.norm(free - self.metric), np.linalg.norm(self.metric - last))
            if moved < _STILL * np.linalg.norm(self.metric):
                break

    def lower_bound(self) -> float:
        """From the weights of the constraints, made smaller where their sum is not below I."""
        largest = float(np.linalg.eigvalsh(self._sum())[-1])
        return float(self._weights @ self._losses) / max(1.0, largest)

    def _sum(self) -> Doubles:
        return (self._weights @ self._differences).reshape(self.metric.shape)

    def _project(self, matrix: Doubles) -> Doubles:
        if self._diagonal:
            return np.diag(np.maximum(np.diagonal(matrix), 0))
        values, vectors = np.linalg.eigh(matrix)
        kept = vectors[:, values > 0]
        return np.asarray((kept * values[values > 0]) @ kept.T)


def _minimize(oracle: Oracle, master: _Master, slack_weight: float) -> Learned:
    from earshot.processes import progress

    best, objective, bound = master.metric, [np.inf], [0.0]
    for _ in progress(range(_ROUNDS), description=f"metric, C = {slack_weight:g}", unit="constraint"):
        value = float(np.trace(master.metric)) + slack_weight * master.add(oracle(master.metric))
        best = master.metric if value < objective[-1] else best
        objective.append(min(value, objective[-1]))
        bound.append(max(master.lower_bound(), bound[-1]))
        if objective[-1] - bound[-1] <= _TOLERANCE * objective[-1]:
            break
        master.improve(slack_weight)
    return Learned(best, slack_weight, objective[1:], bound[1:])


def _best_weights(products: Doubles, slacks: Doubles, start: Doubles, total: float) -> Doubles:
    """a >= 0, sum a <= total, that maximizes slacks.a - a' products a / 2: accelerated projected gradient."""
    rate = 1 / max(float(np.linalg.norm(products, 2)), 1e-12)  # 1 / the largest eigenvalue of `products`
    weights = ahead = start
    momentum = 1.0
    for _ in range(_DUAL_STEPS):
        left = slacks - products @ ahead
        if total * max(left.max(), 0) - ahead @ left <= _OPEN * total:  # the duality gap
            break
        new = _capped(ahead + rate * left, total)
        momentum, last = (1 + np.sqrt(1 + 4 * momentum**2)) / 2, momentum  # Beck & Teboulle 2009 (FISTA)
        if (ahead - new) @ (new - weights) > 0:  # it overshot: begin anew
            momentum = last = 1.0
        weights, ahead = new, _capped(new + (last - 1) / momentum * (new - weights), total)
    return ahead


def _capped(values: Doubles, total: float) -> Doubles:
    """The nearest values that are not negative and add up to `total` at most."""
    positive = np.maximum(values, 0)
    if positive.sum() <= total:
        return positive
    falling = np.sort(values)[::-1]  # projection on a simplex (Duchi et al. 2008, fig. 1)
    # what is taken off each if the k largest stay positive, for k = 1, 2, ...
    shifts = (np.cumsum(falling) - total) / np.arange(1, len(values) + 1)
    # the largest k of which the k-th does stay positive
    return np.asarray(np.maximum(values - shifts[falling > shifts][-1], 0))
