"""The folder that a command works on, and what to say where nothing is in it yet."""

from __future__ import annotations

from pathlib import Path

from earshot.errors import UserError

_PARTS = ("params.yaml", "dvc.yaml", ".dvc")


def require_workspace(root: Path) -> None:
    """Raise a UserError where `root` is no clone of earshot, before anything is made there."""
    missing = [name for name in _PARTS if not (root / name).exists()]
    if missing:
        raise UserError(
            f"{root}: no workspace of earshot: {', '.join(missing)} not there; "
            "earshot runs in the folder of its clone"
        )


def not_yet(root: Path, what: str) -> UserError:
    """An error for `what` is not there yet in the workspace `root`, with what makes it."""
    require_workspace(root)
    if (root / "data" / "deliveries" / "index.csv").is_file():
        return UserError(f"{what}: `make run` or `dvc repro` makes it")
    return UserError(
        f"{what}, and there is no delivery yet: `earshot ingest DIR` takes yours in, then `make run` does "
        "the rest; `make run` alone takes in the embedded catalogue"
    )
