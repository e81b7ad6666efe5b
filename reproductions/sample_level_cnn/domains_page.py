"""The page of the domains: every set of clips with its systems."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

from earshot.pages.charts import Axis, interval_bar
from earshot.pages.render import number, render, signed
from earshot.pages.results import Cell, TableRow, draw_table
from sample_level_cnn.controls import DESCRIPTIONS, LINEAR_STATISTICS
from sample_level_cnn.params import SampleLevelCnn

METRICS = {"accuracy": "Accuracy", "auc": "AUC", "instance_f": "Instance F-score"}

Content = Mapping[str, Any]


def draw_page(metrics: Mapping[str, Content], params: SampleLevelCnn, foot: str = "") -> str:
    """The page, above its `foot`: one HTML document that loads nothing; `metrics` as in metrics.json."""
    return render(
        "domains_page.html",
        Path(__file__).parent,
        foot=foot,
        threshold=params.threshold,
        domains=[(name, _systems(found), _facts(found)) for name, found in metrics.items()],
    )


def _systems(found: Content) -> Markup:
    """A line a system: its value, and by how much it is above the regression."""
    heading, systems = METRICS[found["metric"]], found["systems"]
    rows = []
    for name, values in systems.items():
        cells = [_cell(heading, values, signs=False)]
        if LINEAR_STATISTICS in values["minus"]:
            cells.append(_cell(f"Minus {LINEAR_STATISTICS}", values["minus"][LINEAR_STATISTICS], signs=True))
        else:
            cells.append(Cell(f"Minus {LINEAR_STATISTICS}"))
        rows.append(TableRow(name, cells, [DESCRIPTIONS.get(name, "")], name not in DESCRIPTIONS))
    return draw_table(["System", heading, f"Minus {LINEAR_STATISTICS}"], rows)


def _cell(heading: str, values: Content, *, signs: bool) -> Cell:
    written = signed if signs else number
    low, high = values["ci95"]
    axis = Axis(-1, 1) if signs else Axis(0, 1)
    ends = "one group of clips: no interval" if low is None else f"{written(low)} to {written(high)}"
    return Cell(heading, written(values["value"]), ends, interval_bar(values["value"], low, high, axis, 0.0))


def _facts(found: Content) -> dict[str, str]:
    sides = found["clips"]
    return {
        "Clips to learn from, for early stopping, held out": ", ".join(f"{n:,}" for n in sides.values()),
        "Groups held out": f"{found['groups']:,}",
        "Labels": ", ".join(f"{name} {n:,}" for name, n in found["labels"].items()),
        **{f"Left out: {why}": f"{n:,}" for why, n in found["left_out"].items()},
    }
