"""What the first run leaves for a closer look: the songs, and their vectors of every kind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from comparison.fold import Fold
from comparison.networks import predicted_factors
from earshot.columns import COLD, N_LISTENERS, SONG_ID
from earshot.evaluation.cold_start import read_vectors
from earshot.files import write_table
from oord_2013.usage_patterns import usage_patterns

if TYPE_CHECKING:
    import pandas as pd

_KINDS = ("wmf_factors", "wmf_patterns", "predicted_patterns", "bags")


@dataclass(frozen=True)
class Look:
    """Songs with audio and plays.

    Attributes
    ----------
    songs
        As in `training_set/songs.parquet`, n lines.
    wmf_factors
        Item factors; of cold songs those folded in from their plays, `(n, factors)`.
    wmf_patterns, predicted_patterns
        Usage patterns of these, and of what the network hears (`oord_2013.usage_patterns`), `(n, factors)`.
    bags
        Bags of words, `(n, components)`.
    """

    songs: pd.DataFrame
    wmf_factors: NDArray[np.floating]
    wmf_patterns: NDArray[np.floating]
    predicted_patterns: NDArray[np.floating]
    bags: NDArray[np.floating]


def write_look(folder: Path, fold: Fold, network: str) -> None:
    """Write the look at one fold into `folder`."""
    songs = fold.songs
    played = songs[N_LISTENERS].to_numpy() > 0
    factors = _factors(fold, songs[played])
    kinds: dict[str, NDArray[np.floating]] = {
        "wmf_factors": factors,
        "wmf_patterns": usage_patterns(factors, fold.user_factors),
        "predicted_patterns": usage_patterns(predicted_factors(fold, network)[played], fold.user_factors),
        "bags": fold.known.bags[played],
    }
    folder.mkdir()
    write_table(folder / "songs.parquet", songs[played])
    for kind in _KINDS:
        np.save(folder / f"{kind}.npy", kinds[kind].astype(np.float32))


def read_look(folder: Path) -> Look:
    """Read what `write_look` wrote."""
    import pandas as pd

    return Look(
        pd.read_parquet(folder / "songs.parquet"), *(np.load(folder / f"{kind}.npy") for kind in _KINDS)
    )


def _factors(fold: Fold, songs: pd.DataFrame) -> NDArray[np.float32]:
    cold = songs[COLD].to_numpy(dtype=bool)
    folder = fold.wmf_factors
    factors = np.empty((len(songs), fold.user_factors.shape[1]), np.float32)
    factors[cold] = fold.cold_factors(songs[SONG_ID][cold])
    warm = songs[SONG_ID][~cold]
    factors[~cold] = read_vectors(folder / "item_factors.npy", folder / "items.parquet", SONG_ID, warm)
    return factors
