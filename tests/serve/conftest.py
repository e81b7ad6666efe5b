from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from earshot.serve.app import Server, make_server
from earshot.serve.safety import Settings
from tests.releases.conftest import first_release, second_release
from tests.releases.tiny_workspace import Repository

__all__ = ["first_release", "second_release"]


@pytest.fixture(scope="session")
def server(first_release: Repository) -> Server:
    """Of the first release; started by `client`."""
    return make_server(first_release.root, Settings(rate=1e6, burst=1e6))


@pytest.fixture(scope="session")
def client(server: Server) -> Iterator[TestClient]:
    """Asks on loopback, without a key."""
    with TestClient(server.app, "http://localhost:8000", raise_server_exceptions=False) as asking:
        yield asking
