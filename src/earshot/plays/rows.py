"""What the text of a row of plays says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from earshot.columns import PLAY_COUNT, PLAYED_AT, SONG_ID, USER_ID

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

NUMBER, FRACTION, DATED = "number", "fraction", "dated"

_LAST_SECOND = 253_402_300_799  # of the year 9999


def parse_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Beside the text, what it says.

    Parameters
    ----------
    rows
        user_id, song_id, play_count, played_at: str, `""` where nothing was said.

    Returns
    -------
    The same, an id that is not there missing, and
    number
        play_count as float64, missing where it is no number.
    fraction
        What `number` has behind the point.
    dated
        Whether played_at is empty, ISO 8601 or unix seconds.
    """
    number = _each_once(rows[PLAY_COUNT], _number)
    with np.errstate(invalid="ignore"):
        fraction = number % 1
    parsed = rows.copy()
    for name in (USER_ID, SONG_ID):
        parsed[name] = rows[name].where(rows[name] != "")
    parsed[NUMBER], parsed[FRACTION] = number, fraction
    parsed[DATED] = _each_once(rows[PLAYED_AT], _dated)
    return parsed


def _each_once(column: pd.Series, read: Callable[[pd.Series], NDArray[Any]]) -> NDArray[Any]:
    """`read` on every different text of `column`, once."""
    import pandas as pd

    numbers, texts = pd.factorize(column)
    return read(pd.Series(texts, dtype=str))[numbers]


def _number(texts: pd.Series) -> NDArray[np.float64]:
    import pandas as pd

    return pd.to_numeric(texts, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)


def _dated(texts: pd.Series) -> NDArray[np.bool_]:
    import pandas as pd

    seconds = _number(texts)
    dates = pd.to_datetime(texts, format="ISO8601", errors="coerce", utc=True)
    is_seconds = (seconds >= -_LAST_SECOND) & (seconds <= _LAST_SECOND)
    return (texts == "").to_numpy() | is_seconds | dates.notna().to_numpy()
