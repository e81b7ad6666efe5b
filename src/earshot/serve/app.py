"""The app: routes, and what stands before them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from earshot.errors import UserError
from earshot.lanes.journal import Journal
from earshot.pages.render import STATIC as REPORT_STATIC
from earshot.queries.windows import Unexplained
from earshot.serve import api, api_explain, media, pages
from earshot.serve.asking import Asking
from earshot.serve.ballots import Ballots
from earshot.serve.keys import KeyStore, LoginLinks
from earshot.serve.live import Live
from earshot.serve.login import login_routes
from earshot.serve.maps import Maps
from earshot.serve.metrics import Metrics
from earshot.serve.pages import anybody
from earshot.serve.pictures import Pictures
from earshot.serve.placings import Placings
from earshot.serve.playlist_store import Playlists
from earshot.serve.problems import Refused
from earshot.serve.reports import Reports
from earshot.serve.rest.routes import router as players
from earshot.serve.safety import Guard, Settings
from earshot.serve.sidecar import router as sidecar
from earshot.serve.site import refuse
from earshot.serve.uploads import Uploads
from earshot.serve.votes import Votes

STATIC = Path(__file__).parent / "static"
ABOUT = """What earshot recommends: songs for listeners, listeners for songs, and what sounds alike.

Every answer names its release and its state, and is of one of each."""


@dataclass(frozen=True)
class Server:
    """An app and what it answers with.

    Attributes
    ----------
    app
        With all that stands before its routes.
    """

    app: ASGIApp
    live: Live
    keys: KeyStore
    links: LoginLinks


def make_server(root: Path, settings: Settings | None = None) -> Server:
    """A server of the workspace `root`; it reads what is served once it is started.

    Parameters
    ----------
    settings
        Whom it answers; by default on loopback without a key.
    """
    live, keys = Live(root), KeyStore(root)
    links, uploads = LoginLinks(keys), Uploads(root)
    app = _make_app(live, uploads, links)
    given = settings or Settings()
    limits = {**given.uploads, "/api/v1/similar/file": uploads.most_body, anybody.PATH: uploads.most_body}
    return Server(Guard(app, keys, links, replace(given, uploads=limits)), live, keys, links)


def _make_app(live: Live, uploads: Uploads, links: LoginLinks) -> FastAPI:
    metrics = Metrics(live)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.asking, app.state.pictures = Asking(), Pictures()
        app.state.placings = Placings()
        live.start()
        app.state.starting = asyncio.create_task(uploads.start())  # kept: else it may be collected
        yield
        live.stop()
        uploads.stop()
        app.state.placings.stop()
        app.state.asking.close()
        app.state.pictures.close()

    app = FastAPI(
        title="earshot",
        version=version("earshot"),
        description=ABOUT,
        lifespan=lifespan,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
    )
    app.state.live, app.state.uploads = live, uploads
    app.state.reports, app.state.votes = Reports(live.root), Votes(live.root)
    app.state.ballots = Ballots()
    app.state.journal, app.state.playlists = Journal(live.root), Playlists(live.root)
    app.state.maps = Maps()
    _add_routes(app, links, metrics)
    _handle_errors(app)
    app.add_middleware(metrics.counted)
    return app


def _add_routes(app: FastAPI, links: LoginLinks, metrics: Metrics) -> None:
    """Those of programs, players and people, and what pages load."""
    app.include_router(api.router)
    app.include_router(api_explain.router)
    app.include_router(login_routes(links))
    app.include_router(media.router)
    app.include_router(players)
    app.include_router(sidecar)
    for router in pages.ROUTERS:
        app.include_router(router)
    app.mount("/static/report", StaticFiles(directory=REPORT_STATIC), name="report")
    app.mount("/static", StaticFiles(directory=STATIC), name="static")

    @app.get("/favicon.ico", include_in_schema=False)
    def icon() -> Response:
        """Which browsers ask for where a page, such as a report, names none."""
        return RedirectResponse("/static/icon.svg", 308)

    @app.get("/metrics", include_in_schema=False, dependencies=[Depends(api.sees_listeners)])
    def tell_metrics() -> Response:
        return metrics.respond()


def _handle_errors(app: FastAPI) -> None:
    """Every error becomes a page for who asked for one, else a problem document."""

    @app.exception_handler(Refused)
    def refused(request: Request, error: Refused) -> Response:
        return refuse(request, error.status, error.title, error.detail, error.headers)

    @app.exception_handler(UserError)
    def not_there(request: Request, error: UserError) -> Response:
        return refuse(request, 404, "Not found", str(error))

    @app.exception_handler(Unexplained)
    def unexplained(request: Request, error: Unexplained) -> Response:
        return refuse(request, 409, "Not to be explained", str(error))

    @app.exception_handler(RequestValidationError)
    def not_understood(request: Request, error: RequestValidationError) -> Response:
        told = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        return refuse(request, 422, "Not understood", told)

    @app.exception_handler(HTTPException)
    def answered(request: Request, error: HTTPException) -> Response:
        title = HTTPStatus(error.status_code).phrase
        return refuse(request, error.status_code, title, str(error.detail), error.headers)

    @app.exception_handler(Exception)
    def failed(request: Request, _: Exception) -> Response:
        return refuse(request, 500, "Server error", "the server's log says what went wrong")
