"""New arrivals: songs that nobody has played, by delivery."""

from __future__ import annotations

from itertools import groupby
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse, Response

from earshot.queries.arrivals import ALIKE, ArrivedSongs, NewSong, as_rows
from earshot.serve.api import AsFormat, Ask, Served, Who
from earshot.serve.export import respond
from earshot.serve.keys import Identity
from earshot.serve.media import has_sound
from earshot.serve.site import page
from earshot.serve.snapshot import Snapshot

_SHOWN = 20
router = APIRouter(include_in_schema=False)

Number = Annotated[int, Query(alias="page", ge=1, le=100_000)]
Delivery = Annotated[str | None, Query(max_length=255)]


@router.get("/")
async def arrivals(
    request: Request,
    served: Served,
    asking: Ask,
    identity: Who,
    number: Number = 1,
    delivery: Delivery = None,
) -> HTMLResponse:
    """Those of a page, of one delivery or of all, with who would like them."""
    found, n_songs = await asking.ask(_songs, served, number, delivery, _sees_audience(identity))
    every = served.kept(ArrivedSongs).deliveries
    shown = {each.name: each for each in every}
    n_pages = max(1, -(-n_songs // _SHOWN))
    chosen = {} if delivery is None else {"delivery": delivery}
    return page(
        request,
        "arrivals.html",
        groups=[(shown[name], list(songs)) for name, songs in groupby(found, lambda song: song.delivery)],
        deliveries=every,
        chosen=delivery,
        first=(number - 1) * _SHOWN + 1,
        n_songs=n_songs,
        earlier=_link("/", chosen, number - 1) if number > 1 else None,
        later=_link("/", chosen, number + 1) if number < n_pages else None,
        exports={
            kind: _link("/arrivals/export", {**chosen, "format": kind}, number)
            for kind in ("csv", "parquet", "json")
        },
        alike=ALIKE,
        has_sound=lambda song: has_sound(served, song),
    )


@router.get("/arrivals/export")
async def export(
    served: Served,
    asking: Ask,
    identity: Who,
    as_format: AsFormat,
    number: Number = 1,
    delivery: Delivery = None,
) -> Response:
    """The table of a page as a file."""
    found, _ = await asking.ask(_songs, served, number, delivery, _sees_audience(identity))
    told = {"release": served.release, "state": served.name}
    return respond(as_rows(found), told, as_format, "arrivals")


def _songs(served: Snapshot, number: int, delivery: str | None, audience: bool) -> tuple[list[NewSong], int]:
    """Those of a page, and how many there are in all."""
    found = served.kept(ArrivedSongs)
    rows = found.rows_of(delivery)
    return found.describe(rows[(number - 1) * _SHOWN : number * _SHOWN], audience), len(rows)


def _sees_audience(identity: Identity | None) -> bool:
    """A listener's key is told nothing of other listeners."""
    return identity is None or identity.role != "listener"


def _link(path: str, query: dict[str, Any], number: int) -> str:
    asked = {**query, **({"page": number} if number > 1 else {})}
    return f"{path}?{urlencode(asked)}" if asked else path
