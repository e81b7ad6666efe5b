"""The last output of a stage stands in its place while the stage runs, and after it fails, whatever fails."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import pytest

from earshot.errors import UserError
from earshot.files import exchange
from earshot.lanes.reproduce import reproduce
from earshot.stages.runner import run_stage
from tests.releases.tiny_workspace import Repository

STAGE = "recommendations"


def contents(repository: Repository) -> dict[str, bytes]:
    files = (path for path in (repository.root / "data" / STAGE).rglob("*") if path.is_file())
    return {path.name: path.read_bytes() for path in files}


def removed(repository: Repository) -> None:
    """As DVC does before it starts a stage."""
    shutil.rmtree(repository.root / "data" / STAGE)


def test_a_wrong_key_is_told_before_dvc_removes_anything(repository: Repository) -> None:
    before = (repository.root / "data" / STAGE).stat()
    repository.set_param("recommendations:\n", "recommendations:\n  kk: 3\n")
    with pytest.raises(UserError, match=r"recommendations\.kk=3: unknown key"):
        reproduce(repository.root, STAGE, lambda _: None)
    assert (repository.root / "data" / STAGE).stat() == before


def test_a_bare_dvc_repro_of_a_stage_that_fails_leaves_the_last_output(repository: Repository) -> None:
    before = contents(repository)
    repository.set_param("recommendations:\n", "recommendations:\n  kk: 3\n")
    assert "unknown key" in repository.repro("--force", "--single-item", STAGE, succeeds=False)
    assert contents(repository) == before
    assert list((repository.root / ".earshot" / "work" / STAGE).glob("previous")) == []


@pytest.mark.parametrize("error", [ImportError("no such module"), KeyboardInterrupt()])
def test_whatever_stops_a_stage_the_last_output_is_there_meanwhile_and_after(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    before, seen = contents(repository), list[dict[str, bytes]]()

    def stop(*_: object) -> None:
        seen.append(contents(repository))
        raise error

    removed(repository)
    monkeypatch.setattr("earshot.stages.runner.import_module", stop)
    monkeypatch.setattr("earshot.stages.runner.die_with_parent", lambda _: None)
    with contextlib.chdir(repository.root), pytest.raises(type(error)):
        run_stage(repository.root, STAGE)
    assert seen == [before]
    assert contents(repository) == before


def test_folders_are_exchanged_and_nobody_finds_neither(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
        (folder / folder.name).write_text("")
    exchange(one, other)
    assert [path.relative_to(tmp_path).as_posix() for path in sorted(tmp_path.rglob("*/*"))] == [
        "one/other",
        "other/one",
    ]
