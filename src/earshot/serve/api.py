"""`/api/v1`: the questions of the command line, and their rows, over HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from earshot.errors import UserError
from earshot.lanes.journal import Mark
from earshot.queries import answers, search, wishes
from earshot.serve import rows
from earshot.serve.asking import Asking
from earshot.serve.export import PARQUET, Format, respond
from earshot.serve.history import list_models
from earshot.serve.keeping import keep
from earshot.serve.keys import Identity
from earshot.serve.live import Live
from earshot.serve.problems import MEDIA_TYPE, Refused
from earshot.serve.safety import allowed_user, current_identity, need_key
from earshot.serve.snapshot import Snapshot
from earshot.serve.uploads import REQUEST_BODY, Uploads
from earshot.serve.votes import Votes

MOST_ROWS = 1000
Rows = list[dict[str, Any]]

K = Annotated[int, Query(ge=1, le=MOST_ROWS, description="how many rows")]
Offset = Annotated[int, Query(ge=0, le=10_000, description="rows that are passed over")]
AsFormat = Annotated[Format, Query(alias="format")]
Song = Annotated[str, Query(max_length=1000, description="a song_id")]
User = Annotated[str, Query(max_length=1000, description="a user_id")]
Who = Annotated[Identity | None, Depends(current_identity)]
NOT_FOUND = 404, "Not found"


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For `responses` of a route: statuses that come with a problem document."""
    described = {status: {"model": rows.Problem, "content": {MEDIA_TYPE: {}}} for status in statuses}
    return {status: {**each, "description": "why not"} for status, each in described.items()}


def _files() -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {"text/csv": {}, PARQUET: {}}}}


ALWAYS = problems(400, 401, 403, 404, 413, 421, 422, 429, 503)
router = APIRouter(prefix="/api/v1", responses=ALWAYS)
FILES = _files()


async def current_snapshot(request: Request) -> Snapshot:
    """What is served as a request comes in; its answer is of nothing else."""
    live: Live = request.app.state.live
    return live.snapshot()


async def current_asking(request: Request) -> Asking:
    """Where answers are worked out."""
    asking: Asking = request.app.state.asking
    return asking


async def sees_listeners(identity: Who) -> None:
    """Refuse a listener's key what tells of others. Raises Refused (403)."""
    if identity is not None and identity.role == "listener":
        raise Refused(403, "Operators only", "a listener's key reaches the list of its own listener only")


Served = Annotated[Snapshot, Depends(current_snapshot)]
Ask = Annotated[Asking, Depends(current_asking)]


def page_of(
    served: Snapshot,
    found: Rows,
    k: int,
    offset: int,
    as_format: Format,
    name: str,
    about: Mapping[str, Any] | None = None,
) -> Response:
    """Of rows that were asked for up to one behind the page, those of the page; `about` is told beside."""
    told = {
        **(about or {}),
        "release": served.release,
        "state": served.name,
        "next": offset + k if len(found) > offset + k else None,
    }
    return respond(found[offset : offset + k], told, as_format, name)


@router.get("/recommend", response_model=rows.Answer[rows.RecommendedSong], responses=FILES)
async def recommend(
    served: Served,
    asking: Ask,
    identity: Who,
    user: Annotated[
        str | None, Query(max_length=1000, description="a user_id; not with a listener's key")
    ] = None,
    k: K = 10,
    offset: Offset = 0,
    new: Annotated[bool, Query(description="only songs that nobody has played")] = False,
    genre: Annotated[str | None, Query(max_length=200, description="only songs of this genre")] = None,
    max_per_artist: Annotated[int | None, Query(ge=1, le=MOST_ROWS, description="songs of an artist")] = None,
    beside: Annotated[
        list[User] | None, Query(alias="with", max_length=20, description="who listens too; operators only")
    ] = None,
    less_famous: Annotated[bool, Query(description="only songs that fewer know than those played")] = False,
    again_after: Annotated[
        int | None, Query(ge=1, le=36_500, description="songs not played for so many days may come again")
    ] = None,
    as_format: AsFormat = "json",
) -> Response:
    """What a listener should hear next: the served list, or the best of the songs asked for."""
    listener = allowed_user(identity, user)
    if beside:
        await sees_listeners(identity)
    wish = wishes.Wish(new, genre, max_per_artist, tuple(beside or ()), less_famous, again_after)
    if wish == wishes.ANYTHING:
        found = answers.recommend(served, listener, offset + k + 1)
    else:
        found = await asking.recommend(served, wishes.Request(listener, offset + k + 1, wish))
    return page_of(served, found, k, offset, as_format, "recommended")


@router.get("/similar", response_model=rows.Answer[rows.SimilarSong], responses=FILES)
async def similar(
    served: Served,
    asking: Ask,
    song: Annotated[list[Song], Query(min_length=1, max_length=100, description="one song_id or more")],
    k: K = 10,
    offset: Offset = 0,
    csls: Annotated[bool, Query(description="songs near to everything come later")] = False,
    as_format: AsFormat = "json",
) -> Response:
    """The songs nearest in taste to a song, or to several: to the mean of their directions."""
    found = await asking.ask(answers.similar_to, served, song, offset + k + 1, csls)
    return page_of(served, found, k, offset, as_format, "similar")


@router.post("/similar/vector", response_model=rows.Answer[rows.SimilarSong])
async def similar_to_vector(served: Served, asking: Ask, wanted: rows.Vector) -> Response:
    """The songs nearest to a place in the taste space."""
    vector = np.array(wanted.vector)
    d = served.vectors("item_factors.npy").shape[1]
    if len(vector) != d:
        raise Refused(422, "Wrong length", f"vector: {len(vector)} numbers; wanted {d}, one a factor")
    longest = np.abs(vector).max()  # its direction counts: of very long ones the squares would be infinite
    found = await asking.ask(answers.near, served, vector / (longest or 1.0), wanted.k + 1)
    return page_of(served, found, wanted.k, 0, "json", "similar")


@router.post(
    "/similar/file",
    response_model=rows.Answer[rows.SimilarSong],
    dependencies=[Depends(need_key)],
    openapi_extra=REQUEST_BODY,
    responses=problems(408, 507),
)
async def similar_to_file(request: Request, served: Served, asking: Ask, k: K = 10) -> Response:
    """The songs nearest to a sound: an audio file, which is heard and kept nowhere."""
    uploads: Uploads = request.app.state.uploads
    heard = await uploads.heard(request, served)
    found = await asking.ask(answers.near, served, heard.vector, k + 1)
    return page_of(served, found, k, 0, "json", "similar")


@router.get(
    "/listeners",
    response_model=rows.Answer[rows.LikelyListener],
    responses=FILES,
    dependencies=[Depends(sees_listeners)],
)
async def listeners(
    served: Served, asking: Ask, song: Song, k: K = 10, offset: Offset = 0, as_format: AsFormat = "json"
) -> Response:
    """Who would like a song best and has not played it."""
    found = await asking.ask(answers.listeners, served, song, offset + k + 1)
    return page_of(served, found, k, offset, as_format, "listeners")


@router.get("/songs", response_model=rows.Answer[rows.FoundSong], responses=FILES)
async def songs(
    served: Served,
    asking: Ask,
    q: Annotated[str, Query(max_length=1000, description="words of an id, title, artist or genre")] = "",
    k: K = 20,
    offset: Offset = 0,
    as_format: AsFormat = "json",
) -> Response:
    """Songs that hold every word, those with most listeners first; case and accents do not count."""
    return await _search(search.songs, served, asking, q, k, offset, as_format)


@router.get(
    "/users",
    response_model=rows.Answer[rows.FoundListener],
    responses=FILES,
    dependencies=[Depends(sees_listeners)],
)
async def users(
    served: Served,
    asking: Ask,
    q: Annotated[str, Query(max_length=1000, description="a part of a user_id")] = "",
    k: K = 20,
    offset: Offset = 0,
    as_format: AsFormat = "json",
) -> Response:
    """Listeners by id, those with most songs first."""
    return await _search(search.users, served, asking, q, k, offset, as_format)


async def _search(
    find: Callable[[Snapshot, str, int], Rows],
    served: Snapshot,
    asking: Asking,
    text: str,
    k: int,
    offset: int,
    as_format: Format,
) -> Response:
    found = await asking.ask(find, served, text, offset + k + 1)
    return page_of(served, found, k, offset, as_format, "found")


@router.post("/somebody", response_model=rows.Answer[rows.RecommendedSong])
async def somebody(served: Served, asking: Ask, wanted: rows.Favourites) -> Response:
    """A list for somebody who is known by a few songs alone; nothing of it is kept."""
    found = await asking.ask(answers.recommend_to_somebody, served, wanted.songs, wanted.k + 1)
    return page_of(served, found, wanted.k, 0, "json", "recommended")


@router.post("/feedback", status_code=204, responses=problems(507))
async def feedback(
    request: Request, served: Served, identity: Annotated[Identity, Depends(need_key)], wanted: rows.Feedback
) -> None:
    """Keep what a listener says of a song, to be delivered with the plays of players."""
    user = allowed_user(identity, wanted.user)
    if wanted.song not in served.catalogue.index:
        raise UserError(f"song {wanted.song!r}: no delivery that is served names it")
    mark = Mark(user, wanted.song, wanted.kind, int(time.time() * 1000))
    await keep(request.app.state.journal, identity.name, [mark])


@router.get("/releases", dependencies=[Depends(sees_listeners)])
def releases(request: Request) -> list[rows.ReleaseRow]:
    """The models that were judged here, the newest first."""
    live: Live = request.app.state.live
    return list_models(live.root)


@router.get("/versus", dependencies=[Depends(sees_listeners)], responses=problems(507))
def versus(request: Request) -> list[rows.VersusRow]:
    """What people said in blind comparisons, of every two releases that were voted on."""
    votes: Votes = request.app.state.votes
    return [rows.VersusRow(**asdict(result)) for result in votes.results()]


@router.get("/health")
async def health(request: Request) -> rows.Health:
    """Whether there are answers, and of which release; needs no key."""
    live: Live = request.app.state.live
    return live.health()
