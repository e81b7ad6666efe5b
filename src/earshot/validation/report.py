"""validation.json: what was expected of the plays beside what was observed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from earshot.files import write_json
from earshot.validation.expectations import CheckResult
from earshot.validation.merging import Totals

REPORT_FILE = "validation.json"


def write_report(folder: Path, totals: Totals, results: Sequence[CheckResult]) -> None:
    """Write validation.json into `folder`: whether nothing fails, the totals, every check."""
    content = {
        "success": not any(result.verdict == "fails" for result in results),
        "totals": totals.as_json(),
        "checks": [result.as_json() for result in results],
    }
    write_json(folder / REPORT_FILE, content)
