"""The checks of rows without Great Expectations, whose import takes longer than judging most deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from earshot.validation.expectations import Check
from earshot.validation.suite import Seen, seen_rows

if TYPE_CHECKING:
    import pandas as pd


class PlainSuite:
    """As `earshot.validation.suite.Suite`, for whoever judges rows and shows nobody the suite: the door.

    Knows the expectations of `earshot.validation.plays.delivered_row_checks`, no others.
    """

    def __init__(self, checks: Sequence[Check]) -> None:
        self.checks = tuple(checks)

    def run(self, table: pd.DataFrame) -> list[Seen]:
        """What each check sees in `table`, in the order of `checks`."""
        return [
            seen_rows(table[check.column], np.flatnonzero(~_holds(check, table[check.reads])))
            for check in self.checks
        ]


def _holds(check: Check, column: pd.Series) -> NDArray[np.bool_]:
    """Of each row; what is missing is judged by `not_be_null` alone."""
    there = column.notna().to_numpy(dtype=np.bool_)
    least, most = (check.arguments.get(name) for name in ("min_value", "max_value"))
    match check.expectation:
        case "expect_column_values_to_not_be_null":
            return there
        case "expect_column_values_to_be_between":
            values = column.to_numpy()
            outside = np.zeros(len(values), dtype=np.bool_)
            if least is not None:
                outside |= values < least  # False for NaN: not_be_null alone judges it
            if most is not None:
                outside |= values > most
            return ~outside
        case "expect_column_values_to_be_in_set":
            return ~there | column.isin(check.arguments["value_set"]).to_numpy(dtype=np.bool_)
    raise NotImplementedError(check.expectation)
