"""What made a step of a run fail, in words."""

from __future__ import annotations

import dagster as dg


def reason(event: dg.DagsterEvent) -> str:
    """The step, and what it said itself; else the class and message of the error that nobody expected."""
    data = event.step_failure_data
    said = data.user_failure_data.description if data.user_failure_data else None
    error = data.error.cause or data.error if data.error else None
    told = said or (error.message.strip() if error else event.message or "")
    named = told.startswith(f"{event.step_key}: ")  # as stages begin what they say
    return told if named else f"{event.step_key}: {told}"
