"""What a stage observed beside what was expected: listed in its summary under `checks`, shown by Dagster."""

from __future__ import annotations

from typing import Any


def check(name: str, description: str, *, passed: bool, observed: Any, expected: Any) -> dict[str, Any]:
    """One check of a summary. What must stop a run raises a `UserError` instead."""
    return {
        "name": name,
        "description": description,
        "passed": bool(passed),
        "observed": observed,
        "expected": expected,
    }


def share_check(name: str, description: str, part: int, whole: int, at_most: float) -> dict[str, Any]:
    """`part` of `whole` is at most the share `at_most`."""
    return check(
        name,
        description,
        passed=part <= at_most * whole,
        observed=f"{part} of {whole}",
        expected=f"at most {at_most:.0%}",
    )
