"""What forgetting has done, in words for who asked and as a record that names nobody."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

UNCHANGED = (
    "git's history: its .dvc files, dvc.lock and manifests name hashes, its tags releases of before",
    "other clones: the same command is to be given in each, after `git pull` and `dvc pull`",
    "what weights have learned, and figures that count everybody: the next training is without it",
    "runs that were sent to W&B, and archives made by `earshot release export`",
)
"""What nobody here can change."""


@dataclass
class ForgetReport:
    """What was done.

    Attributes
    ----------
    new
        False where it had been forgotten already, and nothing was there to do.
    on
        The day it was forgotten (ISO 8601).
    removed
        How much of what, by place; nothing of places where there was nothing.
    releases
        New name by the old one; None for one that is revoked without another.
    unreached
        Remotes that could not be asked, and why.
    left
        Files of the workspace that are not earshot's and still hold the id.
    """

    new: bool
    on: str
    removed: dict[str, str] = field(default_factory=dict)
    releases: dict[str, str | None] = field(default_factory=dict)
    unreached: dict[str, str] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)

    def note(self, place: str, n: int, what: str) -> None:
        """Say that `n` of `what` went from `place`, if any did."""
        if n:
            self.removed[place] = f"{n:,} {what}"

    def as_json(self) -> dict[str, Any]:
        """All of it, and what was not changed."""
        return {**asdict(self), "unchanged": list(UNCHANGED)}

    def lines(self) -> list[str]:
        """For the terminal."""
        if not self.new:
            return [f"forgotten on {self.on} already: nothing to do"]
        found = [f"{place}: {what}" for place, what in self.removed.items()] or [
            "nothing was there to remove"
        ]
        for old, new in self.releases.items():
            found.append(f"release {old}: revoked; " + (f"now {new}" if new else "a file of it is lost"))
        found += [
            f"NOT REACHED: the remote {name}: {why}; say it again where it can be"
            for name, why in self.unreached.items()
        ]
        found += [f"NOT EARSHOT'S, and still holds it: {path}" for path in self.left]
        found += [f"not changed: {each}" for each in UNCHANGED]
        return [
            *found,
            "commit data/deliveries, dvc.lock and releases/, then `dvc push`; restart `earshot serve`",
        ]
