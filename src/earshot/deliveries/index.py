"""`data/deliveries/index.csv`: what was taken in, in order of arrival."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from earshot.columns import DELIVERY
from earshot.errors import UserError

Meaning = Literal["increment", "total"]

_MAX_BYTES = 1 << 20


@dataclass(frozen=True)
class IndexLine:
    """Name and md5 of a delivery."""

    name: str
    md5: str


@dataclass(frozen=True)
class Delivery:
    """A delivery that was taken in.

    Attributes
    ----------
    name
        Of its folder in `data/deliveries/`.
    md5
        DVC's hash of that folder; ends in `.dir`.
    source
        Who delivers; `""` if it does not say.
    plays
        Whether its counts add to earlier ones of its source, or replace them.
    """

    name: str
    md5: str
    source: str
    plays: Meaning


def read_index(deliveries: Path) -> list[Delivery]:
    """The deliveries of the folder `deliveries`, in order of arrival; none if it has no index.csv.

    Raises
    ------
    UserError
        A line of index.csv, or a delivery's delivery.json, that is not as it was written;
        a delivery whose folder is not there.
    """
    return [_delivery(deliveries / line.name, line.md5) for line in read_lines(deliveries)]


def read_lines(deliveries: Path) -> list[IndexLine]:
    """The lines of index.csv alone; errors of theirs as in `read_index`."""
    index = deliveries / "index.csv"
    if not index.is_file():
        return []
    header, *lines = index.read_text(encoding="utf-8").splitlines() or [""]
    if f"{header}\n" != INDEX_HEADER:
        raise UserError(f"{index}: header {header!r}: wanted {INDEX_HEADER.strip()!r}")
    return [_line(text, f"{index}: row {row}") for row, text in enumerate(lines, 1)]


def index_line(name: str, md5: str) -> str:
    """The line of index.csv for a delivery. Names hold no comma and no quote."""
    return f"{name},{md5}\n"


INDEX_HEADER = index_line(DELIVERY, "md5")


def read_description(folder: Path) -> tuple[str, Meaning]:
    """`source` and `plays` of a delivery's delivery.json, which may be missing.

    Raises
    ------
    UserError
        Not a JSON object; an unknown key; a value that is not allowed; totals of nobody.
    """
    path = folder / "delivery.json"
    if not path.exists():
        return "", "increment"
    try:
        if (size := path.stat().st_size) > _MAX_BYTES:
            raise UserError(f"{path}: {size} bytes; wanted at most {_MAX_BYTES}")
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, OSError, RecursionError) as error:
        raise UserError(f"{path}: not JSON: {error}") from None
    if not isinstance(content, dict):
        raise UserError(f'{path}: {content!r}: wanted {{"source": ..., "plays": ...}}')
    for key in content.keys() - {"source", "plays"}:
        raise UserError(f"{path}: {key}={content[key]!r}: unknown key; allowed here: source, plays")
    source, plays = content.get("source", ""), content.get("plays", "increment")
    if not isinstance(source, str):
        raise UserError(f"{path}: source={source!r}: wanted text")
    if plays not in ("increment", "total"):
        raise UserError(f"{path}: plays={plays!r}: wanted increment or total")
    if plays == "total" and not source:
        raise UserError(f"{path}: plays='total' without a source: wanted whose earlier counts it replaces")
    return source, cast(Meaning, plays)


def _line(text: str, where: str) -> IndexLine:
    name, _, md5 = text.partition(",")
    if not name or Path(name).name != name or not md5.endswith(".dir"):
        raise UserError(f"{where}: {text!r}: wanted a delivery's name and md5")
    return IndexLine(name, md5)


def _delivery(folder: Path, md5: str) -> Delivery:
    if not folder.is_dir():
        raise UserError(f"{folder}: listed in index.csv and not there; `dvc checkout` brings it back")
    return Delivery(folder.name, md5, *read_description(folder))
