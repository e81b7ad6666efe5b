"""Finding a listener by a part of the id."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import HTMLResponse

from earshot.queries import search
from earshot.serve.api import Ask, Served, sees_listeners
from earshot.serve.site import page

_SHOWN = 50
router = APIRouter(include_in_schema=False)


@router.get("/listeners", dependencies=[Depends(sees_listeners)])
async def listeners(
    request: Request, served: Served, asking: Ask, q: Annotated[str, Query(max_length=200)] = ""
) -> HTMLResponse:
    """Those whose id holds `q`, who have played most songs first."""
    rows = [] if served.by_sound else await asking.ask(search.users, served, q, _SHOWN)
    return page(request, "listeners.html", words=q, rows=rows)
