"""`data/deliveries/index.csv`: what was taken in, in order of arrival, and what was withdrawn since.

Lines are only ever added. One says `delivery,md5`; a later `delivery,withdrawn`
takes that delivery back.
"""

from __future__ import annotations

import json
import reprlib
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

from earshot.columns import DELIVERY
from earshot.errors import UserError
from earshot.forgotten import forgotten_objects

Meaning = Literal["increment", "total"]

WITHDRAWN = "withdrawn"
"""Stands where other lines have the md5."""
WITHDRAWALS = "withdrawn.json"
"""Beside index.csv: why and when each delivery was withdrawn, by name."""

_MAX_BYTES = 1 << 20
_MAX_SOURCE_LETTERS = 200
_NOT_IN_SOURCE = {"Cc", "Cs", "Zl", "Zp"}
"""Unicode categories: control characters, line ends among them; halves of characters; separators of lines."""


@dataclass(frozen=True)
class IndexLine:
    """Name and md5 of a delivery, and whether it was withdrawn."""

    name: str
    md5: str
    withdrawn: bool = False


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
    """The deliveries of the folder `deliveries` that count, in order of arrival; none if it has no index.csv.

    Raises
    ------
    UserError
        A line of index.csv, or a delivery's delivery.json, that is not as it was written;
        a delivery whose folder is not there; one that was rewritten since, as an older commit
        has it (`earshot forget`).
    """
    counting = [line for line in read_lines(deliveries) if not line.withdrawn]
    gone = forgotten_objects(deliveries.parents[1])
    for line in counting:
        if line.md5 in gone:
            raise UserError(
                f"{deliveries / 'index.csv'}: {line.name},{line.md5}: held what was forgotten on "
                f"{gone[line.md5]}; wanted the index.csv of a commit since then"
            )
    return [_delivery(deliveries / line.name, line.md5) for line in counting]


def read_lines(deliveries: Path) -> list[IndexLine]:
    """Every delivery that index.csv names, withdrawn ones too; errors of its lines as in `read_index`."""
    index = deliveries / "index.csv"
    return parse_index(index.read_text(encoding="utf-8"), index) if index.is_file() else []


def parse_index(text: str, index: Path) -> list[IndexLine]:
    """`read_lines` of the content `text` of `index`."""
    header, *lines = text.splitlines() or [""]
    if f"{header}\n" != INDEX_HEADER:
        raise UserError(f"{index}: header {header!r}: wanted {INDEX_HEADER.strip()!r}")
    found = dict[str, IndexLine]()
    for row, line in enumerate(lines, 1):
        name, _, md5 = line.partition(",")
        if md5 == WITHDRAWN and name in found:
            found[name] = replace(found[name], withdrawn=True)
        elif not name or Path(name).name != name or not md5.endswith(".dir"):
            raise UserError(f"{index}: row {row}: {line!r}: wanted a delivery's name and md5")
        else:
            found[name] = IndexLine(name, md5)
    return list(found.values())


def index_line(name: str, md5: str) -> str:
    """The line of index.csv for a delivery. Names hold no comma and no quote."""
    return f"{name},{md5}\n"


INDEX_HEADER = index_line(DELIVERY, "md5")


def read_description(folder: Path) -> tuple[str, Meaning]:
    """`source` and `plays` of a new delivery's delivery.json, which may be missing.

    Raises
    ------
    UserError
        Not a JSON object, or one that says a key twice; an unknown key; a value that
        is not allowed; a source that is no name; totals of nobody.
    """
    path = folder / "delivery.json"
    source, plays = _described(path, _strictly)
    if len(source) > _MAX_SOURCE_LETTERS:
        raise UserError(f"{path}: source of {len(source)} letters: wanted at most {_MAX_SOURCE_LETTERS}")
    odd = [letter for letter in source if unicodedata.category(letter) in _NOT_IN_SOURCE]
    if odd:
        raise UserError(f"{path}: source={source!r}: wanted one line of text, without {odd[0]!r}")
    return source, plays


def _strictly(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict[str, Any]()
    for key, value in pairs:
        if key in content:
            raise ValueError(f"{reprlib.repr(key)} is there more than once")
        content[key] = value
    return content


def _described(path: Path, to_dict: Callable[[list[tuple[str, Any]]], dict[str, Any]]) -> tuple[str, Meaning]:
    """`source` and `plays`, of the right types."""
    content = _read_json(path, to_dict) if path.exists() else {}
    if not isinstance(content, dict):
        raise UserError(f'{path}: {reprlib.repr(content)}: wanted {{"source": ..., "plays": ...}}')
    for key in content.keys() - {"source", "plays"}:
        field = f"{reprlib.repr(key)[1:-1]}={reprlib.repr(content[key])}"
        raise UserError(f"{path}: {field}: unknown key; allowed here: source, plays")
    source, plays = content.get("source", ""), content.get("plays", "increment")
    if not isinstance(source, str):
        raise UserError(f"{path}: source={reprlib.repr(source)}: wanted text")
    if plays not in ("increment", "total"):
        raise UserError(f"{path}: plays={reprlib.repr(plays)}: wanted increment or total")
    if plays == "total" and not source:
        raise UserError(f"{path}: plays='total' without a source: wanted whose earlier counts it replaces")
    return source, cast(Meaning, plays)


def _read_json(path: Path, to_dict: Callable[[list[tuple[str, Any]]], dict[str, Any]]) -> Any:
    try:
        if (size := path.stat().st_size) > _MAX_BYTES:
            raise UserError(f"{path}: {size} bytes; wanted at most {_MAX_BYTES}")
        return json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=to_dict)
    except (ValueError, OSError, RecursionError) as error:
        raise UserError(f"{path}: not JSON: {error}") from None


def _delivery(folder: Path, md5: str) -> Delivery:
    """What was taken in long ago is read as it was then; of half a character in its source a `?` is left."""
    if not folder.is_dir():
        raise UserError(f"{folder}: listed in index.csv and not there; `dvc checkout` brings it back")
    source, plays = _described(folder / "delivery.json", dict)
    return Delivery(folder.name, md5, source.encode(errors="replace").decode(), plays)
