"""Asking the server of a workspace, where one runs: an answer takes milliseconds.

This module imports nothing that takes long.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, urlencode

from earshot.errors import UserError

SOCKET = Path(".earshot", "serve.sock")
WORKSPACE_HEADER = "Earshot-Workspace"
_SECONDS = 120.0
"""A file takes as long as it takes to be heard."""

Answer = dict[str, Any]


def socket_of(root: Path) -> str:
    """The path of the socket of the workspace `root`, as short as it can be said: it may have 107 bytes."""
    path = Path.cwd() / root / SOCKET
    return min(str(path), os.path.relpath(path), key=len)


class _Connection(http.client.HTTPConnection):
    """To a socket in a folder."""

    def __init__(self, place: str) -> None:
        super().__init__("localhost", timeout=_SECONDS)
        self._place = place

    def connect(self) -> None:
        """As of `HTTPConnection`."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._place)


def ask_server(
    root: Path, question: str, wanted: Mapping[str, object], file: Path | None = None
) -> Answer | None:
    """What the server of the workspace `root` answers, its `rows` with what holds for all of them.

    None where no server runs that can answer.

    Parameters
    ----------
    question
        Of `/api/v1`: `recommend`, `similar`, ...
    wanted
        Its parameters; those that are None are left out.
    file
        A file that the question may be about: it is sent, where no song is called so.

    Raises
    ------
    UserError
        What was asked for is not there, or the file cannot be heard.
    """
    given = {name: _text(value) for name, value in wanted.items() if value is not None}
    path = f"/api/v1/{question}?{urlencode(given, doseq=True)}"
    status, answer = _exchange(root, "GET", path)
    if status == 404 and file is not None:
        with file.open("rb") as content:
            status, answer = _exchange(root, "POST", f"/api/v1/{question}/file?k={given['k']}", content)
    if status in (404, 409, 413, 422) and answer["title"] != "Not understood":
        raise UserError(str(answer["detail"]))
    return answer if status == 200 else None


def _exchange(root: Path, method: str, path: str, body: IO[bytes] | None = None) -> tuple[int, Answer]:
    """Status and content of an answer; 0 and nothing where no server of this workspace answers."""
    connection = _Connection(socket_of(root))
    headers = {"Content-Type": "application/octet-stream"}
    if body is not None:
        headers["Content-Length"] = str(os.fstat(body.fileno()).st_size)
    try:
        connection.request(method, path, body, headers if body else {})
        response = connection.getresponse()
        answer = json.loads(response.read())
    except (OSError, ValueError, http.client.HTTPException):  # none runs, or it ends just now
        return 0, {}
    finally:
        connection.close()
    of_this = response.headers.get(WORKSPACE_HEADER) == quote(str(root.resolve()))
    return (response.status, answer) if of_this else (0, {})


def _text(value: object) -> str | list[str]:
    if isinstance(value, list):
        return [str(each) for each in value]
    return str(value).lower() if isinstance(value, bool) else str(value)
