"""Git, asked on the command line."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from earshot.errors import UserError


def git(
    root: Path, *arguments: str, environment: Mapping[str, str] | None = None, warns: bool = True
) -> bytes:
    """What a command of git in `root` answers.

    Parameters
    ----------
    environment
        Variables beside those of this process.
    warns
        Whether it may warn: else a warning is a failure.

    Raises
    ------
    UserError
        It fails: the command, and what git says.
    """
    done = _run(root, arguments, environment or {})
    if done.returncode or (done.stderr and not warns):
        output = (done.stderr or done.stdout).decode(errors="replace").strip()
        command = next(word for word in arguments if not word.startswith("-") and "=" not in word)
        raise UserError(f"git {command}: {output}")
    return done.stdout


def git_or_none(root: Path, *arguments: str) -> bytes | None:
    """As `git`; None where the command fails, which is an answer too."""
    done = _run(root, arguments, {})
    return None if done.returncode else done.stdout


def author(root: Path) -> str | None:
    """E-mail address of who commits in `root`; None where git knows nobody."""
    known = git_or_none(root, "config", "user.email")
    return known.decode(errors="replace").strip() or None if known is not None else None


def _run(
    root: Path, arguments: tuple[str, ...], environment: Mapping[str, str]
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["git", *arguments], cwd=root, env=os.environ | environment, capture_output=True, check=False
    )
