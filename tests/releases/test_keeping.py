"""What a release needs is kept, can be checked, and can be followed back to the delivered file."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from hashlib import md5
from pathlib import Path

import pytest

from earshot import releases
from earshot.errors import UserError
from earshot.versioning import add_object, cache_folder, cache_path
from tests.deliveries.workspaces import sound
from tests.killable import Killable
from tests.releases.conftest import copy
from tests.releases.test_releases import READS_THE_POINTER, stale
from tests.releases.tiny_workspace import HEARD, Repository

SOUND = md5(sound()).hexdigest()


def litter(repository: Repository, tmp_path: Path) -> Path:
    """An object that nothing names."""
    (tmp_path / "litter").write_bytes(b"nothing names this")
    name = md5(b"nothing names this").hexdigest()
    add_object(cache_folder(repository.root), name, tmp_path / "litter")
    return cache_path(cache_folder(repository.root), name)


def test_gc_removes_what_nothing_needs_and_a_rollback_still_works(
    replaced: Repository, first_release: Repository, tmp_path: Path
) -> None:
    unneeded = litter(replaced, tmp_path)
    told = replaced.earshot("gc")
    assert "not needed (`--really` removes them)" in told
    assert unneeded.is_file()
    assert replaced.earshot("gc", "--really").split(":")[0] == told.split(":")[0]
    assert not unneeded.exists()
    assert replaced.earshot("gc").startswith("0 objects, 0.0 MB")
    assert "dvc.yaml" not in replaced.run("dvc", "checkout", "--summary")
    assert replaced.earshot("verify", replaced.pointer()["previous"]).endswith("all as they were\n")
    releases.roll_back(replaced.root)
    replaced.repro()
    table = "recommendations/recommendations.parquet"
    assert replaced.read(table).equals(first_release.read(table))


GC = """
import contextlib
from typer.testing import CliRunner
from earshot.cli.main import app
def call(root):
    with contextlib.chdir(root):
        assert CliRunner().invoke(app, ["gc", "--really"]).exit_code == 0
"""


def test_gc_killed_at_any_moment_is_finished_by_saying_it_again(replaced: Repository, tmp_path: Path) -> None:
    for number in range(5):
        content = f"nothing names {number}".encode()
        (tmp_path / "litter").write_bytes(content)
        add_object(cache_folder(replaced.root), md5(content).hexdigest(), tmp_path / "litter")
    names = ("first", "whole", *(f"killed-{third}" for third in range(3)))
    first, whole, *killed = (copy(replaced, tmp_path / name) for name in names)
    with Killable(GC, first.root) as killable:
        events = killable.events(whole.root)
        for third, each in enumerate(killed):
            killable.kill(events - third * events // 3, each.root)
    for each in killed:
        each.earshot("gc", "--really")
        assert objects(each) == objects(whole) < objects(replaced)
        assert stale(each) == set()
        assert list(each.root.glob(".earshot/**/*.tmp")) == []


def test_gc_keeps_what_a_tag_names(replaced: Repository, tmp_path: Path) -> None:
    """The first release's whole outputs, which HEAD's dvc.lock names no longer, stay where it is tagged."""
    first = releases.show_release(replaced.root, replaced.pointer()["previous"])
    checkpoint = cache_path(cache_folder(replaced.root), first["outputs"]["cnn_checkpoint"])
    replaced.run("git", "tag", f"release/{first['release']}", "HEAD~1")
    replaced.earshot("gc", "--really")
    assert checkpoint.is_file()
    replaced.run("git", "tag", "--delete", f"release/{first['release']}")
    replaced.earshot("gc", "--really")
    assert not checkpoint.exists()


def broken_branch(repository: Repository) -> str:
    branch = repository.run("git", "symbolic-ref", "HEAD").strip()
    (repository.root / ".git" / branch).write_text("")
    return f"ignoring broken ref {branch}"


def damaged_list(repository: Repository) -> str:
    md5 = str(repository.pointer()["outputs"]["cnn_checkpoint"])
    damaged = cache_path(cache_folder(repository.root), md5)
    damaged.chmod(0o644)
    damaged.write_text("[]")
    return f"{damaged}: a damaged list of files"


def cut(name: str) -> Callable[[Repository], str]:
    def harm(repository: Repository) -> str:
        content = (repository.root / name).read_bytes()
        (repository.root / name).write_bytes(content[: len(content) // 2])
        return name

    return harm


def committed_cut(repository: Repository) -> str:
    lock = repository.root / "dvc.lock"
    content = lock.read_bytes()
    cut("dvc.lock")(repository)
    repository.run("git", "commit", "-qm", "cut", "dvc.lock")
    lock.write_bytes(content)
    return "HEAD:dvc.lock"


def lock_without_copies(repository: Repository) -> str:
    """Cut, and neither kept nor committed."""
    repository.run("git", "rm", "-q", "--cached", "dvc.lock")
    repository.run("git", "commit", "-qm", "no lock")
    (repository.root / ".earshot" / "dvc.lock").unlink(missing_ok=True)
    cut("dvc.lock")(repository)
    return ".earshot/dvc.lock.cut"


@pytest.mark.parametrize(
    "harm",
    [
        cut("data/deliveries/music.dvc"),
        cut("releases/current.json"),
        broken_branch,
        damaged_list,
        committed_cut,
        lock_without_copies,
    ],
    ids=[
        "a .dvc file",
        "the pointer",
        "the branch",
        "a list of files",
        "HEAD's lock",
        "a lock without copies",
    ],
)
def test_gc_removes_nothing_while_it_cannot_read_what_names_objects(
    repository: Repository, tmp_path: Path, harm: Callable[[Repository], str]
) -> None:
    litter(repository, tmp_path)
    told, before = harm(repository), objects(repository)
    with pytest.raises(UserError, match=re.escape(told)):
        releases.clean_cache(repository.root, remove=True, say=lambda _: None)
    assert objects(repository) == before


def objects(repository: Repository) -> set[Path]:
    """Files of DVC's cache, below its folder."""
    cache = cache_folder(repository.root)
    return {path.relative_to(cache) for path in cache.rglob("*") if path.is_file()}


def test_gc_puts_a_cut_lock_back_and_keeps_what_it_names(repository: Repository, tmp_path: Path) -> None:
    unneeded, lock = litter(repository, tmp_path), (repository.root / "dvc.lock").read_bytes()
    (repository.root / "dvc.lock").write_bytes(b"")
    half = cache_folder(repository.root) / "00" / ".0123.tmp"
    half.parent.mkdir(exist_ok=True)
    half.write_text("what DVC was copying")
    before = objects(repository)
    releases.clean_cache(repository.root, remove=True, say=lambda _: None)
    cache = cache_folder(repository.root)
    assert before - objects(repository) == {unneeded.relative_to(cache), half.relative_to(cache)}
    assert (repository.root / "dvc.lock").read_bytes() == lock


def test_gc_waits_for_a_stage_that_runs(replaced: Repository, tmp_path: Path) -> None:
    unneeded, said = litter(replaced, tmp_path), list[str]()
    command = [sys.executable, "-c", READS_THE_POINTER]
    with subprocess.Popen(command, cwd=replaced.root, stdout=subprocess.PIPE) as stage:
        assert stage.stdout is not None
        stage.stdout.readline()
        releases.clean_cache(replaced.root, remove=True, say=said.append)
    assert f"(PID {stage.pid}): a stage" in said[0]
    assert not unneeded.exists()


def test_verify_names_the_one_byte_that_changed(repository: Repository) -> None:
    name = repository.pointer()["release"]
    assert repository.earshot("verify", name) == "11 files, all as they were\n"
    for file in (repository.root / HEARD, model_file(repository)):
        content = file.read_bytes()
        file.chmod(0o644)
        file.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    files, problems = releases.verify(repository.root, name)
    assert files == 11
    assert sorted(problem.split(" ")[0] for problem in problems) == ["cnn_checkpoint/encoder.pt", f"{HEARD}:"]
    assert f"the release names {SOUND}" in "".join(problems)
    with pytest.raises(UserError, match="2 differences in 11 files"):
        repository.earshot("verify", name)


def model_file(repository: Repository) -> Path:
    name = repository.pointer()["files"]["cnn_checkpoint/encoder.pt"]
    return cache_path(cache_folder(repository.root), name)


def test_a_song_is_traced_to_its_delivered_file(first_release: Repository) -> None:
    name = first_release.pointer()["release"]
    found = json.loads(first_release.earshot("trace", name, "s000", "--json"))
    (delivery,) = found["deliveries"].items()
    assert found["song"]["artist"] == "Artist a00"
    assert (found["song"]["delivery"], found["song"]["delivery_md5"]) == delivery
    assert (found["song"]["audio"], found["song"]["file_md5"]) == (HEARD, SOUND)
    assert set(found["inputs"]) == {"data/raw_audio", "data/play_counts", "data/hyper_images"}
    told = first_release.earshot("trace", name, "s001")
    assert f"release      {name}" in told
    assert "decision     beats random" in told
    assert "file_md5      -" in told
    with pytest.raises(UserError, match=r"song 'nope': wanted one of training_set/songs\.parquet of release"):
        releases.trace(first_release.root, name, "nope")
