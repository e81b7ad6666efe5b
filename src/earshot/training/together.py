"""Starting the processes that train together, and hearing of it when one of them dies.

The process that asks is the first rank; the others are fresh processes with its arguments. Lightning
would start them by saying its own command line again, which is that of a stage, of Dagster or of pytest.
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import psutil
import torch
from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment
from torch import distributed

from earshot.errors import UserError
from earshot.predictors.load import device
from earshot.processes import core_count, die_with_parent, keep_freed_memory
from earshot.signals import block_again
from earshot.training.ranks import ALONE, Ranks

SECONDS_WITHOUT_A_WORD = 600.0
"""A rank that the others wait for longer hangs."""
_SECONDS_FOR_BLAME = 5.0
"""Between a broken connection and the news of who broke it."""


@contextmanager
def together(size: int, function: Callable[..., object], *arguments: Any) -> Iterator[Ranks]:
    """Have `size - 1` processes call `function(*arguments, ranks)` while this one does likewise as the first.

    `function` must be importable by name. All of them share the cores, and are dead when this returns.

    Raises
    ------
    UserError
        A rank was killed; or whatever one could not go on with. A GPU for each is wanted where there is any.
    """
    if size == 1:
        yield ALONE
        return
    if device().type == "cuda" and torch.cuda.device_count() < size:
        raise UserError(
            f"cnn_checkpoint.processes={size}: there are {torch.cuda.device_count()} GPUs, wanted one each"
        )
    threads = torch.get_num_threads()
    resource_tracker.ensure_running()  # which the first process would start otherwise
    block_again()
    with tempfile.TemporaryDirectory() as folder:
        meeting = Path(folder) / "ranks"
        others = [_Other(Ranks(rank, size), meeting) for rank in range(1, size)]
        try:
            for other in others:
                other.give(function, arguments)
            _meet(Ranks(0, size), meeting)
            yield Ranks(0, size)
        except UserError:
            raise
        except Exception as error:
            _blame(others, error)
            raise
        finally:
            for other in others:
                other.stop()
            if distributed.is_initialized():
                distributed.destroy_process_group()
            torch.set_num_threads(threads)


class Started(ClusterEnvironment):
    """Tells Lightning that the ranks are there, and have met."""

    creates_processes_externally = True
    main_address = "127.0.0.1"
    main_port = 0  # they meet in a file

    def __init__(self, ranks: Ranks) -> None:
        self._ranks = ranks

    @staticmethod
    def detect() -> bool:
        """Never by itself."""
        return False

    def world_size(self) -> int:
        """How many ranks."""
        return self._ranks.size

    def set_world_size(self, size: int) -> None:
        """It is known."""

    def global_rank(self) -> int:
        """This one."""
        return self._ranks.rank

    def set_global_rank(self, rank: int) -> None:
        """It is known."""

    def local_rank(self) -> int:
        """This one: all are on this machine."""
        return self._ranks.rank

    def node_rank(self) -> int:
        """The only machine."""
        return 0


@dataclass(frozen=True)
class _Failure:
    """What a rank could not go on with, and when, on the clock of the machine."""

    error: Exception
    moment: float


class _Other:
    """A rank in a process of its own."""

    def __init__(self, ranks: Ranks, meeting: Path) -> None:
        context = get_context("spawn")
        self._name = f"process {ranks.rank + 1} of {ranks.size} of the training"
        self._pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, ranks, meeting, os.getpid()), daemon=True)
        self.process.start()
        theirs.close()  # so that the pipe ends when the process does

    def give(self, function: Callable[..., object], arguments: Sequence[Any]) -> None:
        """Say what to call, and wait until it is known there: who dies before is not waited for in vain."""
        try:
            self._pipe.send((function, arguments))
            heard = self._pipe.recv()
        except (EOFError, OSError):
            raise self._death() from None
        if isinstance(heard, _Failure):
            raise heard.error

    def failure(self) -> _Failure | None:
        """How it ended, if it did and the work was not done."""
        with suppress(EOFError, OSError):
            if self._pipe.poll():
                heard: _Failure | None = self._pipe.recv()
                return heard
        return None if self.process.is_alive() else _Failure(self._death(), 0.0)

    def _death(self) -> UserError:
        self.process.join()
        code = self.process.exitcode or 0
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit status {code}"
        return UserError(
            f"{self._name} was {how}: is there enough memory? Said again, it goes on from the last checkpoint"
        )

    def stop(self) -> None:
        self.process.kill()
        self.process.join()
        self._pipe.close()


def _blame(others: Sequence[_Other], error: Exception) -> None:
    """Raise what ended another rank first, if one has ended; all that this rank knows is that it is gone."""
    wait([other.process.sentinel for other in others], timeout=_SECONDS_FOR_BLAME)
    failures = [failure for other in others if (failure := other.failure()) is not None]
    if failures:
        raise min(failures, key=lambda failure: failure.moment).error from error


def _meet(ranks: Ranks, meeting: Path) -> None:
    """Connect with the others, over the machine's own interface alone."""
    torch.set_num_threads(max(1, min(torch.get_num_threads(), core_count() // ranks.size)))
    os.environ.setdefault("GLOO_SOCKET_IFNAME", _loopback())
    backend = "gloo"
    if device().type == "cuda":
        torch.cuda.set_device(ranks.rank)
        backend = "cpu:gloo,cuda:nccl"
    distributed.init_process_group(
        backend,
        init_method=meeting.as_uri(),
        rank=ranks.rank,
        world_size=ranks.size,
        timeout=timedelta(seconds=SECONDS_WITHOUT_A_WORD),
    )


def _loopback() -> str:
    """The name of the interface that is 127.0.0.1."""
    addresses = psutil.net_if_addrs()
    return next(
        name for name, found in addresses.items() if any(each.address == "127.0.0.1" for each in found)
    )


def _serve(pipe: Connection, ranks: Ranks, meeting: Path, starter: int) -> None:
    """A rank but the first: what to call comes by the pipe; a word when it is ready, and how it failed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent(starter)
    keep_freed_memory()
    try:
        function, arguments = pipe.recv()
        pipe.send("ready")
        _meet(ranks, meeting)
        function(*arguments, ranks)
    except Exception as error:
        error.add_note(f"in process {ranks.rank + 1} of {ranks.size}:\n{traceback.format_exc()}")
        pipe.send(_Failure(error, time.monotonic()))
