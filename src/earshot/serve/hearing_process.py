"""A process that hears other people's files, so that what is wrong with one cannot reach the server.

It is kept, since torch takes seconds to come. The server tells it what to do; what comes back is JSON of
bounded length and nothing pickled: a file that breaks the decoder may say what it wants.
"""

from __future__ import annotations

import json
import os
import signal
import tempfile
import threading
import traceback
from collections.abc import Callable
from importlib import import_module
from math import isfinite
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np

from earshot.errors import UserError
from earshot.processes import die_with_parent, keep_freed_memory
from earshot.queries.hearing import HeardFile
from earshot.signals import block_again

HEAR_FILE = "earshot.serve.heard_files:hear_file"

_START_SECONDS = 120.0
_MOST_BYTES = 1 << 20
_READY, _TAKEN = b"ready", b"taken"
_FILE, _SERVER, _FAULT = "file", "server", "fault"


class Unheard(Exception):
    """It is the file's fault: it cannot be decoded, takes too long or too much memory, ends the process."""


class CannotHear(Exception):
    """It is not the file's fault: the process does not start, or what is served cannot hear files."""


class _Ended(Exception):
    """The process is no more."""


class HearingProcess:
    """One process, started when it is asked for and again after it ended. One file at a time; no locks.

    It dies with the thread that started it.

    Parameters
    ----------
    hears
        `module:function` of `(served, path) -> Heard`, imported there and never here.
    """

    def __init__(self, hears: str = HEAR_FILE) -> None:
        self._hears = hears
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None

    @property
    def pid(self) -> int | None:
        """Of the process, None while there is none."""
        return None if self._process is None else self._process.pid

    def start(self) -> Connection:
        """Have the process ready; waits while it imports. Returns the pipe to it. Raises CannotHear."""
        if self._process is not None and self._pipe is not None and self._process.is_alive():
            return self._pipe
        self.stop()
        resource_tracker.ensure_running()  # which the process would start otherwise
        block_again()
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self._hears), daemon=True)
        self._process.start()
        theirs.close()  # so that the pipe ends when the process does
        try:
            self._answer(_START_SECONDS)
        except (_Ended, Unheard):
            raise CannotHear("the process that hears files does not start") from None
        return self._pipe

    def hear(self, served: Any, audio: Path, seconds: float) -> HeardFile:
        """Hear one file, in a process that is killed where that takes longer than `seconds`.

        `served` is what the function takes; it is pickled on its way there, and small: a process that hangs
        reads no more than a pipe holds.

        Raises
        ------
        Unheard, CannotHear
        """
        # It may have ended a moment ago, between two files: this one has no part in that.
        if not self._takes(served, audio, seconds) and not self._takes(served, audio, seconds):
            raise CannotHear("the process that hears files ends before it is given one")
        try:
            return _heard(self._answer(seconds))
        except _Ended:
            raise Unheard("its decoder crashed") from None

    def _takes(self, served: Any, audio: Path, seconds: float) -> bool:
        """Give it the file, started if need be; False where it has ended. Raises Unheard where it hangs."""
        pipe = self.start()
        try:
            pipe.send((served, audio))
            self._answer(seconds)
        except (OSError, _Ended):
            self.stop()
            return False
        return True

    def kill(self) -> None:
        """Kill the process, if there is one: whoever waits for its answer is told that it crashed."""
        process = self._process
        if process is not None:
            process.kill()

    def stop(self) -> None:
        """End the process, if there is one; nobody waits for its answer any more."""
        self.kill()
        if self._process is not None:
            self._process.join()
        if self._pipe is not None:
            self._pipe.close()
        self._process = self._pipe = None

    def _answer(self, seconds: float) -> bytes:
        """What it says next. Raises _Ended, or Unheard where it was killed because it said nothing."""
        process, pipe, hung = self._process, self._pipe, threading.Event()
        assert process is not None
        assert pipe is not None

        def end() -> None:
            hung.set()
            process.kill()

        timer = threading.Timer(seconds, end)
        timer.start()
        try:
            return pipe.recv_bytes(_MOST_BYTES)
        except (EOFError, OSError):
            self.stop()
            raise (Unheard(f"no result in {seconds:g} s") if hung.is_set() else _Ended()) from None
        finally:
            timer.cancel()


def _heard(answer: bytes) -> HeardFile:
    try:
        said = json.loads(answer)
        if "vector" in said:
            vector, unlike = np.array(said["vector"], np.float32), float(said["unlike"])
            if vector.ndim == 1 and np.isfinite(vector).all() and isfinite(unlike):
                return HeardFile(vector, unlike)
            raise Unheard("what was heard is no vector of numbers")
        kind, why = str(said["kind"]), str(said["why"])
    except (ValueError, TypeError, KeyError):
        raise Unheard("what was heard cannot be read") from None
    raise Unheard(why) if kind == _FILE else CannotHear(why)


def _serve(pipe: Connection, hears: str) -> None:
    """The process: imports, says that it is ready, and hears files until it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent()
    keep_freed_memory()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)  # libraries print what stands in a file: not to the server's terminal
    os.dup2(nowhere, 2)
    module, _, name = hears.partition(":")
    function = getattr(import_module(module), name)
    pipe.send_bytes(_READY)
    while True:
        served, audio = pipe.recv()
        pipe.send_bytes(_TAKEN)
        tempfile.tempdir = str(audio.parent)  # what a killed process leaves goes with the file
        pipe.send_bytes(json.dumps(_outcome(function, served, audio)).encode())


def _outcome(function: Callable[[Any, Path], HeardFile], served: Any, audio: Path) -> dict[str, Any]:
    try:
        heard = function(served, audio)
        return {"vector": heard.vector.tolist(), "unlike": heard.unlike}
    except UserError as error:
        why = str(error)
        mine = why.removeprefix(f"{audio}: ")
        return {"kind": _FILE if mine != why else _SERVER, "why": mine}
    except MemoryError:
        return {"kind": _FILE, "why": "it takes too much memory"}
    except Exception:
        return {"kind": _FAULT, "why": traceback.format_exc()}
