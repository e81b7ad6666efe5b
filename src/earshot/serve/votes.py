"""Votes of blind comparisons, kept in `.earshot/votes.sqlite`, and what they say with its interval.

Nobody is named in it: listeners and voters are hashes under a key of the file's own.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from earshot.files import is_full
from earshot.serve.problems import Refused

VOTES = Path(".earshot", "votes.sqlite")
_WAIT_SECONDS = 2.0
_SCHEMA = """
create table if not exists secret (key blob not null);
create table if not exists votes (
  ballot text primary key, shown_left text not null, shown_right text not null,
  preferred text check (preferred in (shown_left, shown_right)),
  listener text not null, voter text not null, at real not null
) without rowid;
"""


class VotedAlready(Exception):
    """There is a vote of that ballot."""


@dataclass(frozen=True)
class Vote:
    """What somebody said of two lists.

    Attributes
    ----------
    ballot
        Its token; there is one vote of it.
    left, right
        The releases whose lists stood there.
    preferred
        One of them; None: no difference.
    listener, voter
        Whose lists they were, and whose ears; only hashes are kept.
    """

    ballot: str
    left: str
    right: str
    preferred: str | None
    listener: str
    voter: str


@dataclass(frozen=True)
class VoteCount:
    """What the votes on two releases say.

    Attributes
    ----------
    one, other
        The releases, by name.
    for_one, for_other, same
        Votes for either, and for no difference.
    voters
        Of how many people.
    share, low, high
        Of the votes with a preference those for `one`, with Wilson's 95 % interval (E. B. Wilson, JASA 22,
        1927); None without such a vote.
    p
        Of the sign test, two-sided and exact: so uneven or more, where nobody hears a difference. Likewise.
    """

    one: str
    other: str
    for_one: int
    for_other: int
    same: int
    voters: int
    share: float | None
    low: float | None
    high: float | None
    p: float | None


def result_of(one: str, other: str, for_one: int, for_other: int, same: int, voters: int) -> VoteCount:
    """Votes counted, as a `VoteCount`.

    >>> found = result_of("a", "b", 8, 2, 3, 4)
    >>> [round(value, 3) for value in (found.share, found.low, found.high, found.p)]
    [0.8, 0.49, 0.943, 0.109]
    """
    from scipy.stats import binomtest

    counted = (one, other, for_one, for_other, same, voters)
    decided = for_one + for_other
    if not decided:
        return VoteCount(*counted, None, None, None, None)
    test = binomtest(for_one, decided)
    ends = test.proportion_ci(0.95, "wilson")
    return VoteCount(*counted, for_one / decided, float(ends.low), float(ends.high), float(test.pvalue))


class Votes:
    """The votes of the workspace `root`. Refused: 507 where the disk is full, 503 where its file fails."""

    def __init__(self, root: Path) -> None:
        self._path = root / VOTES

    def add(self, vote: Vote) -> None:
        """Keep a vote; VotedAlready where there is one of its ballot."""
        with self._open() as votes:
            key = _begin(votes)
            row = (
                *(hash_of(vote.ballot, key), vote.left, vote.right, vote.preferred),
                *(hash_of(vote.listener, key), hash_of(vote.voter, key), time.time()),
            )
            try:
                votes.execute("insert into votes values (?, ?, ?, ?, ?, ?, ?)", row)
            except sqlite3.IntegrityError:
                raise VotedAlready from None

    def results(self) -> list[VoteCount]:
        """Of every two releases that were voted on, those with most votes first."""
        if not self._path.is_file():
            return []
        with self._open() as votes:
            if votes.execute("select 1 from sqlite_master where name = 'votes'").fetchone() is None:
                return []  # the first vote found no room
            counted = votes.execute(
                "select min(shown_left, shown_right) as one, max(shown_left, shown_right) as other,"
                " sum(preferred is min(shown_left, shown_right)),"
                " sum(preferred is max(shown_left, shown_right)),"
                " sum(preferred is null), count(distinct voter)"
                " from votes group by one, other order by count(*) desc, one, other"
            ).fetchall()
        return [result_of(*row) for row in counted]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """The file, made where there is none; what is begun is kept at the end, or nothing of it."""
        try:
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
            connection = sqlite3.connect(self._path, timeout=_WAIT_SECONDS, isolation_level=None)
            with closing(connection), connection:
                yield connection
        except (sqlite3.Error, OSError) as error:
            raise self._refused(error) from None

    def _refused(self, error: sqlite3.Error | OSError) -> Refused:
        full = getattr(error, "errno", None) == errno.ENOSPC
        full |= getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
        if full or is_full(self._path.parent):
            return Refused(
                507, "Disk full", "votes are neither kept nor counted: no room is left on the disk"
            )
        return Refused(503, "Votes cannot be kept", f"{VOTES}: {error}", {"Retry-After": "5"})


def _begin(votes: sqlite3.Connection) -> bytes:
    """Begin to write, in a file that may be new. Returns the key of its hashes."""
    votes.execute("pragma journal_mode = wal")  # results are read while a vote is written
    votes.executescript(_SCHEMA)
    votes.execute("begin immediate")
    votes.execute("insert into secret select ? where not exists (select 1 from secret)", (os.urandom(16),))
    (key,) = votes.execute("select key from secret").fetchone()
    return bytes(key)


def hash_of(text: str, key: bytes) -> str:
    """What is kept of a ballot, a listener or a voter under the `key` of the file."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12, key=key).hexdigest()
