from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from earshot.serve.app import Server, make_server
from tests.releases.conftest import copy
from tests.releases.conftest import first_release as first_release
from tests.releases.tiny_workspace import Repository

HOST = "http://localhost:8000"


@pytest.fixture(scope="module")
def served_world(tmp_path_factory: pytest.TempPathFactory, first_release: Repository) -> Path:
    """The workspace of the tiny world, served, to be changed by no test but those of a module."""
    return copy(first_release, tmp_path_factory.mktemp("served")).root


@pytest.fixture
def server(served_world: Path) -> Server:
    """A server of it; it reads what is served when `client` starts it."""
    return make_server(served_world)


@pytest.fixture
def client(server: Server) -> Iterator[TestClient]:
    """Asks the server."""
    with TestClient(server.app, base_url=HOST) as client:
        yield client
