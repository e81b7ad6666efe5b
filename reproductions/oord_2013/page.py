"""The page of the comparison."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from earshot.pages.render import number, render
from earshot.pages.results import draw_differences, draw_kinds, draw_systems
from oord_2013.params import Oord2013
from oord_2013.systems import CANDIDATE, DESCRIPTIONS

Content = Mapping[str, Any]


def draw_page(metrics: Content, differences: Content, kinds: Content, params: Oord2013) -> str:
    """The page: one HTML document that loads nothing; what it shows is as in the JSON beside it."""
    k, systems = params.evaluation.k, metrics["systems"]
    headings = {f"map_at_{k}": f"mAP@{k}", "auc": "AUC", "auc_centred": "AUC, centred"}
    return render(
        "page.html",
        Path(__file__).parent,
        split=metrics["split"],
        n_seeds=len(metrics["seeds"]),
        candidate=CANDIDATE,
        auc=systems[CANDIDATE]["auc"],
        systems=draw_systems(systems, DESCRIPTIONS, headings, CANDIDATE),
        kinds=draw_kinds(kinds, headings),
        differences=draw_differences(differences, headings, CANDIDATE),
        seeds={name: " ".join(map(number, found["auc"])) for name, found in metrics["over_seeds"].items()},
        permutations=metrics["permutations"]["auc"],
        asked={f"Fold {fold}": _size(found) for fold, found in metrics["protocol"].items()},
    )


def _size(protocol: Content) -> str:
    songs, artists, users = (protocol[name] for name in ("candidates", "n_artists", "n_users"))
    return f"{songs:,} songs of {artists:,} artists, {users:,} listeners"
