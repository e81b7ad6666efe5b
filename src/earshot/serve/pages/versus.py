"""A blind comparison of two releases: two lists for one listener, and which one would rather hear."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Depends, Form, Request
from markupsafe import Markup
from starlette.responses import HTMLResponse

from earshot.errors import UserError
from earshot.pages.charts import Axis, interval_bar
from earshot.params import load_params
from earshot.queries import versus
from earshot.queries.other_release import others
from earshot.releases import Manifest
from earshot.serve.api import Ask, Served, sees_listeners
from earshot.serve.ballots import Ballots
from earshot.serve.keys import Identity
from earshot.serve.placings import Placings
from earshot.serve.problems import Refused
from earshot.serve.safety import identity_of, need_operator
from earshot.serve.site import page
from earshot.serve.snapshot import Snapshot
from earshot.serve.votes import Vote, VoteCount, VotedAlready, Votes

_LENGTH = 10
_SIDES = ("left", "right")
router = APIRouter(prefix="/versus", include_in_schema=False, dependencies=[Depends(sees_listeners)])
Operator = Annotated[Identity, Depends(need_operator)]


@router.get("")
def so_far(request: Request, served: Served) -> HTMLResponse:
    """What can be compared, and what was voted so far."""
    return _page(request, served)


@router.post("")
async def begin(
    request: Request,
    served: Served,
    asking: Ask,
    _: Operator,
    other: Annotated[str, Form(max_length=12)],
) -> HTMLResponse:
    """Two lists to listen to; before they are there, what is being done."""
    release = next((each for each in await asking.ask(others, served) if each.release == other), None)
    if release is None:
        raise Refused(404, "Not found", "no other release of this name whose files are in DVC's cache")
    placings: Placings = request.app.state.placings
    try:
        pair = placings.pair(served, release)
    except UserError as error:
        why = str(error)
        return await asking.ask(lambda: _page(request, served, other=other, refused=why))
    if isinstance(pair, str):
        return await asking.ask(lambda: _page(request, served, other=other, working=pair))
    lists = await asking.ask(_draw, pair)
    if lists is None:
        return await asking.ask(lambda: _page(request, served, other=other, alike=True))
    ballots: Ballots = request.app.state.ballots
    token, ballot = ballots.issue(served.release, other, lists["listener"])
    sides = [lists[release] for release in (ballot.left, ballot.right)]
    shown = {"token": token, "taste": lists["taste"], "lists": list(zip(_SIDES, sides, strict=True))}
    return await asking.ask(lambda: _page(request, served, other=other, ballot=shown))


def _draw(pair: versus.Pair) -> dict[str, Any] | None:
    """Both lists by the names of their releases, the listener, and what he or she has played."""
    rng = np.random.default_rng()
    served = pair.served
    most = load_params(served.root / "params.yaml").recommendations.max_per_artist
    drawn = pair.draw(rng, _LENGTH, most)
    if drawn is None:
        return None
    user, mine, theirs = drawn
    in_both = set(mine.tolist()) & set(theirs.tolist())
    shared = {served.song_ids[row] for row in in_both}
    return {
        "listener": served.user_ids[user],
        "taste": versus.named(served, pair.taste(user, rng)),
        **{
            name: [{**song, "shared": song["song_id"] in shared} for song in versus.named(served, rows)]
            for name, rows in ((served.release, mine), (pair.other, theirs))
        },
    }


@router.post("/vote")
def vote(
    request: Request,
    served: Served,
    operator: Operator,
    ballot: Annotated[str, Form(max_length=100)],
    choice: Annotated[Literal["left", "right", "same"], Form()],
) -> HTMLResponse:
    """Keep a vote, and tell which list was whose."""
    ballots: Ballots = request.app.state.ballots
    votes: Votes = request.app.state.votes
    found = ballots.find(ballot)
    if found is None:
        raise Refused(409, "No such ballot", "it is too old, or the server was started again: take a new one")
    preferred = {"left": found.left, "right": found.right, "same": None}[choice]
    try:
        votes.add(Vote(ballot, found.left, found.right, preferred, found.listener, operator.name))
    except VotedAlready:
        raise Refused(409, "Voted already", "this ballot has its vote: take a new one") from None
    other = next(name for name in (found.left, found.right) if name != served.release)
    return _page(request, served, other=other, voted={"ballot": found, "preferred": preferred})


def _page(request: Request, served: Snapshot, **shown: Any) -> HTMLResponse:
    votes: Votes = request.app.state.votes
    identity, results = identity_of(request), votes.results()
    found = {
        "other": None,
        "working": None,
        "refused": None,
        "alike": False,
        "ballot": None,
        "voted": None,
        **shown,
    }
    return page(
        request,
        "versus.html",
        releases=[(each.release, _called(each)) for each in others(served)],
        results=results,
        bars=[_bar(each) for each in results],
        may_vote=identity is not None and identity.role == "operator",
        **found,
    )


def _bar(result: VoteCount) -> Markup:
    return interval_bar(result.share, result.low, result.high, Axis(0.0, 1.0), 0.5)


def _called(release: Manifest) -> str:
    """What it is made of, to be chosen by."""
    return f"{release.release} ({release.candidate.name})" if release.candidate else release.release
