"""Why a song is in a list: a bar a play, which together make the score, and a bar a window of its sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from earshot.errors import UserError
from earshot.pages.hyper_images import clock
from earshot.queries.explain import Explanation, SoundWindow
from earshot.serve.api import Ask, Served, Song, Who
from earshot.serve.api_explain import by_plays, by_windows
from earshot.serve.media import has_sound
from earshot.serve.pages.listener import User
from earshot.serve.safety import allowed_user
from earshot.serve.site import page

_FIRST, _LAST = 8, 3
"""Plays that are shown: those that say most for the song, and those that speak most against it."""
_ROUNDING = 1e-6
"""Of a score by float32 places: a difference below this share of it is none."""
router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Bar:
    """A step from nothing to the score.

    Attributes
    ----------
    play
        song_id, title, artist, play_count, score_without; empty for those between first and last together.
    n_plays
        How many plays it is of.
    share
        By which the score grows, or falls below 0.
    left, width
        Where it lies, in percent.
    """

    play: dict[str, Any]
    n_plays: int
    share: float
    left: float
    width: float


@dataclass(frozen=True)
class WindowBar:
    """A window of a song's sound.

    Attributes
    ----------
    start, end
        Seconds, for the player; `times` for people.
    difference
        By which the score is higher with it.
    score_without
        Without it.
    top, height
        Of its bar, in percent of the strip: above the middle where it speaks for the song.
    """

    start: float
    end: float
    times: tuple[str, str]
    difference: float
    score_without: float
    top: float
    height: float


@router.get("/listener/why")
async def why(
    request: Request, served: Served, asking: Ask, identity: Who, song: Song, user: User = None
) -> HTMLResponse:
    """The shares of the plays of a listener in the score of a song."""
    listener = allowed_user(identity, user)
    found: Explanation | None = None
    why_not = ""
    try:
        found = await asking.ask(by_plays, served, listener, song)
    except UserError as error:
        why_not = str(error)
    return page(
        request,
        "why.html",
        user=listener,
        song=song,
        found=found,
        why_not=why_not,
        bars=[] if found is None else bars_of(found.plays),
        total=None if found is None else _between(0.0, found.score, found.plays),
    )


@router.get("/listener/windows")
async def windows(
    request: Request, served: Served, asking: Ask, identity: Who, song: Song, user: User = None
) -> HTMLResponse:
    """What each window of a song's sound has to do with its score."""
    listener = allowed_user(identity, user)
    found: list[SoundWindow] = []
    why_not = ""
    try:
        found = await by_windows(served, asking, listener, song)
    except UserError as error:
        why_not = str(error)
    return page(
        request,
        "windows.html",
        user=listener,
        song=song,
        windows=window_bars(found),
        score=found[0].score if found else None,
        why_not=why_not,
        sounds=has_sound(served, song),
    )


def bars_of(plays: Sequence[dict[str, Any]]) -> list[Bar]:
    """Of plays, that with the greatest share first: each begins where the one before it ends."""
    first = plays[:_FIRST]
    last = [play for play in plays[_FIRST:] if play["share"] < 0][-_LAST:]
    between = plays[len(first) : len(plays) - len(last)]
    steps: list[tuple[dict[str, Any], int, float]] = [(play, 1, play["share"]) for play in first]
    if between:
        steps.append(({}, len(between), sum(play["share"] for play in between)))
    steps += [(play, 1, play["share"]) for play in last]
    bars, reached = [], 0.0
    for play, n, share in steps:
        bars.append(Bar(play, n, share, *_between(reached, reached + share, plays)))
        reached += share
    return bars


def _between(one: float, other: float, plays: Sequence[dict[str, Any]]) -> tuple[float, float]:
    """Left end and width of a bar in percent of a scale on which all that is for and against has room."""
    most = sum(max(play["share"], 0.0) for play in plays)
    least = min(0.0, sum(play["share"] for play in plays))
    scale = 100 / ((most - least) or 1.0)
    return (min(one, other) - least) * scale, abs(other - one) * scale


def window_bars(windows: Sequence[SoundWindow]) -> list[WindowBar]:
    """A bar each, the longest half as high as the strip."""
    differences = [_difference(window) for window in windows]
    most = max(map(abs, differences), default=0.0) or 1.0
    return [
        WindowBar(
            window.start,
            window.end,
            (clock(window.start), clock(window.end)),
            difference,
            window.score_without,
            50 - 50 * max(difference, 0.0) / most,
            50 * abs(difference) / most,
        )
        for window, difference in zip(windows, differences, strict=True)
    ]


def _difference(window: SoundWindow) -> float:
    difference = window.score - window.score_without
    return difference if abs(difference) > _ROUNDING * abs(window.score) else 0.0
