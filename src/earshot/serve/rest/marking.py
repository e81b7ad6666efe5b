"""What a listener does: plays that are told of, and songs that are starred."""

from __future__ import annotations

import time

from earshot.lanes.journal import Mark
from earshot.serve.keeping import keep
from earshot.serve.rest import wire
from earshot.serve.rest.calls import Call
from earshot.serve.rest.wire import Content, Failed

_EARLIEST = 946_684_800_000
"""2000-01-01, Unix milliseconds."""


async def scrobble(call: Call) -> Content:
    """Plays that are over go into the journal; that one has begun (`submission=false`) is kept nowhere."""
    identity, user = call.listener()
    songs = _songs(call)
    if not call.given.truth("submission", True):
        return {}
    now = int(time.time() * 1000)
    times = [_moment(text, now) for text in call.given.all("time")] or [now] * len(songs)
    if len(times) != len(songs):
        raise Failed(wire.GENERIC, f"{len(songs)} songs (id) at {len(times)} times (time): wanted one a song")
    marks = [Mark(user, song, "play", moment) for song, moment in zip(songs, times, strict=True)]
    await keep(call.request.app.state.journal, identity.name, marks)
    return {}


async def star(call: Call) -> Content:
    """The listener likes these songs."""
    return await _feel(call, "like")


async def unstar(call: Call) -> Content:
    """The listener no longer says so."""
    return await _feel(call, "unlike")


async def _feel(call: Call, kind: str) -> Content:
    identity, user = call.listener()
    if call.given.all("albumId") or call.given.all("artistId"):
        raise Failed(wire.GENERIC, "albumId, artistId: only songs are starred here (id)")
    now = int(time.time() * 1000)
    marks = [Mark(user, song, kind, now) for song in _songs(call)]
    await keep(call.request.app.state.journal, identity.name, marks)
    return {}


def _songs(call: Call) -> list[str]:
    """Failed: 10 without any, 70 where one of them is not there."""
    call.given.text("id")
    songs = call.given.all("id")
    for song in songs:
        if song not in call.served.catalogue.index:
            raise Failed(wire.NOT_FOUND, f"no song {song[:200]!r}")
    return songs


def _moment(text: str, now: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise Failed(wire.GENERIC, f"time={text[:100]!r}: wanted Unix milliseconds")
    if not _EARLIEST <= int(text) <= now:
        raise Failed(wire.GENERIC, f"time={text}: wanted Unix milliseconds from the year 2000 to now")
    return int(text)
