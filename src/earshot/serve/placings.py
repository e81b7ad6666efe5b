"""Other releases beside the one that serves: worked out once a pair, in a process of its own, and kept.

The encoder of another release may have to hear every song, which takes torch and time: neither is to be in
the way of answers.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import traceback
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory

from earshot.errors import UserError
from earshot.processes import die_with_parent
from earshot.queries.other_release import HEARD, read_placed, write_placed
from earshot.queries.state import ServedState
from earshot.queries.versus import Pair
from earshot.releases import Manifest
from earshot.serve.snapshot import Snapshot
from earshot.signals import block_again

_KEPT = 2
"""Pairs in memory; each is as large as the factors of all songs and listeners."""
_DOES, _FAILED = "does", "failed"


@dataclass
class _Placing:
    """A pair that is being worked out, or is."""

    does: str = "waits for another comparison to be worked out"
    folder: Path | None = None
    found: Future[Pair] = field(default_factory=Future)


class Placings:
    """Pairs of the release that serves and another; one is worked out at a time."""

    def __init__(self) -> None:
        self._placings: OrderedDict[tuple[str, str], _Placing] = OrderedDict()
        self._lock = threading.Lock()
        # the thread lives as long as its processes: they die with it
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="placings")
        self._process: BaseProcess | None = None
        self._stopped = False

    def pair(self, served: Snapshot, release: Manifest) -> Pair | str:
        """The pair, or in words what is being done to have it: from the first time on that it is asked for.

        Raises
        ------
        UserError
            It cannot be had, and why; asked for again it is tried again.
        """
        key = (served.name, release.release)
        with self._lock:
            self._forget(served.name)
            placing = self._placings.get(key)
            if placing is None:
                placing = self._placings[key] = _Placing()
                self._thread.submit(self._work, placing, served, release)
            self._placings.move_to_end(key)
            if not placing.found.done():
                return _progress(placing)
            try:
                return placing.found.result()
            except UserError:
                del self._placings[key]
                raise

    def stop(self) -> None:
        """End what is being worked out."""
        self._stopped = True
        if self._process is not None:
            self._process.kill()
        self._thread.shutdown(cancel_futures=True)

    def _forget(self, state: str) -> None:
        """Drop what is of an earlier state, and the oldest above `_KEPT`; not what is being worked out."""
        done = [key for key, placing in self._placings.items() if placing.found.done()]
        old = [key for key in done if key[0] != state]
        for key in [*old, *[key for key in done if key not in old][:-_KEPT]]:
            del self._placings[key]

    def _work(self, placing: _Placing, served: Snapshot, release: Manifest) -> None:
        """In the thread."""
        try:
            with TemporaryDirectory(prefix="earshot-versus-") as made:
                placing.folder = Path(made)
                self._place(placing, ServedState(served.root, served.release, served.outputs), release)
                placing.found.set_result(Pair.of(served, release.release, *read_placed(placing.folder)))
        except UserError as why:
            placing.found.set_exception(why)
        except Exception:
            traceback.print_exc(file=sys.stderr)
            placing.found.set_exception(_unknown(release))

    def _place(self, placing: _Placing, served: ServedState, release: Manifest) -> None:
        """Run `write_placed` in a process, and note what it does."""
        resource_tracker.ensure_running()
        block_again()
        context = get_context("spawn")
        pipe, theirs = context.Pipe(duplex=False)
        arguments = (theirs, served, release, placing.folder)
        self._process = context.Process(target=_run, args=arguments, daemon=True)
        placing.does = "starts"
        self._process.start()
        theirs.close()  # so that the pipe ends when the process does
        try:
            while not self._stopped:
                said = json.loads(pipe.recv_bytes())
                if _FAILED in said:
                    raise UserError(said[_FAILED])
                placing.does = said[_DOES]
        except EOFError:
            self._process.join()
        finally:
            pipe.close()
            if self._process.is_alive():
                self._process.kill()
                self._process.join()
        if self._process.exitcode:
            raise UserError(
                f"release {release.release}: the process that places songs ended ({self._process.exitcode})"
            )


def _progress(placing: _Placing) -> str:
    """What is being done, and how much of it was."""
    folder = placing.folder
    done = 0 if folder is None else len([*(folder / HEARD).glob("*.npy")])
    return f"{placing.does}, {done} done" if done else placing.does


def _run(pipe: Connection, served: ServedState, release: Manifest, folder: Path) -> None:
    """The process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent()
    os.nice(10)  # answers go first

    def tell(kind: str, text: str) -> None:
        pipe.send_bytes(json.dumps({kind: text}).encode())

    try:
        write_placed(served, release, folder, lambda does: tell(_DOES, does))
    except UserError as why:
        tell(_FAILED, str(why))
    except Exception:
        traceback.print_exc(file=sys.stderr)
        tell(_FAILED, str(_unknown(release)))


def _unknown(release: Manifest) -> UserError:
    return UserError(f"release {release.release}: the server's log says why")
