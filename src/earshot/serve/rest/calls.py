"""The calls by name, and the one route that all of them come in by."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import cast

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from earshot.errors import UserError
from earshot.queries.library import Library
from earshot.queries.sonic import Sonic
from earshot.serve.asking import Asking
from earshot.serve.keys import Identity
from earshot.serve.live import Live
from earshot.serve.problems import Refused
from earshot.serve.rest import wire
from earshot.serve.rest.parameters import NO_KEY, Parameters, parameters_of
from earshot.serve.rest.wire import Content, Failed
from earshot.serve.safety import identity_of
from earshot.serve.snapshot import Snapshot


@dataclass(frozen=True)
class Call:
    """One question of a player.

    Attributes
    ----------
    given
        Its parameters.
    identity
        Who asks; None without a key.
    library
        What is served, by artist and album.
    """

    given: Parameters
    identity: Identity | None
    request: Request
    served: Snapshot
    library: Library

    @property
    def sonic(self) -> Sonic:
        """What is served, by its sound."""
        return self.served.kept(Sonic.of)

    @property
    def user(self) -> str | None:
        """The listener whose key asks; None without one."""
        return None if self.identity is None else self.identity.user_id

    def listener(self) -> tuple[Identity, str]:
        """Whose key it is, a listener's. Failed: 10 without a key, 50 for an operator's."""
        if self.identity is None:
            raise Failed(wire.MISSING, f"this needs a key, on this machine too; {NO_KEY}")
        if self.identity.user_id is None:
            told = "this is an operator's key: wanted a listener's, of `earshot key add NAME --user USER_ID`"
            raise Failed(wire.NOT_ALLOWED, told)
        return self.identity, self.identity.user_id

    def song_row(self, song: str) -> int:
        """Where a song stands in the library. Failed (70) for one that is not there."""
        row = self.library.row(song)
        if row is None:
            raise Failed(wire.NOT_FOUND, f"no song {song[:200]!r}")
        return row


Answer = Callable[[Call], Content]
"""Worked out in the thread where answers are."""
OwnAnswer = Callable[[Call], Awaitable[Content | Response]]
"""Of a call that waits for something else, or answers with a file."""

Answers = dict[str, Answer | OwnAnswer]


def make_router(answers: Answers) -> APIRouter:
    """`/rest/NAME` and `/rest/NAME.view` of every call, by GET and by POST with a form."""
    router = APIRouter(prefix="/rest", include_in_schema=False)

    @router.api_route("/{name}", methods=["GET", "HEAD", "POST"])
    async def answer(request: Request, name: str) -> Response:
        given = parameters_of(request.scope)
        try:
            return await _answer(answers, request, name.removesuffix(".view"), given)
        except Failed as failed:
            return wire.fail(failed, given.format)
        except UserError as error:
            return wire.fail(Failed(wire.NOT_FOUND, str(error)), given.format)
        except Refused as refused:
            code = wire.NOT_FOUND if refused.status == 404 else wire.GENERIC
            status = refused.status if refused.status >= 500 else 200
            return wire.fail(Failed(code, refused.detail, status), given.format)

    return router


async def _answer(answers: Answers, request: Request, name: str, given: Parameters) -> Response:
    wanted = given.find("f") or "xml"
    if wanted not in ("json", "xml"):
        raise Failed(
            wire.GENERIC, f"f={wanted[:100]!r}: wanted json or xml; jsonp would tell pages of other sites"
        )
    if name not in answers:
        raise Failed(wire.GENERIC, f"{name[:100]}: no call that is answered here", 404)
    live: Live = request.app.state.live
    asking: Asking = request.app.state.asking
    served, found = live.snapshot(), answers[name]
    library = await run_in_threadpool(served.kept, Library.of)  # 2 s of 100,000 songs, for the first who asks
    call = Call(given, identity_of(request), request, served, library)
    content: Content | Response
    if inspect.iscoroutinefunction(found):
        content = await cast(OwnAnswer, found)(call)
    else:
        content = await asking.ask(cast(Answer, found), call)
    return content if isinstance(content, Response) else wire.succeed(content, given.format)
