"""Where the server of a workspace can be reached, written down for others who link to its pages."""

from __future__ import annotations

import os
from ipaddress import ip_address
from pathlib import Path

from earshot.errors import UserError
from earshot.files import replace_json
from earshot.foreign.checked_json import parse_object
from earshot.processes import lived

ADDRESS = Path(".earshot", "serve.json")


def url_of(host: str, port: int) -> str:
    """For a browser; one that listens everywhere is told by the name of this machine that always works.

    >>> url_of("0.0.0.0", 8000), url_of("::1", 8000)
    ('http://localhost:8000', 'http://[::1]:8000')
    """
    try:
        everywhere = ip_address(host).is_unspecified
    except ValueError:
        everywhere = False
    named = "localhost" if everywhere else f"[{host}]" if ":" in host else host
    return f"http://{named}:{port}"


def note_address(root: Path, url: str) -> None:
    """Say that the server of `root`, this process, answers at `url`."""
    replace_json(root / ADDRESS, {"url": url, "pid": os.getpid()})


def read_address(root: Path) -> str | None:
    """The address of the server of the workspace `root`; None where none runs, whatever one left behind."""
    path = root / ADDRESS
    try:
        noted, at = parse_object(path.read_bytes(), path), path.stat().st_mtime
    except (OSError, UserError):
        return None
    url, pid = noted.get("url"), noted.get("pid")
    return url if isinstance(url, str) and isinstance(pid, int) and lived(pid, at) else None
