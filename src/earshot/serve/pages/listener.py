"""A listener: the list, and what he or she has played."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from pydantic import BeforeValidator, Field
from starlette.responses import RedirectResponse, Response

from earshot.errors import UserError
from earshot.queries import answers
from earshot.queries.explain import Explaining
from earshot.queries.listener import AboutListener, about_listener
from earshot.queries.wishes import ANYTHING, Wish
from earshot.queries.wishes import Request as Wanted
from earshot.serve.api import MOST_ROWS, Ask, Served, Who
from earshot.serve.asking import Asking
from earshot.serve.media import has_sound
from earshot.serve.safety import allowed_user
from earshot.serve.site import page
from earshot.serve.snapshot import Snapshot

_SHOWN = 20
_CAPS = (1, 2, 3, 5)
_DAYS = (30, 90, 365)
router = APIRouter(include_in_schema=False)

User = Annotated[str | None, Query(max_length=1000)]
Cap = Annotated[int, Field(ge=1, le=MOST_ROWS)]
Days = Annotated[int, Field(ge=1, le=36_500)]
OrEmpty = BeforeValidator(lambda value: value or None)  # what a form sends of a choice that was not made


@dataclass(frozen=True)
class Shown:
    """A list: its rows, why there are none, and whether there are more."""

    rows: list[dict[str, Any]]
    why_none: str
    more: bool


@router.get("/listener")
async def listener(
    request: Request,
    served: Served,
    asking: Ask,
    identity: Who,
    user: User = None,
    new: bool = False,
    genre: Annotated[str, Query(max_length=200)] = "",
    max_per_artist: Annotated[Cap | None, OrEmpty, Query()] = None,
    less_famous: bool = False,
    again_after: Annotated[Days | None, OrEmpty, Query()] = None,
    k: Annotated[int, Query(ge=1, le=MOST_ROWS)] = _SHOWN,
) -> Response:
    """The list of a listener; without one named, that of the key, or the page that finds one."""
    if user is None and (identity is None or identity.role == "operator"):
        return RedirectResponse("/listeners", 303)
    who = allowed_user(identity, user)
    wish = Wish(new, genre or None, max_per_artist, (), less_famous, again_after)
    about, dated = await asking.ask(_about, served, who)
    shown = await _list(served, asking, who, k, wish)
    query = {"user": who} | {name: _in_a_query(value) for name, value in asdict(wish).items() if value}
    return page(
        request,
        "listener.html",
        about=about,
        shown=shown,
        wish=wish,
        caps=_choices(_CAPS, max_per_artist),
        days=_choices(_DAYS, again_after) if dated else [],
        genres=sorted(name for name, _ in served.by_genre.values()),
        more=f"/listener?{urlencode({**query, 'k': k + 2 * _SHOWN})}" if shown.more else None,
        exports={
            kind: f"/api/v1/recommend?{urlencode({**query, 'k': MOST_ROWS, 'format': kind})}"
            for kind in ("csv", "parquet", "json")
        },
        has_sound=lambda song: has_sound(served, song),
    )


def _about(served: Snapshot, user: str) -> tuple[AboutListener, bool]:
    """And whether plays are dated, so that some can be long ago."""
    return about_listener(served.kept(Explaining.of), user), served.newest_play is not None


def _choices(usual: Sequence[int], chosen: int | None) -> list[int]:
    return sorted({*usual, *([chosen] if chosen else [])})


def _in_a_query(value: object) -> object:
    return "true" if value is True else value


async def _list(served: Snapshot, asking: Asking, user: str, k: int, wish: Wish) -> Shown:
    """The k best; of a listener who is known."""
    try:
        if wish == ANYTHING:
            rows = answers.recommend(served, user, k + 1)
        else:
            rows = await asking.recommend(served, Wanted(user, k + 1, wish))
    except UserError as why:  # there is no such genre, or nothing is left
        return Shown([], str(why), more=False)
    return Shown(rows[:k], "", more=len(rows) > k and k < MOST_ROWS)
