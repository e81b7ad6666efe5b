"""Audio files that are sent: each kept while it is heard, under a name of ours, and gone without a trace."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from anyio.to_thread import run_sync
from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect, Request

from earshot.processes import lived
from earshot.queries.hearing import HeardFile
from earshot.queries.state import ServedState
from earshot.serve.hearing_process import HEAR_FILE, CannotHear, HearingProcess, Unheard
from earshot.serve.problems import Refused
from earshot.terminal import visible

Result = TypeVar("Result")

FOLDER = ".earshot/uploads"
FIELD = "audio"
"""Of a form; a body of any other type is the file itself."""

REQUEST_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [FIELD],
                    "properties": {FIELD: {"type": "string", "format": "binary"}},
                }
            },
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}
"""For `openapi_extra` of a route that takes a file."""

_FORM_BYTES = 1 << 16  # what a form may have around its file
_RETRY_SECONDS = 5
_CHUNK = 1 << 20
_LOG = logging.getLogger("earshot.serve")


class Uploads:
    """Hears files that are sent, a few at a time, each in a process of its own.

    Parameters
    ----------
    root
        The workspace; files lie in `.earshot/uploads/`, which only its owner can read.
    most_bytes
        Of a file.
    seconds
        How long one may take to arrive, and again to be heard.
    at_once
        How many are heard at a time, each process with some 500 MB.
    waiting
        How many more may wait for that; the next are told to come again.
    hears
        As of `HearingProcess`.
    """

    def __init__(
        self,
        root: Path,
        *,
        most_bytes: int = 50_000_000,
        seconds: float = 60.0,
        at_once: int = 2,
        waiting: int = 6,
        hears: str = HEAR_FILE,
    ) -> None:
        self.most_bytes, self.most_body = most_bytes, most_bytes + _FORM_BYTES
        self._seconds, self._most = seconds, at_once + waiting
        self._folder = _own_folder(root / FOLDER)
        self._processes = [HearingProcess(hears) for _ in range(at_once)]
        self._idle = list(reversed(self._processes))  # the last one that worked first: it is warm
        self._free = asyncio.Semaphore(at_once)
        # A process dies with the thread that started it (PR_SET_PDEATHSIG): these end with the server,
        # anyio's when they have nothing to do.
        self._threads = ThreadPoolExecutor(at_once, "hearing")
        self._asked = 0

    @property
    def pids(self) -> list[int]:
        """Of the processes that run."""
        return [process.pid for process in self._processes if process.pid is not None]

    async def start(self) -> None:
        """Have the first process ready, which takes seconds; else the first file waits for that."""
        try:
            await self._run(HearingProcess.start)
        except CannotHear as why:  # which the first file is told too
            _LOG.error("%s", why)

    def stop(self) -> None:
        """End the processes and remove what they had."""
        for process in self._processes:
            process.kill()
        self._threads.shutdown(cancel_futures=True)  # a thread that has lost its process has done
        for process in self._processes:
            process.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def heard(self, request: Request, served: ServedState) -> HeardFile:
        """The factors of the file in the body of `request`, and how unlike anything trained on it is.

        Raises
        ------
        Refused
            408, 413, 422: the file is too slow, too large, or cannot be heard; 503: too many at once, with
            Retry-After, or nothing can be heard now; 507: no room on the disk.
        """
        if self._asked >= self._most:
            raise Refused(
                503, "Busy", "other files are being heard; try again", {"Retry-After": str(_RETRY_SECONDS)}
            )
        self._asked += 1
        try:
            async with self._received(request) as audio:
                return await self._run(HearingProcess.hear, _unread(served), audio, self._seconds)
        except Unheard as why:
            raise Refused(422, "File not heard", f"the file cannot be heard: {why}") from None
        except CannotHear as why:
            _LOG.error("a file could not be heard: %s", visible(str(why)))
            raise Refused(503, "Cannot hear", "no file can be heard now; the server's log says why") from None
        finally:
            self._asked -= 1

    async def _run(self, do: Callable[..., Result], *arguments: Any) -> Result:
        """`do` with a process that is free, and again only when that is done, even if nobody waits."""
        async with self._free:
            process = self._idle.pop()
            try:
                return await run_sync(lambda: self._threads.submit(do, process, *arguments).result())
            finally:
                self._idle.append(process)

    @asynccontextmanager
    async def _received(self, request: Request) -> AsyncIterator[Path]:
        with tempfile.TemporaryDirectory(dir=self._folder, ignore_cleanup_errors=True) as folder:
            audio = Path(folder) / "audio"
            try:
                async with asyncio.timeout(self._seconds):
                    await self._keep(request, audio)
            except TimeoutError:
                raise Refused(408, "Too slow", f"wanted the whole file in {self._seconds:g} s") from None
            except ClientDisconnect:
                raise Refused(400, "Cut off", "the file did not arrive whole") from None
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                    raise
                raise Refused(507, "No room", "the server's disk is full") from None
            yield audio

    async def _keep(self, request: Request, audio: Path) -> None:
        n_bytes = 0
        with audio.open("wb") as file:
            async for chunk in _chunks(request):
                n_bytes += len(chunk)
                if n_bytes > self.most_bytes:
                    raise Refused(413, "File too large", f"wanted at most {self.most_bytes:,} bytes")
                file.write(chunk)
        if not n_bytes:
            raise Refused(422, "No file", f"wanted an audio file as the body, or as `{FIELD}` of a form")


def _unread(served: ServedState) -> ServedState:
    """The same without what was read of it already, which would be sent along."""
    return replace(served, outputs={stage: replace(each) for stage, each in served.outputs.items()})


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        async for chunk in request.stream():
            yield chunk
        return
    async with request.form(max_files=1, max_fields=8) as form:
        sent = form.get(FIELD)
        while isinstance(sent, UploadFile) and (chunk := await sent.read(_CHUNK)):
            yield chunk


def _own_folder(folder: Path) -> Path:
    """A new folder `<PID>.<random>` in `folder`; those of servers that are gone are removed."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    for other in folder.iterdir():
        pid = other.name.partition(".")[0]
        if not (pid.isdecimal() and lived(int(pid), other.stat().st_mtime)):
            shutil.rmtree(other, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{os.getpid()}.", dir=folder))
