"""Values with their intervals as bars over one axis that is drawn, to compare parts with each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from earshot.pages.charts import Axis, ticks
from earshot.pages.render import number, render


class BarRow(NamedTuple):
    """A value with the ends of its interval, what stands before it, and the digits behind it."""

    name: str
    note: str
    value: float | None
    low: float | None
    high: float | None
    digits: str
    ends: str


def bars_chart(rows: Sequence[BarRow], mark: float | None, caption: str) -> Markup:
    """Values from 0 on with their intervals over one axis, which `caption` names; nothing without a row.

    A dashed line is at `mark`, where there is one.
    """
    if not rows:
        return Markup()
    ends = [end for row in rows for end in (row.value, row.low, row.high)]
    axis = Axis.around([0.0, mark, *ends], 0.04)
    at = ticks(axis, 6)
    digits = max(0, int(np.ceil(-np.log10(at[1] - at[0]) - 1e-9))) if len(at) > 1 else 3
    return render(
        "bars.html",
        rows=[(row, _bar_on_grid(row, axis, at, mark)) for row in rows],
        below=[(axis.at(tick), number(tick, digits)) for tick in at],
        caption=caption,
    )


def _bar_on_grid(row: BarRow, axis: Axis, at: Sequence[float], mark: float | None) -> Markup:
    """As `interval_bar`, with lines as high as the row is, so that those of all rows make one."""
    shapes = [_upright("grid", axis.at(tick)) for tick in at]
    if mark is not None:
        shapes.append(_upright("mark", axis.at(mark)))
    if row.low is not None and row.high is not None:
        ends = f'x1="{axis.at(row.low)}" x2="{axis.at(row.high)}"'
        shapes.append(f'<line class="bar" {ends} y1="50%" y2="50%"/>')
    if row.value is not None:
        shapes.append(f'<circle class="dot" cx="{axis.at(row.value)}" cy="50%" r="4.5"/>')
    return Markup(f'<svg class="interval" aria-hidden="true">{"".join(shapes)}</svg>')


def _upright(kind: str, x: str) -> str:
    return f'<line class="{kind}" x1="{x}" x2="{x}" y1="0" y2="100%"/>'
