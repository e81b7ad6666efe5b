"""What a person can do where nothing is released."""

from __future__ import annotations

from pathlib import Path

from earshot.releases.history import list_candidates
from earshot.releases.manifest import NothingReleased


def nothing_released(root: Path, pointer: NothingReleased) -> str:
    """Why nothing is released in the workspace `root`, and every way out of that."""
    refused = [candidate.release for candidate in list_candidates(root)]
    name = refused[0] if len(refused) == 1 else "NAME"
    by_hand = (
        "`earshot similar SONG --candidate` looks at what was refused, "
        f"`earshot release promote {name} --force --reason TEXT` serves it all the same; "
    )
    return (
        f"nothing released yet: {pointer.reason}\n"
        f"ways out: {by_hand if refused else ''}more songs, artists and plays, then `dvc repro`; "
        "or `earshot release import FILE`, then promote"
    )
