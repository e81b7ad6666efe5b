"""What a paper claims, what was found here, and whether it holds: a line each, for the overview of papers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from earshot.files import write_json

Verdict = Literal["holds", "does not hold", "cannot be told"]

CLAIMS = "claims.json"


@dataclass(frozen=True)
class Claim:
    """A line of the overview.

    Attributes
    ----------
    claim
        A sentence: what is said to be better than what.
    paper
        The paper's figures, with metric and data; "no figure is known" where there is none.
    here
        Those found here, with metric, difference and its interval.
    verdict
        Whether it holds on the catalogue at hand.
    """

    claim: str
    paper: str
    here: str
    verdict: Verdict


def write_claims(folder: Path, claims: Sequence[Claim]) -> None:
    """Write claims.json into the output of a stage."""
    write_json(folder / CLAIMS, [asdict(claim) for claim in claims])


def verdict(low: float | None, high: float | None) -> Verdict:
    """Of a difference that a claim says is above 0, by its 95 % interval; None: no interval can be made.

    Example
    -------
    >>> verdict(0.01, 0.03), verdict(-0.01, 0.03), verdict(-0.03, -0.01)
    ('holds', 'cannot be told', 'does not hold')
    """
    if low is None or high is None:
        return "cannot be told"
    if low > 0:
        return "holds"
    return "does not hold" if high < 0 else "cannot be told"


def above(
    claim: str,
    paper: str,
    differences: Mapping[str, Mapping[str, Any]],
    names: tuple[str, str],
    metric: str = "auc",
) -> Claim:
    """The claim that the system `names[0]` is above `names[1]`, the earlier of the two in the table.

    `differences` is the content of differences.json, `metric` a key of its values.
    """
    found = differences.get(f"{names[0]}_minus_{names[1]}")
    if found is None:
        return Claim(claim, paper, f"{names[0]} or {names[1]} is not in this table", "cannot be told")
    low, high = found[f"{metric}_ci95_artists"]
    ends = "too few artists for an interval" if low is None else f"{low:+.3f} to {high:+.3f}"
    here = f"{metric} {found[metric]:+.3f} ({ends})"
    return Claim(claim, paper, here, verdict(low, high))
