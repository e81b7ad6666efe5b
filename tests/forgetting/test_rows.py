"""Outputs without the rows of an id, on tables small enough to be looked at."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
from dvc.fs import LocalFileSystem

from earshot.forgetting import stores
from earshot.forgetting.objects import Store, purge
from earshot.forgetting.places import from_work, sweep
from earshot.forgetting.rows import judged_by, without
from earshot.forgetting.searching import WantedId, holds
from earshot.lanes.journal import JOURNAL, Journal, Mark, read_marks
from earshot.serve.keys import KeyStore
from earshot.serve.playlist_store import PLAYLISTS, Playlists
from earshot.serve.votes import Vote, Votes
from tests.forgetting.searching import places

USER, SONG = "user-3f9c1b7e5a2d4c6b8e0f1a3c5d7", "song-9b2e4d6f8a0c1e3b5d7f9a1c3e5"


def write(folder: Path, name: str, table: dict[str, list[object]]) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(table).to_parquet(folder / name, index=False)


def files_of(folder: Path) -> dict[str, Path]:
    return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}


def test_a_snapshot_without_a_song(tmp_path: Path) -> None:
    output, made = tmp_path / "output", tmp_path / "made"
    write(output, "users.parquet", {"user_id": ["a", "b"]})
    write(output, "items.parquet", {"song_id": ["p", SONG, "q"]})
    write(output, "plays.parquet", {"user": [0, 0, 1, 1], "item": [0, 1, 1, 2], "play_count": [1, 2, 3, 4]})
    np.save(output / "item_factors.npy", np.array([[1.0], [2.0], [3.0]]))
    np.save(output / "user_factors.npy", np.array([[5.0], [6.0]]))
    write(output, "songs.parquet", {"song_id": ["p", SONG], "recording": [SONG, SONG]})
    write(
        output, "images/index.parquet", {"song_id": ["p", SONG], "shard": ["x", "x"], "first_frame": [0, 2]}
    )
    index = pd.read_parquet(output / "images/index.parquet").assign(n_frames=[2, 1])
    index.to_parquet(output / "images/index.parquet", index=False)
    (output / "images" / "shards").mkdir()
    np.save(output / "images" / "shards" / "x.npy", np.array([[1], [2], [3]], np.uint8))
    write(output, "clips/clips.parquet", {"song_id": [SONG, "p"], "clip": ["0.mp3", "1.mp3"]})
    for clip in ("0.mp3", "1.mp3"):
        (output / "clips" / clip).write_bytes(b"sound")
    near = [{"song_id": "p", "neighbours": [{"song_id": SONG}, {"song_id": "q"}]}, {"song_id": SONG}]
    (output / "neighbours.json").write_text(json.dumps(near))
    found = without(files_of(output), made, WantedId("song", SONG))
    gone = {name for name, path in found.items() if path is None}
    left = {name: path for name, path in found.items() if path is not None}
    assert gone == {"clips/0.mp3"}
    assert not {"users.parquet", "user_factors.npy", "clips/1.mp3"} & found.keys()
    plays = pd.read_parquet(left["plays.parquet"])
    assert plays.to_numpy().tolist() == [[0, 0, 1], [1, 1, 4]]
    assert np.load(left["item_factors.npy"]).tolist() == [[1], [3]]
    assert np.load(left["images/shards/x.npy"]).tolist() == [[1], [2], [0]]
    assert pd.read_parquet(left["songs.parquet"]).to_numpy().tolist() == [["p", "p"]]
    assert json.loads(left["neighbours.json"].read_text()) == [
        {"song_id": "p", "neighbours": [{"song_id": "q"}]}
    ]
    assert places(made, SONG) == []


def test_what_has_a_line_a_listener_without_saying_whose_goes_whole(tmp_path: Path) -> None:
    np.save(tmp_path / "lists.npy", np.zeros((2, 3)))
    (tmp_path / "served_quality.json").write_text("{}")
    assert judged_by(files_of(tmp_path)) == {"lists.npy": None}
    assert without(files_of(tmp_path), tmp_path, WantedId("user", USER)) == {}


def test_a_short_id_is_no_number_and_no_part_of_a_word() -> None:
    seven = WantedId("user", "7")
    for content in (b'{"seed": 7}', b"epoch 7 of 17", b'{"user_id": "17"}', b"user_id,n\n17,7x\n"):
        assert not holds(content, seven), content
    for content in (b'{"user_id": "7"}', b"row 3: user_id='7': bad", b"user_id,song_id\n7,a\n"):
        assert holds(content, seven), content


def test_the_journal_keeps_its_length_and_what_others_did(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    marks = [Mark(who, SONG, "play", 10**12 + at) for at, who in enumerate(("a", USER, "b", USER))]
    journal.add("key", marks)
    with (tmp_path / JOURNAL).open("ab") as file:
        file.write(b'{"user": "' + USER.encode())  # cut short by a kill
    size = (tmp_path / JOURNAL).stat().st_size
    assert stores.from_journal(tmp_path, WantedId("user", USER)) == 3
    content = (tmp_path / JOURNAL).read_bytes()
    assert len(content) == size
    assert list(read_marks(content)) == [marks[0], marks[2]]
    assert places(tmp_path, USER) == []


def test_stores_of_the_server_hold_nothing_of_a_listener_and_all_of_others(tmp_path: Path) -> None:
    (tmp_path / ".earshot").mkdir()
    votes, playlists, keys = Votes(tmp_path), Playlists(tmp_path), KeyStore(tmp_path)
    for ballot, who in (("1", USER), ("2", "b")):
        votes.add(Vote(ballot, "r1", "r2", "r1", who, who))
        playlists.write(who, None, f"of {who}", ["p", SONG])
        keys.add(f"key of {ballot}", "listener", who)
    wanted = WantedId("user", USER)
    changed = [
        kind(tmp_path, wanted) for kind in (stores.from_votes, stores.from_playlists, stores.from_keys)
    ]
    assert changed == [1, 1, 1]
    assert votes.results()[0].for_one == 1
    assert [each.songs for each in playlists.all("b")] == [("p", SONG)]
    assert [key.identity.user_id for key in keys.list()] == ["b"]
    assert stores.from_playlists(tmp_path, WantedId("song", SONG)) == 1
    assert [each.songs for each in playlists.all("b")] == [("p",)]
    assert places(tmp_path, USER) == places(tmp_path, SONG) == []
    assert (tmp_path / PLAYLISTS).stat().st_mode & 0o777 == 0o600


def test_what_sharing_has_trained_goes_whole(tmp_path: Path) -> None:
    """And stays where it holds others alone."""
    for release, user in (("one", USER), ("other", "somebody else")):
        folder = tmp_path / ".earshot" / "shared" / release / "data" / "training_set"
        folder.mkdir(parents=True)
        write(folder, "users.parquet", {"user_id": [user]})
    assert from_work(tmp_path, WantedId("user", USER)) == 1
    assert [each.name for each in (tmp_path / ".earshot" / "shared").iterdir()] == ["other"]


def test_logs_and_databases_say_forgotten_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "run.log").write_text(f"listener {USER} waits, {USER}2 does not\n")
    with closing(sqlite3.connect(tmp_path / "events.db")) as events:
        events.execute("create table event_logs (id integer primary key, event text)")
        told = [(json.dumps({"message": f"{USER} failed", "n": n}),) for n in range(50)]
        events.executemany("insert into event_logs (event) values (?)", told)
        events.commit()
    (tmp_path / "weights.bin").write_bytes(b"\0" + USER.encode())
    assert sweep(tmp_path, WantedId("user", USER)) == 3
    assert (tmp_path / "run.log").read_text() == f"listener (forgotten) waits, {USER}2 does not\n"
    assert not (tmp_path / "weights.bin").exists()
    with closing(sqlite3.connect(tmp_path / "events.db")) as events:
        rows = events.execute("select id, event from event_logs").fetchall()
    assert len(rows) == 50
    assert json.loads(rows[7][1]) == {"message": "(forgotten) failed", "n": 7}
    (tmp_path / "run.log").unlink()
    assert places(tmp_path, USER) == []


def test_an_object_goes_with_the_list_that_names_it_and_what_was_made_of_it(tmp_path: Path) -> None:
    """plays -> list a -> (run) -> list b -> weights; c stands alone; what is named now stays."""
    md5 = {name: f"{place:032x}" for place, name in enumerate(("plays", "weights", "shared", "other"), 1)}
    lists = {name: f"{place:032x}.dir" for place, name in enumerate("abc", 10)}
    contents = {md5[name]: name.encode() for name in md5} | {md5["plays"]: f"user_id\n{USER}\n".encode()}
    for name, files in {"a": ("plays", "shared"), "b": ("weights", "shared"), "c": ("other",)}.items():
        listed = [{"md5": md5[file], "relpath": file} for file in files]
        contents[lists[name]] = json.dumps(listed).encode()
    for each, content in contents.items():
        (tmp_path / "objects" / each[:2]).mkdir(parents=True, exist_ok=True)
        (tmp_path / "objects" / each[:2] / each[2:]).write_bytes(content)
    (tmp_path / "runs" / "ab").mkdir(parents=True)
    for name, read, made in (("1", "a", "b"), ("2", "c", "c")):
        entry = f"cmd: x\ndeps:\n- md5: {lists[read]}\nouts:\n- md5: {lists[made]}\n"
        (tmp_path / "runs" / "ab" / name).write_text(entry)
    store = Store("here", LocalFileSystem(), os.fspath(tmp_path / "objects"), os.fspath(tmp_path / "runs"))
    assert purge(store, WantedId("user", USER), set(), {md5["shared"]}, {}) == (4, 1)
    assert store.md5s().keys() == {md5["shared"], md5["other"], lists["c"]}
    assert [Path(path).name for path in store.run_files()] == ["2"]
