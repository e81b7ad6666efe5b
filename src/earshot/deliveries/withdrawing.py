"""Taking a delivery back: it stays in history, and counts no more."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from earshot.deliveries.arrivals import forget_arrival
from earshot.deliveries.index import WITHDRAWALS, WITHDRAWN, index_line, read_index, read_lines
from earshot.deliveries.ingest import Say, alone, append_line, settle
from earshot.deliveries.reading import play_files, song_file
from earshot.deliveries.rejecting import readable
from earshot.errors import UserError
from earshot.files import read_json, replace_json
from earshot.workspace import require_workspace


def withdraw(root: Path, name: str, reason: str, say: Say) -> bool:
    """Withdraw the delivery `name`: a line of index.csv says so, withdrawn.json beside it why and when.

    Its folder and its .dvc file stay. Waits while an ingest runs or a stage reads
    the index. Killed at any moment, it is finished by saying it again.

    Returns
    -------
    False if it had been withdrawn before; the first reason stands.

    Raises
    ------
    UserError
        No reason; no such delivery.
    """
    require_workspace(root)
    if not reason.strip():
        raise UserError(f"{name}: wanted why it is withdrawn: --reason TEXT")
    deliveries = root / "data" / "deliveries"
    with alone(root, "ingest", say):
        settle(root, say)
        found = {line.name: line for line in read_lines(deliveries)}
        if name not in found:
            raise UserError(f"{name}: no such delivery; there are: {_some(found)}")
        new = not found[name].withdrawn
        if new:
            noted = {
                "reason": readable(reason.strip()),
                "withdrawn": datetime.now(UTC).isoformat(timespec="seconds"),
            }
            # the reason first: the index alone says who is withdrawn
            replace_json(deliveries / WITHDRAWALS, read_withdrawals(deliveries) | {name: noted})
            append_line(root, deliveries / "index.csv", index_line(name, WITHDRAWN), say)
        forget_arrival(root, name)
    _warn(deliveries, say)
    return new


def read_withdrawals(deliveries: Path) -> dict[str, dict[str, Any]]:
    """`reason` and time (`withdrawn`, ISO 8601) by name; index.csv says which of them are withdrawn."""
    path = deliveries / WITHDRAWALS
    try:
        found: dict[str, dict[str, Any]] = read_json(path) if path.is_file() else {}
    except ValueError as error:
        raise UserError(f"{path}: not JSON: {error}") from None
    return found


def _some(names: dict[str, Any]) -> str:
    shown = list(names)[-5:]
    return ", ".join(shown) + (f" and {len(names) - 5} more" if len(names) > 5 else "") or "none"


def _warn(deliveries: Path, say: Say) -> None:
    """Say where too little is left for the stages: what is served stays then."""
    folders = [deliveries / delivery.name for delivery in read_index(deliveries)]
    for kind, brings in (("songs", song_file), ("plays", play_files)):
        if not any(map(brings, folders)):
            say(f"no delivery with {kind} is left: what is served stays until another comes")
