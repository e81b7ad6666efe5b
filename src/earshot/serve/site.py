"""What all pages of the server share: how they are drawn, and what stands above and below them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from fastapi import Request
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from earshot.pages.render import render
from earshot.serve.live import Live
from earshot.serve.problems import problem
from earshot.serve.safety import identity_of

_PROGRAMS = ("/api/", "/rest/", "/media/", "/static/", "/metrics")
TEMPLATES = Path(__file__).parent / "templates"
PLACES = {
    "/": "New arrivals",
    "/listeners": "Listeners",
    "/songs": "Songs",
    "/anybody": "Anybody",
    "/map": "Map",
    "/models": "Models",
}
"""What stands in the navigation, by path."""


def page(request: Request, template: str, **content: object) -> HTMLResponse:
    """A page: `template` of this package, which extends page.html, with its `content`."""
    return HTMLResponse(draw(request, template, **content))


def draw(request: Request, template: str, **content: object) -> Markup:
    """A page or a part of one, as `page` does; texts are escaped.

    Templates see beside `content`: `here` (the path), `places`, `release` and `state` (None where nothing is
    served), `by_sound` (as of `ServedState`), `stale` (why an earlier state answers), `identity`.
    """
    live: Live = request.app.state.live
    served = live.served
    return render(
        template,
        TEMPLATES,
        here=request.url.path,
        places=PLACES,
        release=None if served is None else served.release,
        state=None if served is None else served.name,
        by_sound=served is not None and served.by_sound,
        stale=live.trouble is not None,
        identity=identity_of(request),
        **content,
    )


def refuse(
    request: Request, status: int, title: str, detail: str, headers: Mapping[str, str] | None = None
) -> Response:
    """An error as a page for who asked for one, else as a problem document."""
    if "text/html" not in request.headers.get("accept", "") or request.url.path.startswith(_PROGRAMS):
        return problem(status, title, detail, headers)
    return HTMLResponse(draw(request, "problem.html", title=title, detail=detail), status, headers)
