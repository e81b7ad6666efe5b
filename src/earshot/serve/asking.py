"""A thread that works out answers, while the event loop reads requests and writes what was found.

Lists that are asked for while others are being made are made together after these: a product of sixteen
listeners with all songs takes little longer than that of one, as the songs are read from memory once. What
takes seconds has a thread of its own, so that nothing else waits for it.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from earshot.errors import UserError
from earshot.queries.answers import Rows, recommend_together
from earshot.queries.wishes import Request
from earshot.serve.snapshot import Snapshot

Answer = TypeVar("Answer")
_MOST_TOGETHER = 32


@dataclass
class _Waiting:
    """Requests for lists of one snapshot."""

    snapshot: Snapshot
    requests: list[Request] = field(default_factory=list)
    answers: list[asyncio.Future[Rows]] = field(default_factory=list)


class Asking:
    """Where routes ask; of the event loop that serves."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="answers")
        self._slow = ThreadPoolExecutor(1, thread_name_prefix="slow answers")
        self._lock = threading.Lock()
        self._waiting: deque[_Waiting] = deque()

    async def ask(self, question: Callable[..., Answer], *arguments: Any) -> Answer:
        """What `question(*arguments)` gives or raises, worked out in the thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, question, *arguments)

    async def ask_slowly(self, question: Callable[..., Answer], *arguments: Any) -> Answer:
        """As `ask`, of what takes seconds: in the other thread."""
        return await asyncio.get_running_loop().run_in_executor(self._slow, question, *arguments)

    async def recommend(self, snapshot: Snapshot, request: Request) -> Rows:
        """A list, as of `recommend_among`, made together with others that are asked for meanwhile."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Rows] = loop.create_future()
        with self._lock:
            last = self._waiting[-1] if self._waiting else None
            if last is None or last.snapshot is not snapshot or len(last.requests) >= _MOST_TOGETHER:
                last = _Waiting(snapshot)
                self._waiting.append(last)
                self._thread.submit(self._make, loop)
            last.requests.append(request)
            last.answers.append(answer)
        return await answer

    def _make(self, loop: asyncio.AbstractEventLoop) -> None:
        """In the thread: the lists that have waited longest. Once for every `_Waiting`."""
        with self._lock:
            waiting = self._waiting.popleft()
        found: list[Rows | UserError] | list[Exception]
        try:
            found = recommend_together(waiting.snapshot, waiting.requests)
        except Exception as error:
            found = [error] * len(waiting.answers)
        loop.call_soon_threadsafe(_tell, waiting.answers, found)

    def close(self) -> None:
        """End the threads, once they have done what they were asked."""
        self._thread.shutdown()
        self._slow.shutdown()


def _tell(answers: list[asyncio.Future[Rows]], found: Sequence[Rows | Exception]) -> None:
    for answer, rows in zip(answers, found, strict=True):
        if answer.done():  # whoever asked has gone
            continue
        if isinstance(rows, Exception):
            answer.set_exception(rows)
        else:
            answer.set_result(rows)
