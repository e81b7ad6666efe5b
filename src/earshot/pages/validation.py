"""The page on the plays: what was expected of them, and what was observed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from earshot.pages.render import counted, render

Checks = Sequence[Mapping[str, Any]]


def draw_page(content: Mapping[str, Any], foot: str = "") -> str:
    """One HTML document that needs no other file; `content` as in validation.json, `foot` below it."""
    totals, checks = content["totals"], content["checks"]
    in_order = sorted(checks, key=lambda check: str(check["table"]) != "totals")
    verdict, sentence, note = _verdict(checks)
    return render(
        "validation.html",
        verdict=verdict,
        sentence=sentence,
        note=note,
        totals={
            "rows delivered": totals["rows"],
            "invalid, set aside": totals["invalid_rows"],
            "waiting for their song": totals["unknown_rows"],
            **({"excluded by their listener": totals["excluded_rows"]} if "excluded_rows" in totals else {}),
            "listeners": totals["listeners"],
            "songs": totals["songs"],
            "listener-song pairs": totals["plays"],
        },
        tables=[(table, list(rows)) for table, rows in groupby(in_order, key=lambda check: check["table"])],
        foot=foot,
    )


def _verdict(checks: Checks) -> tuple[str, str, str]:
    """The verdict on all checks, in words; none fails, or there would be no play counts."""
    verdicts = [check["verdict"] for check in checks]
    note = "Rows that are not as expected were set aside and counted." if "set aside" in verdicts else ""
    if warnings := verdicts.count("warns"):
        warn = "warns" if warnings == 1 else "warn"
        return "warns", f"{warnings} of {counted(len(verdicts), 'check')} {warn}.", note
    sentence = "The one check holds." if len(verdicts) == 1 else f"All {len(verdicts)} checks hold."
    return "holds", sentence, note
