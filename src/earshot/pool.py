"""Work on all cores: long-lived worker processes, each on a pipe of its own, heard by a thread of its own.

One that hangs or dies, even halfway through its answer, therefore takes nothing with
it but the item it had, which a pool on shared queues cannot promise: a worker
killed while it writes jams the queue.
"""

from __future__ import annotations

import os
import queue
import signal
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection
from typing import Any, Generic, TypeVar

from earshot.errors import UserError
from earshot.processes import core_count, die_with_parent, keep_freed_memory, progress
from earshot.signals import block_again

Item = TypeVar("Item")
Result = TypeVar("Result")

Lost = Callable[[Item, str], Result]
"""Makes the result of an item whose worker hung or died, from the item and the reason (`kind: detail`)."""

SECONDS_AN_ITEM = 600.0
"""A worker that is longer at one item hangs."""

_GONE = object()
"""Stands for the end of a worker's pipe."""

_AHEAD = 4  # times the number of workers: how far items may be ahead of the next result
_TRIES = 2
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def parallel_map(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    description: str,
    unit: str,
    lost: Lost[Item, Result] | None = None,
) -> Iterator[Result]:
    """Apply `function` to every item on all cores; results in the order of `items`, with progress.

    `function` must be importable by name; the workers are fresh processes with
    one BLAS thread each, and live until the last item is done. Few results wait
    at a time, however many items there are. An item whose worker dies is tried
    once more, one that hangs (`SECONDS_AN_ITEM`) is not; then `lost` makes its result.

    Raises
    ------
    RuntimeError
        A worker hung or died and there is no `lost`; or one did not even start.
    UserError
        More than two workers for each core were killed while they started.
    """
    if items:
        results = _run(function, items, lost or _refuse)
        yield from progress(results, description=description, unit=unit, total=len(items))


def in_threads(
    function: Callable[[Item], Result], items: Iterable[Item], n_threads: int | None = None
) -> Iterator[Result]:
    """Apply `function` to every item in threads, one a core if not said; results in the order of `items`.

    One item more than there are threads is under way, and no more are taken. For what numpy and Arrow do
    meanwhile: sorting, reading, writing.
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


def _refuse(item: Any, reason: str) -> Any:
    raise RuntimeError(f"{reason}, at {item!r}")


def _run(
    function: Callable[[Item], Result], items: Sequence[Item], lost: Lost[Item, Result]
) -> Iterator[Result]:
    pool = _Pool(function, items, lost, min(core_count(), len(items)))
    try:
        for position in range(len(items)):
            while position not in pool.results:
                pool.step(last=position + _AHEAD * len(pool.workers))
            yield pool.results.pop(position)
    finally:
        pool.stop()


class _Worker:
    """A process, the position of the item it is at (None while it starts or waits), and since when."""

    def __init__(
        self, function: Callable[[Any], Any], messages: queue.SimpleQueue[tuple[_Worker, Any]]
    ) -> None:
        context = get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()  # so that the pipe ends when the worker does
        self.pipe.send(function)
        self.ready = False
        self.position: int | None = None
        self.since = 0.0
        self._listener = threading.Thread(target=self._listen, args=(messages,), daemon=True)
        self._listener.start()

    @property
    def waits(self) -> bool:
        return self.ready and self.position is None

    def give(self, position: int, item: Any) -> None:
        self.position, self.since = position, time.monotonic()
        with suppress(OSError):  # it is dead, which `_listen` sees at the end of its pipe
            self.pipe.send(item)

    def stop(self) -> None:
        self.process.kill()
        self.process.join()
        self._listener.join()
        self.pipe.close()

    def _listen(self, messages: queue.SimpleQueue[tuple[_Worker, Any]]) -> None:
        message: Any = None
        while message is not _GONE:
            try:
                message = self.pipe.recv()
            except (EOFError, OSError):
                message = _GONE
            except Exception as error:  # an answer that cannot be unpickled
                message = None, error
            messages.put((self, message))

    def last_words(self) -> str:
        self.process.join()
        code = self.process.exitcode or 0
        return signal.Signals(-code).name if code < 0 else f"exit status {code}"


@dataclass
class _Pool(Generic[Item, Result]):
    """What is done, under way, and still to do."""

    function: Callable[[Item], Result]
    items: Sequence[Item]
    lost: Lost[Item, Result]
    n_workers: int
    workers: list[_Worker] = field(default_factory=list)
    results: dict[int, Result] = field(default_factory=dict)
    _messages: queue.SimpleQueue[tuple[_Worker, Any]] = field(default_factory=queue.SimpleQueue)
    _next: int = 0
    _again: deque[int] = field(default_factory=deque)
    _deaths: dict[int, int] = field(default_factory=dict)
    _killed_at_start: int = 0

    def __post_init__(self) -> None:
        resource_tracker.ensure_running()  # which the first worker would start otherwise
        block_again()
        self.workers = [_Worker(self.function, self._messages) for _ in range(self.n_workers)]

    def step(self, last: int) -> None:
        """Give items up to `last` to who waits, and take in what has happened."""
        for worker in self.workers:
            if worker.waits and (position := self._to_do(last)) is not None:
                worker.give(position, self.items[position])
        with suppress(queue.Empty):
            self._hear(*self._messages.get(timeout=1.0))
        for worker in self.workers:
            if worker.position is not None and time.monotonic() - worker.since > SECONDS_AN_ITEM:
                self._replace(worker)
                reason = f"hung: no result in {SECONDS_AN_ITEM:g} s"
                self.results[worker.position] = self.lost(self.items[worker.position], reason)

    def _to_do(self, last: int) -> int | None:
        if self._again:
            return self._again.popleft()
        if self._next > min(last, len(self.items) - 1):
            return None
        self._next += 1
        return self._next - 1

    def _hear(self, worker: _Worker, message: Any) -> None:
        if worker not in self.workers:  # it was replaced
            return
        if message is _GONE:
            self._bury(worker)
        elif worker.position is None:
            worker.ready = True
        else:
            result, error = message
            if error is not None:
                raise error
            self.results[worker.position] = result
            worker.position = None

    def _bury(self, worker: _Worker) -> None:
        if not worker.ready:
            self._allow_another_start(worker)
        self._replace(worker)
        position = worker.position
        if position is None:
            return
        self._deaths[position] = self._deaths.get(position, 0) + 1
        if self._deaths[position] < _TRIES:
            self._again.append(position)
        else:
            reason = f"killed its worker: {worker.last_words()}"
            self.results[position] = self.lost(self.items[position], reason)

    def _allow_another_start(self, worker: _Worker) -> None:
        """A worker that a signal ended while it started may be started again, two a place; else an error."""
        how = worker.last_words()
        if (worker.process.exitcode or 0) >= 0:
            raise RuntimeError(f"a worker process did not start: {how}")
        self._killed_at_start += 1
        if self._killed_at_start > _TRIES * self.n_workers:
            raise UserError(
                f"{self._killed_at_start} worker processes were killed while starting, the last by {how}: "
                "is there enough memory?"
            )

    def _replace(self, worker: _Worker) -> None:
        worker.stop()
        self.workers[self.workers.index(worker)] = _Worker(self.function, self._messages)

    def stop(self) -> None:
        for worker in self.workers:
            worker.stop()


def _serve(pipe: Connection) -> None:
    """A worker: the function comes first, then items until the pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for variable in _THREAD_VARIABLES:
        os.environ[variable] = "1"  # before the function comes: numpy comes with it
    die_with_parent()
    keep_freed_memory()
    function = pipe.recv()
    pipe.send("ready")
    while True:
        pipe.send(_outcome(function, pipe.recv()))


def _outcome(function: Callable[[Any], Any], item: Any) -> tuple[Any, Exception | None]:
    try:
        return function(item), None
    except Exception as error:
        error.add_note(f"in a worker process, at {item!r}:\n{traceback.format_exc()}")
        return None, error
