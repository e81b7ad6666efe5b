"""What the page says of ratings and of pre-training, after the table that every comparison has."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

from earshot.pages.render import number, render, signed
from earshot.pages.results import Cell, TableRow, draw_systems, draw_table, metric_axis, metric_cell
from wang_2014_hldbn.models import DESCRIPTIONS, RESIDUAL

Content = Mapping[str, Any]
_GAIN = {"auc": "AUC", "map": "mAP", "rmse": "RMSE"}


def draw_ratings(told: Content, gain: Content, k: int) -> Markup:
    """Sections of the page; what they show is as in ratings.json and pretraining.json."""
    return render(
        "ratings.html",
        Path(__file__).parent,
        known=_rated(told["known_songs"], "minus_pmf", "less that of pmf"),
        new=_rated(told["new_songs"], "minus_hldbn", "less that of hldbn"),
        ranking=draw_systems(
            told["ranking"], DESCRIPTIONS, {f"map_at_{k}": f"mAP@{k}", "auc": "AUC"}, RESIDUAL
        ),
        ratings=told["ratings"],
        gain=_gain(gain),
        n_seeds=len(gain["seeds"]),
    )


def _rated(errors: Mapping[str, Content], minus: str, less: str) -> Markup:
    axes = {metric: metric_axis(list(errors.values()), metric) for metric in ("rmse", minus)}
    rows = [
        TableRow(
            name,
            [
                metric_cell(found, "rmse", "RMSE", axes["rmse"], signs=False),
                metric_cell(found, minus, less, axes[minus], signs=True),
            ],
            [DESCRIPTIONS[name]],
            stands_out=name == RESIDUAL,
        )
        for name, found in errors.items()
    ]
    return draw_table(["Model", "RMSE", less], rows)


def _gain(gain: Content) -> Markup:
    rows = []
    for metric, heading in _GAIN.items():
        found = gain["gain"][metric]
        low, high = found[f"{metric}_ci95_seeds"]
        by_seed = [
            " ".join(number(value) for value in gain["by_seed"][name][metric]) for name in gain["by_seed"]
        ]
        cells = [
            *(Cell(title, words=[line]) for title, line in zip(("with", "without"), by_seed, strict=True)),
            Cell("gain", signed(found[metric]), f"{signed(low)} to {signed(high)}"),
            Cell("deviation of a seed", number(found["deviation"])),
        ]
        rows.append(TableRow(heading, cells))
    return draw_table(["New songs", "with", "without", "gain", "deviation of a seed"], rows)
