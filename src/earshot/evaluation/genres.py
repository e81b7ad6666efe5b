"""The genres of the candidates that are large enough to be judged by themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from earshot.artists import LEAST_ARTISTS
from earshot.columns import split_names
from earshot.evaluation.cold_start import ColdStart


def large_genres(
    genres: Sequence[str], cold_start: ColdStart, min_share: float
) -> dict[str, NDArray[np.bool_]]:
    """Which candidates are of each genre that has `min_share` of them and `LEAST_ARTISTS` artists.

    Parameters
    ----------
    genres
        `;`-separated, `(n_candidates,)`.

    Returns
    -------
    `(n_candidates,)` by genre, the largest first.
    """
    names = [split_names(text) for text in genres]
    counted = Counter(name for song in names for name in song)
    large = [name for name, n in sorted(counted.items()) if n >= min_share * len(names)]
    masks = {name: np.array([name in song for song in names]) for name in large}
    return {
        name: mask
        for name, mask in sorted(masks.items(), key=lambda item: -int(item[1].sum()))
        if len(set(cold_start.artists[mask])) >= LEAST_ARTISTS
    }
