"""Whatever a delivery does to earshot, it ends taken in, rejected, or tried again later; the others go on."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from earshot.deliveries import ingest as ingesting
from earshot.deliveries.attempts import note_attempt, pause, read_attempts
from earshot.deliveries.inbox import INBOX, look, make_inbox
from earshot.deliveries.ingest import Mistake, ingest
from earshot.deliveries.intake import take_in
from earshot.deliveries.rejecting import rejections
from tests.deliveries.workspaces import empty_workspace

# Takes in what is there; a delivery named killer takes the process with it.
KILLED = (
    "import os, sys; from pathlib import Path; from earshot.deliveries import ingest, intake\n"
    "check = ingest.check\n"
    "ingest.check = lambda folder: os.kill(os.getpid(), 9) if folder.name == 'killer' else check(folder)\n"
    "intake.take_in(Path(sys.argv[1]), print, due_only=True)"
)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    root = empty_workspace(tmp_path / "workspace")
    make_inbox(root)
    return root


def drop(root: Path, name: str) -> Path:
    """A delivery of one song, complete; the first to be dropped is the first to arrive."""
    folder = root / INBOX / name
    folder.mkdir()
    (folder / "songs.csv").write_text(f"song_id\n{name}\n")
    (folder / "_SUCCESS").touch()
    return folder


def spoil(monkeypatch: pytest.MonkeyPatch, name: str, error: BaseException) -> None:
    """Plant a mistake into earshot that the delivery `name` meets."""
    check = ingesting.check

    def spoilt(folder: Path) -> None:
        if folder.name == name:
            raise error
        check(folder)

    monkeypatch.setattr(ingesting, "check", spoilt)


@pytest.mark.parametrize(
    ("error", "rejected"),
    [
        (KeyError("format tag 0x1234"), True),
        (UnicodeDecodeError("utf-8", b"\xe9", 0, 1, "invalid continuation byte"), True),
        (RecursionError("maximum recursion depth exceeded"), True),
        (OSError(errno.EIO, "Input/output error"), False),
        (OSError(errno.ESTALE, "Stale file handle"), False),
        (MemoryError(), False),
        (ModuleNotFoundError("No module named 'soundfile'"), False),
    ],
)
def test_an_error_nobody_thought_of_stops_that_delivery_alone(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, rejected: bool
) -> None:
    bad = drop(workspace, "bad")
    drop(workspace, "good")
    spoil(monkeypatch, "bad", error)
    intake = take_in(workspace, print)
    assert intake.taken == ["good"]
    assert [each.delivery for each in intake.rejected] == (["bad"] if rejected else [])
    assert bad.exists() is not rejected
    if rejected:
        reason = json.loads((workspace / "data" / "rejected" / "bad.reason.json").read_text())
        assert "a mistake in earshot, not in the delivery: " + type(error).__name__ in reason["error"]
        assert "in spoilt" in reason["traceback"]
        assert rejections(workspace) == intake.rejected
    else:
        [attempts] = read_attempts(workspace).values()
        assert attempts.count == 1
        assert attempts.why == intake.failed[0]


def test_what_stays_is_not_tried_at_every_look(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drop(workspace, "bad")
    spoil(monkeypatch, "bad", OSError(errno.EIO, "Input/output error"))
    assert len(take_in(workspace, print, due_only=True).failed) == 1
    drop(workspace, "good")
    said: list[str] = []
    intake = take_in(workspace, said.append, due_only=True)
    assert (intake.taken, intake.failed) == (["good"], [])
    assert any("bad: stays in the inbox: " in line and "tried 1 times" in line for line in said)
    assert len(take_in(workspace, print).failed) == 1  # a person may say so at once
    assert [attempts.count for attempts in read_attempts(workspace).values()] == [2]
    monkeypatch.undo()
    assert take_in(workspace, print).taken == ["bad"]
    assert read_attempts(workspace) == {}


def test_pauses_double_up_to_an_hour() -> None:
    assert [pause(attempt) for attempt in (1, 2, 3, 9, 10, 5000)] == [10, 20, 40, 2560, 3600, 3600]


def put_off(workspace: Path) -> None:
    """A slow machine must not reach the next attempt."""
    path = workspace / ".earshot" / "attempts.json"
    noted = json.loads(path.read_text())
    path.write_text(json.dumps({name: each | {"next": time.time() + 3000} for name, each in noted.items()}))


def test_one_that_kills_its_process_comes_last_from_then_on(workspace: Path) -> None:
    killer = drop(workspace, "killer")
    drop(workspace, "good")
    for taken in ([], ["good"]):
        run = subprocess.run([sys.executable, "-c", KILLED, workspace], capture_output=True, text=True)
        assert run.returncode == (0 if taken else -signal.SIGKILL), run.stderr
        index = workspace / "data" / "deliveries" / "index.csv"
        assert [line.split(",")[0] for line in index.read_text().splitlines()[1:]] == taken if taken else True
        put_off(workspace)
    assert "killer: stays in the inbox: the process that took it in was killed; tried 1 times" in run.stdout
    assert killer.is_dir()


def test_spoilt_notes_of_attempts_are_no_notes(workspace: Path) -> None:
    (workspace / ".earshot").mkdir()
    for text in ("{", "[]", '{"a": 1}', '{"a": {"x": 1}}'):
        (workspace / ".earshot" / "attempts.json").write_text(text)
        assert read_attempts(workspace) == {}
        note_attempt(workspace, "f")
        assert read_attempts(workspace)["f"].count == 1


def test_by_hand_a_mistake_is_told_in_words(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = drop(workspace, "d")
    spoil(monkeypatch, "d", ZeroDivisionError("division by zero"))
    with pytest.raises(Mistake, match="a mistake in earshot, not in the delivery: ZeroDivisionError"):
        ingest(folder, workspace)
    assert "ZeroDivisionError" in (workspace / ".earshot" / "failed" / "ingest.txt").read_text()


def deep(folder: Path, levels: int) -> None:
    """Folders in one another, deeper than a path may be long."""
    place = os.open(folder, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("deep", dir_fd=place)
        inner = os.open("deep", os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = inner
    os.close(place)


def test_hidden_folders_1500_deep_are_removed_with_what_was_taken_in(workspace: Path) -> None:
    folder = drop(workspace, "d")
    (folder / ".hidden").mkdir()
    deep(folder / ".hidden", 1500)
    assert take_in(workspace, print).taken == ["d"]
    assert list((workspace / INBOX).iterdir()) == []


def test_a_failed_finish_leaves_nothing_and_stops_nobody(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the copy stands in its place; so does one that a kill left there."""
    drop(workspace, "d")

    def broken(*_: object) -> str:
        raise IndexError("list index out of range")

    monkeypatch.setattr(ingesting, "add_folder", broken)
    assert [each.delivery for each in take_in(workspace, print).rejected] == ["d"]
    assert list((workspace / "data" / "deliveries").iterdir()) == []
    work = workspace / ".earshot" / "work" / "ingest"
    assert not work.exists()
    work.mkdir(parents=True)
    (work / "pending.json").write_text('{"name": "killed", "md5": "0.dir", "arrived": 0.0}')
    (workspace / "data" / "deliveries" / "killed").mkdir()
    monkeypatch.undo()
    drop(workspace, "good")
    assert take_in(workspace, print).taken == ["good"]
    assert sorted(path.name for path in (workspace / "data" / "deliveries").glob("[!.]*")) == [
        "good",
        "good.dvc",
        "index.csv",
    ]


def test_a_spoilt_reason_file_is_told_as_such(workspace: Path) -> None:
    rejected = workspace / "data" / "rejected"
    for name, text in {"a": "{", "b": '{"delivery": "b"}', "c": "[]"}.items():
        (rejected / name).mkdir(parents=True)
        (rejected / f"{name}.reason.json").write_text(text)
    assert ["not as it was written" in each.error for each in rejections(workspace)] == [True] * 3


def loose(inbox: Path) -> None:
    (inbox / "audio").mkdir()
    (inbox / "audio" / "notes.txt").write_text("a file beside the sound")
    (inbox / "songs.csv").write_text("song_id\nloose\n")
    (inbox / "plays.csv").write_text("user_id,song_id\nu,loose\n")


def test_a_delivery_without_its_folder_is_recognised(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = workspace / INBOX
    loose(inbox)
    own = drop(workspace, "own")
    assert [(each.name, each.arrived) for each in look(inbox)] == [
        ("data/inbox/{audio, plays.csv, songs.csv}", None),
        ("own", own.stat().st_ctime),
    ]
    assert take_in(workspace, print).taken == ["own"]
    moment = max(path.stat().st_ctime for path in inbox.rglob("*"))
    assert [each.arrived for each in look(inbox, moment + 59)] == [None]
    assert [each.arrived for each in look(inbox, moment + 60)] == [moment]
    (inbox / "_SUCCESS").touch()
    monkeypatch.setattr("earshot.deliveries.inbox.STANDS_SECONDS", 0.0)
    [name] = take_in(workspace, print).taken
    assert name.startswith("inbox-20")
    taken = workspace / "data" / "deliveries" / name
    assert sorted(path.name for path in taken.iterdir()) == ["audio", "plays.csv", "songs.csv"]
    assert list(inbox.iterdir()) == []


def test_pieces_wait_for_each_other_and_without_a_table_are_rejected_one_by_one(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`cp -a` ends folders like a rename: the sound may be there long before the table."""
    inbox = workspace / INBOX
    loose(inbox)
    (inbox / "songs.csv").unlink()
    (inbox / "plays.csv").unlink()
    (inbox / "readme.txt").touch()
    moment = max(path.stat().st_ctime for path in inbox.rglob("*"))
    assert [(each.name, each.arrived) for each in look(inbox, moment + 30)] == [
        ("audio", None),
        ("readme.txt", None),
    ]
    monkeypatch.setattr("earshot.deliveries.inbox.QUIET_SECONDS", 0.0)
    assert sorted(each.delivery for each in take_in(workspace, print).rejected) == ["audio", "readme.txt"]


@pytest.mark.parametrize("moved", range(5))
def test_killed_while_it_gathers_it_goes_on(workspace: Path, moved: int) -> None:
    """As a kill leaves it after 0 to 3 of the pieces, and after the folder got its name."""
    inbox, pieces = workspace / INBOX, ["audio", "plays.csv", "songs.csv"]
    loose(inbox)
    (workspace / ".earshot").mkdir()
    plan = workspace / ".earshot" / "gathering.json"
    plan.write_text(json.dumps({"folder": "inbox-1", "pieces": pieces}))
    hidden = inbox / ".inbox-1"
    hidden.mkdir()
    for name in pieces[:moved]:
        (inbox / name).rename(hidden / name)
    if moved == 4:
        hidden.rename(inbox / "inbox-1")
        (inbox / "inbox-1" / "_SUCCESS").touch()
    assert take_in(workspace, print).taken == ["inbox-1"]
    taken = workspace / "data" / "deliveries" / "inbox-1"
    assert sorted(path.name for path in taken.iterdir()) == pieces
    assert list(inbox.iterdir()) == []
    assert not plan.exists()
