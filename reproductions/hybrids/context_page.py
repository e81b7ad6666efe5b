"""The page of the made catalogue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from comparison.claims import Claim
from earshot.pages.claims import draw_claims
from earshot.pages.render import number, render
from earshot.pages.results import draw_differences, draw_systems

Content = Mapping[str, Any]


def draw_page(
    metrics: Content,
    differences: Content,
    claims: Sequence[Claim],
    descriptions: Mapping[str, str],
    foot: str = "",
) -> str:
    """The page, above its `foot`: one HTML document that loads nothing, of what is in the JSON beside it."""
    k = metrics["k"]
    headings = {f"map_at_{k}": f"mAP@{k}", "auc": "AUC"}
    return render(
        "context.html",
        Path(__file__).parent,
        claims=draw_claims([asdict(claim) for claim in claims]),
        systems=draw_systems(metrics["systems"], descriptions, headings, "item_knn"),
        differences=draw_differences(differences, headings, "item_knn"),
        seeds={name: " ".join(map(number, found)) for name, found in metrics["over_seeds"].items()},
        made=metrics["made"],
        foot=foot,
    )
