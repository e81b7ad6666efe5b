"""What rules of lists cost and what they bring: the same listeners' lists under each of some rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from earshot.evaluation import tables
from earshot.evaluation.intervals import Interval
from earshot.evaluation.list_makeup import make_up
from earshot.evaluation.list_quality import Key, ListMeasures, list_difference, look
from earshot.recommend.held_out_lists import HeldOutLists, HeldOutServed
from earshot.recommend.list_rules import NO_RULES, ListRules
from earshot.stages.held_out import HeldOut

COMPARED = (
    NO_RULES,
    *(ListRules(new_share=share) for share in (0.05, 0.1, 0.2)),
    *(ListRules(max_per_artist=most) for most in (1, 2, 3)),
)
_KEY: Key = ("recall", 20)
_MAKEUP = ("new_songs", "coverage", "diversity")


def compare_rules(
    served: HeldOutServed, held_out: HeldOut, configured: ListRules, depths: Sequence[int]
) -> list[dict[str, Any]]:
    """Recall@20 under each of `COMPARED` and those of params.yaml, against lists without rules; the make-up.

    Differences are paired: the recall under the rules less that without any, of the same listeners.
    """
    every = [*COMPARED, *([] if configured in COMPARED else [configured])]
    plain: dict[str, ListMeasures] = {}
    rows = []
    for rules in every:  # without rules first
        lists = served.lists(held_out.maker(rules, k=max(depths)))
        found = dict(_recalls(lists, held_out))
        plain = plain or found
        row: dict[str, Any] = {**vars(rules), "configured": rules == configured}
        for kind, some in found.items():
            row[f"recall_at_20_{kind}"] = tables.rounded(some.value(_KEY))
            row[f"recall_at_20_{kind}_difference"] = _difference(list_difference(some, plain[kind], _KEY))
        row["makeup"] = {str(k): _make_up(lists, held_out, k) for k in depths}
        rows.append(row)
    return rows


def _recalls(lists: HeldOutLists, held_out: HeldOut) -> Iterator[tuple[str, ListMeasures]]:
    every = np.ones_like(held_out.new)
    for kind, songs in (("all", every), ("known", ~held_out.new), ("new", held_out.new)):
        yield kind, look(lists.songs, held_out.question.only(songs), [_KEY[1]])


def _difference(found: Interval) -> dict[str, Any]:
    return {
        "value": tables.rounded(found.value),
        "ci95_artists": [tables.rounded(found.low), tables.rounded(found.high)],
    }


def _make_up(lists: HeldOutLists, held_out: HeldOut, k: int) -> dict[str, float | None]:
    found = make_up(lists.songs, lists.vectors, held_out.n_listeners, held_out.new, k)
    return {name: tables.rounded(found[name]) for name in _MAKEUP}
