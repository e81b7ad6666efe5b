"""Work that lets go of Python's lock, such as pyarrow's, on several cores."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from earshot.processes import core_count

Result = TypeVar("Result")

_MOST_THREADS = 4  # more would wait for the one that reads the file


def in_threads(function: Callable[..., Result], *items: Iterable[Any]) -> Iterator[Result]:
    """`map`'s results in order, few of them ahead of who takes them."""
    n_threads = min(core_count(), _MOST_THREADS)
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(n_threads) as threads:
        for arguments in zip(*items, strict=True):
            waiting.append(threads.submit(function, *arguments))
            if len(waiting) > n_threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
