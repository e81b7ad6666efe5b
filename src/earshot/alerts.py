"""What somebody should hear of: a line in `.earshot/alerts.log`, and a message to a webhook if there is one.

`EARSHOT_WEBHOOK` in the environment is its address, which nothing here writes down.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

from earshot.files import append_json

WEBHOOK = "EARSHOT_WEBHOOK"
SECONDS = 5.0
"""A webhook that has not answered by then is not waited for."""


def alert(root: Path, kind: str, text: str) -> None:
    """Log `text` in the workspace `root` and send it to the webhook; a webhook that fails is logged too."""
    line = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "kind": kind, "text": text}
    _log(root, line)
    address = os.environ.get(WEBHOOK)
    if address and (problem := _send(address, line)):
        _log(root, {**line, "kind": "webhook failed", "text": f"{kind}: {problem}"})


def _log(root: Path, line: dict[str, str]) -> None:
    append_json(root / ".earshot" / "alerts.log", line)


def _send(address: str, line: dict[str, str]) -> str:
    """What went wrong, without the address; `""` for nothing.

    In a thread of its own: a name server or an answer that comes drop by drop
    knows no time limit.
    """
    answers: list[str] = []
    sending = Thread(target=lambda: answers.append(_post(address, line)), daemon=True)
    sending.start()
    sending.join(SECONDS)
    return answers[0] if answers else f"no answer within {SECONDS:g} s"


def _post(address: str, line: dict[str, str]) -> str:
    from http.client import HTTPException
    from urllib.error import HTTPError, URLError
    from urllib.request import Request, urlopen

    if not address.startswith(("https://", "http://")):
        return f"{WEBHOOK} is no http or https address"
    content, headers = json.dumps(line).encode(), {"Content-Type": "application/json"}
    try:
        with urlopen(Request(address, content, headers), timeout=SECONDS):
            return ""
    except HTTPError as error:
        return f"answered {error.code}"
    except URLError as error:
        return getattr(error.reason, "strerror", None) or "cannot be reached"
    except OSError as error:
        return error.strerror or "cannot be reached"
    except (ValueError, HTTPException):  # which may quote the address
        return f"{WEBHOOK} is no address that can be asked, or what answers speaks no HTTP"
