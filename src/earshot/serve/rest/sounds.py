"""A song's file, and its picture."""

from __future__ import annotations

from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, Response

from earshot.pages.songs import MEDIA_TYPES
from earshot.serve.media import has_sound, sound_file
from earshot.serve.pictures import Pictures
from earshot.serve.problems import Refused
from earshot.serve.rest import wire
from earshot.serve.rest.calls import Call
from earshot.serve.rest.wire import Failed

_MOST_BYTES = 16 << 20
"""Of an embedded picture."""
_KEPT = {"Cache-Control": "private, max-age=300"}
_BEGINNINGS = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png", b"GIF8": "image/gif"}


async def stream(call: Call) -> Response:
    """The delivered file as it is, any part of it (Range): no other format is made of it."""
    song = call.given.text("id")
    call.song_row(song)
    file = await run_in_threadpool(sound_file, call.served, song)
    return FileResponse(file, media_type=MEDIA_TYPES[file.suffix.lower()], headers=_KEPT)


async def cover_art(call: Call) -> Response:
    """The picture in a song's file; without one, the picture of its hyper-image. `size` changes nothing.

    Of an album or an artist it is that of the first song.
    """
    wanted = call.given.text("id")
    group = call.library.album(wanted) or call.library.artist(wanted)
    if call.library.row(wanted) is None and group is not None:
        wanted = call.library.song(int(group.songs[0])).song_id
    call.song_row(wanted)
    if has_sound(call.served, wanted):
        try:
            file = await run_in_threadpool(sound_file, call.served, wanted)
        except Refused:  # the file is lost; its hyper-image is not
            file = None
        found = None if file is None else await run_in_threadpool(embedded_picture, file)
        if found is not None:
            return Response(found[0], media_type=found[1], headers=_KEPT)
    pictures: Pictures = call.request.app.state.pictures
    try:
        drawn = await pictures.picture(call.served, wanted)
    except Refused:
        raise Failed(wire.NOT_FOUND, "the song has neither a picture in its file nor a hyper-image") from None
    return Response(drawn, media_type="image/png", headers=_KEPT)


def embedded_picture(file: Path) -> tuple[bytes, str] | None:
    """The picture in an audio file, and its media type by its first bytes, whatever the file says of it.

    None without one, for one that is neither JPEG, PNG, GIF nor WebP, and for a file whose tags are broken.
    """
    from tinytag import TinyTag, TinyTagException

    try:
        image = TinyTag.get(file, tags=True, duration=False, image=True).images.any
    except (TinyTagException, OSError, ValueError, IndexError, KeyError, OverflowError, MemoryError):
        return None
    data = b"" if image is None or image.data is None else image.data
    if len(data) > _MOST_BYTES:
        return None
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return data, "image/webp"
    return next(((data, kind) for begins, kind in _BEGINNINGS.items() if data.startswith(begins)), None)
