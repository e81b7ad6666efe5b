"""A call that is killed at one of its events: a file is opened, made, linked, renamed or removed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

_FORKS = """
import json, os, signal, sys
from pathlib import Path

{code}

replies = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
for line in sys.stdin:
    arguments, forks, moment = json.loads(line)
    if not forks:
        call(*map(Path, arguments))
        print(json.dumps([0, 0]), file=replies, flush=True)
        continue
    read, write = os.pipe()
    if not (child := os.fork()):
        events = 0
        def count(event, _):
            global events
            events += event == "open" or event.startswith(("os.", "shutil."))
            if events == moment:
                os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(count)
        try:
            call(*map(Path, arguments))
            os.write(write, str(events).encode())
        finally:
            os._exit(sys.exc_info()[0] is not None)
    os.close(write)
    with os.fdopen(read) as counted:
        told = counted.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(json.dumps([status, int(told or 0)]), file=replies, flush=True)
"""


class Killable:
    """Python `code` that defines `call`, run once whole so that everything is imported, then in forks.

    Without that most of the events would be imports, which take the time too.

    Parameters
    ----------
    code
        Defines `call`, whose arguments are paths.
    first
        The arguments of the run that is not counted.
    """

    def __init__(self, code: str, *first: Path) -> None:
        command = [sys.executable, "-c", _FORKS.format(code=code)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self._asked(first, False, 0)

    def __enter__(self) -> Killable:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def events(self, *arguments: Path) -> int:
        """How many events an undisturbed run has."""
        status, events = self._asked(arguments, True, 0)
        assert status == 0
        return events

    def kill(self, moment: int, *arguments: Path) -> None:
        """Run and be killed at event `moment`, counted from 1."""
        status, _ = self._asked(arguments, True, moment)
        assert status == -signal.SIGKILL

    def _asked(self, arguments: tuple[Path, ...], forks: bool, moment: int) -> tuple[int, int]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps([[*map(str, arguments)], forks, moment]), file=self._process.stdin, flush=True)
        status, events = json.loads(self._process.stdout.readline())
        return status, events
