"""A song's place out of two: what is predicted of it, and where its listeners alone put it.

The hybrids of Burke (Hybrid recommender systems: survey and experiments, 2002) whose scores are products. A
song of n listeners has gone a share s = min(1, n / n0) of the way to n0; y_hat is predicted, y the row solve
of its plays:

    weighted               (1 - s) y_hat + s y
    switching              y_hat below n0 listeners, y from there on
    feature_combination    (1 - s) y_hat + s y + s (1 - s) C (y_hat, y, 1)

C is learned from songs that the predictor has not learned from (`learn_combination`); of `weighted` it is 0.
All three are y_hat without a listener and y from n0 on, as the row solve with a prediction
(`earshot.factors.solves`) is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from earshot.files import write_json
from earshot.spaces.explaining import Explainer
from earshot.spaces.placing import Ids, Placed, Vectors, songs_by_listeners
from earshot.spaces.wmf import WmfSpace

if TYPE_CHECKING:
    from earshot.catalogue.play_counts import PlayCounts

Rule = Literal["weighted", "switching", "feature_combination"]
WEIGHTED: Rule = "weighted"
SWITCHING: Rule = "switching"
FEATURE_COMBINATION: Rule = "feature_combination"
RULES = (WEIGHTED, SWITCHING, FEATURE_COMBINATION)

COMBINATION = "space_combination.npy"


@dataclass(frozen=True)
class Hybrid:
    """The space of the factorization, with another rule for songs that have some listeners.

    Attributes
    ----------
    inner
        Of the factorization.
    rule
        One of `RULES`.
    combination
        C, float32 (factors, 2 factors + 1).
    """

    kind: ClassVar[str] = "hybrid"
    inner: WmfSpace
    rule: Rule
    combination: Vectors

    @classmethod
    def read(cls, encoder: Path, factors: Path, content: dict[str, Any]) -> Hybrid:
        """What `save_rule` wrote into `encoder`; `content` of space.json. ValueError: another rule or C."""
        rule = content["rule"]
        if rule not in RULES:
            raise ValueError(f"rule={rule!r:.100}: wanted one of {', '.join(RULES)}")
        inner, combination = WmfSpace.read(factors), np.load(encoder / COMBINATION, allow_pickle=False)
        wanted = no_combination(inner.songs.vectors.shape[1])
        if combination.shape != wanted.shape or not np.isfinite(combination).all():
            raise ValueError(f"{COMBINATION}: {combination.shape}: wanted finite numbers {wanted.shape}")
        return cls(inner, rule, combination)

    def training_listeners(self) -> Placed:
        """Those of `inner`."""
        return self.inner.training_listeners()

    def training_songs(self) -> Placed:
        """Those of `inner`."""
        return self.inner.training_songs()

    def place_songs(
        self, ids: Ids, predicted: Vectors | None, plays: PlayCounts | None, n0: float | None
    ) -> Placed:
        """As `TasteSpace.place_songs`, by the rule."""
        if predicted is None or n0 is None:
            return self.inner.place_songs(ids, predicted, plays, n0)
        by_plays = self.inner.place_songs(ids, None, plays, None).vectors
        assert plays is not None
        listeners = songs_by_listeners(plays, ids, self.training_listeners().ids)
        # (n_songs, 1): share of the way to n0
        share = np.minimum(np.diff(listeners.indptr) / n0, 1.0).astype(np.float32)[:, None]
        if self.rule == SWITCHING:
            share = np.floor(share)
        combined = _features(predicted, by_plays) @ self.combination.T
        return Placed(ids, (1 - share) * predicted + share * by_plays + share * (1 - share) * combined)

    def place_listeners(self, plays: PlayCounts, songs: Placed) -> Placed:
        """As `inner` places them."""
        return self.inner.place_listeners(plays, songs)

    def explainer(self, songs: Placed) -> Explainer:
        """As of `inner`: the rule is one for songs."""
        return self.inner.explainer(songs)


def save_rule(folder: Path, rule: Rule, combination: Vectors) -> None:
    """Write the space.json of a hybrid space into `folder`, and C."""
    np.save(folder / COMBINATION, combination)
    write_json(folder / "space.json", {"kind": Hybrid.kind, "rule": rule})


def no_combination(factors: int) -> Vectors:
    """A C of zeros."""
    return np.zeros((factors, 2 * factors + 1), np.float32)


def _features(predicted: Vectors, by_plays: Vectors) -> Vectors:
    """(y_hat, y, 1), (n_songs, 2 d + 1), of places (n_songs, d) each."""
    return np.concatenate([predicted, by_plays, np.ones((len(predicted), 1), np.float32)], axis=1)


def learn_combination(
    predicted: Vectors, by_plays: Sequence[Vectors], shares: Sequence[NDArray[np.floating]], places: Vectors
) -> Vectors:
    """C, by ridge regression of what `weighted` leaves of the places of songs with all their listeners.

    The penalty is the one with the least leave-one-out error; so C is near 0 where nothing can be learned.

    Parameters
    ----------
    predicted, places
        (n_songs, d): predicted places, and true ones.
    by_plays, shares
        Of each of some draws of first listeners where these alone put the songs, (n_songs, d), and the
        share s of every song, (n_songs,).

    Returns
    -------
    float32 (d, 2 d + 1)
    """
    from sklearn.linear_model import RidgeCV

    inputs, left = [], []
    for place, share in zip(by_plays, shares, strict=True):
        s = np.asarray(share, dtype=np.float32)[:, None]
        inputs.append(s * (1 - s) * _features(predicted, place))
        left.append(places - (1 - s) * predicted - s * place)
    model = RidgeCV(alphas=np.logspace(-6, 4, 21), fit_intercept=False)
    model.fit(np.concatenate(inputs), np.concatenate(left))
    return np.asarray(model.coef_, dtype=np.float32)
