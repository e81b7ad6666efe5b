"""The page of a shared release: its model card, to be read by whoever is given the file."""

from __future__ import annotations

from earshot.pages.render import number, render
from earshot.releases.model_card import ModelCard

NAMES = {"auc": "AUC"}


def draw_card(card: ModelCard) -> str:
    """One HTML document that needs no other file."""
    return render(
        "model_card.html",
        card=card,
        figures=[
            (
                NAMES.get(name, name.replace("map_at_", "mAP@")),
                number(figure.value),
                _interval(figure.low, figure.high),
            )
            for name, figure in card.figures.items()
        ],
        features=[(name, f"{value:g}") for name, value in card.features.items()],
    )


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{number(low)} to {number(high)}"
