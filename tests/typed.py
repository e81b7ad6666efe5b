"""The shell blocks of the documents, and a shell that types them as a reader would.

A block may be marked in a comment before it, which readers do not see:

    <!-- not run: why -->                   the whole block
    <!-- not run: `wandb sync`: why -->     its lines that begin so
"""

from __future__ import annotations

import re
import shlex
import socket
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_FENCE = re.compile(r"^```(\w*)$")
_MARK = re.compile(r"^<!-- not run: (?:`([^`]+)`: )?(\S.*) -->$")


@dataclass(frozen=True)
class Line:
    """A command of a block, and why it is not run, if it is not."""

    document: str
    number: int
    command: str
    not_run: str | None

    @property
    def words(self) -> list[str]:
        return shlex.split(self.command, comments=True)


def blocks(root: Path, document: str) -> Iterator[list[Line]]:
    """The commands of each ```sh block of `document`, with the marks before it; continued lines joined."""
    lines = (root / document).read_text(encoding="utf-8").splitlines()
    start = None
    for number, text in enumerate(lines):
        if (fence := _FENCE.match(text)) is None:
            continue
        if start is None:
            start, language = number, fence[1]
            continue
        if language == "sh":
            yield list(_commands(document, lines, start, number))
        start = None


def _commands(document: str, lines: list[str], start: int, end: int) -> Iterator[Line]:
    marks, before = [], start - 1
    while before >= 0 and (mark := _MARK.match(lines[before])):
        marks.append(mark.groups())
        before -= 1
    number = start + 1
    while number < end:
        first, command = number, lines[number]
        while command.endswith("\\"):
            number += 1
            command = command[:-1] + lines[number].strip()
        number += 1
        why = [why for begins, why in marks if begins is None or command.startswith(begins)]
        yield Line(document, first + 1, command, why[0] if why else None)


def unused_marks(root: Path, document: str) -> list[str]:
    """Marks that stand before no ```sh block, or name a line that it does not have."""
    lines = (root / document).read_text(encoding="utf-8").splitlines()
    unused = []
    for number, text in enumerate(lines):
        if "<!-- not run" not in text:
            continue
        mark, fence = _MARK.match(text), number + 1
        while _MARK.match(lines[fence]):
            fence += 1
        end = lines.index("```", fence) if lines[fence] == "```sh" else fence
        wanted = (mark and mark[1]) or ""
        if mark is None or not any(line.startswith(wanted) for line in lines[fence + 1 : end]):
            unused.append(f"{document}:{number + 1}: {text}")
    return unused


class Shell:
    """One bash, in which lines are typed one after another; what they export and where they go stays."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )

    def type(self, command: str) -> tuple[int, str]:
        """Exit status of `command` and all that it said."""
        end = uuid.uuid4().hex
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        self._bash.stdin.write(f"{{ {command}\n}} < /dev/null\nprintf '\\n%s %s\\n' {end} $?\n")
        self._bash.stdin.flush()
        said = []
        for line in self._bash.stdout:
            if line.startswith(end):
                return int(line.split()[1]), "".join(said).strip()
            said.append(line)
        return self._bash.wait(), "".join(said) + "the shell ended"

    def serve(self, command: str, url: str, log: Path, timeout: float = 300) -> tuple[int, str]:
        """0 if the server that `command` starts has answered at `url`, and its log; it is ended then."""
        started = f"set -m\n{{ {command}\n}} > {shlex.quote(str(log))} 2>&1 &\necho $!\nset +m"
        group = f"-{int(self.type(started)[1])}"  # of processes: with job control each job is one
        try:
            answered = _answers(url, timeout)
        finally:
            self.type(f"kill -INT -- {group}")  # as Ctrl-C does
            self.type(f"for _ in $(seq 60); do kill -0 -- {group} || break; sleep 1; done")
            self.type(f"kill -KILL -- {group}; true")
        return (0 if answered else 1), log.read_text(encoding="utf-8", errors="replace")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bash.__exit__(None, None, None)  # ends its input, by which it ends, and closes the pipes


def _answers(url: str, timeout: float) -> bool:
    until = time.monotonic() + timeout
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(url, timeout=10):
                return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            time.sleep(1)
    return False


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
