"""Which songs the embedding puts side by side, and how often they have the same label."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import eye_array

from earshot.columns import ARTIST_ID, RANK, SONG_ID
from earshot.evaluation.intervals import multiplicities, percentile_interval
from earshot.recommend.ranking import rank_songs
from hyper_image.params import LABEL
from hyper_image.snippets import HELD_OUT

NEIGHBOUR = "neighbour"
COSINE = "cosine"


def nearest(song_ids: pd.Series, vectors: NDArray[np.floating], k: int) -> pd.DataFrame:
    """The k other songs whose vectors (n, d) point most nearly where each song's does.

    Returns
    -------
    song_id, rank from 1, neighbour (a song_id), cosine; in the order of `song_ids`.
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units = (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    # as if each song had played itself: it is left out of its own list
    itself, all_songs = eye_array(len(units), format="csr"), np.ones(len(units), dtype=np.bool_)
    lists = list(rank_songs(units, units, itself, all_songs, k))
    users, items, ranks, scores = (
        np.concatenate([getattr(part, name) for part in lists])
        for name in ("users", "items", "ranks", "scores")
    )
    ids = song_ids.to_numpy()
    return pd.DataFrame({SONG_ID: ids[users], RANK: ranks, NEIGHBOUR: ids[items], COSINE: scores})


def describe_neighbours(
    songs: pd.DataFrame, near: pd.DataFrame, bootstraps: int, seed: int
) -> dict[str, Any]:
    """How often the nearest songs of held-out ones, by other artists, have the same label.

    Parameters
    ----------
    songs
        song_id, artist_id, label ("" where there is none), held_out.
    near
        As `nearest` gives it, of these songs.
    bootstraps, seed
        Of the interval over the artists of the held-out songs.

    Returns
    -------
    `songs`, how many held-out ones have a labelled neighbour by another artist; `share`, the mean of their
    shares of such neighbours with the same label; `by_chance`, of all labelled songs by other artists;
    `difference` with its 95 % interval, null with fewer than two artists. Null without a song.
    """
    labelled = songs[songs[LABEL] != ""].set_index(SONG_ID)
    asked = labelled[labelled[HELD_OUT]]
    pairs = near[near[SONG_ID].isin(asked.index) & near[NEIGHBOUR].isin(labelled.index)]
    columns = [LABEL, ARTIST_ID]
    one, other = (labelled.loc[pairs[column], columns].to_numpy() for column in (SONG_ID, NEIGHBOUR))
    others = one[:, 1] != other[:, 1]
    same = pd.Series(one[others, 0] == other[others, 0], dtype=np.float64)
    share = same.groupby(pairs.loc[others, SONG_ID].to_numpy()).mean()
    asked = asked.loc[share.index]
    if asked.empty:
        return dict.fromkeys(("share", "by_chance", "difference", _INTERVAL)) | {"songs": 0}
    chance = _by_chance(labelled, asked)
    artists = pd.factorize(asked[ARTIST_ID])[0]
    difference = share.to_numpy() - chance
    return {
        "songs": len(asked),
        "share": round(float(share.mean()), 6),
        "by_chance": round(float(chance.mean()), 6),
        "difference": round(float(difference.mean()), 6),
        _INTERVAL: _interval(difference, artists, bootstraps, seed),
    }


_INTERVAL = "difference_ci95_artists"


def _by_chance(labelled: pd.DataFrame, asked: pd.DataFrame) -> NDArray[np.float64]:
    """Of each song in `asked`, how many of those by other artists have its label, (n_asked,)."""
    of_label = labelled[LABEL].value_counts()
    of_artist = labelled[ARTIST_ID].value_counts()
    of_both = labelled.groupby([LABEL, ARTIST_ID]).size()
    both = of_both.loc[list(zip(asked[LABEL], asked[ARTIST_ID], strict=True))].to_numpy()
    same = of_label.loc[asked[LABEL]].to_numpy() - both
    return np.asarray(same / (len(labelled) - of_artist.loc[asked[ARTIST_ID]].to_numpy()), dtype=np.float64)


def _interval(
    values: NDArray[np.float64], artists: NDArray[np.int64], bootstraps: int, seed: int
) -> list[float] | None:
    """Percentiles of the mean as artists, numbers from 0, are drawn."""
    n_artists = int(artists.max()) + 1
    if n_artists < 2:
        return None
    drawn = multiplicities(n_artists, bootstraps, seed)[artists]  # (n, bootstraps)
    means = (values @ drawn) / drawn.sum(axis=0)
    found = percentile_interval(float(values.mean()), means)
    return [round(found.low, 6), round(found.high, 6)]
