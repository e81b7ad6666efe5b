"""What each delivery brought, and what the stages set aside of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from earshot.columns import AUDIO, DELIVERY, SECONDS
from earshot.deliveries.arrivals import arriving, read_arrivals
from earshot.deliveries.index import IndexLine, read_lines
from earshot.deliveries.plays import play_files, read_plays
from earshot.deliveries.songs import read_songs
from earshot.deliveries.tables import find_tables, read_chunks
from earshot.deliveries.withdrawing import read_withdrawals
from earshot.errors import UserError
from earshot.files import read_json, replace_json
from earshot.processes import progress

_CHUNK_ROWS = 1_000_000


@dataclass(frozen=True)
class Brought:
    """How many songs, audio files named by them, rows of plays and rows of feedback."""

    songs: int
    audio: int
    plays: int
    feedback: int


def list_deliveries(root: Path) -> list[dict[str, Any]]:
    """Every delivery in order of arrival, withdrawn ones too.

    Returns
    -------
    For each: delivery; arrived (ISO 8601); songs, audio, plays, feedback (`Brought`, null
    where its folder is not there); hours of its usable audio, audio_set_aside and
    plays_set_aside (null before the stages have run on it); state, `taken in`,
    `recommended` or `withdrawn`; reason, of a withdrawal.
    """
    deliveries = root / "data" / "deliveries"
    lines, withdrawals = read_lines(deliveries), read_withdrawals(deliveries)
    arrived, waiting = _arrivals(root), arriving(root)
    heard, counted = _heard(root / "data" / "raw_audio"), _counted(root / "data" / "play_counts")
    listed = []
    for line in progress(lines, description="Counting", unit="deliveries"):
        brought = _brought(root, line)
        state = "withdrawn" if line.withdrawn else "taken in" if line.name in waiting else "recommended"
        ...
    return listed
