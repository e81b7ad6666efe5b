"""Playlists of the week in a music folder: whose they are, what is in them, and what they cannot reach."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient

from earshot.errors import UserError
from earshot.files import write_table
from earshot.queries.served import read_served
from earshot.queries.weekly_lists import FORGOTTEN, INDEX, NEW
from earshot.serve.app import make_server
from tests.releases.tiny_workspace import Repository

DAY = 86_400
NEWEST = 1_700_000_000
HOSTILE = {"s093": "../../outside.flac", "s094": "/etc/passwd"}


def _tell_more(repository: Repository) -> pd.DataFrame:
    """Paths of songs, and when they were played: those of even rows long ago. Returns the plays."""
    made = repository.root / "made"
    songs = pd.read_parquet(made / "raw_audio" / "songs.parquet")
    paths = [HOSTILE.get(song, f"Artist/{song}.flac") for song in songs["song_id"]]
    write_table(made / "raw_audio" / "songs.parquet", songs.assign(path=paths))
    plays = pd.read_parquet(made / "play_counts" / "plays.parquet")
    ago = np.where(plays["item"] % 2 == 0, 200, 5) * DAY
    dated = plays.assign(last_played_at=pd.array(NEWEST - ago, dtype="Int64"))
    write_table(made / "play_counts" / "plays.parquet", dated)
    repository.repro()
    return dated


def _songs_in(file: Path) -> list[str]:
    paths = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    assert all(path.startswith("./Artist/") for path in paths)
    return [Path(path).stem for path in paths]


def test_every_listener_finds_new_songs_and_forgotten_ones(repository: Repository) -> None:
    music = repository.root / "music"
    with pytest.raises(UserError, match=r"weekly_lists\.folder: null"):
        repository.earshot("playlists")
    with pytest.raises(UserError, match="music: not a folder"):
        repository.earshot("playlists", "music")
    music.mkdir()
    with pytest.raises(UserError, match="no song has a path in the music folder"):
        repository.earshot("playlists", "music")

    plays = _tell_more(repository)
    gone, mine = music / "earshot-0123456789abcdef.m3u8", music / "earshot-mine.m3u8"
    for file in (gone, mine):
        file.write_text("as it was")
    told = repository.earshot("playlists", "music")
    index = json.loads((music / INDEX).read_text())
    assert f"music: {len(index['lists'])} playlists" in told
    assert not gone.exists()
    assert mine.read_text() == "as it was"

    served = read_served(repository.root)
    assert index["release"] == served.release
    files = {(each["listener"], each["title"]): music / each["file"] for each in index["lists"]}
    assert {title for _, title in files} == {NEW, FORGOTTEN}
    new = json.loads(repository.earshot("recommend", "u007", "--new", "-k", "30", "--json"))
    assert _songs_in(files["u007", NEW]) == [row["song_id"] for row in new if row["song_id"] not in HOSTILE]

    users, items = (
        served.table("play_counts", name)[column]
        for name, column in (("users.parquet", "user_id"), ("items.parquet", "song_id"))
    )
    user = int(users[users == "u007"].index[0])
    old = plays[(plays["user"] == user) & (plays["item"] % 2 == 0) & (plays["play_count"] >= 2)]
    song_rows = {song: row for row, song in enumerate(served.song_ids)}
    scores = served.vectors("item_factors.npy") @ served.vectors("user_factors.npy")[served.user_row("u007")]
    wanted = [song for song in items[old["item"]] if song != "s003"]  # which is withdrawn
    best = sorted(wanted, key=lambda song: -scores[song_rows[song]])
    assert _songs_in(files["u007", FORGOTTEN]) == best[:30]

    again = json.loads(repository.earshot("recommend", "u007", "--again-after", "90", "-k", "90", "--json"))
    lately = set(items[plays.loc[(plays["user"] == user) & (plays["item"] % 2 == 1), "item"]])
    assert {row["song_id"] for row in again} == set(served.song_ids) - lately - {"s003"}
    with TestClient(make_server(repository.root).app, "http://localhost:8000") as client:
        shown = client.get("/listener?user=u007&again_after=90&k=100").text
    assert '<option value="90" selected>again after 90 days' in shown
    assert shown.count("<h3>") == len(again)

    outside = repository.root / "outside"
    outside.write_text("not to be written to")
    files["u007", NEW].unlink()
    files["u007", NEW].symlink_to(outside)
    repository.earshot("playlists", "music")
    assert outside.read_text() == "not to be written to"
    assert _songs_in(files["u007", NEW])
