"""The page that leads to the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from earshot.pages.render import render


class PageLine(NamedTuple):
    """A page: its file, what it is called, what it shows, and what it would need that is not there."""

    file: str
    title: str
    shows: str
    missing: Sequence[str] = ()


def draw_page(entries: Sequence[PageLine], foot: str = "") -> str:
    """The page, above its `foot`: one HTML document that loads nothing.

    A page that lacks something is named, and not linked.

    `missing` are paths such as `data/<stage>/<file>`, and the page says which stage makes them.
    """
    stages = {entry.file: sorted({path.split("/")[1] for path in entry.missing}) for entry in entries}
    return render("index.html", entries=entries, stages=stages, foot=foot)
