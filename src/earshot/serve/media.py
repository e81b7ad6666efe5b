"""How a song sounds and looks: its delivered file, and the picture of its hyper-image."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import FileResponse, Response

from earshot import versioning
from earshot.columns import AUDIO, WITHDRAWN
from earshot.pages.songs import MEDIA_TYPES
from earshot.serve.api import Served
from earshot.serve.pictures import Pictures
from earshot.serve.problems import Refused
from earshot.serve.snapshot import Snapshot

DELIVERIES = PurePosixPath("data/deliveries")
_KEPT = {"Cache-Control": "private, max-age=300"}
"""By the browser alone: another delivery may bring another sound."""

router = APIRouter(prefix="/media", include_in_schema=False)
Song = Annotated[str, Query(max_length=1000)]


@router.get("/audio")
def audio(served: Served, song: Song) -> FileResponse:
    """The delivered file of a song, any part of it (Range)."""
    file = sound_file(served, song)
    return FileResponse(file, media_type=MEDIA_TYPES[file.suffix.lower()], headers=_KEPT)


@router.get("/picture")
async def picture(request: Request, served: Served, song: Song) -> Response:
    """The hyper-image of a song, PNG."""
    pictures: Pictures = request.app.state.pictures
    return Response(await pictures.picture(served, song), media_type="image/png", headers=_KEPT)


def sound_file(served: Snapshot, song: str) -> Path:
    """Where the delivered file of a song lies, which a browser can play; the request names the song alone.

    Raises Refused (404) where there is none, or none below data/deliveries.
    """
    name = sound_name(served, song)
    if name is None:
        raise Refused(404, "No sound", "the song has no file that a browser plays")
    file = served.root / name
    # DVC may have put a link into its cache there; whatever leads elsewhere was put there by somebody else
    homes = (served.root / DELIVERIES).resolve(), versioning.cache_folder(served.root).resolve()
    if not file.is_file() or not any(file.resolve().is_relative_to(home) for home in homes):
        raise Refused(404, "No sound", "the file of the song is not there; `dvc checkout` brings it back")
    return file


def has_sound(served: Snapshot, song: str) -> bool:
    """Whether a song has a file that a browser plays; it was there when it was delivered."""
    return sound_name(served, song) is not None


def sound_name(served: Snapshot, song: str) -> str | None:
    """Path of that file below the workspace, as the song table has it; None without one, or if withdrawn."""
    if song not in served.recordings.index or bool(served.catalogue.at[song, WITHDRAWN]):
        return None
    name = served.recordings.at[song, AUDIO]
    if not isinstance(name, str):
        return None
    path = PurePosixPath(name)
    inside = path.is_relative_to(DELIVERIES) and ".." not in path.parts
    return name if inside and path.suffix.lower() in MEDIA_TYPES else None
