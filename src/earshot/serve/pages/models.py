"""The models side by side, what was decided of each, and the reports."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from typing import Any

from fastapi import APIRouter, Depends, Request
from markupsafe import Markup
from starlette.responses import HTMLResponse

from earshot.pages.charts import Axis, interval_bar
from earshot.pages.render import number, signed
from earshot.pages.results import Cell, TableRow, draw_table
from earshot.queries.models import Against, JudgedModel, read_models
from earshot.releases.decision import Difference
from earshot.serve.api import sees_listeners
from earshot.serve.live import Live
from earshot.serve.pages.reports import current_reports
from earshot.serve.reports import REPORTS
from earshot.serve.site import page

router = APIRouter(include_in_schema=False, dependencies=[Depends(sees_listeners)])


@router.get("/models")
def models(request: Request) -> HTMLResponse:
    """Releases, candidates and imports; today's reports."""
    live: Live = request.app.state.live
    found, reports = read_models(live.root), current_reports(request)
    return page(
        request,
        "models.html",
        models=found,
        side_by_side=_side_by_side(found),
        paired={each.name: _draw_paired(each) for each in found},
        reports=[(each, reports.is_there(each)) for each in REPORTS],
    )


def _heading(metric: str) -> str:
    """
    >>> [_heading(metric) for metric in ("auc", "map_at_500", "recall_at_20")]
    ['AUC', 'mAP@500', 'recall@20']
    """
    name, _, depth = metric.partition("_at_")
    return {"auc": "AUC", "map": "mAP"}.get(name, name) + (f"@{depth}" if depth else "")


def _side_by_side(models: Sequence[JudgedModel]) -> dict[str, list[Cell]]:
    """By metric, a cell a model."""
    metrics = sorted({metric for each in models for metric in each.figures})
    found = {}
    for metric in metrics:
        values = [each.figures.get(metric) for each in models]
        numbers = [
            None if each is None else [_known(each.value), _known(each.low), _known(each.high)]
            for each in values
        ]
        axis = Axis.around([end for each in numbers if each for end in each])
        mark = 0.5 if metric == "auc" else 0.0
        found[_heading(metric)] = [_cell(_heading(metric), each, axis, mark, signs=False) for each in numbers]
    return found


def _draw_paired(model: JudgedModel) -> dict[str, Markup]:
    """A table for each thing that was asked of the model and of others."""
    return {asked: _draw_against(asked, against) for asked, against in model.paired.items()}


def _draw_against(asked: str, against: Against) -> Markup:
    metrics = sorted({metric for found in against.values() for metric in found})
    axes = {
        metric: Axis.around([0.0, *(end for found in against.values() for end in _ends(found.get(metric)))])
        for metric in metrics
    }
    rows = [
        TableRow(
            name,
            [
                _cell(_heading(metric), _ends(found.get(metric)), axes[metric], 0.0, signs=True)
                for metric in metrics
            ],
            _notes(list(found.values())),
        )
        for name, found in against.items()
    ]
    return draw_table([asked, *map(_heading, metrics)], rows)


def _notes(differences: Sequence[Difference]) -> list[str]:
    """Of how many artists the intervals are, and p where it was asked."""
    artists = {each.artists for each in differences if each.artists is not None}
    said = [f"{n:,} artists" for n in sorted(artists)]
    return [", ".join([*said, *(f"p = {each.p:.2g}" for each in differences if each.p is not None)])]


def _ends(difference: Difference | None) -> list[float | None]:
    return [None] * 3 if difference is None else [difference.value, difference.low, difference.high]


def _known(value: float) -> float | None:
    return None if isnan(value) else value


def _cell(heading: str, ends: list[float | None] | None, axis: Axis, mark: float, *, signs: bool) -> Cell:
    value, low, high = ends or [None] * 3
    written: Any = signed if signs else number
    words = "" if low is None or high is None else f"{written(low)} to {written(high)}"
    return Cell(heading, written(value), words, interval_bar(value, low, high, axis, mark))
