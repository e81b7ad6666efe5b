"""Beside Navidrome: what a plugin with its capability SonicSimilarity passes on, and what that wants to hear.

Requests and answers are those of the capability (Navidrome's plugins/capabilities/sonic_similarity.yaml), so
a plugin hands over what it is given. Songs are named by what they are called, as ids of two servers differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from earshot.errors import UserError
from earshot.queries.library import Library
from earshot.queries.song_refs import SongRef, SongRefs
from earshot.queries.sonic import Sonic, SonicMatch
from earshot.serve.api import ALWAYS, Ask, Served
from earshot.serve.snapshot import Snapshot

router = APIRouter(prefix="/api/v1/navidrome", responses=ALWAYS)

Text = Annotated[str, Field(max_length=1000)]


class ArtistName(BaseModel):
    """An artist of a song."""

    name: Text


class SongReference(BaseModel):
    """A song as Navidrome names it (`SongRef`); its own id says nothing here."""

    name: Text
    mbid: Annotated[Text, Field(description="of the recording")] = ""
    path: Annotated[Text, Field(description="from the music folder, where the plugin knows it")] = ""
    artist: Text = ""
    artists: Annotated[list[ArtistName], Field(max_length=100)] = []
    album: Text = ""
    durationMs: Annotated[int, Field(ge=0, description="0: not known")] = 0


class Similar(BaseModel):
    """`GetSonicSimilarTracksRequest`."""

    song: SongReference
    count: Annotated[int, Field(ge=1, le=500)] = 10


class Path(BaseModel):
    """`FindSonicPathRequest`."""

    startSong: SongReference
    endSong: SongReference
    count: Annotated[int, Field(ge=2, le=100)] = 25


class Found(BaseModel):
    """A song, and (1 + cosine) / 2 with the one that was asked for."""

    song: SongReference
    similarity: Annotated[float, Field(ge=0, le=1)]


class Matches(BaseModel):
    """`SonicSimilarityResponse`."""

    matches: list[Found]


@router.post("/similar-tracks")
async def similar_tracks(served: Served, asking: Ask, wanted: Similar) -> Matches:
    """What sounds like a song, the most similar first (`nd_get_sonic_similar_tracks`)."""
    return await asking.ask(_similar, served, wanted)


@router.post("/sonic-path")
async def sonic_path(served: Served, asking: Ask, wanted: Path) -> Matches:
    """A way from a song to another by sound (`nd_find_sonic_path`)."""
    return await asking.ask(_path, served, wanted)


def _similar(served: Snapshot, wanted: Similar) -> Matches:
    return _told(served, served.kept(Sonic.of).alike(_song(served, wanted.song), wanted.count))


def _path(served: Snapshot, wanted: Path) -> Matches:
    start, end = _song(served, wanted.startSong), _song(served, wanted.endSong)
    return _told(served, served.kept(Sonic.of).path(start, end, wanted.count))


def _song(served: Snapshot, reference: SongReference) -> str:
    """Its id here. Raises UserError for one that is not served."""
    artists = (*(each.name for each in reference.artists), reference.artist)
    seconds = reference.durationMs / 1000 if reference.durationMs else None
    ref = SongRef(reference.name, reference.mbid, reference.path, artists, reference.album, seconds)
    row = served.kept(_refs).find(ref)
    if row is None:
        names = " and ".join(filter(None, artists)) or "nobody"
        how = "not found here by MusicBrainz id, path or names"
        raise UserError(f"song {reference.name!r} by {names}: {how}")
    return served.kept(Library.of).song(row).song_id


def _refs(served: Snapshot) -> SongRefs:
    return SongRefs(served.kept(Library.of))


def _told(served: Snapshot, matches: Sequence[SonicMatch]) -> Matches:
    library, found = served.kept(Library.of), []
    for match in matches:
        row = library.row(match.song_id)
        assert row is not None  # both are of what is listed
        song = library.song(row)
        reference = SongReference(
            name=song.title or song.song_id,
            mbid=song.recording_mbid,
            path=song.path,
            artist=song.artist,
            artists=[ArtistName(name=song.artist)] if song.artist else [],
            album=song.album,
            durationMs=0 if song.seconds is None else round(song.seconds * 1000),
        )
        found.append(Found(song=reference, similarity=match.similarity))
    return Matches(matches=found)
