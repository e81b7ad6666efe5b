"""The lists that listeners would get if nobody had played what is held out: made as those that are served.

New songs are those of the cold split, all of whose plays are held out; of other songs some plays of every
listener are. The factorization is fitted again without all of these; else its factors, which have seen
them, would give them away.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from earshot.arrays import is_among
from earshot.factors.solves import confidence
from earshot.recommend.list_rules import ListMaker
from earshot.recommend.serving import serve
from earshot.spaces.fused import Fused
from earshot.spaces.hybrid import Hybrid
from earshot.spaces.learned import LearnedListeners
from earshot.spaces.placing import Ids, Placed, Vectors, columns_of, rows_of
from earshot.spaces.space import TasteSpace
from earshot.spaces.wmf import WmfSpace, solve_listeners

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from earshot.catalogue.play_counts import PlayCounts


@dataclass(frozen=True)
class Recipe:
    """How often a factorization is swept, and from which first factors."""

    iterations: int
    seed: int


@dataclass(frozen=True)
class HeldOutLists:
    """Lists, best first.

    Attributes
    ----------
    songs
        int32 (n_asked, length): rows of the ids that were asked for; -1 behind the end of a list.
    vectors
        float32 (n_ids, d): where each of these ids is placed; zeros where it is nowhere.
    """

    songs: NDArray[np.int32]
    vectors: Vectors


@dataclass(frozen=True)
class HeldOutServed:
    """What lists of the asked listeners are made of, as it would be served.

    Attributes
    ----------
    user_vectors
        float32 (n_asked, d).
    item_vectors
        float32 (n_ids, d): where each of the ids that were asked for is placed; zeros where it is nowhere.
    placed
        (n_ids,): those that are somewhere.
    played
        (n_asked, n_ids), an entry where the listener is known to have played the song.
    """

    user_vectors: Vectors
    item_vectors: Vectors
    placed: NDArray[np.bool_]
    played: csr_array

    def lists(self, maker: ListMaker) -> HeldOutLists:
        """The lists of the asked listeners, by the code that serves; `maker` knows the ids as its songs."""
        ranked = maker.rank(self.user_vectors, self.item_vectors, self.played, self.placed)
        lists = np.full((len(self.user_vectors), maker.k), -1, dtype=np.int32)
        for block in map(maker.arrange, ranked):
            lists[block.users, block.ranks - 1] = block.items
        return HeldOutLists(lists, self.item_vectors)


def without(plays: PlayCounts, held_out: NDArray[np.bool_]) -> PlayCounts:
    """All plays but those that are held out, (n_plays,) in the order of `plays.matrix.data`."""
    from scipy.sparse import coo_array, csr_array

    entries = plays.matrix.tocoo()
    left = (entries.data[~held_out], tuple(axis[~held_out] for axis in entries.coords))
    return replace(plays, matrix=csr_array(coo_array(left, shape=plays.matrix.shape)))


def refit(space: TasteSpace, known: PlayCounts, recipe: Recipe) -> TasteSpace:
    """The same taste space, fitted to the plays `known` of the listeners and songs that it was made with.

    A factorization is made anew, and turned by the orthogonal matrix that brings its songs nearest to where
    they were (Schönemann 1966): factors are unique up to such a turn, and a predictor's outputs lie where
    they were. Learned listeners are solved against the songs as they are.
    """
    if isinstance(space, Fused | Hybrid):
        inner = refit(space.inner, known, recipe)
        assert isinstance(inner, WmfSpace)
        return replace(space, inner=inner)
    if isinstance(space, LearnedListeners):
        listeners = Placed(known.user_ids, solve_listeners(known, space.songs, space.wmf))
        return replace(space, listeners=listeners.only(is_among(known.user_ids, space.listeners.ids)))
    assert isinstance(space, WmfSpace)
    return _refit_factors(space, known, recipe)


def _refit_factors(space: WmfSpace, known: PlayCounts, recipe: Recipe) -> WmfSpace:
    from earshot.factors.wmf import fit

    users = space.training_listeners().ids
    # (n_items, n_users of the space), then (n_users, n_songs), both of the space
    by_song = columns_of(known.matrix.T.tocsr(), known.user_ids, users)
    counts = columns_of(by_song.T.tocsr(), known.song_ids, space.songs.ids)
    fitted = fit(
        confidence(counts, space.wmf.alpha, space.wmf.epsilon),
        factors=space.songs.vectors.shape[1],
        regularization=space.wmf.regularization,
        iterations=recipe.iterations,
        seed=recipe.seed,
    )
    # R = argmin |Y R - Y_before| over orthogonal R is U V', where Y' Y_before = U S V'
    left, _, right = np.linalg.svd(fitted.item_factors.T.astype(np.float64) @ space.songs.vectors)
    turn = (left @ right).astype(np.float32)
    return replace(
        space,
        listeners=Placed(users, fitted.user_factors @ turn),
        songs=Placed(space.songs.ids, fitted.item_factors @ turn),
    )


def serve_held_out(
    known: PlayCounts,
    asked: NDArray[np.int64],
    song_ids: Ids,
    predicted: Placed,
    space: TasteSpace,
    n0: float,
) -> HeldOutServed:
    """Songs and some listeners where the code that serves puts them.

    Parameters
    ----------
    known
        Plays that are not held out.
    asked
        Rows of `known.user_ids`.
    song_ids
        (n_ids,), sorted: the songs that lists are made of.
    predicted
        The songs with a sound, and what the model predicts for them.
    space
        Of the model, from `refit`.
    n0
        As in `TasteSpace.place_songs`.
    """
    served = serve(known, predicted, space, n0, None)
    return HeldOutServed(
        served.user_factors[asked],
        rows_of(served.song_ids, served.item_factors, song_ids),
        is_among(song_ids, served.song_ids),
        columns_of(_rows(known, asked), known.song_ids, song_ids),
    )


def _rows(plays: PlayCounts, listeners: NDArray[np.int64]) -> csr_array:
    from scipy.sparse import csr_array

    return csr_array(plays.matrix[listeners])
