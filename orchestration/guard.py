"""Ends a code server whose code process was killed, for whoever started it to start it anew.

`dagster dev` and container runtimes start a code server again that has ended. The
code server itself never starts its code process again: no sensor would tick any more.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress

import psutil

from earshot.processes import is_alive

_SECONDS = 1.0


def start_guard() -> None:
    """Guard this process, if a code server started it."""
    process = psutil.Process()
    server = process.parent()
    if server is not None and "code-server" in server.cmdline():
        command = [sys.executable, "-m", "orchestration.guard", str(server.pid), str(process.pid)]
        subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)


def _guard(server: psutil.Process, code: int) -> None:
    while os.getppid() == code:  # a dead parent's children are handed on, also while its guard was starting
        time.sleep(_SECONDS)
    if is_alive(server) and not any(_is_code(child) for child in server.children()):
        server.kill()  # it would wait for its code process


def _is_code(process: psutil.Process) -> bool:
    """The next one, if the definitions were loaded anew."""
    return is_alive(process) and "grpc" in process.cmdline()


if __name__ == "__main__":
    with suppress(psutil.NoSuchProcess):  # the server has ended by itself
        _guard(psutil.Process(int(sys.argv[1])), int(sys.argv[2]))
