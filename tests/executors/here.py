"""An executor whose workers are in this process: the pool's own work without processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from earshot.executors import choosing
from earshot.executors.local import Held
from earshot.executors.pool import Death, Messages, Worker, outcome


class Immediate(Worker):
    def __init__(self, function: Callable[[Any], Any], messages: Messages) -> None:
        self._function, self._messages = function, messages
        messages.put((self, ("ready", None)))

    def _send(self, item: Any) -> None:
        self._messages.put((self, outcome(self._function, item)))

    def stop(self) -> None:
        pass

    def death(self) -> Death:
        raise AssertionError("it lives as long as the test")


@dataclass
class Here:
    """So many workers, which read arrays as a store gives them: not to be written into."""

    workers: int
    elsewhere: bool = True

    def places(self, threads: int) -> int:
        return max(1, self.workers // threads)

    def start(self, function: Callable[[Any], Any], messages: Messages, threads: int) -> Worker:
        return Immediate(function, messages)

    def share(self, arrays: Sequence[np.ndarray]) -> Held:
        copies = [array.copy() for array in arrays]
        for copy in copies:
            copy.setflags(write=False)
        return Held(copies)

    def close(self) -> None:
        pass


@contextmanager
def executing_here(workers: int) -> Iterator[None]:
    before, choosing._current = choosing._current, Here(workers)
    try:
        yield
    finally:
        choosing._current = before
