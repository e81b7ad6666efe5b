"""How a browser comes to a session: by the link printed at start, or by a key typed into a form."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from earshot.serve.keys import LoginLinks
from earshot.serve.problems import Refused
from earshot.serve.safety import cookie_name, session_of
from earshot.serve.site import page


def login_routes(links: LoginLinks) -> APIRouter:
    """`GET /login?token=`, `POST /login` with the field `key`, and `POST /logout`; each then leads to `/`.

    `GET /login` is the form for a key.
    """
    routes = APIRouter(include_in_schema=False)

    @routes.get("/login")
    def follow_link(request: Request, token: str | None = None) -> Response:
        if token is None:
            return page(request, "login.html", wrong=False)
        return _with_session(request, links.redeem(token), "the link was used, is older than ten minutes, or")

    @routes.post("/login")
    def use_key(request: Request, key: Annotated[str, Form()]) -> Response:
        session = links.open(key.strip())
        if session is None and "text/html" in request.headers.get("accept", ""):  # by a person in the form
            again = page(request, "login.html", wrong=True)
            again.status_code = 403
            return again
        return _with_session(request, session, "the key was revoked or")

    @routes.post("/logout")
    def log_out(request: Request) -> Response:
        links.close(session_of(request.headers, request.scope) or "")
        answer = RedirectResponse("/", 303)
        answer.delete_cookie(cookie_name(request.scope), httponly=True, samesite="strict")
        return answer

    return routes


def _with_session(request: Request, session: str | None, why_none: str) -> Response:
    if session is None:
        raise Refused(403, "No session", f"{why_none} is of another server")
    answer = RedirectResponse("/", 303)
    answer.set_cookie(
        cookie_name(request.scope),
        session,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return answer
