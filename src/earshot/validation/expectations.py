"""What is expected of a table, and what was observed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

EXAMPLES = 5

Verdict = Literal["holds", "set aside", "warns", "fails"]


@dataclass(frozen=True)
class Check:
    """One expectation on a column.

    Attributes
    ----------
    name
        Short and unique, for people and for Dagster.
    table, column
        What is spoken of.
    reads
        The column that is looked at, `column` itself or what was made of it.
    expectation, arguments
        In the words of Great Expectations: `expect_column_values_to_be_between`,
        `{"min_value": 1, ...}`.
    expected
        The same for people.
    sets_aside
        Rows that are not as expected are left out and counted; the check does not
        fail by itself.
    warns
        What is not as expected is told, and stops nothing.
    """

    name: str
    table: str
    column: str
    reads: str
    expectation: str
    expected: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    sets_aside: bool = False
    warns: bool = False


@dataclass(frozen=True)
class Observed:
    """What a check saw, added up over chunks.

    Attributes
    ----------
    rows, unexpected
        How many were looked at, and how many were not as expected.
    examples
        The first few different unexpected values, as text.
    value
        The one number or type, where a single one is looked at.
    """

    rows: int = 0
    unexpected: int = 0
    examples: tuple[str, ...] = ()
    value: float | str | None = None

    def __add__(self, other: Observed) -> Observed:
        examples = tuple(dict.fromkeys(self.examples + other.examples))[:EXAMPLES]
        rows, unexpected = self.rows + other.rows, self.unexpected + other.unexpected
        return Observed(rows, unexpected, examples, other.value)


@dataclass(frozen=True)
class CheckResult:
    """A check beside what it saw."""

    check: Check
    observed: Observed

    @property
    def verdict(self) -> Verdict:
        """Whether the check holds; where it does not, whether it warns, sets rows aside or fails."""
        if not self.observed.unexpected:
            return "holds"
        if self.check.warns:
            return "warns"
        return "set aside" if self.check.sets_aside else "fails"

    @property
    def says(self) -> str:
        """What was observed, for people."""
        seen = self.observed
        if seen.value is not None:
            return " ".join([_shown(seen.value), *(f"({example})" for example in seen.examples)])
        if not seen.unexpected:
            return f"all {seen.rows:,} rows"
        text = f"{seen.unexpected:,} of {seen.rows:,} rows not"
        return f"{text}: {', '.join(map(repr, seen.examples))}" if seen.examples else text

    def as_json(self) -> dict[str, Any]:
        """The check, what was observed and the verdict, as in validation.json."""
        return {
            **{
                key: value
                for key, value in asdict(self.check).items()
                if key not in ("reads", "sets_aside", "warns")
            },
            "rows": self.observed.rows,
            "unexpected": self.observed.unexpected,
            "examples": list(self.observed.examples),
            "observed": self.says,
            "verdict": self.verdict,
        }


def _shown(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if value == int(value) else f"{value:.4f}"
