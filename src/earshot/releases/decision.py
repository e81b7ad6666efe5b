"""What a decision on a candidate holds: the stage `release` writes it, people add to it."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from earshot.checks import REFIT_IS_SERVED, check
from earshot.releases.manifest import REFIT, Label, Name

IMPORTED = "imported"
"""Key of what the archive of a promoted import claimed; nothing here was ever judged by it."""

_STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


@dataclass(frozen=True, config=_STRICT)
class Difference:
    """Candidate minus another system, and its paired 95 % interval over `artists`; p where it was tested."""

    value: float | None
    low: float | None
    high: float | None
    artists: int | None = None
    p: float | None = None


@dataclass(frozen=True, config=_STRICT)
class Rule:
    """One thing that a released candidate must keep, whether it does, and in words."""

    name: str
    passed: bool
    told: str


@dataclass(frozen=True, config=_STRICT)
class RefitFound:
    """Whether the model trained on all songs is served in the place of the judged one, and why in words.

    `songs` and `users` were asked; `differences` are refit minus judged. None where it was not made.
    """

    served: bool
    told: str
    songs: int | None = None
    users: int | None = None
    differences: dict[Label, Difference] | None = None


@dataclass(frozen=True, config=ConfigDict(extra="allow", strict=True, allow_inf_nan=False))
class Decision:
    """Types of the keys that are read later, each of which may be missing; others are kept and never read."""

    candidate: Name | None = None
    released: bool | None = None
    reason: str | None = None
    rules: list[Rule] | None = None
    epsilon: float | None = None
    feature_key: Label | None = None
    split: dict[Label, Any] | None = None
    folds: dict[Label, list[int]] | None = None
    users: int | None = None
    songs: int | None = None
    metrics: dict[Label, dict[Label, float | None]] | None = None
    differences: dict[Label, dict[Label, Difference]] | None = None
    genres: dict[Label, dict[Label, Difference]] | None = None
    baselines: dict[Label, dict[Label, Difference]] | None = None
    lists: dict[Label, dict[Label, Difference]] | None = None
    not_cached: list[Name] | None = None
    not_scored: list[Name] | None = None
    refit: RefitFound | None = None
    promoted: dict[Label, str] | None = None
    rolled_back_to: Name | None = None
    imported: dict[str, Any] | None = None


def refit_check(decision: dict[str, Any]) -> dict[str, Any]:
    """The check of the stage `release`, out of its decision; passed where no refit was asked for."""
    found = decision.get(REFIT)
    return check(
        REFIT_IS_SERVED,
        "the model trained on all songs is not clearly worse than the judged one by the songs for early "
        "stopping; else the judged one is served",
        passed=found is None or found["served"],
        observed="off: none was asked for" if found is None else found["told"],
        expected="not clearly worse than the judged model",
    )
