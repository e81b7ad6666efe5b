"""The map: its page, and the tiles, names and songs that the page asks for as it is moved.

All of it is of the state that the page was drawn of, which its addresses name: where another is served by now
the answer is 409, and the page is opened anew.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from earshot.columns import SONG_ID
from earshot.pages.song_map import COLOURS
from earshot.queries import search
from earshot.queries.song_map import NEW, WORLD, Tile, told
from earshot.serve.api import Served, Song
from earshot.serve.maps import Drawn, Maps
from earshot.serve.media import sound_name
from earshot.serve.problems import Refused
from earshot.serve.site import draw, page
from earshot.serve.snapshot import Snapshot

LISTED = 50
_FOUND = 8
_KEPT = {"Cache-Control": "private, max-age=3600"}
router = APIRouter(prefix="/map", include_in_schema=False)

Place = Annotated[float, Query(ge=0, le=WORLD)]
Half = Annotated[float, Query(ge=0, le=WORLD)]
OfKind = Annotated[int | None, Query(ge=0, le=COLOURS, description="songs of one colour")]


async def drawn_map(request: Request, served: Served, state: Annotated[str, Query(max_length=40)]) -> Drawn:
    """The map of `state`. Raises Refused: 409 where another is served, 503 while it is being laid out."""
    if state != served.name:
        raise Refused(409, "Another state", f"state {served.name} is served by now; open the page anew")
    maps: Maps = request.app.state.maps
    drawn = maps.of(served)
    if drawn is None:
        raise Refused(503, "Not ready", "the map is being laid out", {"Retry-After": "2"})
    return drawn


OfState = Annotated[Drawn, Depends(drawn_map)]


@router.get("")
def show(request: Request, served: Served, song: Song | None = None) -> HTMLResponse:
    """The page; `song` is in the middle of it."""
    maps: Maps = request.app.state.maps
    drawn = maps.of(served)
    if drawn is None:
        return page(request, "map.html", drawn=None)
    row = None if song is None else served.song_row(song)
    place = None if row is None else drawn.songs.place_of(row)
    centre = None if place is None else (row, *drawn.songs.places[place].tolist())
    x, y = (WORLD / 2, WORLD / 2) if centre is None else centre[1:]
    near = drawn.songs.nearest(x, y, WORLD, WORLD, LISTED)
    return page(
        request,
        "map.html",
        drawn=drawn,
        centre=centre,
        missing=song if centre is None else None,
        listed=_listed(served, drawn, near),
        n_seen=near.songs,
        colours=_colours(drawn),
    )


@router.get("/ready")
def ready(request: Request, served: Served) -> bool:
    """Whether the map of what is served is laid out; 503 where that failed."""
    maps: Maps = request.app.state.maps
    return maps.of(served) is not None


@router.get("/tiles/{level}/{x}/{y}")
def tile(drawn: OfState, level: int, x: int, y: int, kind: OfKind = None) -> Response:
    """A tile (`tile_bytes`); 404 where there is none."""
    found = drawn.songs.tile(level, x, y, kind)
    return Response(tile_bytes(drawn, found), media_type="application/octet-stream", headers=_KEPT)


def tile_bytes(drawn: Drawn, found: Tile) -> bytes:
    """A tile as the page reads it, numbers little-endian.

    uint32: songs in the tile; uint32: n, those that are shown; uint32 (n,): rows of the songs served; uint16
    (n,): across, and uint16 (n,): down, of `WORLD`; uint8 (n,): colours, and `NEW`.
    """
    places = drawn.songs.places[found.rows]
    parts = (
        np.array([found.songs, len(found.rows)], "<u4"),
        drawn.songs.rows[found.rows].astype("<u4"),
        places[:, 0].astype("<u2"),
        places[:, 1].astype("<u2"),
        drawn.songs.kinds[found.rows],
    )
    return b"".join(part.tobytes() for part in parts)


@router.get("/names")
def names(drawn: OfState) -> JSONResponse:
    """Level, x, y, spread, tag and number of songs of each name on the map."""
    return JSONResponse([list(name) for name in drawn.names], headers=_KEPT)


@router.get("/song")
def told_song(served: Served, drawn: OfState, row: Annotated[int, Query(ge=0)]) -> JSONResponse:
    """What is said of a song of a tile; 404 for a row that is not on the map."""
    if drawn.songs.place_of(row) is None:
        raise Refused(404, "Not found", f"row={row}: no song of the map")
    return JSONResponse(_said(served, row), headers=_KEPT)


@router.get("/near")
def near(
    request: Request,
    served: Served,
    drawn: OfState,
    x: Place,
    y: Place,
    w: Half,
    h: Half,
    kind: OfKind = None,
) -> HTMLResponse:
    """The songs nearest to the middle (x, y) of what is in view, w and h to its edges: a part of the page."""
    found = drawn.songs.nearest(x, y, w, h, LISTED, kind)
    listed = _listed(served, drawn, found)
    return HTMLResponse(
        draw(request, "map_list.html", listed=listed, n_seen=found.songs, colours=_colours(drawn))
    )


@router.get("/find")
def find(
    request: Request, served: Served, drawn: OfState, find: Annotated[str, Query(max_length=200)] = ""
) -> HTMLResponse:
    """Songs of the map that hold every word: a part of the page."""
    found = search.songs(served, find, LISTED) if find.strip() else []
    rows = {song[SONG_ID]: served.song_row(song[SONG_ID]) for song in found}
    shown = [
        song
        for song in found
        if (row := rows[song[SONG_ID]]) is not None and drawn.songs.place_of(row) is not None
    ]
    return HTMLResponse(draw(request, "map_found.html", words=find.strip(), found=shown[:_FOUND]))


def _said(served: Snapshot, row: int) -> dict[str, object]:
    return told(served, row) | {"sound": sound_name(served, str(served.song_ids[row])) is not None}


def _listed(served: Snapshot, drawn: Drawn, found: Tile) -> list[dict[str, object]]:
    """`_said` of each, and where it is on the map."""
    return [
        _said(served, int(drawn.songs.rows[place]))
        | {
            "row": int(drawn.songs.rows[place]),
            "x": int(drawn.songs.places[place, 0]),
            "y": int(drawn.songs.places[place, 1]),
            "kind": int(drawn.songs.kinds[place]) % NEW,
            "new": bool(drawn.songs.kinds[place] & NEW),
        }
        for place in found.rows.tolist()
    ]


def _colours(drawn: Drawn) -> list[str]:
    """The class of each colour, as `earshot.pages.song_map.colour_classes` names them."""
    return [*(f"g{kind}" for kind in range(len(drawn.songs.genres) - 1)), "other"]
