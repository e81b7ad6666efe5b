"""Work on all workers of an executor: items given one by one, results in order, lost ones again.

An item whose worker hangs or dies, even halfway through its answer, takes nothing with it: each worker
is heard for itself, which a pool on shared queues cannot promise, where a worker
killed while it writes jams the queue.
"""

from __future__ import annotations

import math
import queue
import time
import traceback
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from numpy.typing import NDArray

from earshot.errors import UserError
from earshot.terminal import say

Item = TypeVar("Item")
Result = TypeVar("Result")

Lost = Callable[[Item, str], Result]
"""Makes the result of an item whose worker hung or died, from the item and the reason (`kind: detail`)."""

SECONDS_AN_ITEM = 600.0
"""A worker that is longer at one item hangs."""

GONE = object()
"""The message of a worker that has died."""

_AHEAD = 4  # times the number of workers: how far items may be ahead of the next result
_TRIES = 2
_SECONDS_TO_START = 120.0
"""After which it is told that a full cluster is waited for."""


class Death(NamedTuple):
    """How a worker ended.

    Attributes
    ----------
    how
        In words.
    from_outside
        Whether by a signal, or with its machine.
    node
        The one that went with it, or cannot be reached any more; None where it was the worker alone.
    item_to_blame
        Whether it may have been what the worker was at.
    """

    how: str
    from_outside: bool
    node: str | None = None
    item_to_blame: bool = True


class Shared(Protocol):
    """Arrays that many items need: the handle travels with each of them, the arrays once."""

    def get(self) -> Sequence[NDArray[Any]]:
        """The arrays, in the worker; they may be read-only."""
        ...


class Worker(ABC):
    """Someone who works, the position of the item it is at (None while it starts or waits), and since when.

    It puts `(itself, message)` on a queue: `(anything, None)` once it is ready, `(result, None)` or `(None,
    error)` after each item, and `GONE` when it has died.
    """

    ready = False
    position: int | None = None
    since = 0.0

    @property
    def waits(self) -> bool:
        """Whether it can be given an item."""
        return self.ready and self.position is None

    def give(self, position: int, item: Any) -> None:
        """Have it work at `item`."""
        self.position, self.since = position, time.monotonic()
        self._send(item)

    @abstractmethod
    def _send(self, item: Any) -> None: ...

    @abstractmethod
    def stop(self) -> None:
        """End it, whatever it does."""

    @abstractmethod
    def death(self) -> Death:
        """How it ended, after `GONE`."""


Messages = queue.SimpleQueue[tuple[Worker, Any]]


class Executor(Protocol):
    """Where workers are started."""

    elsewhere: bool
    """Whether they are on other machines too, so that what has threads of its own goes to them in parts."""

    def places(self, threads: int) -> int:
        """How many workers of so many threads each there is room for; at least one."""
        ...

    def start(self, function: Callable[[Any], Any], messages: Messages, threads: int) -> Worker:
        """A new worker, which applies `function` to what it is given."""
        ...

    def share(self, arrays: Sequence[NDArray[Any]]) -> Shared:
        """`arrays`, to be read by workers; kept as long as the handle is."""
        ...

    def close(self) -> None:
        """End all that was started."""
        ...


def refuse(item: Any, reason: str) -> Any:
    """The `lost` of who cannot do without an item. Raises RuntimeError."""
    raise RuntimeError(f"{reason}, at {item!r:.1000}")


@dataclass
class Pool(Generic[Item, Result]):
    """Workers of an executor, and what is done, under way, and still to do.

    Attributes
    ----------
    function
        Importable by name; applied to each item.
    n_workers
        How many there are.
    threads
        What `function` uses: each worker's OpenMP and BLAS have so many.
    description
        What is done, for who hears that a node is gone.
    lost
        Makes the result of an item whose worker died `_TRIES` times, or hung.
    limited
        Whether one that is `SECONDS_AN_ITEM` at an item hangs.
    """

    executor: Executor
    function: Callable[[Item], Result]
    n_workers: int
    threads: int = 1
    description: str = ""
    lost: Lost[Item, Result] = refuse
    limited: bool = True
    workers: list[Worker] = field(default_factory=list)
    _messages: Messages = field(default_factory=queue.SimpleQueue)
    _killed_at_start: int = 0
    _patient_until: float = 0.0

    def __post_init__(self) -> None:
        self._begin(())
        self._patient_until = time.monotonic() + _SECONDS_TO_START
        self.workers = [self._start() for _ in range(self.n_workers)]

    def share(self, *arrays: NDArray[Any]) -> Shared:
        """A handle to `arrays` that items may hold."""
        return self.executor.share(arrays)

    def map(self, items: Sequence[Item]) -> Iterator[Result]:
        """Results in the order of `items`; few wait at a time. Taken to the end before the next call."""
        self._begin(items)
        for position in range(len(items)):
            while position not in self._results:
                self._step(last=position + _AHEAD * len(self.workers))
            yield self._results.pop(position)

    def stop(self) -> None:
        """End all workers."""
        for worker in self.workers:
            worker.stop()

    def _begin(self, items: Sequence[Item]) -> None:
        self._items = items
        self._results: dict[int, Result] = {}
        self._next = 0
        self._again: deque[int] = deque()
        self._deaths: dict[int, int] = {}

    def _start(self) -> Worker:
        return self.executor.start(self.function, self._messages, self.threads)

    def _step(self, last: int) -> None:
        """Give items up to `last` to who waits, and take in what has happened."""
        for worker in self.workers:
            if worker.waits and (position := self._to_do(last)) is not None:
                worker.give(position, self._items[position])
        with suppress(queue.Empty):
            self._hear(*self._messages.get(timeout=1.0))
        if time.monotonic() > self._patient_until and not any(worker.ready for worker in self.workers):
            say(f"{self.description}: no worker has started yet; is there room for {self.n_workers}?")
            self._patient_until = math.inf  # it is said once
        for worker in self.workers if self.limited else ():
            if worker.position is not None and time.monotonic() - worker.since > SECONDS_AN_ITEM:
                self._replace(worker)
                reason = f"hung: no result in {SECONDS_AN_ITEM:g} s"
                self._results[worker.position] = self.lost(self._items[worker.position], reason)

    def _to_do(self, last: int) -> int | None:
        if self._again:
            return self._again.popleft()
        if self._next > min(last, len(self._items) - 1):
            return None
        self._next += 1
        return self._next - 1

    def _hear(self, worker: Worker, message: Any) -> None:
        if worker not in self.workers:  # it was replaced
            return
        if message is GONE:
            self._bury(worker)
            return
        result, error = message
        if error is not None:
            raise error
        if worker.position is None:
            worker.ready = True
        else:
            self._results[worker.position] = result
            worker.position = None

    def _bury(self, worker: Worker) -> None:
        death = worker.death()
        if not worker.ready:
            self._allow_another_start(death)
        self._replace(worker)
        if death.node is not None:
            self._tell_of(death, worker)
        position = worker.position
        if position is None:
            return
        self._deaths[position] = self._deaths.get(position, 0) + death.item_to_blame
        if self._deaths[position] < _TRIES:
            self._again.append(position)
        else:
            self._results[position] = self.lost(self._items[position], f"killed its worker: {death.how}")

    def _tell_of(self, death: Death, worker: Worker) -> None:
        what = "" if worker.position is None else f"; computed again: {self._items[worker.position]!r:.300}"
        say(f"{self.description}: node {death.node} is gone or out of reach ({death.how}){what}")

    def _allow_another_start(self, death: Death) -> None:
        """One that ended from outside while it started may be started again, two a place; else an error."""
        if not death.from_outside:
            raise RuntimeError(f"a worker process did not start: {death.how}")
        self._killed_at_start += 1
        if self._killed_at_start > _TRIES * self.n_workers:
            raise UserError(
                f"{self._killed_at_start} worker processes were killed while starting, the last by "
                f"{death.how}: is there enough memory?"
            )

    def _replace(self, worker: Worker) -> None:
        worker.stop()
        self.workers[self.workers.index(worker)] = self._start()


def outcome(function: Callable[[Any], Any], item: Any) -> tuple[Any, Exception | None]:
    """What a worker answers: the result, or the error with the place where it happened."""
    try:
        return function(item), None
    except Exception as error:
        error.add_note(f"in a worker process, at {item!r:.1000}:\n{traceback.format_exc()}")
        return None, error
