"""`data/arrivals.html`: how long each delivery took from its arrival to recommendations that know it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from earshot.deliveries.arrivals import Arrival, read_arrivals
from earshot.evaluation.report.charts import Axis, interval_bar
from earshot.evaluation.report.document import document
from earshot.evaluation.report.elements import facts, number, section, table, text
from earshot.files import replace_text

PAGE = "data/arrivals.html"
GOAL_SECONDS = 60.0
_SHOWN = 200


def write_page(root: Path) -> Path:
    """Draw the newest 200 deliveries of `.earshot/arrivals`, the newest on top."""
    newest = read_arrivals(root)[::-1][:_SHOWN]
    page = root / PAGE
    replace_text(page, document("arrivals", _body(newest)))
    return page


def _body(newest: Sequence[Arrival]) -> str:
    seconds = [arrival.seconds for arrival in newest]
    told = {
        "deliveries": len(newest),
        "median, seconds": number(median(seconds), 1),
        "within a minute": sum(each <= GOAL_SECONDS for each in seconds),
    }
    axis = Axis(0.0, 1.1 * max([GOAL_SECONDS, *seconds]))
    rows = [_row(arrival, axis) for arrival in newest]
    header = (
        '<header class="top"><p class="brand">earshot <span>arrivals</span></p>'
        "<h1>From arrival to recommendations</h1>"
        "<p>The time from the moment a delivery was complete to recommendations that know its songs.</p>"
        "</header>"
    )
    lead = "The newest on top; the fine line is a minute."
    drawn = table(["Delivery", "Seconds"], rows, "results")
    return header + section("arrivals", "Deliveries", lead, facts(told), drawn)


def _row(arrival: Arrival, axis: Axis) -> str:
    arrived = datetime.fromtimestamp(arrival.arrived, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    bar = interval_bar(arrival.seconds, 0.0, arrival.seconds, axis, GOAL_SECONDS)
    return (
        f'<tr><th scope="row">{text(arrival.delivery)}<small>{arrived}</small></th>'
        f'<td data-label="Seconds"><span class="value">{number(arrival.seconds, 1)}</span>{bar}</td></tr>'
    )
