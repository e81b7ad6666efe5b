"""What a player sends: parameters in the address and in a form, and its key among them.

Most players know a name and a password and nothing else: the password is the key then, and the name is any.
A token made of a password (`t`, `s`) can be checked only by who keeps the password itself, which we do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Message, Receive, Scope

from earshot.serve.problems import Refused
from earshot.serve.rest import wire
from earshot.serve.rest.wire import Failed

PREFIX = "/rest/"
PUBLIC = ("/rest/getOpenSubsonicExtensions", "/rest/getOpenSubsonicExtensions.view")
"""What is answered to anybody: players ask it before they know how to say who they are."""
_SCOPE = "earshot.rest"
_FORM = "application/x-www-form-urlencoded"
_ENCODED = "enc:"
_MOST = 10_000
NO_KEY = (
    "wanted apiKey, or u with p: a key of `earshot key add NAME --user USER_ID` is the password of any name"
)


@dataclass(frozen=True)
class Parameters:
    """Names and values, in the order in which they came."""

    pairs: Sequence[tuple[str, str]]

    def all(self, name: str) -> list[str]:
        """Every value that `name` has."""
        return [value for each, value in self.pairs if each == name]

    def find(self, name: str) -> str | None:
        """The first value of `name`; None without one."""
        return next(iter(self.all(name)), None)

    def text(self, name: str) -> str:
        """The same. Failed (10) without one."""
        found = self.find(name)
        if found is None:
            raise Failed(wire.MISSING, f"{name}: required, and not there")
        return found

    def whole(self, name: str, default: int, least: int = 0, most: int = 500) -> int:
        """A number from `least` to `most`; one above counts as that. Failed (0) for what is none."""
        found = self.find(name)
        if found is None:
            return default
        try:
            number = int(found)
        except ValueError:
            number = least - 1
        if number < least:
            raise Failed(wire.GENERIC, f"{name}={found[:100]!r}: wanted a whole number from {least}")
        return min(number, most)

    def truth(self, name: str, default: bool) -> bool:
        """`true` or `false`. Failed (0) for anything else."""
        found = self.find(name)
        if found not in (None, "true", "false"):
            raise Failed(wire.GENERIC, f"{name}={found[:100]!r}: wanted true or false")
        return default if found is None else found == "true"

    @property
    def format(self) -> str:
        """`json` or `xml`: of an answer, whatever else is wrong; what is asked for may be neither."""
        return "xml" if self.find("f") in (None, "xml") else "json"

    @property
    def secret(self) -> str | None:
        """The key that is sent, by apiKey or as the password; None where nothing is said of who asks.

        Raises Failed: 42 for a token, 43 for two ways at once, 10 for a name without a password.
        """
        key, name, password = (self.find(each) for each in ("apiKey", "u", "p"))
        token = self.find("t") is not None or self.find("s") is not None
        if key is not None and (token or name is not None or password is not None):
            raise Failed(wire.CONFLICTING, "apiKey beside u, p, t or s: wanted one way to say who asks")
        if token:
            raise Failed(
                wire.NO_TOKENS,
                "t and s: a token cannot be checked, as only the hash of a key is kept. Have the player send "
                "the key as apiKey, or as the password itself (u and p; often called legacy, plain or "
                "unencrypted password)",
            )
        if key is not None or (name is None and password is None):
            return key
        if password is None:
            raise Failed(wire.MISSING, f"p: required beside u; {NO_KEY}")
        return _decoded(password)


def _decoded(password: str) -> str:
    if not password.startswith(_ENCODED):
        return password
    try:
        return bytes.fromhex(password.removeprefix(_ENCODED)).decode()
    except ValueError:
        raise Failed(wire.WRONG_PASSWORD, "p: wanted hexadecimal digits after enc:") from None


async def read_call(scope: Scope, receive: Receive, most: int) -> tuple[Parameters | None, Receive]:
    """What a player sends, kept in `scope` too; None where it is no player's call.

    Parameters
    ----------
    most
        Bytes of a form.

    Returns
    -------
    And from where to read the request from now on.

    Raises
    ------
    Refused
        413: a longer form, or more than 10,000 parameters.
    """
    if not scope["path"].startswith(PREFIX):
        return None, receive
    text = scope["query_string"].decode("latin-1")
    if scope["method"] == "POST" and Headers(scope=scope).get("content-type", "").startswith(_FORM):
        body, receive = await _read(receive, most)
        text = f"{text}&{body.decode('utf-8', 'replace')}"
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST)
    except ValueError:
        raise Refused(413, "Too many parameters", f"wanted at most {_MOST:,}") from None
    found = scope[_SCOPE] = Parameters(pairs)
    return found, receive


async def _read(receive: Receive, most: int) -> tuple[bytes, Receive]:
    """The body, and what gives the same messages again. Refused (413) where it is longer than `most`."""
    messages: list[Message] = []
    body, more = b"", True
    while more and len(body) <= most:
        messages.append(await receive())
        body += messages[-1].get("body", b"")
        more = messages[-1].get("more_body", False)
    if len(body) > most:
        raise Refused(413, "Body too large", f"wanted at most {most:,} bytes")
    again = iter(messages)

    async def replayed() -> Message:
        return next(again, None) or await receive()

    return body, replayed


def parameters_of(scope: Scope) -> Parameters:
    """What `read_call` kept of a call."""
    found: Parameters = scope[_SCOPE]
    return found


def refuse(scope: Scope, refused: Refused) -> Response:
    """The answer to a request that is refused; to a player, with the protocol's error for a bad key."""
    found = scope.get(_SCOPE)
    if found is None:
        return refused.response
    if isinstance(refused, Failed):
        return wire.fail(refused, found.format)
    if refused.status != 401:
        return refused.response
    if found.find("apiKey") is not None:
        failed = Failed(wire.WRONG_KEY, f"apiKey: {refused.detail}")
    elif found.find("p") is not None:
        failed = Failed(wire.WRONG_PASSWORD, f"p: {refused.detail}; {NO_KEY}")
    else:
        failed = Failed(wire.MISSING, f"{refused.detail}; {NO_KEY}")
    return wire.fail(failed, found.format)
