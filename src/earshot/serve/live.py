"""The snapshot that answers: replaced whole where dvc.lock names another, kept where that is not whole."""

from __future__ import annotations

import gc
import threading
import time
from pathlib import Path

from earshot.errors import UserError
from earshot.queries.served import read_served
from earshot.serve.problems import Refused
from earshot.serve.rows import Health
from earshot.serve.snapshot import Snapshot
from earshot.terminal import say

_LOOK_SECONDS = 0.5
_RETRY_SECONDS = 10.0
"""After a state that could not be read: `dvc pull` or the run that serves may mend it without a word."""


class Live:
    """The state that a server answers from.

    Attributes
    ----------
    root
        The workspace.
    trouble
        Why what dvc.lock names now is not what answers; None where it is.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.trouble: str | None = None
        self._snapshot: Snapshot | None = None
        self._seen: tuple[int, ...] | None = ()  # as no file has it, nor one that is not there
        self._retry_at = 0.0
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def served(self) -> Snapshot | None:
        """What is served; None where nothing is."""
        return self._snapshot

    def health(self) -> Health:
        """Whether there are answers, and of which release."""
        found = self._snapshot
        if found is None:
            return Health(status="nothing served", release=None, state=None)
        return Health(status="stale" if self.trouble else "ok", release=found.release, state=found.name)

    def snapshot(self) -> Snapshot:
        """What is served. Whoever answers takes it once and asks nothing else.

        Raises
        ------
        Refused
            503: nothing can be served yet; with the reason.
        """
        found = self._snapshot
        if found is None:
            raise Refused(
                503,
                "Nothing is served",
                self.trouble or "not read yet",
                {"Retry-After": str(int(_RETRY_SECONDS))},
            )
        return found

    def refresh(self) -> None:
        """Look whether dvc.lock names another state, and if so read it; errors are kept in `trouble`."""
        seen = _mark(self.root / "dvc.lock")
        if seen == self._seen and (self.trouble is None or time.monotonic() < self._retry_at):
            return
        self._seen = seen
        try:
            served = read_served(self.root)
            found = Snapshot(served.root, served.release, served.outputs)
            if self._snapshot is None or found.name != self._snapshot.name:
                self._snapshot = found.load()  # in one step: an answer has the old one or this
                _keep_out_of_collections()
                say(f"serves release {found.release}, state {found.name}")
            self.trouble = None
        except Exception as error:  # whatever a damaged file makes a library raise: the last state goes on
            trouble = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
            if trouble != self.trouble:
                say(f"what dvc.lock names cannot be served: {trouble}")
            self.trouble, self._retry_at = trouble, time.monotonic() + _RETRY_SECONDS

    def start(self) -> None:
        """Read what is served, and go on looking in a thread of its own until `stop`."""
        self.refresh()
        self._thread = threading.Thread(target=self._watch, name="served state", daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._ended.wait(_LOOK_SECONDS):
            self.refresh()

    def stop(self) -> None:
        """End the thread."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()


def _keep_out_of_collections() -> None:
    """Spare the garbage collector what stays: else each of its full rounds holds up answers by 0.1 s."""
    gc.unfreeze()  # so that the state before can go
    gc.collect()
    gc.freeze()


def _mark(path: Path) -> tuple[int, ...] | None:
    """Another whenever a file was written; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
