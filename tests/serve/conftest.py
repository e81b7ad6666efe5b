from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from earshot.serve.app import Server, make_server
from earshot.serve.safety import Settings
from tests.releases.conftest import copy, first_release, second_release
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


@pytest.fixture(scope="module")
def own_world(tmp_path_factory: pytest.TempPathFactory, first_release: Repository) -> Path:
    """A copy of that workspace, for the tests of a module that put something into it."""
    return copy(first_release, tmp_path_factory.mktemp("own")).root


@pytest.fixture
def own_server(own_world: Path) -> Server:
    """A server of it for one test, which may change what it keeps in memory; started by `own_client`."""
    return make_server(own_world)


@pytest.fixture
def own_client(own_server: Server) -> Iterator[TestClient]:
    """Asks it."""
    with TestClient(own_server.app, "http://localhost:8000") as asking:
        yield asking
