"""How far apart vectors of songs are to listeners: by the scores that they give, not by their numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from earshot.training.examples import Examples, Hear

Doubles = NDArray[np.float64]


def mean_gram(examples: Examples) -> Doubles:
    """X'X / n_users, float64 (d, d): z' of it z is a listener's squared score for z on average.

    Raises
    ------
    ValueError
        Examples without user factors.
    """
    if examples.user_factors is None:
        raise ValueError("examples: wanted user factors")
    users = examples.user_factors.astype(np.float64)
    return users.T @ users / len(users)


def mean_square(gram: Doubles, vectors: Doubles) -> float:
    """Squared score for `vectors`, (n, d), on average over listeners and vectors; `gram` of `mean_gram`."""
    return float((vectors @ gram * vectors).sum() / len(vectors))


class FittedLine(NamedTuple):
    """Vectors times `slope`, at least 0, plus `shift`, (d,)."""

    slope: float
    shift: Doubles

    def follow(self, mean: torch.Tensor, scale: torch.Tensor) -> None:
        """Have an objective's `output_mean`, (d,), and `output_scale` lead along the line from now on."""
        scale *= self.slope
        mean *= self.slope
        mean += torch.from_numpy(self.shift).to(mean)


@dataclass(frozen=True)
class FactorScale:
    """The songs for early stopping, by which predictions that have only an order get the scale of factors.

    Attributes
    ----------
    songs
        Their rows in the examples, (n,).
    factors
        float64 (n, d).
    gram
        As of `mean_gram`.
    """

    songs: NDArray[np.int64]
    factors: Doubles
    gram: Doubles

    @classmethod
    def of(cls, examples: Examples) -> FactorScale:
        """Of the examples; ValueError where they have no user factors."""
        songs = np.arange(examples.n_training, len(examples.songs))
        return cls(songs, examples.factors[songs].astype(np.float64), mean_gram(examples))

    def line(self, hear: Hear) -> FittedLine:
        """The line that takes predictions to where their scores are nearest to those of the factors.

        Least squares over all listeners and these songs, which the network has not learned from: of
        predictions z and factors y, centred, slope = sum z' X'X y / sum z' X'X z. The line changes no
        listener's order of songs that are predicted; it puts them where songs with plays are. A slope below
        0 would turn the order round: then nothing was learned, and 0 puts every song at the mean.
        """
        predicted = hear(self.songs).astype(np.float64)
        of_predicted, of_factors = predicted.mean(axis=0), self.factors.mean(axis=0)
        z, y = predicted - of_predicted, self.factors - of_factors
        spread = float((z @ self.gram * z).sum())
        slope = max(0.0, float((z @ self.gram * y).sum())) / spread if spread > 0 else 1.0
        return FittedLine(slope, of_factors - slope * of_predicted)
