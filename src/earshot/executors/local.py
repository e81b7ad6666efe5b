"""Workers on this machine: long-lived processes, each on a pipe of its own, heard by a thread of its own."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from numpy.typing import NDArray

from earshot.executors.pool import GONE, Death, Messages, Worker, outcome
from earshot.processes import core_count, die_with_parent, keep_freed_memory
from earshot.signals import block_again

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
"""What says how many threads a worker's libraries start, before they are imported."""


class Held(NamedTuple):
    """Arrays that go through the pipe with every item."""

    arrays: Sequence[NDArray[Any]]

    def get(self) -> Sequence[NDArray[Any]]:
        """The arrays."""
        return self.arrays


class LocalExecutor:
    """Fresh processes, at most `workers` (None: as many as there are cores)."""

    elsewhere = False

    def __init__(self, workers: int | None = None) -> None:
        self._workers = workers

    def places(self, threads: int) -> int:
        """As many as have a core for each thread."""
        return max(1, (self._workers or core_count()) // threads)

    def start(self, function: Callable[[Any], Any], messages: Messages, threads: int) -> Worker:
        """A process that unpickles `function` by its name."""
        resource_tracker.ensure_running()  # which the first worker would start otherwise
        block_again()
        return ProcessWorker(function, messages, threads)

    def share(self, arrays: Sequence[NDArray[Any]]) -> Held:
        """A handle that holds them."""
        return Held(arrays)

    def close(self) -> None:
        """Nothing: pools end their processes."""


class ProcessWorker(Worker):
    """A process, its pipe, and the thread that listens to it."""

    def __init__(self, function: Callable[[Any], Any], messages: Messages, threads: int) -> None:
        context = get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, threads), daemon=True)
        self.process.start()
        theirs.close()  # so that the pipe ends when the worker does
        self.pipe.send(function)
        self._listener = threading.Thread(target=self._listen, args=(messages,), daemon=True)
        self._listener.start()

    def _send(self, item: Any) -> None:
        with suppress(OSError):  # it is dead, which `_listen` sees at the end of its pipe
            self.pipe.send(item)

    def stop(self) -> None:
        """Kill it."""
        self.process.kill()
        self.process.join()
        self._listener.join()
        self.pipe.close()

    def _listen(self, messages: Messages) -> None:
        message: Any = None
        while message is not GONE:
            try:
                message = self.pipe.recv()
            except (EOFError, OSError):
                message = GONE
            except Exception as error:  # an answer that cannot be unpickled
                message = None, error
            messages.put((self, message))

    def death(self) -> Death:
        """The signal that ended it, or its exit status."""
        self.process.join()
        code = self.process.exitcode or 0
        return Death(signal.Signals(-code).name if code < 0 else f"exit status {code}", code < 0)


def _serve(pipe: Connection, threads: int) -> None:
    """A worker: the function comes first, then items until the pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for variable in THREAD_VARIABLES:
        os.environ[variable] = str(threads)  # before the function comes: numpy comes with it
    die_with_parent()
    keep_freed_memory()
    function = pipe.recv()
    pipe.send(("ready", None))
    while True:
        pipe.send(outcome(function, pipe.recv()))
