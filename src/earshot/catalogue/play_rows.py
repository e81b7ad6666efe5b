"""What the text of a row of plays says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from earshot.columns import PLAY_COUNT, PLAYED_AT, SONG_ID, USER_ID

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

NUMBER, FRACTION, DATED, SECOND = "number", "fraction", "dated", "second"
NO_SECOND = -(2**63)
DATES = "ISO 8601 or unix seconds, 1990 to 2099"

_FIRST_SECOND = 631_152_000  # 1990-01-01, UTC; a constant, so that a row is judged the same on every day
_LAST_SECOND = 4_102_444_799  # of 2099
_SECONDS = r"[0-9]{9,10}(?:\.[0-9]{0,9})?"
_ISO = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)? ?(?:Z|UTC|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)
NOT_IN_ID = "[\x00-\x1f\x7f-\x9f\u2028\u2029]"
"""A regular expression of the characters that no id has: control characters and line ends."""
LONGEST_ID = 1_000
AN_ID = "an id of 1 to 1,000 characters on one line, without control characters"


def parse_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Beside the text, what it says.

    Parameters
    ----------
    rows
        user_id, song_id, play_count, played_at: str, `""` where nothing was given.

    Returns
    -------
    The same, ids as categories, missing where there is none or one that `is_id` refuses; and
    number
        play_count as float64, missing where it is no number.
    fraction
        What `number` has behind the point.
    second
        played_at in whole seconds since 1970, int64, `NO_SECOND` where it says none.
    dated
        Whether played_at is empty, or a date that `second` holds.

    What a row says hangs on that row alone.
    """
    number = _each_once(rows[PLAY_COUNT], _number)
    with np.errstate(invalid="ignore"):
        fraction = number % 1
    parsed = rows.copy()
    for name in (USER_ID, SONG_ID):
        parsed[name] = _ids(rows[name])
    parsed[NUMBER], parsed[FRACTION] = number, fraction
    parsed[SECOND] = seconds_of(rows[PLAYED_AT])
    parsed[DATED] = (rows[PLAYED_AT] == "") | (parsed[SECOND] != NO_SECOND)
    return parsed


def seconds_of(texts: pd.Series) -> pd.Series:
    """The unix second that each text says, int64; `NO_SECOND` where it says none."""
    import pandas as pd

    return pd.Series(_each_once(texts, _second), index=texts.index, dtype=np.int64)


def is_id(texts: pd.Series) -> NDArray[np.bool_]:
    """Which texts, (n,) str, can be ids: 1 to 1,000 characters, none of them a control or line end."""
    good = (texts != "") & (texts.str.len() <= LONGEST_ID) & ~texts.str.contains(NOT_IN_ID, regex=True)
    return good.to_numpy(dtype=np.bool_)


def _ids(texts: pd.Series) -> pd.Categorical:
    """As categories: whatever is done with them next goes by their numbers, which is many times as fast."""
    import pandas as pd

    numbers, different = pd.factorize(texts)
    good = is_id(pd.Series(different, dtype=str))
    places = np.where(good, np.cumsum(good) - 1, -1)  # among the good ones; -1: missing
    return pd.Categorical.from_codes(places[numbers], different[good])


def _each_once(column: pd.Series, read: Callable[[pd.Series], NDArray[Any]]) -> NDArray[Any]:
    """`read` on every different text of `column`, once."""
    import pandas as pd

    numbers, texts = pd.factorize(column)
    return read(pd.Series(texts, dtype=str))[numbers]  # texts[numbers] is the column


def _number(texts: pd.Series) -> NDArray[np.float64]:
    import pandas as pd

    return pd.to_numeric(texts, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)


def _second(texts: pd.Series) -> NDArray[np.int64]:
    """Unix seconds, or ISO 8601 of a day or a moment; without a zone it is UTC.

    The shape is looked at first: pandas takes words such as `now`, and numbers, for dates. A leap
    second is the one before it.
    """
    import pandas as pd

    stripped = texts.str.strip()
    second = np.full(len(texts), NO_SECOND, dtype=np.int64)
    numbers = stripped.str.fullmatch(_SECONDS).to_numpy(dtype=np.bool_)
    second[numbers] = _number(stripped[numbers]).astype(np.int64)
    iso = stripped.str.fullmatch(_ISO).to_numpy(dtype=np.bool_)
    written = stripped[iso].str.replace(r"(:[0-9]{2}):60", r"\1:59", regex=True)
    written = written.str.replace(r" ?(?:UTC|Z)$", "Z", regex=True)
    # Years that no unit of pandas overflows at: it takes one unit for a whole column.
    near = written.str.slice(0, 4).astype(np.int64).between(1980, 2110).to_numpy(dtype=np.bool_)
    moments = pd.to_datetime(written[near], format="ISO8601", errors="coerce", utc=True)
    found = moments.to_numpy(dtype="datetime64[s]")
    places = np.flatnonzero(iso)[near][~np.isnat(found)]  # from the moments back to rows of `texts`
    second[places] = found[~np.isnat(found)].astype(np.int64)
    outside = (second < _FIRST_SECOND) | (second > _LAST_SECOND)  # NO_SECOND too
    second[outside] = NO_SECOND
    return second
