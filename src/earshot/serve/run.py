"""Starting the server: at an address for browsers and programs, and at the workspace's own socket.

The socket is `.earshot/serve.sock`, which only the owner of the workspace can open; the command line asks
there. Both are served by one app, so that it has one state.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Collection, Generator
from pathlib import Path
from urllib.parse import quote

import uvicorn
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from earshot.errors import UserError
from earshot.locks import Taken, take
from earshot.serve.address import note_address, url_of
from earshot.serve.app import make_server
from earshot.serve.client import WORKSPACE_HEADER, socket_of
from earshot.serve.keys import KeyStore
from earshot.serve.safety import FromSocket, Settings, exposed
from earshot.terminal import say
from earshot.workspace import require_workspace

_LOCK = Path(".earshot", "serve.lock")


class _Server(uvicorn.Server):
    """Leaves Ctrl-C to `earshot.signals`, which ends this process and all that it started."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Capture none."""
        yield


def serve(root: Path, host: str, port: int, names: Collection[str]) -> None:
    """Serve the workspace `root` until the process is ended.

    Parameters
    ----------
    names
        Hosts that it is asked by beside `host` and the loopback names.

    Raises
    ------
    UserError
        Another server of this workspace runs; the address is taken, or others reach it and there is no key.
    """
    require_workspace(root)
    (root / ".earshot").mkdir(exist_ok=True)
    try:
        take(root / _LOCK)  # until the process ends
    except Taken as taken:
        raise UserError(f"{root}: is served already, by PID {taken.holder}") from None
    settings = Settings((*names, host), exposed(host, KeyStore(root)))
    with _listen(host, port) as at_address, _listen_in(root) as at_socket:
        port = at_address.getsockname()[1]
        server = make_server(root, settings)
        url = url_of(host, port)
        note_address(root, url)
        say(f"earshot serves {root} at {url}; Ctrl-C ends it")
        say(f"yours alone, once, within ten minutes: {url}/login?token={server.links.issue()}")
        with asyncio.Runner(loop_factory=_config(server.app, "on").get_loop_factory()) as runner:
            runner.run(_serve(server.app, at_address, at_socket, root))


async def _serve(app: ASGIApp, at_address: socket.socket, at_socket: socket.socket, root: Path) -> None:
    first = _Server(_config(app, "on"))
    second = _Server(_config(_Named(FromSocket(app), root), "off"))

    def end() -> None:
        first.should_exit = second.should_exit = True

    # the loop takes over the pipe by which `earshot.signals` would hear of it
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end)
    await asyncio.gather(first.serve([at_address]), second.serve([at_socket]))


def _config(app: ASGIApp, lifespan: str) -> uvicorn.Config:
    """No line for a request: ids of listeners stand in it."""
    return uvicorn.Config(
        app,
        lifespan=lifespan,  # type: ignore[arg-type]
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=60,
        timeout_graceful_shutdown=5,
    )


class _Named:
    """Answers with the workspace that they are of: it may have been moved since, and another put there."""

    def __init__(self, app: ASGIApp, root: Path) -> None:
        self._app, self._root = app, quote(str(root.resolve()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the app does."""

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[WORKSPACE_HEADER] = self._root
            await send(message)

        await self._app(scope, receive, named)


def _listen(host: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen()  # from now on who connects waits until the server is there
    except OSError as error:
        raise UserError(f"--host {host} --port {port}: {error.strerror}") from None
    return listening


def _listen_in(root: Path) -> socket.socket:
    """The socket of the workspace; one that a server before left there is replaced."""
    place = Path(socket_of(root))
    place.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)  # 0600 from its first moment on
    try:
        listening.bind(str(place))
        listening.listen()
    except OSError as error:
        raise UserError(f"{place}: {error}") from None
    finally:
        os.umask(mask)
    return listening
