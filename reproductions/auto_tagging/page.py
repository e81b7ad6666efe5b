"""The page of a comparison of taggers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from markupsafe import Markup

from auto_tagging.measures import METRICS
from auto_tagging.table import SYSTEM, TAG, TagTable
from comparison.claims import Claim
from earshot.pages.claims import draw_claims
from earshot.pages.render import number, render
from earshot.pages.results import Cell, TableRow, draw_differences, draw_systems, draw_table

Content = Mapping[str, Any]

HEADINGS = {"auc": "AUC", "pr_auc": "PR-AUC"}
SPLITS = {
    "song": "Split by song: other songs of the same artists were learned from",
    "artist": "Split by artist: nothing of the artist was learned from",
    "mixed": "Mixed: some artists were learned from, of others nothing",
}


class Way(NamedTuple):
    """A way of splitting as it is drawn."""

    title: str
    systems: Markup
    differences: Markup
    tags: Markup


def draw_tag_page(
    table: TagTable,
    claims: Sequence[Claim],
    descriptions: Mapping[str, str],
    name: str,
    more: Markup | None = None,
    foot: str = "",
) -> str:
    """One HTML document that loads nothing; what it shows is as in the files beside it.

    Parameters
    ----------
    descriptions
        Of systems, by name.
    name
        Of the paper.
    more
        Sections of the paper's own, after the tables.
    """
    candidate, splits = table.metrics["candidate"], table.metrics["splits"]
    strictest = next(by for by in reversed(SPLITS) if by in splits)
    return render(
        "tag_page.html",
        Path(__file__).parent,
        foot=foot,
        name=name,
        candidate=candidate,
        by=strictest,
        auc=splits[strictest]["systems"][candidate]["auc"],
        claims=draw_claims([asdict(claim) for claim in claims]),
        ways=[_draw_way(by, table, descriptions) for by in splits],
        more=more or Markup(),
        seeds=_seeds(splits),
        asked=_asked(table.metrics),
    )


def _draw_way(by: str, table: TagTable, descriptions: Mapping[str, str]) -> Way:
    candidate = table.metrics["candidate"]
    return Way(
        SPLITS[by],
        draw_systems(table.metrics["splits"][by]["systems"], descriptions, HEADINGS, candidate),
        draw_differences(table.differences[by], HEADINGS, candidate),
        _tags(table.per_tag[table.per_tag["by"] == by], table.metrics["protocol"]["songs_by_tag"]),
    )


def _tags(lines: pd.DataFrame, songs_by_tag: Mapping[str, int]) -> Markup:
    """AUC of every tag by every system: the mean over folds and seeds; a dash where it was never judged."""
    means = lines.pivot_table(index=TAG, columns=SYSTEM, values=METRICS[0], aggfunc="mean", dropna=False)
    systems = list(dict.fromkeys(lines[SYSTEM]))
    rows = [
        TableRow(
            tag,
            [
                Cell("Songs", words=[f"{n_songs:,}"]),
                *(Cell(system, words=[number(float(means.loc[tag, system]))]) for system in systems),
            ],
        )
        for tag, n_songs in songs_by_tag.items()
    ]
    return draw_table(["Tag", "Songs", *systems], rows)


def _seeds(splits: Mapping[str, Content]) -> dict[str, str]:
    """AUC by seed, of what is not the same with every seed."""
    return {
        f"{name}, by {by}": " ".join(map(number, found["auc"]))
        for by, split in splits.items()
        for name, found in split["over_seeds"].items()
        if len(set(found["auc"])) > 1
    }


def _asked(metrics: Content) -> dict[str, str]:
    protocol = metrics["protocol"]
    folds = {
        f"Held out by {by}, fold {fold}": _fold(found)
        for by, split in metrics["splits"].items()
        for fold, found in split["folds"].items()
    }
    return {
        f"Songs with {protocol['column']}": f"{protocol['songs']:,} of {protocol['artists']:,} artists",
        "Labels": f"{len(protocol['songs_by_tag']):,}",
        **{f"Left out, {why}": f"{n:,}" for why, n in protocol["left_out"].items()},
        **folds,
    }


def _fold(found: Content) -> str:
    unjudged = ", ".join(found["tags_not_on_both_sides"])
    size = f"{found['songs']:,} songs of {found['artists']:,} artists"
    return f"{size}; not on both sides, and not judged: {unjudged}" if unjudged else size
