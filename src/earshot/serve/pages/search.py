"""Finding a song by its words."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse

from earshot.queries import search
from earshot.serve.api import Ask, Served
from earshot.serve.site import page

_SHOWN = 50
router = APIRouter(include_in_schema=False)


@router.get("/songs")
async def songs(
    request: Request, served: Served, asking: Ask, q: Annotated[str, Query(max_length=200)] = ""
) -> HTMLResponse:
    """Songs that hold every word of `q`."""
    rows = await asking.ask(search.songs, served, q, _SHOWN)
    return page(request, "songs.html", q=q, rows=rows)
