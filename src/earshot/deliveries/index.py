"""`data/deliveries/index.csv`: what was taken in, in order of arrival."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from earshot.columns import DELIVERY
from earshot.errors import UserError

Meaning = Literal["increment", "total"]

_MD5 = "md5"


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
    index = deliveries / "index.csv"
    if not index.is_file():
        return []
    with index.open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    return [_delivery(deliveries, line, f"{index}: row {row}") for row, line in enumerate(lines, 2)]


def index_line(name: str, md5: str) -> str:
    """The line of index.csv for a delivery. Names hold no comma and no quote."""
    return f"{name},{md5}\n"


INDEX_HEADER = index_line(DELIVERY, _MD5)


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
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, OSError) as error:
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


def _delivery(deliveries: Path, line: dict[str, str], where: str) -> Delivery:
    try:
        name, md5 = line[DELIVERY], line[_MD5]
    except KeyError as error:
        raise UserError(f"{where}: column {error.args[0]} is missing; wanted delivery,md5") from None
    if not name or not md5 or Path(name).name != name:
        raise UserError(f"{where}: {name!r},{md5!r}: wanted a delivery's name and md5")
    if not (deliveries / name).is_dir():
        raise UserError(f"{where}: {deliveries / name} is not there; `dvc checkout` brings it back")
    return Delivery(name, md5, *read_description(deliveries / name))
