"""The validation report: validation.json, and validation.html, which opens without a network."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby
from pathlib import Path

from earshot.files import write_json
from earshot.validation.expectations import CheckResult
from earshot.validation.merging import Totals

REPORT_FILES = ("validation.json", "validation.html")

_MARKS = {"holds": "✓", "set aside": "–", "warns": "!", "fails": "✕"}

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2430; --soft: #667085; --line: #e3e7ee; --paper: #fff;
  --back: #f5f7fa; --good: #12805c; --warn: #a15c00; --bad: #c02b2b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ebf1; --soft: #98a2b3; --line: #2c3442;
  --paper: #171c26; --back: #0f131a; --good: #4cc38a; --warn: #f0b254; --bad: #ff7b72; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 68rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; letter-spacing: -.01em; }
h2 { font-size: 1rem; margin: 2.25rem 0 .5rem; }
p { margin: 0; color: var(--soft); }
.verdict { font-weight: 600; }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem;
  margin: 1.5rem 0 0; }
.numbers div, .sheet { background: var(--paper); border: 1px solid var(--line); border-radius: 10px; }
.numbers div { padding: .75rem 1rem; }
.numbers b { display: block; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
.numbers span { color: var(--soft); font-size: .85rem; }
.sheet { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; min-width: 40rem; table-layout: fixed; }
th, td { text-align: left; vertical-align: top; padding: .55rem 1rem; border-top: 1px solid var(--line); }
thead th { border-top: 0; color: var(--soft); font-weight: 500; font-size: .85rem; }
td:nth-child(4) { overflow-wrap: anywhere; }
code { font: .9em ui-monospace, SFMono-Regular, Menlo, monospace; }
th:nth-child(1) { width: 8.5rem; } th:nth-child(2) { width: 9.5rem; } th:nth-child(3) { width: 18rem; }
.mark { white-space: nowrap; font-weight: 600; }
.holds { color: var(--good); } .aside { color: var(--warn); } .fails { color: var(--bad); }
"""

_CLASSES = {"holds": "holds", "set aside": "aside", "warns": "aside", "fails": "fails"}


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
    sheets = groupby(in_order, key=lambda result: result.check.table)
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Play counts: expected and observed</title>
<style>{_STYLE}</style>
<main>
<h1>Play counts</h1>
<p>{_verdict(results)}</p>
<div class="numbers">{_numbers(totals)}</div>
{"".join(_sheet(table, list(rows)) for table, rows in sheets)}
</main>
</html>
"""


def _verdict(results: Sequence[CheckResult]) -> str:
    failures = _failures(results)
    if failures:
        words = f"{failures} of {len(results)} checks fail."
        return f'<span class="verdict fails">{words}</span> Nothing was published.'
    aside = sum(result.verdict == "set aside" for result in results)
    note = "Rows that are not as expected were set aside and counted." if aside else ""
    if warnings := sum(result.verdict == "warns" for result in results):
        words = f"{warnings} of {len(results)} checks warn."
        return f'<span class="verdict aside">{words}</span> {note}'
    return f'<span class="verdict holds">All {len(results)} checks hold.</span> {note}'


def _numbers(totals: Totals) -> str:
    numbers = {
        "rows delivered": totals.rows,
        "invalid, set aside": totals.invalid_rows,
        "waiting for their song": totals.unknown_rows,
        "listeners": totals.listeners,
        "songs": totals.songs,
        "listener-song pairs": totals.plays,
    }
    return "".join(f"<div><b>{value:,}</b><span>{name}</span></div>" for name, value in numbers.items())


def _sheet(table: str, results: list[CheckResult]) -> str:
    head = "".join(f"<th>{title}</th>" for title in ("", "Column", "Expected", "Observed"))
    rows = "".join(map(_row, results))
    return (
        f'<h2>{escape(table)}</h2><div class="sheet">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(result: CheckResult) -> str:
    check, verdict = result.check, result.verdict
    title = escape(f"{check.expectation} {dict(check.arguments)}", quote=True)
    return (
        f'<tr><td class="mark {_CLASSES[verdict]}">{_MARKS[verdict]} {verdict}</td>'
        f'<td><code>{escape(check.column)}</code></td><td title="{title}">{escape(check.expected)}</td>'
        f"<td>{escape(result.says)}</td></tr>"
    )
