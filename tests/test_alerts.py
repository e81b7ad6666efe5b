"""Alerts reach the log always, and a webhook if there is one that answers."""

import json
import socket
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from earshot import alerts
from earshot.alerts import alert


def log(root: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in (root / ".earshot" / "alerts.log").read_text().splitlines()]


class Receiver(BaseHTTPRequestHandler):
    received: list[Any] = []  # noqa: RUF012

    def do_POST(self) -> None:
        self.received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(500 if self.path == "/broken" else 204)
        self.end_headers()

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def server() -> Iterator[str]:
    Receiver.received.clear()
    with HTTPServer(("127.0.0.1", 0), Receiver) as listening:
        Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()


def test_without_a_webhook_there_is_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EARSHOT_WEBHOOK", raising=False)
    alert(tmp_path, "run failed", "onboard: no room")
    with (tmp_path / ".earshot" / "alerts.log").open("a") as file:
        file.write('{"cut')
    alert(tmp_path, "run failed", "again")
    lines = (tmp_path / ".earshot" / "alerts.log").read_text().splitlines()
    assert [json.loads(lines[line])["text"] for line in (0, 2)] == ["onboard: no room", "again"]


def test_a_webhook_is_told(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARSHOT_WEBHOOK", server)
    alert(tmp_path, "run failed", "onboard: no room")
    assert Receiver.received == log(tmp_path)
    assert Receiver.received[0]["text"] == "onboard: no room"


def test_a_webhook_that_fails_is_logged_and_fails_nothing(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts, "SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        addresses = {
            f"{server}/broken": "answered 500",
            f"http://127.0.0.1:{silent.getsockname()[1]}/secret": "",
            f"http://127.0.0.1:{closed.getsockname()[1]}/secret": "Connection refused",
            "file:///etc/secret": "EARSHOT_WEBHOOK is no http or https address",
            "http://a secret": "EARSHOT_WEBHOOK is no address that can be asked",
        }
        for address, problem in addresses.items():
            monkeypatch.setenv("EARSHOT_WEBHOOK", address)
            before = time.monotonic()
            alert(tmp_path, "run failed", "no room")
            assert time.monotonic() - before < 3
            said = log(tmp_path)[-2:]
            assert said[0]["kind"] == "run failed"
            assert said[1]["kind"] == "webhook failed"
            assert problem in said[1]["text"]
    assert "secret" not in (tmp_path / ".earshot" / "alerts.log").read_text()
