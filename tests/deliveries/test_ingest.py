import hashlib
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from earshot.deliveries import read_index
from earshot.deliveries.check import RefusedDelivery
from earshot.deliveries.ingest import Ingested, ingest
from earshot.errors import UserError
from tests.deliveries.workspaces import empty_workspace, sound
from tests.killable import Killable

RUN = (
    "import sys; from pathlib import Path; from earshot.deliveries.ingest import ingest; "
    "print(ingest(Path(sys.argv[1]), Path(sys.argv[2])).new)"
)
KILLABLE = "from earshot.deliveries.ingest import ingest as call"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return empty_workspace(tmp_path / "workspace")


def dvc(root: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "dvc", *arguments]
    return subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout


def delivery(folder: Path, songs: int = 3) -> Path:
    """`songs` songs of two seconds."""
    (folder / "audio").mkdir(parents=True)
    for song in range(songs):
        (folder / "audio" / f"{song}.mp3").write_bytes(sound(sum(folder.name.encode()) + song))
    rows = [f"s{song},audio/{song}.mp3\n" for song in range(songs)]
    (folder / "songs.csv").write_text("song_id,audio\n" + "".join(rows))
    (folder / "plays.csv").write_text("user_id,song_id\nu,s0\n")
    return folder


def contents(root: Path) -> dict[str, str]:
    """md5 of every file under data/deliveries."""
    deliveries = root / "data" / "deliveries"
    return {
        str(path.relative_to(deliveries)): hashlib.md5(path.read_bytes()).hexdigest()
        for path in sorted(deliveries.rglob("*"))
        if path.is_file()
    }


def start(code: str, *arguments: object) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_delivery_is_taken_in_whole_and_once(workspace: Path, tmp_path: Path) -> None:
    source = delivery(tmp_path / "March 2026")
    before = {path: path.stat().st_mtime_ns for path in source.rglob("*")}
    first = ingest(source, workspace)
    assert first == Ingested("March-2026", first.md5, new=True)
    renamed = source.rename(tmp_path / "again")
    assert ingest(renamed, workspace) == Ingested("March-2026", first.md5, new=False)
    assert {
        source / path.relative_to(renamed): path.stat().st_mtime_ns for path in renamed.rglob("*")
    } == before
    assert [(line.name, line.md5) for line in read_index(workspace / "data" / "deliveries")] == [
        ("March-2026", first.md5)
    ]
    assert dvc(workspace, "status").startswith("Data and pipelines are up to date")
    assert not (workspace / ".earshot" / "work" / "ingest").exists()


def test_it_is_what_dvc_add_makes(workspace: Path, tmp_path: Path) -> None:
    ingest(delivery(tmp_path / "d"), workspace)
    shutil.copytree(tmp_path / "d", workspace / "copy" / "d")
    dvc(workspace, "add", "-q", "copy/d")
    for name in ("d.dvc", ".gitignore"):
        made = workspace / "data" / "deliveries" / name
        assert made.read_bytes() == (workspace / "copy" / name).read_bytes()


def test_other_content_of_the_same_name_gets_a_number(workspace: Path, tmp_path: Path) -> None:
    names = [
        ingest(delivery(tmp_path / where / "d", songs), workspace).name
        for where, songs in [("a", 1), ("b", 2)]
    ]
    assert names == ["d", "d-2"]
    assert [line.name for line in read_index(workspace / "data" / "deliveries")] == names


def test_a_refused_delivery_leaves_nothing(workspace: Path, tmp_path: Path) -> None:
    before = sorted(workspace.rglob("*"))
    bad = delivery(tmp_path / "bad")
    (bad / "audio" / "1.mp3").unlink()
    with pytest.raises(UserError, match=r"songs\.csv: row 2: audio='audio/1\.mp3': not there"):
        ingest(bad, workspace)
    assert sorted(workspace.rglob("*")) == before


@pytest.mark.parametrize("name", ["d/notes.tmp", "d/audio/__pycache__/s.mp3", "d.tmp/audio/0.mp3"])
def test_a_file_that_dvc_ignores_is_refused_before_anything_is_copied(
    workspace: Path, tmp_path: Path, name: str
) -> None:
    (workspace / ".dvcignore").write_text("*.tmp\n__pycache__\n")
    source = delivery(tmp_path / Path(name).parts[0])
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("")
    with pytest.raises(RefusedDelivery, match=rf"{name}.*: left out of DVC by \.dvcignore"):
        ingest(source, workspace)
    assert contents(workspace) == {}
    assert not (workspace / ".earshot" / "work" / "ingest").exists()


def test_killed_at_any_moment_it_is_finished_or_removed_by_the_next(workspace: Path, tmp_path: Path) -> None:
    source, other = delivery(tmp_path / "killed"), delivery(tmp_path / "other", 2)
    undisturbed, first = (shutil.copytree(workspace, tmp_path / name) for name in ("undisturbed", "first"))
    with Killable(KILLABLE, source, first) as killable:
        events = killable.events(source, undisturbed)
        draw = random.Random(0)
        moments = [*(draw.randrange(1, events) for _ in range(2)), events - draw.randrange(1, 40)]
        roots = [shutil.copytree(workspace, tmp_path / f"killed-{moment}") for moment in moments]
        for moment, root in zip(moments, roots, strict=True):
            killable.kill(moment, source, root)
    ingest(other, undisturbed)
    for root in roots:
        index = root / "data" / "deliveries" / "index.csv"
        taken = "killed" in index.read_text() if index.is_file() else False
        dvc(root, "status")
        ingest(other, root)
        finished = "killed" in index.read_text()
        assert finished or not taken
        assert ingest(source, root).new is not finished
        assert {k: v for k, v in contents(root).items() if k not in ("index.csv", ".gitignore")} == {
            k: v for k, v in contents(undisturbed).items() if k not in ("index.csv", ".gitignore")
        }
        assert sorted(index.read_text().splitlines()) == sorted(
            (undisturbed / "data" / "deliveries" / "index.csv").read_text().splitlines()
        )
        assert not (root / ".earshot" / "work" / "ingest").exists()
        assert dvc(root, "status").startswith("Data and pipelines are up to date")


def test_a_lock_file_cut_by_a_kill_is_removed(workspace: Path, tmp_path: Path) -> None:
    (workspace / ".dvc" / "tmp" / "rwlock").write_text('{"read": {')
    assert ingest(delivery(tmp_path / "d"), workspace).new


def test_ingests_at_the_same_time_wait_for_each_other(workspace: Path, tmp_path: Path) -> None:
    a, b = delivery(tmp_path / "a", 12), delivery(tmp_path / "b", 8)
    same = shutil.copytree(a, tmp_path / "same")
    running = [start(RUN, source, workspace) for source in (a, b, same)]
    outputs = [process.communicate()[0].strip() for process in running]
    assert sorted(outputs) == ["False", "True", "True"]
    assert len(read_index(workspace / "data" / "deliveries")) == 2
    assert dvc(workspace, "status").startswith("Data and pipelines are up to date")


def test_the_index_does_not_change_while_a_stage_reads_it(workspace: Path, tmp_path: Path) -> None:
    from dvc.fs import localfs
    from dvc.rwlock import rwlock

    index = workspace / "data" / "deliveries" / "index.csv"
    locks = str(workspace / ".dvc" / "tmp")
    with rwlock(locks, localfs, "raw_audio", [str(index)], [], False):
        running = start(RUN, delivery(tmp_path / "d"), workspace)
        assert running.stderr is not None
        said = ""
        while "index.csv waits" not in said:
            said = running.stderr.readline()
        assert f"PID {os.getpid()}" in said
        assert not index.exists()
    assert running.communicate()[0].strip() == "True"
    assert len(pd.read_csv(index)) == 1
