from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.releases.tiny_workspace import Repository, write_model, write_repository


@pytest.fixture(scope="session")
def first_release(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """The first model released and served. Copy before changing it."""
    repository = write_repository(tmp_path_factory.mktemp("first") / "workspace")
    repository.repro()
    repository.commit()
    return repository


@pytest.fixture(scope="session")
def second_release(tmp_path_factory: pytest.TempPathFactory, first_release: Repository) -> Repository:
    """A model of another seed released after it. Copy before changing it."""
    repository = copy(first_release, tmp_path_factory.mktemp("second"))
    write_model(repository.root / "made", seed=2)
    repository.repro()
    repository.commit()
    return repository


@pytest.fixture(scope="session")
def refused_candidate(tmp_path_factory: pytest.TempPathFactory, first_release: Repository) -> Repository:
    """A worse model refused after it. Copy before changing it."""
    repository = copy(first_release, tmp_path_factory.mktemp("refused"))
    write_model(repository.root / "made", seed=2, learned=False)
    repository.repro()
    repository.commit()
    return repository


@pytest.fixture
def repository(first_release: Repository, tmp_path: Path) -> Repository:
    return copy(first_release, tmp_path)


@pytest.fixture
def replaced(second_release: Repository, tmp_path: Path) -> Repository:
    return copy(second_release, tmp_path)


@pytest.fixture
def refused(refused_candidate: Repository, tmp_path: Path) -> Repository:
    return copy(refused_candidate, tmp_path)


def copy(repository: Repository, folder: Path) -> Repository:
    shutil.copytree(repository.root, folder / "workspace", symlinks=True)
    return Repository(folder / "workspace")
