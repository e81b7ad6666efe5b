"""Threads of this process, for what numpy and Arrow do in them side by side: sorting, reading, writing."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from earshot.processes import core_count

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(
    function: Callable[[Item], Result], items: Iterable[Item], n_threads: int | None = None
) -> Iterator[Result]:
    """Apply `function` to every item in threads, one a core if not said; results in the order of `items`.

    One item more than there are threads is under way, and no more are taken.
    """
    n_threads = n_threads or core_count()
    begun: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(n_threads) as threads:
        for item in items:
            begun.append(threads.submit(function, item))
            if len(begun) > n_threads:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
