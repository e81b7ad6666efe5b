"""`/api/v1/explain`: why a song has its score for a listener."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from earshot.queries.explain import Explaining, Explanation, SoundWindow
from earshot.serve import rows
from earshot.serve.api import ALWAYS, FILES, AsFormat, Ask, K, Offset, Served, Song, Who, page_of, problems
from earshot.serve.asking import Asking
from earshot.serve.export import respond
from earshot.serve.safety import allowed_user
from earshot.serve.snapshot import Snapshot

router = APIRouter(prefix="/api/v1/explain", responses={**ALWAYS, **problems(409)})
User = Annotated[str | None, Query(max_length=1000, description="a user_id; not with a listener's key")]


@router.get("", response_model=rows.ExplainedScore, responses=FILES)
async def explain(
    served: Served,
    asking: Ask,
    identity: Who,
    song: Song,
    user: User = None,
    k: K = 10,
    offset: Offset = 0,
    as_format: AsFormat = "json",
) -> Response:
    """By which plays: the share of each in the score, and the score without it."""
    found = await asking.ask(by_plays, served, allowed_user(identity, user), song)
    told = asdict(found) | {"n_plays": len(found.plays)}
    return page_of(served, told.pop("plays"), k, offset, as_format, "explained", told)


@router.get("/windows", response_model=rows.Windows, responses=FILES)
async def windows(
    served: Served,
    asking: Ask,
    identity: Who,
    song: Song,
    user: User = None,
    as_format: AsFormat = "json",
) -> Response:
    """By which windows of its sound: the score of the song without each of them, which takes seconds."""
    listener = allowed_user(identity, user)
    found = await by_windows(served, asking, listener, song)
    told = {"release": served.release, "state": served.name, "user_id": listener, "song_id": song}
    return respond([asdict(window) for window in found], told, as_format, "windows")


def by_plays(served: Snapshot, user: str, song: str) -> Explanation:
    """As `Explaining.explain`; in the thread that answers."""
    return served.kept(Explaining.of).explain(user, song)


async def by_windows(served: Snapshot, asking: Asking, user: str, song: str) -> list[SoundWindow]:
    """As `Explaining.windows`."""
    explaining = await asking.ask(served.kept, Explaining.of)
    return await asking.ask_slowly(explaining.windows, user, song)
