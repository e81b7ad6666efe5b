"""The validation report: validation.json, and validation.html, which opens without a network."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from earshot.files import write_json
from earshot.pages.render import render
from earshot.validation.expectations import CheckResult, Verdict
from earshot.validation.merging import Totals

REPORT_FILES = ("validation.json", "validation.html")


def write_report(folder: Path, totals: Totals, results: Sequence[CheckResult]) -> None:
    """Write both files of the report into `folder`."""
    content = {
        "success": not _failures(results),
        "totals": vars(totals),
        "checks": [result.as_json() for result in results],
    }
    write_json(folder / REPORT_FILES[0], content)
    (folder / REPORT_FILES[1]).write_text(_page(totals, results), encoding="utf-8")


def _failures(results: Sequence[CheckResult]) -> int:
    return sum(result.verdict == "fails" for result in results)


def _page(totals: Totals, results: Sequence[CheckResult]) -> str:
    in_order = sorted(results, key=lambda result: result.check.table != "totals")
    verdict, said, note = _verdict(results)
    return render(
        "validation.html",
        verdict=verdict,
        said=said,
        note=note,
        totals={
            "rows delivered": totals.rows,
            "invalid, set aside": totals.invalid_rows,
            "waiting for their song": totals.unknown_rows,
            "listeners": totals.listeners,
            "songs": totals.songs,
            "listener-song pairs": totals.plays,
        },
        tables=[
            (table, list(rows)) for table, rows in groupby(in_order, key=lambda result: result.check.table)
        ],
    )


def _verdict(results: Sequence[CheckResult]) -> tuple[Verdict, str, str]:
    """The verdict on all checks, in words, and what follows from it."""
    if failures := _failures(results):
        return "fails", f"{failures} of {len(results)} checks fail.", "Nothing was published."
    aside = any(result.verdict == "set aside" for result in results)
    note = "Rows that are not as expected were set aside and counted." if aside else ""
    if warnings := sum(result.verdict == "warns" for result in results):
        return "warns", f"{warnings} of {len(results)} checks warn.", note
    return "holds", f"All {len(results)} checks hold.", note
