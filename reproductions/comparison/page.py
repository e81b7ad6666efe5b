"""The page of a comparison: claims, all systems, paired differences, seeds, who was asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from markupsafe import Markup

from comparison.claims import Claim
from comparison.table import Table
from earshot.pages.claims import draw_claims
from earshot.pages.render import number, render
from earshot.pages.results import draw_differences, draw_kinds, draw_systems

Content = Mapping[str, Any]


def draw_page(
    table: Table,
    claims: Sequence[Claim],
    descriptions: Mapping[str, str],
    candidate: str,
    name: str,
    more: Markup | None = None,
    foot: str = "",
) -> str:
    """The page: one HTML document that loads nothing; what it shows is as in the JSON beside it.

    Parameters
    ----------
    descriptions
        Of systems, by name.
    candidate
        The system that stands out, and that every other is paired with.
    name
        Of the paper.
    more
        Sections of the paper's own, after the differences.
    foot
        Where the numbers come from.
    """
    metrics, systems = table.metrics, table.metrics["systems"]
    k = metrics["k"]
    headings = {f"map_at_{k}": f"mAP@{k}", "auc": "AUC", "auc_centred": "AUC, centred"}
    return render(
        "page.html",
        Path(__file__).parent,
        foot=foot,
        name=name,
        claims=draw_claims([asdict(claim) for claim in claims]),
        split=metrics["split"],
        n_seeds=len(metrics["seeds"]),
        candidate=candidate,
        auc=systems[candidate]["auc"],
        systems=draw_systems(systems, descriptions, headings, candidate),
        kinds=draw_kinds(table.kinds, headings),
        differences=draw_differences(table.differences, headings, candidate),
        more=more or Markup(),
        seeds={name: " ".join(map(number, found["auc"])) for name, found in metrics["over_seeds"].items()},
        permutations=metrics["permutations"]["auc"],
        asked={f"Fold {fold}": _size(found) for fold, found in metrics["protocol"].items()},
    )


def _size(protocol: Content) -> str:
    songs, artists, users = (protocol[name] for name in ("candidates", "n_artists", "n_users"))
    return f"{songs:,} songs of {artists:,} artists, {users:,} listeners"
