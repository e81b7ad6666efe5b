"""Ctrl-C and SIGTERM: one sentence, no traceback, and nobody is left behind."""

from __future__ import annotations

import atexit
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_SENTENCE = b"\ninterrupted; say it again and it goes on\n"
"""On a line of its own: on the last one stands a progress bar, or the ^C that a terminal shows."""

_HEARD_BY = "EARSHOT_HEARD_BY"
"""Environment variable: PID of the command above this one that hears Ctrl-C for all below it."""

_waiting: list[threading.Thread] = []
_blocked: set[signal.Signals] = set()
_ending = threading.Lock()


def hear_signals() -> None:
    """End this process and all that it started when SIGINT or SIGTERM comes, with exit status 130 or 143.

    Work here may be killed at any moment, so nothing is unwound; a thread ends the
    process. A handler would wait for the end of a long call, and DVC, Dagster and
    Lightning put others in its place:

    - SIGINT, which DVC ignores while a stage runs, is blocked and waited for. What is
      started inherits the block, so it cannot complain while it starts up.
    - SIGTERM, with which libraries end what they started, must not be inherited so. Whatever
      handler Python has, it also writes the signal's number to a pipe.

    A command that another one started says nothing, and leaves SIGINT, which a terminal
    sends to both, to the other one. A SIGINT that is ignored (`nohup`) stays ignored.
    """
    if _waiting:
        return
    is_below = _HEARD_BY in os.environ
    os.environ.setdefault(_HEARD_BY, str(os.getpid()))
    mouth = os.dup(2)  # of this moment: while a step runs, Dagster sends standard error elsewhere
    sentence = b"" if is_below else _SENTENCE
    atexit.register(_wait_for_the_end)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        _blocked.add(signal.SIGINT)
        block_again()
        if not is_below:
            _wait(lambda: _end(signal.sigwait(_blocked), mouth, sentence))
    pipe, its_end = os.pipe()
    os.set_blocking(its_end, False)
    signal.set_wakeup_fd(its_end)
    signal.signal(signal.SIGTERM, _hold)
    _wait(lambda: _end(_sigterm(pipe), mouth, sentence))


def block_again() -> None:
    """Block SIGINT if `hear_signals` did, after what unblocks it: `multiprocessing` starting its tracker."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _blocked)


@contextmanager
def no_sigint_below() -> Iterator[None]:
    """What is started meanwhile ignores SIGINT, if this process hears it: for commands that a shell starts.

    dash, which is `sh` on Debian, clears the block that it inherits, but leaves ignored what is
    ignored: without this, Python below it shows a traceback if Ctrl-C comes while it starts up.
    A signal that is blocked is not lost while it is ignored.
    """
    if not _blocked or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _wait(target: Callable[[], None]) -> None:
    _waiting.append(threading.Thread(target=target, daemon=True))
    _waiting[-1].start()


def _hold(*_: object) -> None:
    """Have the main thread say nothing of children that the same signal ended, until it is silenced."""
    time.sleep(1.0)


def _sigterm(pipe: int) -> int:
    while os.read(pipe, 1)[0] != signal.SIGTERM:
        pass
    return signal.SIGTERM


def _end(number: int, mouth: int, sentence: bytes) -> None:
    _ending.acquire()  # and keep it: the first signal decides
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
    """A failure that came of the children's end is not to decide the exit status.

    Where no signal came the work is done, and from here on SIGTERM is ignored. Python takes up to a
    second to remove its modules; it puts the default in place of handlers before, so that SIGTERM would
    end a command that is done, but it leaves ignored what is ignored.
    """
    if _ending.locked():
        threading.Event().wait()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
