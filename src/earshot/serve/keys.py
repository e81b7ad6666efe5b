"""Who may ask: the keys of a workspace, and the sessions of browsers.

A key is 256 random bits, told once. `.earshot/keys.json` (mode 0600) keeps its SHA-256 alone: what is as
random as this needs no slow hash, and cannot be guessed from it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from earshot.errors import UserError
from earshot.files import as_json, read_json, replacing
from earshot.locks import holding
from earshot.terminal import on_one_line, say

Role = Literal["operator", "listener"]

_FILE, _LOCK = ".earshot/keys.json", ".earshot/keys.lock"
_BYTES = 32
_LINK_SECONDS = 600.0
_MOST_SESSIONS = 10_000


@dataclass(frozen=True)
class Identity:
    """Who asks.

    Attributes
    ----------
    name
        Of the key; in parentheses where there is none: the socket, the link printed at start.
    role
        An operator asks everything; a listener for their own list.
    user_id
        Of the listener; None for an operator.
    """

    name: str
    role: Role
    user_id: str | None = None


SOCKET = Identity("(socket)", "operator")
"""Who can open the socket, of mode 0600, owns the workspace."""

LINK = Identity("(link)", "operator")
"""Who read the terminal that the server was started in."""


@dataclass(frozen=True)
class Key:
    """A key as it is kept: whose, the SHA-256 of its secret in hex, and since when (ISO 8601)."""

    identity: Identity
    sha256: str
    added: str


class KeyStore:
    """The keys of the workspace `root`. What another process changes counts from the next question on."""

    def __init__(self, root: Path) -> None:
        self._root, self._path = root, root / _FILE
        self._read: tuple[tuple[int, ...] | None, tuple[Key, ...]] = None, ()

    def add(self, name: str, role: Role, user_id: str | None = None) -> str:
        """Make a key; returns its secret, which is kept nowhere.

        Raises
        ------
        UserError
            A name that is taken or cannot be shown; a listener without a user_id, an operator with one.
        """
        if not name.strip() or name != on_one_line(name) or name.startswith("("):
            raise UserError(f"key {name!r}: wanted a name on one line that begins with no parenthesis")
        if (role == "listener") != bool(user_id):
            raise UserError(f"key {name!r}: role {role}, user {user_id!r}; wanted a user of a listener alone")
        secret = secrets.token_urlsafe(_BYTES)
        added = datetime.now(UTC).isoformat(timespec="seconds")
        with holding(self._root / _LOCK, say):
            keys = self.list()
            if any(key.identity.name == name for key in keys):
                raise UserError(f"key {name!r} is there already; `earshot key revoke` takes it away")
            self._write([*keys, Key(Identity(name, role, user_id), _hashed(secret), added)])
        return secret

    def revoke(self, name: str) -> None:
        """Take the key `name` away. Raises UserError where there is none."""
        with holding(self._root / _LOCK, say):
            keys = self.list()
            left = [key for key in keys if key.identity.name != name]
            if len(left) == len(keys):
                names = ", ".join(repr(key.identity.name) for key in keys) or "no key at all"
                raise UserError(f"no key {name!r}; there is {names}")
            self._write(left)

    def list(self) -> tuple[Key, ...]:
        """All keys, the oldest first. Raises UserError where the file is damaged."""
        # A file that is renamed into place has another inode, one edited by hand another time or size.
        found = self._seen()
        if found != self._read[0]:
            self._read = found, _read(self._path) if found else ()
        return self._read[1]

    def identify(self, secret: str) -> Identity | None:
        """Whose key this is; None for nobody's. Raises UserError where the file is damaged."""
        return self.identify_hash(_hashed(secret))

    def identify_hash(self, sha256: str) -> Identity | None:
        """Whose key has this hash, every one of them compared to its end; None for nobody's."""
        found = None
        for key in self.list():
            if hmac.compare_digest(key.sha256, sha256):
                found = key.identity
        return found

    def _seen(self) -> tuple[int, ...] | None:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size

    def _write(self, keys: Sequence[Key]) -> None:
        rows = [
            {
                "name": key.identity.name,
                "role": key.identity.role,
                "user_id": key.identity.user_id,
                "sha256": key.sha256,
                "added": key.added,
            }
            for key in keys
        ]
        with replacing(self._path) as beside:
            beside.touch(0o600)  # before anything is in it
            beside.chmod(0o600)
            beside.write_text(as_json({"keys": rows}), encoding="utf-8")


def _read(path: Path) -> tuple[Key, ...]:
    try:
        return tuple(map(_key, read_json(path)["keys"]))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(
            f"{path}: cannot be read as keys ({type(error).__name__}: {error}); remove it and add keys anew"
        ) from None


def _key(row: dict[str, Any]) -> Key:
    role, user_id = row["role"], row["user_id"]
    if role not in ("operator", "listener") or (role == "listener") != isinstance(user_id, str):
        raise ValueError(f"role {role!r} with user_id {user_id!r}")
    if not isinstance(row["name"], str) or len(bytes.fromhex(row["sha256"])) != hashlib.sha256().digest_size:
        raise ValueError(f"key {row['name']!r}")
    return Key(Identity(row["name"], role, user_id), row["sha256"], str(row["added"]))


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


class LoginLinks:
    """One-time links and the sessions of browsers, in memory, by hash: with the server they are gone.

    Parameters
    ----------
    keys
        A session that a key opened ends with the key.
    clock
        Seconds, for how long a link holds.
    """

    def __init__(self, keys: KeyStore, clock: Callable[[], float] = time.monotonic) -> None:
        self._keys, self._clock = keys, clock
        self._links: dict[str, float] = {}
        self._sessions: OrderedDict[str, str | None] = OrderedDict()  # the key's hash; None: of a link
        self._changing = threading.Lock()

    def issue(self) -> str:
        """A token for `/login?token=`, which gives an operator's session once, for ten minutes from now."""
        token = secrets.token_urlsafe(_BYTES)
        with self._changing:
            self._links[_hashed(token)] = self._clock() + _LINK_SECONDS
        return token

    def redeem(self, token: str) -> str | None:
        """The secret of a session of an operator; None for a token that was used, is too old or of nobody."""
        with self._changing:
            ends = self._links.pop(_hashed(token), None)
        return None if ends is None or self._clock() >= ends else self._open(None)

    def open(self, secret: str) -> str | None:
        """The secret of a session for who has the key `secret`; None for nobody's key."""
        return self._open(_hashed(secret)) if self._keys.identify(secret) else None

    def identify(self, session: str) -> Identity | None:
        """Whose session this is; None where it is nobody's, was closed, or its key was revoked."""
        sha256 = _hashed(session)
        with self._changing:
            if sha256 not in self._sessions:
                return None
            key = self._sessions[sha256]
        return LINK if key is None else self._keys.identify_hash(key)

    def close(self, session: str) -> None:
        """End a session, if it is one."""
        with self._changing:
            self._sessions.pop(_hashed(session), None)

    def _open(self, key: str | None) -> str:
        session = secrets.token_urlsafe(_BYTES)
        with self._changing:
            self._sessions[_hashed(session)] = key
            while len(self._sessions) > _MOST_SESSIONS:
                self._sessions.popitem(last=False)
        return session
