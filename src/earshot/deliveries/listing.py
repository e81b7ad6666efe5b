"""What each delivery brought, and what the stages set aside of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from earshot.columns import AUDIO, DELIVERY, SECONDS, SONG_ID, USER_ID
from earshot.deliveries.arrivals import arriving, read_arrivals, recommended_deliveries
from earshot.deliveries.index import IndexLine, read_lines
from earshot.deliveries.reading import play_files, read_plays, read_songs
from earshot.deliveries.tables import find_tables, read_chunks
from earshot.deliveries.withdrawing import read_withdrawals
from earshot.errors import UserError
from earshot.files import read_json, replace_json

if TYPE_CHECKING:
    import pandas as pd

_CHUNK_ROWS = 1_000_000


@dataclass(frozen=True)
class Brought:
    """Songs, audio files that they name, rows of plays and rows of feedback; None for what cannot be read."""

    songs: int | None
    audio: int | None
    plays: int | None
    feedback: int | None


def list_deliveries(root: Path) -> list[dict[str, Any]]:
    """Every delivery in order of arrival, withdrawn ones too.

    Returns
    -------
    For each: delivery; arrived (ISO 8601, UTC); songs, audio, plays and feedback, as
    `Brought` says; hours of its usable audio, audio_set_aside and plays_set_aside, None
    before the stages have run on it; state, `taken in`, `recommended` or `withdrawn`;
    reason, why it was withdrawn, else `""`.
    """
    deliveries = root / "data" / "deliveries"
    withdrawals, recommended = read_withdrawals(deliveries), set(recommended_deliveries(root))
    arrived = _arrivals(root)
    made = _made_of(root / "data")

    def described(line: IndexLine) -> dict[str, Any]:
        state = "recommended" if line.name in recommended else "taken in"
        noted = withdrawals.get(line.name, {}) if line.withdrawn else {}
        return {
            DELIVERY: line.name,
            "arrived": _moment(arrived.get(line.name), deliveries / f"{line.name}.dvc"),
            **asdict(_brought(root, line)),
            **{name: figures.get(line.name) for name, figures in made.items()},
            "state": "withdrawn" if line.withdrawn else state,
            "reason": noted.get("reason", ""),
        }

    return [described(line) for line in read_lines(deliveries)]


def _arrivals(root: Path) -> dict[str, float]:
    return {each.delivery: each.arrived for each in read_arrivals(root)} | arriving(root)


def _moment(arrived: float | None, record: Path) -> str | None:
    """Where nobody noted it, such as in a clone, the time of the .dvc file; None where that is not there."""
    if arrived is None:
        if not record.is_file():
            return None
        arrived = record.stat().st_mtime
    return datetime.fromtimestamp(arrived, UTC).isoformat(timespec="seconds")


def _brought(root: Path, line: IndexLine) -> Brought:
    """Counted once: what was taken in never changes."""
    kept = root / ".earshot" / "brought" / f"{line.md5}.json"
    if kept.is_file():
        return Brought(**read_json(kept))
    folder = root / "data" / "deliveries" / line.name
    if not folder.is_dir():
        return Brought(None, None, None, None)
    brought = Brought(
        _counted(lambda: len(read_songs(folder))),
        _counted(lambda: read_songs(folder)[AUDIO].replace("", None).nunique()),
        _counted(lambda: sum(map(_play_rows, play_files(folder)))),
        _counted(lambda: sum(map(_feedback_rows, find_tables(folder, "feedback")))),
    )
    if None not in asdict(brought).values():
        kept.parent.mkdir(parents=True, exist_ok=True)
        replace_json(kept, asdict(brought))
    return brought


def _play_rows(path: Path) -> int:
    return sum(map(len, read_plays(path, _CHUNK_ROWS)))


def _feedback_rows(path: Path) -> int:
    return sum(map(len, read_chunks(path, (USER_ID, SONG_ID), {}, _CHUNK_ROWS)))


def _counted(count: Callable[[], int]) -> int | None:
    """None for a table that cannot be read: an earlier version may have taken it in all the same."""
    try:
        return int(count())
    except (UserError, ValueError, OSError):
        return None


def _made_of(data: Path) -> dict[str, dict[str, float]]:
    """hours, audio_set_aside and plays_set_aside by delivery, of those that the stages have run on."""
    figures = dict[str, dict[str, float]](hours={}, audio_set_aside={}, plays_set_aside={})
    if (data / "raw_audio" / "files.parquet").is_file():
        files = _read(data / "raw_audio" / "files.parquet", DELIVERY, SECONDS)
        hours = (files.groupby(DELIVERY)[SECONDS].sum() / 3600).round(3).to_dict()
        bad = _rows(data / "raw_audio" / "set_aside.parquet")
        names = _parts(data / "raw_audio")
        figures["hours"] = {name: float(hours.get(name, 0.0)) for name in names}
        figures["audio_set_aside"] = {name: bad[name] for name in names}
    if (data / "play_counts" / "invalid.parquet").is_file():
        invalid = _rows(data / "play_counts" / "invalid.parquet")
        figures["plays_set_aside"] = {name: invalid[name] for name in _parts(data / "play_counts")}
    return figures


def _parts(output: Path) -> list[str]:
    """The deliveries that an output was made of; the name of a part ends in a key."""
    return sorted(path.name.rpartition("-")[0] for path in (output / "parts").glob("*"))


def _rows(table: Path) -> Counter[str]:
    return Counter(_read(table, DELIVERY)[DELIVERY].tolist())


def _read(table: Path, *columns: str) -> pd.DataFrame:
    import pandas as pd

    try:
        return pd.read_parquet(table, columns=list(columns))
    except (ValueError, OSError) as error:
        raise UserError(f"{table}: not readable: {error}; `earshot repair` puts it back") from None
