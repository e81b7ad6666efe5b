"""Where ids stand among others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def positions_of(ids: Iterable[str], wanted: Iterable[str]) -> NDArray[np.intp]:
    """Position of each of `wanted` in `ids`, all different, (n_wanted,); -1 where it is not there."""
    import pandas as pd

    rows: NDArray[np.intp] = pd.Index(ids).get_indexer(pd.Index(wanted))
    return rows


def is_among(ids: Iterable[str], others: Iterable[str]) -> NDArray[np.bool_]:
    """Which of the `ids`, (n,); `Series.isin` of pandas 3 takes most of a second for 100,000 others."""
    import pandas as pd

    return positions_of(pd.Index(list(others) if isinstance(others, set) else others).unique(), ids) >= 0
