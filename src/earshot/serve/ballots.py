"""Ballots that are out: what stood left and what right is known here alone until there is a vote."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass

_MOST = 1000


@dataclass(frozen=True)
class Ballot:
    """Two lists that somebody was given.

    Attributes
    ----------
    left, right
        The releases that they are of.
    listener
        Whose lists.
    """

    left: str
    right: str
    listener: str


class Ballots:
    """The newest thousand; tokens are not to be guessed."""

    def __init__(self) -> None:
        self._ballots: OrderedDict[str, Ballot] = OrderedDict()
        self._lock = threading.Lock()

    def issue(self, served: str, other: str, listener: str) -> tuple[str, Ballot]:
        """A new one with its token; a coin decides which of the releases stands left."""
        sides = (served, other) if secrets.randbits(1) else (other, served)
        token, ballot = secrets.token_urlsafe(18), Ballot(*sides, listener)
        with self._lock:
            self._ballots[token] = ballot
            while len(self._ballots) > _MOST:
                self._ballots.popitem(last=False)
        return token, ballot

    def find(self, token: str) -> Ballot | None:
        """The ballot of a token; None where it is too old, or of another server."""
        with self._lock:
            return self._ballots.get(token)
