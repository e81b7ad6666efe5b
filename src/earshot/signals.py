"""Ctrl-C and SIGTERM: one sentence, no traceback, and nobody is left behind."""

from __future__ import annotations

import atexit
import os
import signal
import threading
from contextlib import suppress

_SENTENCE = b"\ninterrupted; say it again and it goes on\n"
"""On a line of its own: on the last one stands a progress bar, or the ^C that a terminal shows."""

_HEARD_BY = "EARSHOT_HEARD_BY"
"""Environment variable: PID of the command above this one that hears the signals for all."""

_blocked: set[signal.Signals] = set()
_ending = threading.Event()


def hear_signals() -> None:
    """End this process and all that it started when SIGINT or SIGTERM comes, with exit status 130 or 143.

    Work here may be killed at any moment, so nothing is unwound. The signals are
    blocked and a thread waits for them: DVC, Dagster and Lightning put handlers of
    their own in place of any other, and a handler waits for the end of a long call.

    What is started inherits the block, so it cannot complain while it starts up. A
    command that another one started says nothing, and leaves SIGINT, which a terminal
    sends to both, to the other one. A SIGINT that is ignored (`nohup`) stays ignored.
    """
    if _blocked:
        return
    both = (signal.SIGINT, signal.SIGTERM)
    heard = {each for each in both if signal.getsignal(each) is not signal.SIG_IGN}
    signal.pthread_sigmask(signal.SIG_BLOCK, heard)
    _blocked.update(heard)
    atexit.register(_wait_for_the_end)
    mouth = os.dup(2)  # of this moment: while a step runs, Dagster sends standard error elsewhere
    is_below = _HEARD_BY in os.environ  # the block does not tell: some shells end it
    waiter = (heard - {signal.SIGINT}, mouth, b"") if is_below else (heard, mouth, _SENTENCE)
    os.environ.setdefault(_HEARD_BY, str(os.getpid()))
    threading.Thread(target=_wait, args=waiter, daemon=True).start()


def block_again() -> None:
    """Block what `hear_signals` blocked, after what unblocks it: `multiprocessing` starting its tracker."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _blocked)


def _wait(heard: set[signal.Signals], mouth: int, sentence: bytes) -> None:
    number = signal.sigwait(heard)
    _ending.set()
    _silence()
    _kill_children()
    with suppress(OSError):  # nobody listens
        os.write(mouth, sentence)
    os._exit(128 + number)


def _silence() -> None:
    """Whatever is said from now on is of the children's end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def _kill_children() -> None:
    import psutil

    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            child.kill()


def _wait_for_the_end() -> None:
    """A failure that came of the children's end is not to decide the exit status."""
    if _ending.is_set():
        threading.Event().wait()
