"""What was forgotten, without saying whose it was: `data/deliveries/forgotten.json`, which git keeps.

A copy in `.earshot/` answers where an older commit is checked out. Of an id stands there a BLAKE2b hash
under a key of the workspace's own (RFC 7693): whoever has the file can test a guess, as ingest must be able
to, and can read no id out of it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

from earshot.errors import UserError
from earshot.files import read_json, replace_json

Kind = Literal["user", "song"]

FORGOTTEN = "forgotten.json"
_DONE = Path(".earshot", "forgotten.done.json")
"""Hashes of what is forgotten in this clone too: another one may have brought the file through git."""
_PLACES = (Path("data", "deliveries", FORGOTTEN), Path(".earshot", FORGOTTEN))


@dataclass(frozen=True)
class Tombstone:
    """A user or song that was forgotten: hash of the id, and the day (ISO 8601, UTC)."""

    kind: Kind
    hash: str
    on: str


@dataclass
class Book:
    """One such file.

    Attributes
    ----------
    salt
        Key of the hashes, in hex.
    stones
        In order.
    objects
        By md5 of what held an id: the day, and what took its place, if anything.
    releases
        Likewise by name.
    """

    salt: str
    stones: list[Tombstone] = field(default_factory=list)
    objects: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    releases: dict[str, tuple[str, str | None]] = field(default_factory=dict)

    def hash(self, kind: Kind, name: str) -> str:
        """Of the id `name`."""
        return _hash(self.salt, kind, name)

    def stone(self, kind: Kind, name: str) -> Tombstone | None:
        """That of the id `name`; None where it was never forgotten."""
        wanted = self.hash(kind, name)
        return next((each for each in self.stones if (each.kind, each.hash) == (kind, wanted)), None)

    def bury(self, kind: Kind, name: str) -> Tombstone:
        """The tombstone of the id `name`, which is added where there is none."""
        stone = self.stone(kind, name) or Tombstone(kind, self.hash(kind, name), today())
        if stone not in self.stones:
            self.stones.append(stone)
        return stone

    def write(self, root: Path) -> None:
        """Write it into the workspace `root`, in both places."""
        for place in _PLACES:
            (root / place).parent.mkdir(parents=True, exist_ok=True)
            replace_json(root / place, asdict(self))


def open_book(root: Path) -> Book:
    """That of the workspace `root`, a new one where there is none. Errors as in `read_books`."""
    books = read_books(root)
    return books[0] if books else Book(os.urandom(16).hex())


def read_books(root: Path) -> list[Book]:
    """The file that git keeps first, then the copy where it says something else.

    Raises
    ------
    UserError
        One that is damaged, named: what must stay forgotten cannot be known then.
    """
    found = [_read(root / place) for place in _PLACES if (root / place).is_file()]
    return found[:1] if found[1:] == found[:1] else found


def _read(path: Path) -> Book:
    try:
        content: dict[str, Any] = read_json(path)
        return Book(
            bytes.fromhex(content["salt"]).hex(),
            [Tombstone(**each) for each in content["stones"]],
            {md5: (on, new) for md5, (on, new) in content["objects"].items()},
            {name: (on, new) for name, (on, new) in content["releases"].items()},
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(
            f"{path}: cannot be read ({type(error).__name__}: {error}), so what must stay forgotten "
            "is not known; wanted: what `earshot forget` wrote, out of git or the copy in .earshot/"
        ) from None


class Sieve:
    """Which ids were forgotten in the workspace `root`. Errors as in `read_books`."""

    def __init__(self, root: Path) -> None:
        self._books = [
            (book.salt, {(each.kind, each.hash) for each in book.stones}) for book in read_books(root)
        ]

    def __bool__(self) -> bool:
        return any(stones for _, stones in self._books)

    def among(self, kind: Kind, names: Iterable[str]) -> set[str]:
        """Those of `names` that were forgotten."""
        wanted = [(salt, {sha for of, sha in stones if of == kind}) for salt, stones in self._books]
        return {
            name
            for name in set(names)
            if any(stones and _hash(salt, kind, name) in stones for salt, stones in wanted)
        }


def forgotten_on(root: Path, name: str) -> str | None:
    """`forgotten on DATE` of an object by its md5, or a release by its first letters; None of any other."""
    for book in read_books(root):
        if name in book.objects:
            return f"forgotten on {book.objects[name][0]}"
        found = [each for each in book.releases if name and each.startswith(name)]
        if len(found) == 1:
            on, new = book.releases[found[0]]
            instead = f"; {new} is what it was without that" if new else ""
            return f"forgotten on {on}, for somebody or something that it held{instead}"
    return None


def forgotten_objects(root: Path) -> dict[str, str]:
    """By md5 of what held something that was forgotten, the day."""
    return {md5: on for book in read_books(root) for md5, (on, _) in book.objects.items()}


def is_done(root: Path, stone: Tombstone) -> bool:
    """Whether all that was asked for with `stone` is done in this clone."""
    return (root / _DONE).is_file() and stone.hash in read_json(root / _DONE)


def note_done(root: Path, stone: Tombstone) -> None:
    """Note that it is."""
    done = read_json(root / _DONE) if (root / _DONE).is_file() else []
    replace_json(root / _DONE, sorted({*done, stone.hash}))


def today() -> str:
    """The day, in UTC."""
    return datetime.now(UTC).date().isoformat()


def _hash(salt: str, kind: Kind, name: str) -> str:
    content = f"{kind}\0{name}".encode("utf-8", "surrogatepass")
    return blake2b(content, digest_size=16, key=bytes.fromhex(salt)).hexdigest()
