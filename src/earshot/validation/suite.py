"""Checks run by Great Expectations, on one table after the other."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from earshot.validation.expectations import EXAMPLES, Check, Observed

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Seen:
    """What one check saw in one table.

    Attributes
    ----------
    unexpected
        Positions of the rows that are not as expected, ascending.
    """

    observed: Observed
    unexpected: NDArray[np.intp]


_EXAMPLE_LENGTH = 80

_FORMAT = {
    "result_format": "COMPLETE",
    "partial_unexpected_count": EXAMPLES,
    "return_unexpected_index_query": False,
}


class Suite:
    """Checks of one kind of table, made ready once and run on as many chunks as there are."""

    def __init__(self, checks: Sequence[Check]) -> None:
        self.checks = tuple(checks)
        self._context, self._engine, self._expectations = _ready(self.checks)

    def run(self, table: pd.DataFrame) -> list[Seen]:
        """What each check sees in `table`, in the order of `checks`; nothing in a table without rows."""
        if not len(table):
            return [Seen(Observed(), np.array([], dtype=np.intp)) for _ in self.checks]
        from great_expectations.core.batch import Batch
        from great_expectations.validator.validator import Validator

        # Not through a data source: Great Expectations hashes the whole of each table out of one, which takes
        # as long as all checks. Nor through a validation definition: that keeps, and copies, every result.
        # It answers with index values: after reset_index they are positions.
        read = table[sorted({check.reads for check in self.checks})].reset_index(drop=True)
        # The one engine lets go of the table before, as all have one name; an engine for each would wait for
        # the garbage collector together with its table, as they name each other.
        validator = Validator(self._engine, data_context=self._context, batches=[Batch(data=read)])
        ran = validator.graph_validate(self._expectations, {"result_format": dict(_FORMAT)})
        by_name = {result.expectation_config.meta["name"]: result for result in ran}
        return [_seen(by_name[check.name], table[check.column]) for check in self.checks]


def _great_expectations() -> Any:
    # Read at import: no word to anybody about what is validated here.
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    with warnings.catch_warnings():
        # It imports modules that Python is going to drop, and Spark, if it is there, which warns of pandas 3.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", FutureWarning)
        import great_expectations as gx
    return gx


def _ready(checks: Sequence[Check]) -> tuple[Any, Any, list[Any]]:
    """A context that shows no progress, what computes in it, and what Great Expectations is to look at."""
    gx = _great_expectations()
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    configuration = gx.expectations.expectation_configuration.ExpectationConfiguration
    return (
        context,
        gx.execution_engine.PandasExecutionEngine(),
        [
            configuration(
                check.expectation, {"column": check.reads, **check.arguments}, meta={"name": check.name}
            )
            for check in checks
        ],
    )


def _seen(result: Any, column: pd.Series) -> Seen:
    if result.exception_info.get("raised_exception"):
        raise RuntimeError(result.exception_info["exception_message"])
    found, nowhere = result.result, np.array([], dtype=np.intp)
    if "observed_value" in found:
        return Seen(Observed(len(column), int(not result.success), value=found["observed_value"]), nowhere)
    return seen_rows(column, np.array(found["unexpected_index_list"], dtype=np.intp))


def seen_rows(column: pd.Series, unexpected: NDArray[np.intp]) -> Seen:
    """What a check of rows saw in `column`; `(n_unexpected,)` positions in it are not as expected."""
    texts = column.iloc[unexpected].astype(str).fillna("").unique()[:EXAMPLES]
    examples = tuple(text[:_EXAMPLE_LENGTH] for text in texts)
    return Seen(Observed(len(column), len(unexpected), examples), unexpected)
