"""Anybody: a list for somebody whom nobody knows, by a few songs or a file. Nothing of it is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import HTMLResponse

from earshot.queries import answers, search
from earshot.queries.answers import named
from earshot.queries.hearing import HeardFile
from earshot.serve.api import Ask, Served, Song
from earshot.serve.media import has_sound
from earshot.serve.problems import Refused
from earshot.serve.safety import need_key
from earshot.serve.site import page
from earshot.serve.snapshot import Snapshot
from earshot.serve.uploads import Uploads
from earshot.spaces.placing import Vectors

PATH = "/anybody"
_FOUND, _LIST, _NEAREST = 8, 20, 10
router = APIRouter(include_in_schema=False)
Picked = Annotated[list[Song] | None, Query(max_length=100)]


@dataclass(frozen=True)
class Somebody:
    """What is told somebody.

    Attributes
    ----------
    picked, unknown
        The songs that were named: song_id, title, artist; and those that are not served.
    listed, nearest
        Rows of `recommend_to_somebody` and of `near`; empty where nothing was named.
    """

    picked: list[dict[str, Any]]
    unknown: list[str]
    listed: list[dict[str, Any]]
    nearest: list[dict[str, Any]]


@router.get(PATH)
async def anybody(
    request: Request,
    served: Served,
    asking: Ask,
    song: Picked = None,
    q: Annotated[str, Query(max_length=200)] = "",
) -> HTMLResponse:
    """The list by the songs of the address, and songs to pick that hold every word of `q`."""
    somebody = await asking.ask(_tell, served, song or [], None)
    found = await asking.ask(search.songs, served, q, _FOUND) if q.strip() else []
    return _page(request, served, somebody, words=q, found=found)


@router.post(PATH, dependencies=[Depends(need_key)])
async def by_file(
    request: Request,
    served: Served,
    asking: Ask,
    song: Picked = None,
) -> HTMLResponse:
    """The list by a file that is sent, together with the songs of the address."""
    uploads: Uploads = request.app.state.uploads
    try:
        heard = await uploads.heard(request, served)
    except Refused as refused:
        if "HX-Request" in request.headers:  # a script tells it
            raise
        somebody = await asking.ask(_tell, served, song or [], None)
        return _page(request, served, somebody, trouble=refused.detail, status=refused.status)
    somebody = await asking.ask(_tell, served, song or [], heard.vector)
    return _page(request, served, somebody, heard=heard)


def _tell(served: Snapshot, songs: list[str], heard: Vectors | None) -> Somebody:
    """What is told somebody who likes some songs, and a sound that was heard, (d,)."""
    named_once = list(dict.fromkeys(songs))
    rows = [served.song_row(song) for song in named_once]
    picked = [named(served, row) for row in rows if row is not None]
    unknown = [song for song, row in zip(named_once, rows, strict=True) if row is None]
    if not picked and heard is None:
        return Somebody([], unknown, [], [])
    ids = [str(song["song_id"]) for song in picked]
    if heard is None:
        nearest = answers.similar_to(served, ids, _NEAREST)
    else:
        nearest = answers.near(served, heard, _NEAREST)
    return Somebody(picked, unknown, answers.recommend_to_somebody(served, ids, _LIST, heard), nearest)


def _page(
    request: Request,
    served: Snapshot,
    somebody: Somebody,
    *,
    words: str = "",
    found: list[dict[str, Any]] | None = None,
    heard: HeardFile | None = None,
    trouble: str = "",
    status: int = 200,
) -> HTMLResponse:
    uploads: Uploads = request.app.state.uploads
    ids = [str(song["song_id"]) for song in somebody.picked]
    drawn = page(
        request,
        "anybody.html",
        somebody=somebody,
        words=words,
        found=[song for song in found or [] if song["song_id"] not in ids],
        heard=heard,
        trouble=trouble,
        most_bytes=uploads.most_bytes,
        here_with=_addresses(ids),
        has_sound=lambda song: has_sound(served, song),
    )
    drawn.status_code = status
    return drawn


def _addresses(ids: list[str]) -> Callable[..., str]:
    """Of this page with one song more, or one less, or as it is."""

    def address(more: str | None = None, less: str | None = None) -> str:
        songs = [song for song in ids if song != less] + ([] if more is None else [more])
        return f"{PATH}?{urlencode([('song', song) for song in songs])}" if songs else PATH

    return address
