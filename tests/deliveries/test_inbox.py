"""What is complete in the inbox, what becomes of it, and that no kill loses or doubles anything."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from earshot.deliveries import read_index
from earshot.deliveries.arrivals import arriving
from earshot.deliveries.inbox import look
from earshot.deliveries.intake import take_in
from earshot.deliveries.rejecting import rejections
from tests.deliveries.workspaces import empty_workspace, sound
from tests.killable import Killable

TAKE_IN = """
from earshot.deliveries.intake import take_in
def call(root):
    take_in(root, print)
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    root = empty_workspace(tmp_path / "workspace")
    (root / "data" / "inbox").mkdir(parents=True)
    return root


def delivery(folder: Path, songs: str = "song_id,audio\ns,audio/s.wav\n") -> Path:
    (folder / "audio").mkdir(parents=True)
    (folder / "audio" / "s.wav").write_bytes(sound(sum(folder.name.encode())))
    (folder / "songs.csv").write_text(songs)
    return folder


def dropped(workspace: Path, tmp_path: Path, name: str, **kind: str) -> Path:
    """A delivery in the inbox, complete since just now."""
    folder = delivery(tmp_path / "made" / name, **kind)
    (folder / "_SUCCESS").touch()
    return folder.rename(workspace / "data" / "inbox" / name)


def younger(folder: Path) -> float:
    """Change a file inside `folder` until it is younger than that; its ctime."""
    file = folder / "songs.csv"
    while file.stat().st_ctime_ns <= folder.stat().st_ctime_ns:
        file.write_text("song_id\ns\n")
    return file.stat().st_ctime


def test_a_rename_is_told_from_a_folder_that_is_being_written(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    folder = delivery(tmp_path / "d")
    younger(folder)
    renamed = folder.rename(inbox / "renamed").stat().st_ctime
    subprocess.run(["cp", "-a", inbox / "renamed", inbox / "copied-a"], check=True)
    copied = (inbox / "copied-a").stat().st_ctime
    written = younger(delivery(inbox / "written"))
    (inbox / "empty").mkdir()
    (inbox / "opened").mkdir()
    (inbox / "opened" / "songs.csv").touch()
    delivery(inbox / ".hidden")
    moments = {each.folder.name: each.arrived for each in look(inbox, written + 1)}
    assert moments == dict.fromkeys(["copied-a", "empty", "opened", "renamed", "written"])
    moments = {each.folder.name: each.arrived for each in look(inbox, written + 10)}
    assert moments["renamed"] == renamed
    assert moments["copied-a"] == copied
    assert moments["written"] is moments["empty"] is None
    moments = {each.folder.name: each.arrived for each in look(inbox, written + 61)}
    assert moments["written"] == written
    assert None not in moments.values()


def test_success_ends_the_waiting_and_is_no_part_of_the_delivery(workspace: Path) -> None:
    folder = delivery(workspace / "data" / "inbox" / "d")
    younger(folder)
    assert [each.arrived for each in look(folder.parent)] == [None]
    (folder / "_SUCCESS").touch()
    assert [each.arrived for each in look(folder.parent)] == [folder.stat().st_ctime]
    assert take_in(workspace, print).taken == ["d"]
    taken = workspace / "data" / "deliveries" / "d"
    assert sorted(path.name for path in taken.iterdir()) == ["audio", "songs.csv"]


def test_good_bad_and_unfinished_ones_side_by_side(workspace: Path, tmp_path: Path) -> None:
    dropped(workspace, tmp_path, "bad", songs="song_id,audio\ns,audio/none.mp3\n")
    dropped(workspace, tmp_path, "good")
    younger(delivery(workspace / "data" / "inbox" / "unfinished"))
    intake = take_in(workspace, print)
    assert intake.taken == ["good"] == list(arriving(workspace))
    assert [path.name for path in (workspace / "data" / "inbox").iterdir()] == ["unfinished"]
    assert [each.delivery for each in intake.rejected] == ["bad"]
    reason = json.loads((workspace / "data" / "rejected" / "bad.reason.json").read_text())
    assert "audio='audio/none.mp3': not there" in reason["error"]
    assert reason.keys() == {"delivery", "error", "rejected", "source"}
    alert = json.loads((workspace / ".earshot" / "alerts.log").read_text())
    assert alert["kind"] == "delivery rejected"


def album(folder: Path, broken: int) -> Path:
    """Four songs; `broken` of them are no sound."""
    delivery(folder, "song_id,audio\n" + "".join(f"s{song},audio/{song}.wav\n" for song in range(4)))
    for song in range(4):
        content = b"no sound" if song < broken else sound(song)
        (folder / "audio" / f"{song}.wav").write_bytes(content)
    (folder / "_SUCCESS").touch()
    return folder


def test_one_whose_sound_is_mostly_broken_is_rejected_and_stops_no_other(workspace: Path) -> None:
    inbox = workspace / "data" / "inbox"
    album(inbox / "half", broken=2)
    album(inbox / "most", broken=3)
    intake = take_in(workspace, print)
    assert intake.taken == ["half"]
    assert [each.delivery for each in intake.rejected] == ["most"]
    reason = json.loads((workspace / "data" / "rejected" / "most.reason.json").read_text())["error"]
    assert "most: 3 of 4 audio files cannot be used (3 not audio)" in reason
    assert "raw_audio.max_set_aside_share=0.5 allows 50%; the first: audio/0.wav: not audio: " in reason
    assert "audio/2.wav" in reason
    assert [line.name for line in read_index(workspace / "data" / "deliveries")] == ["half"]
    assert not (workspace / ".earshot" / "work" / "ingest").exists()
    assert len(list((workspace / ".earshot" / "probes").iterdir())) == 1


def test_wrong_params_reject_nothing(workspace: Path, tmp_path: Path) -> None:
    dropped(workspace, tmp_path, "d")
    params = workspace / "params.yaml"
    params.write_text(params.read_text().replace("silence_dbfs", "silence"))
    intake = take_in(workspace, print)
    assert (intake.taken, intake.rejected) == ([], [])
    assert "raw_audio.silence=-60.0: unknown key" in intake.failed[0]


def test_a_rejected_one_is_never_overwritten_and_may_come_back(workspace: Path, tmp_path: Path) -> None:
    bad = "song_id,audio\ns,/etc/passwd\n"
    for content in ("1", "2"):
        folder = dropped(workspace, tmp_path / content, "d", songs=bad)
        (folder / "content").write_text(content)
        take_in(workspace, print)
    rejected = workspace / "data" / "rejected"
    assert [(rejected / name / "content").read_text() for name in ("d", "d-2")] == ["1", "2"]
    (rejected / "d" / "songs.csv").write_text("song_id,audio\ns,audio/s.wav\n")
    (rejected / "d").rename(workspace / "data" / "inbox" / "d")
    assert take_in(workspace, print).taken == ["d"]
    assert [each.delivery for each in rejections(workspace)] == ["d-2"]


def test_what_was_added_while_it_was_taken_in_stays(workspace: Path, tmp_path: Path) -> None:
    folder = dropped(workspace, tmp_path, "d")

    def say(text: str) -> None:
        if text == "d: taken in":
            (folder / "plays.csv").write_text("user_id,song_id\nu,s\n")

    assert take_in(workspace, say).taken == ["d"]
    assert take_in(workspace, print).taken == ["d-2"]
    assert (workspace / "data" / "deliveries" / "d-2" / "plays.csv").is_file()
    assert list((workspace / "data" / "inbox").iterdir()) == []


def test_a_full_disk_rejects_nothing(workspace: Path, tmp_path: Path) -> None:
    dropped(workspace, tmp_path, "d")
    (workspace / ".dvc" / "config").write_text("[cache]\n    dir = /dev/null/full\n")
    intake = take_in(workspace, print)
    assert intake.rejected == [] == intake.taken
    assert len(intake.failed) == 1
    assert (workspace / "data" / "inbox" / "d" / "songs.csv").is_file()


def test_read_only_folders_leave_the_inbox_too(workspace: Path, tmp_path: Path) -> None:
    folder = dropped(workspace, tmp_path, "d")
    (folder / "audio").chmod(0o555)
    folder.chmod(0o555)
    assert take_in(workspace, print).taken == ["d"]
    assert list(folder.parent.iterdir()) == []


@pytest.mark.soak
def test_killed_at_any_moment_it_is_taken_in_exactly_once(workspace: Path, tmp_path: Path) -> None:
    dropped(workspace, tmp_path, "d")
    dropped(workspace, tmp_path, "bad", songs="id\n1\n")
    undisturbed, first = (shutil.copytree(workspace, tmp_path / name) for name in ("undisturbed", "first"))
    with Killable(TAKE_IN, first) as killable:
        events = killable.events(undisturbed)
        moments = [1, events // 3, 2 * events // 3, *range(events - 40, events, 12)]
        roots = [shutil.copytree(workspace, tmp_path / f"killed-{moment}") for moment in moments]
        for moment, root in zip(moments, roots, strict=True):
            killable.kill(moment, root)
    for root in roots:
        assert take_in(root, print).failed == []
        assert [line.name for line in read_index(root / "data" / "deliveries")] == ["d"]
        assert list(arriving(root)) == ["d"]
        assert [each.delivery for each in rejections(root)] == ["bad"]
        assert list((root / "data" / "inbox").iterdir()) == []
        left = sorted(path.name for path in (root / "data" / "rejected").iterdir())
        assert left == ["bad", "bad.reason.json"]
