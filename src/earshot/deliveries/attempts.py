"""How often a delivery of the inbox was tried, and when it is tried again: `.earshot/attempts.json`.

An attempt is written down before it is made, so that one that kills its process counts too.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from earshot.files import read_json, replace_json

FIRST_PAUSE, LONGEST_PAUSE = 10.0, 3600.0
"""Seconds between a failed attempt and the next; they double."""


@dataclass(frozen=True)
class Attempts:
    """Those at a delivery that is in the inbox still.

    Attributes
    ----------
    count
        How many.
    next
        When it is tried again, Unix seconds.
    why
        What the last one failed by; `""` where its process was killed.
    """

    count: int
    next: float
    why: str = ""

    @property
    def is_due(self) -> bool:
        """Also where the clock was put back by more than any pause."""
        return not 0 < self.next - time.time() <= LONGEST_PAUSE

    def __str__(self) -> str:
        seconds = max(0.0, self.next - time.time())
        why = self.why or "the process that took it in was killed"
        return f"stays in the inbox: {why}; tried {self.count} times, the next in {seconds:.0f} s"


def pause(attempt: int) -> float:
    """Seconds from the failed attempt `attempt`, counted from 1, to the next."""
    return min(FIRST_PAUSE * 2.0 ** min(attempt - 1, 60), LONGEST_PAUSE)  # 2.0 ** 1024 overflows


def read_attempts(root: Path) -> dict[str, Attempts]:
    """By fingerprint of a delivery; none where the file is not there or spoiled."""
    with suppress(OSError, ValueError, TypeError, AttributeError):
        return {name: Attempts(**noted) for name, noted in read_json(_file(root)).items()}
    return {}


def note_attempt(root: Path, fingerprint: str) -> None:
    """Count an attempt that is about to be made."""
    noted = read_attempts(root)
    count = noted[fingerprint].count + 1 if fingerprint in noted else 1
    _write(root, noted | {fingerprint: Attempts(count, time.time() + pause(count))})


def note_failure(root: Path, fingerprint: str, why: str) -> Attempts:
    """Note why the attempt that was noted last failed; the pause begins now."""
    noted = read_attempts(root)
    attempts = noted.get(fingerprint, Attempts(1, 0.0))
    attempts = replace(attempts, next=time.time() + pause(attempts.count), why=why)
    _write(root, noted | {fingerprint: attempts})
    return attempts


def keep_attempts(root: Path, fingerprints: Collection[str]) -> None:
    """Forget the attempts at everything but these."""
    noted = read_attempts(root)
    if left := noted.keys() - set(fingerprints):
        _write(root, {name: each for name, each in noted.items() if name not in left})


def _write(root: Path, noted: dict[str, Attempts]) -> None:
    """Where there is no room to write it down, there is none for a delivery either: tried again at once."""
    with suppress(OSError):
        _file(root).parent.mkdir(exist_ok=True)
        replace_json(_file(root), {name: asdict(each) for name, each in noted.items()})


def _file(root: Path) -> Path:
    return root / ".earshot" / "attempts.json"
