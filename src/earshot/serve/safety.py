"""What stands before every route: which requests are answered at all, and what each answer forbids a browser.

On loopback, where no key is needed to read, the danger is a page of somebody else's in the same browser: it
may send requests here (CSRF), or have its own name point here (DNS rebinding). `Guard` refuses both, by what
the browser itself says: `Host`, `Origin`, `Sec-Fetch-Site`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from earshot.errors import UserError
from earshot.serve.keys import SOCKET, Identity, KeyStore, LoginLinks
from earshot.serve.limits import TokenBuckets, bounded, network_of
from earshot.serve.problems import Refused
from earshot.serve.rest.parameters import PUBLIC, read_call, refuse

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy of an answer whose route gives none of its own: nothing inline, nothing foreign."""

POLICY_HEADER = "Content-Security-Policy"
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}

_SOCKET, _IDENTITY = "earshot.socket", "earshot.identity"
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_STATIC = "/static/"
_PROGRAMS = ("/api/", "/rest/")
"""What is asked by programs, and by no link of another page."""


@dataclass(frozen=True)
class Settings:
    """What `Guard` allows.

    Attributes
    ----------
    hosts
        Beside the loopback names: names by which the server is reached, as `music.example.org` or
        `music.example.org:8443`.
    exposed
        Every request needs a key (`exposed`).
    open_paths
        But for these, and what lies below /static/, which holds nothing of the workspace.
    rate, burst
        Requests a second of one listener's key or one address, and how many after a pause.
    most_bytes
        Of a body, but for the paths in `uploads`, which have a limit of their own.
    """

    hosts: Collection[str] = ()
    exposed: bool = False
    open_paths: Collection[str] = ("/api/v1/health", "/login", *PUBLIC)
    rate: float = 100.0
    burst: float = 500.0
    most_bytes: int = 1 << 20
    uploads: Mapping[str, int] = field(default_factory=dict)


def exposed(host: str, keys: KeyStore) -> bool:
    """Whether every request needs a key, because the server listens at `host` and not on loopback alone.

    Raises
    ------
    UserError
        So it is, and there is no key.
    """
    try:
        here = host == "localhost" or ip_address(host.strip("[]")).is_loopback
    except ValueError:
        here = False
    if not here and not keys.list():
        raise UserError(
            f"{host}: others reach this address, and there is no key yet; `earshot key add NAME` makes one, "
            "or listen on 127.0.0.1"
        )
    return not here


class FromSocket:
    """Marks what came over the socket of the workspace, whose mode 0600 lets its owner in alone.

    Only the server on that socket is given its app in this wrapper. That a request has no client's address
    says nothing: a connection that was closed early has none either.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the app does, to an operator."""
        await self._app({**scope, _SOCKET: True}, receive, send)


class Guard:
    """Answers in place of `app` what must not reach it, and adds to each answer what protects a browser.

    In this order: host, site, who asks, how often, whether that needs a key, how long the body is. A key that
    is nobody's is refused wherever it is sent. It stands outside the whole app (`Guard(app, ...)`, no
    `add_middleware`), so that answers to errors nobody thought of have its headers too.
    """

    def __init__(self, app: ASGIApp, keys: KeyStore, links: LoginLinks, settings: Settings) -> None:
        self._app, self._keys, self._links, self._settings = app, keys, links, settings
        self._hosts = frozenset(map(_written, settings.hosts))
        self._buckets = TokenBuckets(settings.rate, settings.burst)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; web sockets are closed, there are none."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] != "http":
            await self._app(scope, receive, send)
        else:
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                _protect(MutableHeaders(scope=message), scope)
            await send(message)

        most = self._settings.uploads.get(scope["path"], self._settings.most_bytes)
        try:
            reading = await self._admit(scope, receive, most)
            await bounded(self._app, scope, reading, protected, most)
        except Refused as refused:
            asks_for_page = refused.status == 401 and _asks_for_page(scope)
            answer = RedirectResponse("/login", 303) if asks_for_page else refuse(scope, refused)
            await answer(scope, receive, protected)

    async def _admit(self, scope: Scope, receive: Receive, most: int) -> Receive:
        """Put into `scope` who asks. Returns from where to read on: a player's key may stand in a form."""
        headers = Headers(scope=scope)
        if not scope.get(_SOCKET):
            _check_host(headers, scope["server"][1], self._hosts)
            _check_site(scope, headers)
        call, receive = await read_call(scope, receive, most)
        if scope.get(_SOCKET):
            scope[_IDENTITY] = SOCKET
        else:
            secret = None if call is None else call.secret
            self._let_in(scope, headers, _secret(headers) if secret is None else secret)
        return receive

    def _let_in(self, scope: Scope, headers: Headers, secret: str | None) -> None:
        identity = scope[_IDENTITY] = self._identify(secret, headers, scope)
        client = network_of(scope["client"][0]) if scope.get("client") else "?"
        if identity is None or identity.role != "operator":  # a platform asks as often as it has listeners
            self._buckets.take(f"address {client}" if identity is None else f"key {identity.name}")
        if secret is not None and identity is None:
            raise _no_key("no such key, or it was revoked")
        if identity is None and self._settings.exposed and not self._is_open(scope["path"]):
            raise _no_key("every request needs a key here")

    def _identify(self, secret: str | None, headers: Headers, scope: Scope) -> Identity | None:
        try:
            if secret is not None:
                return self._keys.identify(secret)
            session = session_of(headers, scope)
            return self._links.identify(session) if session else None
        except UserError:  # which names a file of this machine; `earshot key list` tells it
            raise Refused(503, "Keys cannot be read", "`earshot key list` says why") from None

    def _is_open(self, path: str) -> bool:
        return path in self._settings.open_paths or path.startswith(_STATIC)


def _asks_for_page(scope: Scope) -> bool:
    """Whether a person's browser asks for a page, and can be shown the form for a key."""
    wanted = Headers(scope=scope).get("accept", "")
    return scope["method"] == "GET" and "text/html" in wanted and not scope["path"].startswith(_PROGRAMS)


def _check_host(headers: Headers, port: int | None, named: Collection[str]) -> None:
    """Refuse a name that is not ours: a page whose name was made to point here sends its own."""
    found = [host.lower() for host in headers.getlist("host")]
    bare = (*_LOOPBACK, *(host for host in named if not host.rpartition(":")[2].isdecimal()))
    allowed = {*named, *(f"{host}:{port}" for host in bare)}
    if port == 80:  # which browsers leave out
        allowed |= set(_LOOPBACK)
    if len(found) != 1 or found[0] not in allowed:
        raise Refused(421, "Unknown host", "wanted one of the names that the server was told it has")


def _written(host: str) -> str:
    """As it stands in `Host`: in lower case, an IPv6 address in brackets."""
    try:
        return f"[{host}]" if isinstance(ip_address(host), IPv6Address) else host
    except ValueError:
        return host.lower()


def _check_site(scope: Scope, headers: Headers) -> None:
    """Refuse what a page of elsewhere sends; a link to one of our pages may stand anywhere.

    "Elsewhere" are other ports of this machine too (`same-site`), to which cookies go as well.
    """
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    own = origin is None or origin.lower() in {f"{scheme}://{headers['host'].lower()}" for scheme in _SCHEMES}
    follows_link = (
        scope["method"] == "GET"
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") == "document"
        and not scope["path"].startswith(_PROGRAMS)
    )
    if not own or (site not in (None, "same-origin", "none") and not follows_link):
        raise Refused(403, "Request of another site", "only pages of this server may ask it")


_SCHEMES = ("http", "https")  # whatever stands before the server may speak TLS


def _secret(headers: Headers) -> str | None:
    """The key that is sent, if one is."""
    scheme, _, secret = headers.get("authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else headers.get("x-api-key")


def cookie_name(scope: Scope) -> str:
    """Of the session. Browsers send cookies to every port of a host: each server has a name of its own."""
    return f"earshot_{scope['server'][1]}"


def session_of(headers: Headers, scope: Scope) -> str | None:
    """The secret of the session that a browser sends, if it does."""
    return cookie_parser(headers.get("cookie", "")).get(cookie_name(scope))


def _protect(headers: MutableHeaders, scope: Scope) -> None:
    """Nothing is kept by browser or proxy but static files, and what a route says of its own answer.

    A route may have a policy of its own too, and does for pages whose scripts stand inside (`reports`).
    """
    headers.setdefault(POLICY_HEADER, POLICY)
    for name, value in HEADERS.items():
        headers[name] = value
    if not scope["path"].startswith(_STATIC):
        headers.setdefault("Cache-Control", "no-store")


def _no_key(detail: str) -> Refused:
    detail = f"{detail}; `earshot key add` makes one"
    return Refused(401, "Key wanted", detail, {"WWW-Authenticate": "Bearer"})


def identity_of(request: Request) -> Identity | None:
    """Who asks; None without a key."""
    found: Identity | None = request.scope[_IDENTITY]  # put there by `Guard`; without it nothing is told
    return found


# These dependencies wait for nothing, and are coroutines all the same: FastAPI runs others in
# a thread each, which takes longer than most answers.


async def current_identity(request: Request) -> Identity | None:
    """As `identity_of`. For routes: `Annotated[Identity | None, Depends(current_identity)]`."""
    return identity_of(request)


async def need_key(identity: Annotated[Identity | None, Depends(current_identity)]) -> Identity:
    """Whoever has a key; what uploads or changes state depends on it. Raises Refused (401)."""
    if identity is None:
        raise _no_key("this needs a key, on this machine too")
    return identity


async def need_operator(identity: Annotated[Identity, Depends(need_key)]) -> Identity:
    """An operator. Raises Refused (401 without a key, 403 for a listener)."""
    if identity.role != "operator":
        raise Refused(403, "Operators only", "this key is a listener's")
    return identity


def allowed_user(identity: Identity | None, user_id: str | None) -> str:
    """The listener whose list may be told: a listener's key reaches its own alone, whoever is asked for.

    Without a key (on loopback, where `Guard` lets that pass) and for an operator it is who is asked for.

    Raises
    ------
    Refused
        403 for another listener's list; 422 where nobody is named.
    """
    own = identity.user_id if identity is not None and identity.role == "listener" else None
    if own is not None and user_id not in (None, own):
        raise Refused(403, "Another listener's", "this key reaches the list of its own listener only")
    found = own if own is not None else user_id
    if found is None:
        raise Refused(422, "No listener named", "wanted user_id, or the key of a listener")
    return found
