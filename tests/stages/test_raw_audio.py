"""The song table after deliveries that add, replace, withdraw and break songs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import soundfile

from earshot.audio.probing import intake_journal, read_journal
from earshot.deliveries import read_index
from earshot.deliveries.quality import check_sound
from earshot.errors import UserError
from tests.audio.files import RATE, stereo, write_files
from tests.audio.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    shutil.copy("params.yaml", tmp_path)
    return Workspace(tmp_path)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two good files, a short one and a broken one."""
    folder = tmp_path_factory.mktemp("audio")
    soundfile.write(folder / "a.ogg", stereo(), RATE)
    soundfile.write(folder / "b.flac", stereo(3.0), RATE)
    soundfile.write(folder / "short.wav", stereo(0.5), RATE)
    (folder / "broken.mp3").write_text("no music")
    return folder


def songs(*rows: tuple[str, ...], columns: str = "song_id title audio withdrawn") -> pd.DataFrame:
    return pd.DataFrame(rows, columns=columns.split())


def test_every_kind_of_file(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    wanted = write_files(tmp_path / "files")
    names = pd.DataFrame({"song_id": list(wanted), "audio": [f"audio/{name}" for name in wanted]})
    workspace.deliver("first", names, tmp_path / "files")
    workspace.set("raw_audio", max_set_aside_share=0.6)
    summary = workspace.run("raw_audio")
    bad = workspace.table("raw_audio", "set_aside").set_index("song_id")
    for name, reason in wanted.items():
        assert (name in bad.index) == (reason is not None), name
        if reason is not None:
            assert bad["reason"][name].startswith(reason), bad["reason"][name]
    assert summary["songs"] == len(wanted)
    assert summary["songs_with_audio"] == list(wanted.values()).count(None)
    assert summary["files_set_aside"] == len(bad) == sum(summary["reasons"].values())
    table = workspace.table("raw_audio", "songs")
    assert table["song_id"].tolist() == sorted(wanted)
    assert table["audio"].notna().sum() == summary["songs_with_audio"]
    assert table["audio"].dropna().iloc[0] == "data/deliveries/first/audio/UPPER.MP3"
    assert str(tmp_path) not in (workspace.root / "data/raw_audio/set_aside.parquet").read_bytes().decode(
        "latin1"
    )


def test_replaced_withdrawn_and_brought_back(workspace: Workspace, files: Path) -> None:
    first = songs(
        ("s1", "One", "audio/a.ogg", ""), ("s2", "Two", "audio/b.flac", ""), ("s3", "Three", "", "")
    )
    workspace.deliver("first", first, files, source="label")
    second = songs(
        ("s1", "One, remastered", "audio/b.flac", ""), ("s2", "", "", "true"), ("s4", "Four", "", "")
    )
    workspace.deliver("second", second, files)
    assert workspace.run("raw_audio")["songs_withdrawn"] == 1
    table = workspace.table("raw_audio", "songs").set_index("song_id")
    assert table["title"].to_dict() == {"s1": "One, remastered", "s2": "", "s3": "Three", "s4": "Four"}
    assert table["withdrawn"].to_dict() == {"s1": False, "s2": True, "s3": False, "s4": False}
    assert table["audio"]["s1"] == "data/deliveries/second/audio/b.flac"
    assert table["seconds"]["s1"] == pytest.approx(3.0)
    assert table["audio"]["s2"] == "data/deliveries/first/audio/b.flac"
    assert table["audio"][["s3", "s4"]].isna().all()
    assert table["source"].to_dict() == {"s1": "test", "s2": "test", "s3": "label", "s4": "test"}

    third = songs(
        ("s2", "Two again", "", ""), ("s1", "One", "audio/broken.mp3", ""), ("s4", "Four", "audio/a.ogg", "")
    )
    workspace.deliver("third", third, files)
    workspace.run("raw_audio")
    table = workspace.table("raw_audio", "songs").set_index("song_id")
    assert not table["withdrawn"].any()
    assert table["audio"]["s1"] == "data/deliveries/second/audio/b.flac"
    assert table["audio"]["s2"] == "data/deliveries/first/audio/b.flac"
    good = workspace.table("raw_audio", "files")
    assert list(zip(good["delivery"], good["song_id"], strict=True)) == [
        ("first", "s1"),
        ("first", "s2"),
        ("second", "s1"),
        ("third", "s4"),
    ]


def test_a_part_is_never_probed_twice(workspace: Workspace, files: Path) -> None:
    """The first delivery's files are gone, and yet the second run needs nothing of them but its part."""
    workspace.deliver("first", songs(("s1", "One", "audio/a.ogg", "")), files)
    workspace.run("raw_audio")
    before = workspace.hashes("raw_audio")
    (workspace.root / "data/deliveries/first/audio/a.ogg").unlink()
    workspace.deliver("second", songs(("s2", "Two", "audio/b.flac", "")), files)
    workspace.run("raw_audio")
    after = workspace.hashes("raw_audio")
    parts = [name for name in before if name.startswith("parts/")]
    assert len(parts) == 1
    assert after[parts[0]] == before[parts[0]]
    assert workspace.table("raw_audio", "songs")["song_id"].tolist() == ["s1", "s2"]


def test_incremental_and_at_once_are_the_same_bytes(tmp_path: Path, files: Path) -> None:
    deliveries = [
        songs(("s1", "One", "audio/a.ogg", ""), ("s0", "None", "", "")),
        songs(("s2", "Two", "audio/b.flac", ""), ("s1", "Uno", "audio/short.wav", "")),
    ]
    at_once, one_by_one = Workspace(tmp_path / "at_once"), Workspace(tmp_path / "one_by_one")
    for number, table in enumerate(deliveries):
        at_once.deliver(f"d{number}", table, files)
        one_by_one.deliver(f"d{number}", table, files)
        one_by_one.run("raw_audio")
    assert at_once.run("raw_audio") == one_by_one.run("raw_audio")
    assert at_once.hashes("raw_audio") == one_by_one.hashes("raw_audio")


def test_an_interrupted_run_is_continued(workspace: Workspace, files: Path) -> None:
    """What stands in the journal is not probed again: its file may be gone, its last line may be cut."""
    workspace.deliver(
        "first", songs(("s1", "One", "audio/a.ogg", ""), ("s2", "Two", "audio/b.flac", "")), files
    )
    workspace.run("raw_audio")
    undisturbed = workspace.hashes("raw_audio")
    probe = workspace.table("raw_audio", "songs").iloc[0]
    figures = ("audio_md5", "seconds", "peak_dbfs", "clipped_share", "heard_dbfs")
    entry = {name: probe[name] for name in figures}
    entry |= {"sample_rate": RATE, "channels": 2, "reason": None}
    workspace.outputs.clear()
    journal = workspace.paths("raw_audio").work / "probes.jsonl"
    journal.write_text(
        json.dumps({"name": probe["audio"], **entry}) + "\n" + '{"name": "data/deliveries/first/audio/b.fl'
    )
    (workspace.root / probe["audio"]).unlink()
    workspace.run("raw_audio")
    assert workspace.hashes("raw_audio") == undisturbed


def test_what_intake_probed_is_not_probed_again(workspace: Workspace, files: Path) -> None:
    """Its file may be gone; the journal goes when DVC keeps the part."""
    table = songs(("s1", "One", "audio/a.ogg", ""), ("s2", "Two", "audio/b.flac", ""))
    workspace.deliver("first", table, files)
    [delivery] = read_index(workspace.root / "data" / "deliveries")
    folder = workspace.root / "data" / "deliveries" / "first"
    check_sound(folder, folder, workspace.root, delivery.md5)
    workspace.run("raw_audio")
    heard = workspace.hashes("raw_audio")
    journal = intake_journal(workspace.root, delivery.md5)
    assert sorted(read_journal(journal)) == ["audio/a.ogg", "audio/b.flac"]
    workspace.outputs.clear()
    (folder / "audio" / "a.ogg").unlink()
    workspace.run("raw_audio")
    assert workspace.hashes("raw_audio") == heard
    workspace.run("raw_audio")
    assert workspace.hashes("raw_audio") == heard
    assert not journal.exists()


def test_too_many_bad_files_stop_the_stage_with_the_numbers(workspace: Workspace, files: Path) -> None:
    rows = [
        ("s1", "", "audio/a.ogg", ""),
        ("s2", "", "audio/short.wav", ""),
        ("s3", "", "audio/broken.mp3", ""),
    ]
    workspace.deliver("first", songs(*rows), files)
    message = r"'first': 2 of 3 audio files .*1 not audio, 1 too short.* allows 50%.*short\.wav: too short"
    with pytest.raises(UserError, match=message):
        workspace.run("raw_audio")
    listed = pd.read_csv(workspace.root / ".earshot/failed/raw_audio/set_aside.csv")
    assert listed["song_id"].tolist() == ["s2", "s3"]


def test_nothing_to_do_is_an_error(workspace: Workspace) -> None:
    with pytest.raises(UserError, match="no delivery yet"):
        workspace.run("raw_audio")
    workspace.deliver("plays only", songs().iloc[:0])
    with pytest.raises(UserError, match="no delivery names a song"):
        workspace.run("raw_audio")


def test_a_delivery_that_is_not_checked_out_is_named(workspace: Workspace, files: Path) -> None:
    workspace.deliver("first", songs(("s1", "One", "audio/gone.ogg", "")), files)
    with pytest.raises(UserError, match=r"gone\.ogg: not there; `dvc checkout`"):
        workspace.run("raw_audio")
