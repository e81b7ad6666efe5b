"""Charts as inline SVG: drawn in per cent of their box, so that they grow and shrink with the window."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from markupsafe import Markup

from earshot.pages.render import number, render

BOX = 'viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true"'

Band = tuple[float, float, float] | None
"""A value and the ends of its interval."""


@dataclass(frozen=True)
class Axis:
    """A stretch of numbers, and where a number lies on it in per cent."""

    low: float
    high: float

    @classmethod
    def around(cls, values: Sequence[float | None], margin: float = 0.06) -> Axis:
        """All `values` that are there, with a margin; 0 to 1 where there is none."""
        known = [value for value in values if value is not None]
        low, high = (min(known), max(known)) if known else (0.0, 1.0)
        room = (high - low or 1.0) * margin
        return cls(low - room, high + room)

    def at(self, value: float) -> str:
        """Place of `value` on the axis, such as `12.50%`; below 0 or above 100 % where it lies outside."""
        return f"{100 * (value - self.low) / (self.high - self.low):.2f}%"


def interval_bar(
    value: float | None, low: float | None, high: float | None, axis: Axis, mark: float
) -> Markup:
    """A dot for the value, a bar for its interval, and a fine line at `mark` (chance, or no difference)."""
    shapes = ['<line class="track" x1="0" x2="100%" y1="9" y2="9"/>']
    if axis.low < mark < axis.high:
        shapes.append(f'<line class="mark" x1="{axis.at(mark)}" x2="{axis.at(mark)}" y1="1" y2="17"/>')
    if low is not None and high is not None:
        shapes.append(f'<line class="bar" x1="{axis.at(low)}" x2="{axis.at(high)}" y1="9" y2="9"/>')
    if value is not None:
        shapes.append(f'<circle class="dot" cx="{axis.at(value)}" cy="9" r="4.5"/>')
    return Markup(f'<svg class="interval" height="18" aria-hidden="true">{"".join(shapes)}</svg>')


def ticks(axis: Axis, wanted: int = 5) -> list[float]:
    """Round numbers inside the axis, 1, 2 or 5 times a power of ten apart."""
    rough = (axis.high - axis.low) / wanted
    power = 10.0 ** np.floor(np.log10(rough))
    step = power * next(factor for factor in (1, 2, 5, 10) if factor * power >= rough)
    first = int(np.ceil(axis.low / step))
    last = int(np.floor(axis.high / step))
    return [round(float(i * step), 10) for i in range(first, last + 1)]


def curves_chart(curves: pd.DataFrame, lines: dict[str, str], best: int) -> Markup:
    """Losses by epoch, `lines` by column with their label; `best` is the epoch that was kept.

    `curves` holds `epoch` and the columns; a NaN leaves a gap.
    """
    across = Axis(float(curves["epoch"].min()), max(float(curves["epoch"].max()), 1.0))
    shown = curves[list(lines)].to_numpy(dtype=float)
    up = Axis.around(shown[np.isfinite(shown)].tolist())
    kept = across.at(best)[:-1]
    shapes = [
        f'<line class="best" x1="{kept}" x2="{kept}" y1="0" y2="100"/>',
        *(_line(curves, column, across, up) for column in lines),
    ]
    whole = [tick for tick in ticks(across, 8) if tick == int(tick)]
    return _figure(
        up,
        shapes,
        key=[*lines.items(), ("kept", f"kept: epoch {best}")],
        below=[(across.at(tick), int(tick)) for tick in whole],
        caption="epoch",
    )


def lines_chart(
    lines: Mapping[str, Sequence[tuple[float, float]]], labels: Mapping[str, str], caption: str
) -> Markup:
    """Points `(x, y)` joined by a line each; the axis across, which `caption` names, begins at 0.

    `lines` are by class of CSS, `labels` say what they are.
    """
    points = [point for line in lines.values() for point in line]
    across = Axis(0.0, max((x for x, _ in points), default=0.0) or 1.0)
    up = Axis.around([y for _, y in points])
    shapes = []
    for name, line in lines.items():
        joined = " ".join(f"{across.at(x)[:-1]},{_y(up, y)}" for x, y in line)
        shapes.append(f'<polyline class="{name}" points="{joined}"/>')
    below = [(across.at(tick), int(tick) if tick == int(tick) else tick) for tick in ticks(across, 8)]
    return _figure(up, shapes, key=labels.items(), below=below, caption=caption)


def _figure(
    up: Axis,
    shapes: Sequence[str],
    key: Iterable[tuple[str, str]],
    below: Iterable[tuple[str, float]],
    caption: str,
) -> Markup:
    """`shapes` over a grid; `key` is class and label, `below` place and label on the axis across."""
    heights = [(tick, _y(up, tick)) for tick in ticks(up)]
    grid = [f'<line class="grid" x1="0" x2="100" y1="{y}" y2="{y}"/>' for _, y in heights]
    digits = max(0, int(np.ceil(-np.log10(np.diff([*ticks(up), up.high])[0])))) if heights else 3
    return render(
        "curves.html",
        svg=Markup(f"<svg {BOX}>{''.join([*grid, *shapes])}</svg>"),
        key=key,
        left=[(f"{y}%", number(tick, digits)) for tick, y in heights],
        below=below,
        caption=caption,
    )


def _line(curves: pd.DataFrame, column: str, across: Axis, up: Axis) -> str:
    known = curves[np.isfinite(curves[column].to_numpy(dtype=float))]
    points = " ".join(
        # without its %: points of a polyline have no units
        f"{across.at(epoch)[:-1]},{_y(up, value)}"
        for epoch, value in zip(known["epoch"], known[column], strict=True)
    )
    return f'<polyline class="{column}" points="{points}"/>'


def _y(up: Axis, value: float) -> str:
    return f"{100 * (up.high - value) / (up.high - up.low):.2f}"  # SVG counts from the top down


def bands_chart(
    at: Sequence[int], lines: Mapping[str, Sequence[Band]], labels: Mapping[str, str], caption: str
) -> Markup:
    """Values with their intervals at a few places, evenly apart; left out where None.

    `lines` are by class of CSS, `labels` say what they are, `caption` what the places are.
    """
    across = Axis(0, max(len(at) - 1, 1))
    up = Axis.around([end for line in lines.values() for band in line if band for end in band])
    return _figure(
        up,
        [_band(name, line, across, up) for name, line in lines.items()],
        key=[(name, labels[name]) for name in lines],
        below=[(across.at(n), value) for n, value in enumerate(at)],
        caption=caption,
    )


def _band(name: str, line: Sequence[Band], across: Axis, up: Axis) -> str:
    known = [(across.at(n)[:-1], *band) for n, band in enumerate(line) if band]
    middle = " ".join(f"{x},{_y(up, value)}" for x, value, _, _ in known)
    below = [f"{x},{_y(up, low)}" for x, _, low, _ in known]
    above = [f"{x},{_y(up, high)}" for x, _, _, high in known]
    around = " ".join([*below, *reversed(above)])  # there below and back above
    return f'<polygon class="{name}" points="{around}"/><polyline class="{name}" points="{middle}"/>'
