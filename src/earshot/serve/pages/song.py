"""A song, and some songs side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse

from earshot.pages.hyper_images import clock, time_ticks
from earshot.queries.song import AboutSong, Songs
from earshot.serve.api import Ask, Served, Song
from earshot.serve.media import has_sound
from earshot.serve.pictures import places
from earshot.serve.problems import Refused
from earshot.serve.site import page
from earshot.serve.snapshot import Snapshot

_MOST_COMPARED = 6
router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class SongView:
    """A song as it is shown.

    Attributes
    ----------
    about
        What is known of it.
    sounds
        Whether a browser can play it.
    families
        Of its picture: name, and the middle of its rows in percent from the top.
    ticks
        Of its time axis: percent from the left, and minutes and seconds.
    """

    about: AboutSong
    sounds: bool
    families: list[tuple[str, float]]
    ticks: list[tuple[float, str]]


@router.get("/song")
async def song(request: Request, served: Served, asking: Ask, song: Song) -> HTMLResponse:
    """How it sounds and looks, what is near it, and where it comes from."""
    (seen,) = await asking.ask(_see, served, [song])
    return page(
        request, "song.html", seen=seen, about=seen.about, has_sound=lambda song: has_sound(served, song)
    )


@router.get("/compare")
async def compare(
    request: Request,
    served: Served,
    asking: Ask,
    song: Annotated[list[Song] | None, Query()] = None,
) -> HTMLResponse:
    """Their pictures and players in columns."""
    chosen = list(dict.fromkeys(song or ()))
    if len(chosen) > _MOST_COMPARED:
        raise Refused(422, "Too many songs", f"{len(chosen)} songs: wanted {_MOST_COMPARED} at most")
    return page(request, "compare.html", songs=await asking.ask(_see, served, chosen))


def _see(served: Snapshot, songs: list[str]) -> list[SongView]:
    found = served.kept(Songs)
    return [_seen(served, found, song) for song in songs]


def _seen(served: Snapshot, found: Songs, song: str) -> SongView:
    about = found.about(song)
    image = about.image
    if image is None:
        return SongView(about, has_sound(served, song), [], [])
    families = [(name, (top + bottom) / 2) for name, top, bottom in places(found.index.rows)]
    ticks = [
        (100 * (time - image.start) / (image.end - image.start), clock(time))
        for time in time_ticks(image.start, image.end)
    ]
    return SongView(about, has_sound(served, song), families, ticks)
