"""The page of the comparison."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from earshot.pages.elements import document, facts, number, section, text
from earshot.pages.results import draw_differences, draw_kinds, draw_systems
from oord_2013.params import Oord2013
from oord_2013.systems import CANDIDATE, DESCRIPTIONS

Content = Mapping[str, Any]


def draw_page(metrics: Content, differences: Content, kinds: Content, params: Oord2013) -> str:
    """The page: one HTML document that loads nothing; what it shows is as in the JSON beside it."""
    results = _results(metrics, differences, kinds, params)
    parts = (_header(metrics), results, _seeds(metrics), _asked(metrics))
    return document("van den Oord et al. 2013", "\n".join(parts))


def _header(metrics: Content) -> str:
    split, systems = metrics["split"], metrics["systems"]
    return (
        '<header class="top"><p class="brand">earshot <span>van den Oord et al. 2013</span></p>'
        "<h1>What can be heard of a song, and what must be beaten</h1>"
        f"<p>Songs held out by {text(split['by'])}, {len(split['held_out'])} of {split['folds']} folds, "
        f"{len(metrics['seeds'])} seeds. <b>{CANDIDATE}</b>: AUC "
        f"<b>{number(systems[CANDIDATE]['auc'])}</b>.</p></header>"
    )


def _results(metrics: Content, differences: Content, kinds: Content, params: Oord2013) -> str:
    k = params.evaluation.k
    headings = {f"map_at_{k}": f"mAP@{k}", "auc": "AUC", "auc_centred": "AUC, centred"}
    return section(
        "results",
        "All systems",
        "Means over listeners, folds and seeds; bars are 95 % intervals over artists, the fine line at 0.5 "
        "is chance. Made by <code>make paper</code>.",
        draw_systems(metrics["systems"], DESCRIPTIONS, headings, CANDIDATE),
        draw_kinds(kinds, headings),
        "<h3>Paired differences</h3><p>The same artists drawn for both. One system beats another when the "
        "interval of the AUC lies above zero and that of mAP does not lie below it.</p>",
        draw_differences(differences, headings, CANDIDATE),
    )


def _seeds(metrics: Content) -> str:
    spread = {
        name: " ".join(number(value) for value in values["auc"])
        for name, values in metrics["over_seeds"].items()
    }
    shuffles = metrics["permutations"]["auc"]
    return section(
        "seeds",
        "What chance decides",
        f"AUC by seed. {len(shuffles)} permutations of what the network hears gave "
        f"{number(shuffles[0])} to {number(shuffles[-1])}.",
        facts(spread),
    )


def _asked(metrics: Content) -> str:
    asked = {f"Fold {fold}": _size(found) for fold, found in metrics["protocol"].items()}
    lead = "Candidates are held-out songs with audio and a listener."
    return section("protocol", "Who was asked about what", lead, facts(asked))


def _size(protocol: Content) -> str:
    songs, artists, users = (protocol[name] for name in ("candidates", "n_artists", "n_users"))
    return f"{songs:,} songs of {artists:,} artists, {users:,} listeners"
