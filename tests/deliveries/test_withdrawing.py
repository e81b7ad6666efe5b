"""A delivery taken back: kept in history, and everything after is made without it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from earshot.catalogue.play_counts import read_play_counts
from earshot.cli.main import app
from earshot.deliveries import read_index
from earshot.deliveries.arrivals import arriving
from earshot.deliveries.index import read_lines
from earshot.deliveries.ingest import ingest
from earshot.deliveries.listing import list_deliveries
from earshot.deliveries.withdrawing import read_withdrawals, withdraw
from earshot.errors import UserError
from earshot.stages import play_counts
from earshot.versioning import delivery_md5s
from tests.audio.workspace import Workspace
from tests.deliveries.workspaces import empty_workspace, sound
from tests.killable import Killable
from tests.stages.delivered import deliver, params_with, paths_of

WITHDRAW = """
from earshot.deliveries.withdrawing import withdraw
def call(root):
    withdraw(root, "d", "a wrong price list", print)
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return empty_workspace(tmp_path / "workspace")


def made(folder: Path, songs: str = "song_id,audio\ns,s.wav\n") -> Path:
    folder.mkdir(parents=True)
    (folder / "songs.csv").write_text(songs)
    (folder / "s.wav").write_bytes(sound())
    (folder / "plays.csv").write_text("user_id,song_id\nu,s\nv,s\n")
    return folder


def dvc(root: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "dvc", *arguments]
    return subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout


def test_withdrawn_it_stays_in_history_and_comes_back_under_another_name(
    workspace: Path, tmp_path: Path
) -> None:
    source = made(tmp_path / "d")
    md5 = ingest(source, workspace).md5
    index = workspace / "data" / "deliveries" / "index.csv"
    before = index.read_text()
    said: list[str] = []
    assert withdraw(workspace, "d", " a wrong price list\n", said.append)
    assert said == [
        "no delivery with songs is left: what is served stays until another comes",
        "no delivery with plays is left: what is served stays until another comes",
    ]
    assert index.read_text() == before + "d,withdrawn\n"
    assert read_index(index.parent) == []
    assert [(line.name, line.withdrawn) for line in read_lines(index.parent)] == [("d", True)]
    assert read_withdrawals(index.parent)["d"]["reason"] == "a wrong price list"
    assert arriving(workspace) == {}
    assert not withdraw(workspace, "d", "another reason", print)
    assert read_withdrawals(index.parent)["d"]["reason"] == "a wrong price list"
    assert index.read_text() == before + "d,withdrawn\n"
    assert delivery_md5s(workspace, ["d"]) == {"d": md5}
    assert (index.parent / "d" / "songs.csv").is_file()
    assert dvc(workspace, "status").startswith("Data and pipelines are up to date")
    said.clear()
    again = ingest(source, workspace, said.append)
    assert (again.name, again.md5, again.new) == ("d-2", md5, True)
    assert said == ["d-2: has the content of d, which was withdrawn; taken in anew"]
    assert [each.name for each in read_index(index.parent)] == ["d-2"]
    assert ingest(source, workspace).new is False


def test_what_cannot_be_withdrawn_changes_nothing(workspace: Path, tmp_path: Path) -> None:
    ingest(made(tmp_path / "d"), workspace)
    index = (workspace / "data" / "deliveries" / "index.csv").read_text()
    for name, reason, message in (
        ("nope", "why", "nope: no such delivery; there are: d"),
        ("../d", "why", "no such delivery"),
        ("d", " ", "wanted why it is withdrawn"),
    ):
        with pytest.raises(UserError, match=message):
            withdraw(workspace, name, reason, print)
    assert (workspace / "data" / "deliveries" / "index.csv").read_text() == index
    assert not (workspace / "data" / "deliveries" / "withdrawn.json").exists()


@pytest.mark.parametrize("step", ["before the index", "after the index"])
def test_what_a_kill_left_is_finished_by_saying_it_again(workspace: Path, tmp_path: Path, step: str) -> None:
    ingest(made(tmp_path / "d"), workspace)
    deliveries = workspace / "data" / "deliveries"
    wanted = (deliveries / "index.csv").read_text() + "d,withdrawn\n"
    if step == "before the index":
        (deliveries / "withdrawn.json").write_text('{"d": {"reason": "the first try", "withdrawn": ""}}')
        assert [each.name for each in read_index(deliveries)] == ["d"]
        assert [each["reason"] for each in list_deliveries(workspace)] == [""]
    else:
        withdrawn(workspace, "d")
    assert withdraw(workspace, "d", "why", print) is (step == "before the index")
    assert (deliveries / "index.csv").read_text() == wanted
    assert arriving(workspace) == {}


def test_killed_at_any_moment_saying_it_again_finishes_it(workspace: Path, tmp_path: Path) -> None:
    ingest(made(tmp_path / "d"), workspace)
    ingest(made(tmp_path / "e", "song_id,audio\ne,s.wav\n"), workspace)
    undisturbed, first = (shutil.copytree(workspace, tmp_path / name) for name in ("undisturbed", "first"))
    with Killable(WITHDRAW, first) as killable:
        events = killable.events(undisturbed)
        moments = sorted({1, events // 2, *range(events - 40, events, 4)})
        roots = [shutil.copytree(workspace, tmp_path / f"killed-{moment}") for moment in moments]
        for moment, root in zip(moments, roots, strict=True):
            killable.kill(moment, root)
    for root in roots:
        deliveries = root / "data" / "deliveries"
        assert [each.name for each in read_index(deliveries)] in (["d", "e"], ["e"])
        withdraw(root, "d", "a wrong price list", print)
        index = (deliveries / "index.csv").read_bytes()
        assert index == (undisturbed / "data" / "deliveries" / "index.csv").read_bytes()
        assert list(arriving(root)) == ["e"]
        assert read_withdrawals(deliveries).keys() == {"d"}
        assert list(deliveries.glob(".*.tmp")) == []


def withdrawn(root: Path, name: str) -> None:
    """As `withdraw` writes it."""
    with (root / "data" / "deliveries" / "index.csv").open("a") as index:
        index.write(f"{name},withdrawn\n")


def counted(root: Path) -> list[tuple[str, str, float]]:
    settings = params_with("play_counts", min_users=1, min_songs=1, min_plays=1, max_unknown_share=1.0)
    play_counts.run(paths_of(root, "play_counts"), settings)
    counts = read_play_counts(root / "data" / "play_counts")
    matrix = counts.matrix.tocoo()
    return [
        (counts.user_ids[user], counts.song_ids[item], float(count))
        for user, item, count in zip(matrix.row, matrix.col, matrix.data, strict=True)
    ]


def test_plays_leave_the_counts_and_what_a_total_replaced_comes_back(tmp_path: Path) -> None:
    label = {"source": "label"}
    deliver(tmp_path, "songs", songs="song_id\ns1\ns2\n")
    deliver(tmp_path, "one", plays="user_id,song_id,play_count\nu,s1,2\n", delivery=label)
    total = label | {"plays": "total"}
    deliver(tmp_path, "all", plays="user_id,song_id,play_count\nv,s2,9\n", delivery=total)
    deliver(tmp_path, "more", songs="song_id\ns3\n", plays="user_id,song_id\nu,s3\nv,s3\n")
    assert counted(tmp_path) == [("v", "s2", 9), ("v", "s3", 1), ("u", "s3", 1)]
    withdrawn(tmp_path, "more")
    withdrawn(tmp_path, "all")
    assert counted(tmp_path) == [("u", "s1", 2)]


def test_songs_leave_the_catalogue_and_an_earlier_row_stands_again(tmp_path: Path) -> None:
    shutil.copy("params.yaml", tmp_path)
    sounds = {}
    for number, name in enumerate(("first", "second"), 1):
        sounds[name] = tmp_path / f"sounds-{name}"
        sounds[name].mkdir()
        (sounds[name] / "s.wav").write_bytes(sound(number))
    workspace = Workspace(tmp_path)
    workspace.set("raw_audio", silence_dbfs=-90.0, min_seconds=0.5)
    columns = ["song_id", "title", "audio"]
    workspace.deliver("first", pd.DataFrame([("a", "Old", "audio/s.wav")], columns=columns), sounds["first"])
    rows = [("a", "New", "audio/s.wav"), ("b", "B", "")]
    workspace.deliver("second", pd.DataFrame(rows, columns=columns), sounds["second"])
    workspace.run("raw_audio")
    part = next((tmp_path / "data" / "raw_audio" / "parts").glob("first-*")).name
    assert workspace.table("raw_audio", "songs")["title"].tolist() == ["New", "B"]
    withdrawn(tmp_path, "second")
    workspace.run("raw_audio")
    assert [path.name for path in (tmp_path / "data" / "raw_audio" / "parts").iterdir()] == [part]
    songs = workspace.table("raw_audio", "songs")
    assert songs[["song_id", "title", "audio"]].to_numpy().tolist() == [
        ["a", "Old", "data/deliveries/first/audio/s.wav"]
    ]
    assert workspace.table("raw_audio", "files")["delivery"].tolist() == ["first"]


def test_the_list_says_what_each_brought(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = made(tmp_path / "d", "song_id,audio\ns,s.wav\nt,s.wav\nu,\n")
    (source / "feedback.csv").write_text("user_id,song_id,kind\nu,s,like\n")
    ingest(source, workspace, arrived=0.0)
    for _ in range(2):  # counted, then read
        [listed] = list_deliveries(workspace)
        assert listed == {
            "delivery": "d",
            "arrived": "1970-01-01T00:00:00+00:00",
            "songs": 3,
            "audio": 1,
            "plays": 2,
            "feedback": 1,
            "hours": None,
            "audio_set_aside": None,
            "plays_set_aside": None,
            "state": "taken in",
            "reason": "",
        }
    monkeypatch.chdir(workspace)
    app(["deliveries", "withdraw", "d", "--reason", "not\nours"], standalone_mode=False)
    app(["deliveries"], standalone_mode=False)
    assert capsys.readouterr().out.splitlines()[-1].endswith("withdrawn: not ours")
    app(["deliveries", "--json"], standalone_mode=False)
    [listed] = json.loads(capsys.readouterr().out)
    assert (listed["songs"], listed["state"], listed["reason"]) == (3, "withdrawn", "not\nours")
