"""Everything that is written to a terminal goes through here, so that no title or name can command it."""

from __future__ import annotations

import json
import re
from typing import Annotated

import typer

_COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters but for tab and line end (ESC and its one-byte form CSI among them), line
separators, what turns the direction of writing, and halves of characters, which cannot be written at all."""


def visible(text: str) -> str:
    """`text` with everything in it that a terminal obeys spelled out, in a way that JSON reads back.

    >>> visible("Nine\\x1b[2J Rivers")
    'Nine\\\\u001b[2J Rivers'
    """
    return _COMMANDS.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def on_one_line(text: str) -> str:
    """As `visible`, and line ends and tabs as blanks: a name that stands between others."""
    return visible(text.replace("\r\n", " ").replace("\n", " ").replace("\t", " "))


AsJson = Annotated[bool, typer.Option("--json", help="for programs")]
"""Of a command that prints what it found: the same as JSON, with `tell_json`."""


def tell_json(found: object) -> None:
    """Print what was found as JSON; dates and paths as texts."""
    tell(json.dumps(found, indent=2, ensure_ascii=False, default=str))


def aligned(lines: list[list[str]]) -> list[str]:
    """Rows of cells as lines, each column as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]


def tell(text: str) -> None:
    """Write `text`, which may have several lines, to standard output."""
    typer.echo(visible(text))


def say(text: str) -> None:
    """Write `text`, which may have several lines, to standard error."""
    typer.echo(visible(text), err=True)


def say_error(error: BaseException) -> None:
    """Write what went wrong to standard error, in red where there are colours."""
    typer.secho(visible(f"error: {error}"), fg="red", err=True)
