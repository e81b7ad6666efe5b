"""The numbers of a factorization, as they lie beside its factors: nothing else says what it was made with."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from earshot.errors import UserError
from earshot.files import write_json
from earshot.foreign.checked_json import parse_object
from earshot.params import WmfFactors, check_params

WMF = "wmf.json"


def write_numbers(folder: Path, numbers: WmfFactors) -> None:
    """Write wmf.json into `folder`."""
    write_json(folder / WMF, said(numbers))


def said(numbers: WmfFactors) -> dict[str, Any]:
    """As wmf.json says them: the factorizer where it is not the exact one, as which older files are read."""
    found = asdict(numbers)
    if numbers.factorizer == "exact":
        del found["factorizer"]
    return found


def read_numbers(folder: Path) -> WmfFactors:
    """What the wmf.json in `folder` says.

    Raises
    ------
    UserError
        It is not there, not JSON, or a number is missing or out of range; named with its value.
    """
    path = folder / WMF
    if not path.is_file():
        raise UserError(f"{path}: not there; wanted the numbers of a factorization, beside its factors")
    return check_params(parse_object(path.read_bytes(), path), str(path), WmfFactors)
