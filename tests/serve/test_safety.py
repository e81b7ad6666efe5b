"""What is refused before any route, on the wire: a test for each danger."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends, FastAPI, Request

from earshot.errors import UserError
from earshot.serve.keys import Identity, KeyStore, LoginLinks
from earshot.serve.limits import TokenBuckets, network_of
from earshot.serve.login import login_routes
from earshot.serve.problems import Refused
from earshot.serve.safety import (
    POLICY,
    FromSocket,
    Guard,
    Settings,
    allowed_user,
    current_identity,
    exposed,
    need_key,
    need_operator,
)
from tests.serve.serving import answer_refused, serving

Someone = Annotated[Identity | None, Depends(current_identity)]


class Site:
    """An app of a few routes behind the real guard, and what it did."""

    def __init__(self, root: Path, settings: Settings = Settings()) -> None:  # noqa: B008
        self.keys, self.changes = KeyStore(root), 0
        self.links = LoginLinks(self.keys)
        self.app = FastAPI()
        self.app.add_exception_handler(Refused, answer_refused)
        self.app.include_router(login_routes(self.links))
        self._add_routes()
        self.asgi = Guard(self.app, self.keys, self.links, settings)

    def _add_routes(self) -> None:
        @self.app.get("/")
        @self.app.get("/api/v1/health")
        def page(who: Someone) -> dict[str, Any]:
            return {"who": who}

        @self.app.get("/api/v1/list")
        def told(who: Someone, user: str | None = None) -> str:
            return allowed_user(who, user)

        @self.app.post("/api/v1/change", dependencies=[Depends(need_key)])
        def change() -> None:
            self.changes += 1

        @self.app.post("/api/v1/operate", dependencies=[Depends(need_operator)])
        def operate() -> None:
            self.changes += 1

        @self.app.post("/api/v1/body")
        async def body(request: Request) -> int:
            try:
                return len(await request.body())
            except Refused:
                return -1  # as FastAPI does with forms, which says 400

        @self.app.get("/fault")
        def fault() -> None:
            raise ZeroDivisionError


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def client(site: Site) -> Iterator[httpx.Client]:
    with serving(site.asgi) as client:
        yield client


def refused(answer: httpx.Response) -> int:
    """The status of an answer that is a problem."""
    assert answer.headers["content-type"] == "application/problem+json"
    said = answer.json()
    assert said.keys() == {"type", "title", "status", "detail"}
    assert said["status"] == answer.status_code
    assert answer.headers["content-security-policy"] == POLICY
    return answer.status_code


def test_a_name_that_was_made_to_point_here_is_refused(client: httpx.Client, tmp_path: Path) -> None:
    port = client.base_url.port
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1", f"127.0.0.1:{port + 1}", ""):
        assert refused(client.get("/", headers={"Host": host})) == 421
    for host in (f"localhost:{port}", f"LOCALHOST:{port}", f"[::1]:{port}"):
        assert client.get("/", headers={"Host": host}).status_code == 200
    with serving(
        Site(tmp_path, Settings(hosts=["Music.example.org", "other.example:8443", "2001:db8::5"])).asgi
    ) as named:
        port = named.base_url.port
        for host, status in {
            "music.example.org": 200,
            f"music.example.org:{port}": 200,
            "music.example.org:1": 421,
            "other.example:8443": 200,
            f"[2001:db8::5]:{port}": 200,
            "other.example": 421,
            "www.music.example.org": 421,
        }.items():
            assert named.get("/", headers={"Host": host}).status_code == status


def test_two_hosts_are_refused(client: httpx.Client) -> None:
    port = client.base_url.port
    with socket.create_connection(("127.0.0.1", port)) as raw:
        hosts = f"Host: 127.0.0.1:{port}\r\nHost: evil.example\r\n"
        raw.sendall(f"GET / HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n".encode())
        assert raw.recv(100).split()[1] in (b"400", b"421")


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:1", "http://localhost", "https://127.0.0.1"]
)
def test_another_origin_is_refused(client: httpx.Client, site: Site, origin: str) -> None:
    key = {"X-Api-Key": site.keys.add("anna", "operator"), "Origin": origin}
    assert refused(client.post("/api/v1/change", headers=key)) == 403
    assert refused(client.get("/", headers=key)) == 403
    assert site.changes == 0


@pytest.mark.parametrize("where", ["cross-site", "same-site"])
def test_another_site_may_only_link_to_pages(client: httpx.Client, site: Site, where: str) -> None:
    sent = {"X-Api-Key": site.keys.add("anna", "operator"), "Sec-Fetch-Site": where}
    link = {**sent, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert refused(client.post("/api/v1/change", headers=link)) == 403
    assert refused(client.get("/", headers=sent)) == 403
    assert refused(client.get("/", headers={**link, "Sec-Fetch-Dest": "iframe"})) == 403
    assert refused(client.get("/api/v1/health", headers=link)) == 403
    assert client.get("/", headers=link).status_code == 200
    assert site.changes == 0


def test_our_own_pages_and_programs_are_not(client: httpx.Client, site: Site) -> None:
    key = {"Authorization": f"Bearer {site.keys.add('anna', 'operator')}"}
    own = {"Origin": str(client.base_url).rstrip("/"), "Sec-Fetch-Site": "same-origin"}
    assert client.post("/api/v1/change", headers=key | own).status_code == 200
    assert client.post("/api/v1/change", headers=key).status_code == 200
    assert site.changes == 2


def test_what_changes_state_needs_a_key_on_loopback_too(client: httpx.Client, site: Site) -> None:
    assert client.get("/").json() == {"who": None}
    answer = client.post("/api/v1/change")
    assert refused(answer) == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    listener = {"X-Api-Key": site.keys.add("player", "listener", "u7")}
    assert client.post("/api/v1/change", headers=listener).status_code == 200
    assert refused(client.post("/api/v1/operate", headers=listener)) == 403
    assert refused(client.post("/api/v1/operate")) == 401
    assert site.changes == 1


def test_a_revoked_key_is_refused_wherever_it_is_sent(client: httpx.Client, site: Site) -> None:
    key = {"X-Api-Key": site.keys.add("anna", "operator")}
    assert client.get("/", headers=key).json()["who"]["name"] == "anna"
    KeyStore(site.keys._root).revoke("anna")  # as another process would
    assert refused(client.get("/", headers=key)) == 401
    assert refused(client.post("/api/v1/change", headers=key)) == 401


def test_a_listeners_key_reaches_their_own_list_only(client: httpx.Client, site: Site) -> None:
    listener = {"X-Api-Key": site.keys.add("player", "listener", "u7")}
    assert client.get("/api/v1/list", headers=listener).json() == "u7"
    assert client.get("/api/v1/list?user=u7", headers=listener).json() == "u7"
    assert refused(client.get("/api/v1/list?user=u8", headers=listener)) == 403
    assert refused(client.get("/api/v1/list?user=", headers=listener)) == 403
    operator = {"X-Api-Key": site.keys.add("anna", "operator")}
    assert client.get("/api/v1/list?user=u8", headers=operator).json() == "u8"
    assert refused(client.get("/api/v1/list", headers=operator)) == 422


def test_the_link_printed_at_start_works_once(client: httpx.Client, site: Site) -> None:
    link = f"/login?token={site.links.issue()}"
    answer = client.get(link)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert client.post("/api/v1/operate").status_code == 200  # httpx keeps cookies
    with httpx.Client(base_url=client.base_url) as other:
        assert refused(other.get(link)) == 403
        assert refused(other.post("/api/v1/operate")) == 401
    client.post("/logout")
    assert refused(client.post("/api/v1/operate")) == 401


def test_a_key_opens_a_session_for_a_browser(client: httpx.Client, site: Site) -> None:
    secret = site.keys.add("phone", "listener", "u7")
    assert refused(client.post("/login", data={"key": secret[:-1]})) == 403
    assert (
        refused(client.post("/login", data={"key": secret}, headers={"Origin": "http://evil.example"})) == 403
    )
    assert client.post("/login", data={"key": secret}).status_code == 303
    assert client.get("/api/v1/list").json() == "u7"
    site.keys.revoke("phone")
    assert client.get("/").json() == {"who": None}


def test_elsewhere_than_on_loopback_every_request_needs_a_key(tmp_path: Path) -> None:
    keys = KeyStore(tmp_path)
    for host in ("0.0.0.0", "::", "192.168.1.5", "music.example.org", ""):
        with pytest.raises(UserError, match=r"no key yet; `earshot key add NAME`"):
            exposed(host, keys)
    assert not any(exposed(host, keys) for host in ("127.0.0.1", "localhost", "::1", "[::1]", "127.9.9.9"))
    secret = keys.add("anna", "operator")
    assert exposed("0.0.0.0", keys)
    with serving(Site(tmp_path, Settings(exposed=True)).asgi) as client:
        assert refused(client.get("/")) == 401
        person = client.get("/", headers={"Accept": "text/html"})
        assert (person.status_code, person.headers["location"]) == (303, "/login")
        assert refused(client.get("/api/v1/list?user=u1", headers={"Accept": "text/html"})) == 401
        assert client.get("/api/v1/health").status_code == 200
        assert client.get("/", headers={"X-Api-Key": secret}).status_code == 200
        assert client.post("/login", data={"key": secret}).status_code == 303
        assert client.get("/").status_code == 200


def test_keys_that_cannot_be_read_let_nobody_in(client: httpx.Client, site: Site) -> None:
    key = {"X-Api-Key": site.keys.add("anna", "operator")}
    site.keys._path.write_text("{")
    answer = client.get("/", headers=key)
    assert refused(answer) == 503
    assert str(site.keys._root) not in answer.text


def test_who_can_open_the_socket_is_an_operator(site: Site, tmp_path: Path) -> None:
    with serving(FromSocket(site.asgi), tmp_path / "serve.sock") as client:
        assert client.post("/api/v1/operate").status_code == 200
    with serving(site.asgi, tmp_path / "other.sock") as client:  # the wrapper alone says so
        assert refused(client.get("/")) == 421


def test_a_body_is_counted_while_it_is_read(tmp_path: Path) -> None:
    site = Site(tmp_path, Settings(most_bytes=100_000, uploads={"/api/v1/elsewhere": 1}))
    with serving(site.asgi) as client:
        assert client.post("/api/v1/body", content=b"x" * 100_000).json() == 100_000
        assert client.post("/api/v1/body", content=iter([b"x" * 50_000] * 2)).json() == 100_000
        assert refused(client.post("/api/v1/body", content=b"x" * 100_001)) == 413
        assert refused(client.post("/api/v1/body", content=iter([b"x" * 50_000, b"x" * 50_001]))) == 413


def test_a_body_that_only_says_it_is_long_is_not_waited_for(client: httpx.Client) -> None:
    port = client.base_url.port
    with socket.create_connection(("127.0.0.1", port), timeout=20) as raw:
        head = f"POST /api/v1/body HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {1 << 40}\r\n\r\n"
        raw.sendall(head.encode())
        assert raw.recv(100).split()[1] == b"413"


def test_one_asker_too_often_is_told_when_to_come_again(tmp_path: Path) -> None:
    site = Site(tmp_path, Settings(rate=0.01, burst=2))
    key = {"X-Api-Key": site.keys.add("player", "listener", "u7")}
    with serving(site.asgi) as client:
        statuses = [client.get("/", headers=key).status_code for _ in range(3)]
        assert statuses == [200, 200, 429]
        answer = client.get("/", headers=key)
        assert refused(answer) == 429
        assert 90 <= int(answer.headers["retry-after"]) <= 100
        # others have their own, and keys that are guessed count for who guesses
        guesses = [client.get("/", headers={"X-Api-Key": f"guess {n}"}).status_code for n in range(3)]
        assert guesses == [401, 401, 429]
        operator = {"X-Api-Key": site.keys.add("anna", "operator")}
        assert [client.get("/", headers=operator).status_code for _ in range(3)] == [200] * 3


def test_buckets_fill_again_and_their_number_is_bounded() -> None:
    now = 0.0
    buckets = TokenBuckets(rate=2, burst=4, clock=lambda: now)
    for _ in range(4):
        buckets.take("a")
    with pytest.raises(Refused) as told:
        buckets.take("a")
    assert told.value.headers == {"Retry-After": "1"}
    now = 1.0  # two more
    buckets.take("a")
    buckets.take("a")
    with pytest.raises(Refused):
        buckets.take("a")
    for n in range(20_000):
        buckets.take(f"address {n}")
    assert len(buckets) == 10_000
    assert network_of("2001:db8:1:2:3::4") == network_of("2001:db8:1:2:ffff::") == "2001:db8:1:2::/64"
    assert [network_of(host) for host in ("10.0.0.1", "::ffff:10.0.0.1")] == ["10.0.0.1", "::ffff:10.0.0.1"]


def test_every_answer_forbids_what_is_inline_or_from_elsewhere(client: httpx.Client) -> None:
    for path, status in {"/": 200, "/nowhere": 404, "/fault": 500}.items():
        answer = client.get(path)
        assert answer.status_code == status
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"
