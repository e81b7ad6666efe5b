"""The foot of a page: where its numbers come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from earshot.pages.render import render


def draw_foot(
    output: str, md5s: Mapping[str, str], facts: Sequence[str] = (), model: str | None = None
) -> Markup:
    """What follows from the numbers, and places for what does not.

    Parameters
    ----------
    output
        The one of `md5s` that the page tells of.
    md5s
        Of the outputs that the page was drawn from, by path; they stand on it.
    facts
        Of `release` and `run`, what can be asked of these numbers. The page looks them up in
        data/provenance.js, with when, at which commit and with which parameters the output was
        made, and says `unknown` of what is not there.
    model
        Name of the model that is judged, where one is.
    """
    return render("foot.html", output=output, md5s=md5s, facts=facts, model=model)


def draw_lines(lines: Mapping[str, str]) -> Markup:
    """The foot of a page that is looked up nowhere: what -> what is known of it."""
    return render("lines.html", lines=lines)
