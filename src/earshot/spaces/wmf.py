"""The taste space of a weighted matrix factorization: songs and listeners are exact row solves of eq. 3."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from earshot.columns import SONG_ID, USER_ID
from earshot.errors import UserError
from earshot.factors.numbers import read_numbers
from earshot.factors.solves import confidence, solve_items_with_prediction, solve_rows
from earshot.spaces.explaining import Explainer, explainer_of
from earshot.spaces.placing import Ids, Placed, Vectors, columns_of, songs_by_listeners

if TYPE_CHECKING:
    from earshot.catalogue.play_counts import PlayCounts


@dataclass(frozen=True)
class Wmf:
    """What a factorization was made with; see `earshot.factors.wmf`."""

    alpha: float
    epsilon: float
    regularization: float

    @classmethod
    def of(cls, content: dict[str, Any]) -> Wmf:
        """Out of the space.json of a space that was learned with numbers of its own."""
        return cls(content["alpha"], content["epsilon"], content["regularization"])

    @classmethod
    def read(cls, factors: Path) -> Wmf:
        """Out of a folder as the stage wmf_factors writes it; errors as in `read_numbers`."""
        numbers = read_numbers(factors)
        return cls(numbers.alpha, numbers.epsilon, numbers.regularization)


@dataclass(frozen=True)
class WmfSpace:
    """Today's listeners are solved against the songs, and songs against the listeners of the factorization.

    Attributes
    ----------
    listeners
        Of the factorization; None where they were not kept, as of the models of other folds.
    songs
        Its warm songs.
    wmf
        Its numbers.
    """

    kind: ClassVar[str] = "wmf"
    listeners: Placed | None
    songs: Placed
    wmf: Wmf

    @classmethod
    def read(cls, factors: Path) -> WmfSpace:
        """Out of a folder as the stage wmf_factors writes it; errors as in `Wmf.read`."""
        listeners = factors / "user_factors.npy"
        return cls(
            read_placed(listeners, factors / "users.parquet", USER_ID) if listeners.is_file() else None,
            read_placed(factors / "item_factors.npy", factors / "items.parquet", SONG_ID),
            Wmf.read(factors),
        )

    def training_listeners(self) -> Placed:
        """Those of the factorization. UserError where they were not kept."""
        if self.listeners is None:
            raise no_listeners()
        return self.listeners

    def training_songs(self) -> Placed:
        """The warm songs of the factorization."""
        return self.songs

    def place_songs(
        self, ids: Ids, predicted: Vectors | None, plays: PlayCounts | None, n0: float | None
    ) -> Placed:
        """As `TasteSpace.place_songs`; the solve is that of `solve_items_with_prediction`."""
        return place_by_solving(ids, predicted, plays, n0, self.training_listeners, self.wmf)

    def place_listeners(self, plays: PlayCounts, songs: Placed) -> Placed:
        """The exact row solve of every listener on all their plays of `songs`; zeros without one of these."""
        return Placed(plays.user_ids, solve_listeners(plays, songs, self.wmf))

    def explainer(self, songs: Placed) -> Explainer:
        """Of every listener."""
        return explainer_of(songs, [songs.vectors], self.wmf)


def no_listeners() -> UserError:
    """What is said where the listeners of a factorization are asked for, and are not there."""
    return UserError("the listeners of this factorization were not kept: wanted user_factors.npy")


def place_by_solving(
    ids: Ids,
    predicted: Vectors | None,
    plays: PlayCounts | None,
    n0: float | None,
    listeners: Callable[[], Placed],
    wmf: Wmf,
) -> Placed:
    """As `TasteSpace.place_songs`, by row solves; `listeners` gives them, where one is to be made."""
    if predicted is not None and n0 is None:
        return Placed(ids, predicted)
    if plays is None:
        raise ValueError(f"plays=None: wanted play counts, for {len(ids)} songs with n0={n0!r}")
    known = listeners()
    counts = confidence(songs_by_listeners(plays, ids, known.ids), wmf.alpha, wmf.epsilon)
    if predicted is None:
        return Placed(ids, solve_rows(counts, known.vectors, wmf.regularization))
    assert n0 is not None
    return Placed(ids, solve_items_with_prediction(counts, known.vectors, wmf.regularization, predicted, n0))


def solve_listeners(plays: PlayCounts, songs: Placed, wmf: Wmf) -> Vectors:
    """The exact row solve of every listener of `plays` on all their plays of `songs`.

    Returns
    -------
    float32 (n_users, d), in the order of `plays.user_ids`; zeros for a listener without
    a play that counts.
    """
    counts = confidence(columns_of(plays.matrix, plays.song_ids, songs.ids), wmf.alpha, wmf.epsilon)
    return solve_rows(counts, songs.vectors, wmf.regularization)


def read_placed(vectors: Path, table: Path, column: str) -> Placed:
    """Vectors (.npy, float32 (n, d)) with the ids in `column` of a parquet table of n lines."""
    import pandas as pd

    ids = pd.read_parquet(table, columns=[column])[column].to_numpy(dtype=object)
    return Placed(ids, np.load(vectors, allow_pickle=False))
