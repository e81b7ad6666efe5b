"""A real server on loopback, in a thread of the test."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import httpx
import uvicorn
from starlette.requests import Request
from starlette.responses import Response

from earshot.serve.problems import Refused


@contextmanager
def serving(
    app: Any, uds: Path | None = None, lifespan: Literal["on", "off"] = "off"
) -> Iterator[httpx.Client]:
    """Serve an ASGI app on a free port of 127.0.0.1, or on the socket `uds`; gives a client of it."""
    listener = socket.socket(socket.AF_UNIX if uds else socket.AF_INET)
    listener.bind(str(uds) if uds else ("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan=lifespan))
    thread = threading.Thread(target=server.run, args=([listener],))
    listener.listen()  # from now on who connects waits until the server is there
    thread.start()
    transport = httpx.HTTPTransport(uds=str(uds)) if uds else None
    where = "localhost" if uds else f"127.0.0.1:{listener.getsockname()[1]}"
    try:
        with httpx.Client(base_url=f"http://{where}", transport=transport, timeout=60) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


async def answer_refused(_: Request, error: Exception) -> Response:
    """The handler of `Refused` for an app that has no pages."""
    assert isinstance(error, Refused)
    return error.response
