"""JSON from elsewhere: only what can be written, shown and counted on afterwards."""

from __future__ import annotations

import json
import math
from typing import Any

from earshot.errors import UserError

_DEPTH = 32
_CHARACTERS = 100_000
_LARGEST = 2**63


def parse_object(content: bytes, where: object) -> dict[str, Any]:
    """The JSON object (RFC 8259) in `content`, which comes from `where`.

    Raises
    ------
    UserError
        Anything else; a key that stands twice; a number that is not finite or needs
        more than 64 bits; text that is not Unicode or of more than 100,000
        characters; more than 32 levels.
    """
    try:
        found = json.loads(
            content.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse_constant
        )
        _check(found, 0)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where}: not JSON: {error}") from None
    if not isinstance(found, dict):
        raise UserError(f"{where}: {type(found).__name__}, where a JSON object is wanted")
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in found if names.count(name) > 1)!r:.200} stands there twice")
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name}; wanted a finite number")


def _check(value: Any, depth: int) -> None:
    if depth > _DEPTH:
        raise ValueError(f"more than {_DEPTH} levels")
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, float) and not math.isfinite(value):  # of 1e999
        raise ValueError("a number too large; wanted a finite one")
    elif isinstance(value, int) and abs(value) > _LARGEST:
        raise ValueError(f"a number of more than 64 bits ({value.bit_length()})")
    elif isinstance(value, dict):
        for key, each in value.items():
            _check_text(key)
            _check(each, depth + 1)
    elif isinstance(value, list):
        for each in value:
            _check(each, depth + 1)


def _check_text(text: str) -> None:
    if len(text) > _CHARACTERS:
        raise ValueError(f"text of {len(text):,} characters; wanted at most {_CHARACTERS:,}")
    text.encode("utf-8")  # UnicodeEncodeError, a ValueError, for half a character
