"""Which kind of listening history a file is."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

from earshot.datasets.histories import History, import_history, kind_of
from earshot.errors import UserError

LISTEN = '{"listened_at": 1700000000, "track_metadata": {"artist_name": "Ada", "track_name": "One"}}\n'


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("listens.jsonl", LISTEN, History.LISTENBRAINZ),
        ("export.json", f"[{LISTEN}]", History.LISTENBRAINZ),
        ("export.zip", "PK", History.LISTENBRAINZ),
        ("scrobbles.csv", "artist,track,uts\n", History.LASTFM),
        ("recent.json", '{"recenttracks": {}}', History.LASTFM),
        ("lastfm-1K.tar.gz", "", History.LASTFM),
    ],
)
def test_by_name_and_content(tmp_path: Path, name: str, content: str, kind: History) -> None:
    (tmp_path / name).write_text(content)
    assert kind_of(tmp_path / name) is kind


def test_a_database_a_folder_and_what_is_none(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "anything")) as database:
        database.execute("create table media_file (id)")
        database.commit()
    assert kind_of(tmp_path / "anything") is History.NAVIDROME
    assert kind_of(tmp_path) is History.LISTENBRAINZ
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8")
    with pytest.raises(UserError, match=r"photo\.jpg: wanted an export of ListenBrainz"):
        kind_of(tmp_path / "photo.jpg")
    with pytest.raises(UserError, match="gone: No such file"):
        kind_of(tmp_path / "gone")


def test_plays_become_a_delivery_of_the_one_who_listened(tmp_path: Path) -> None:
    songs = tmp_path / "songs"
    songs.mkdir()
    (songs / "songs.csv").write_text("song_id,artist,title\ns1,Ada,One\n")
    for name, content in {"a.jsonl": LISTEN, "b.csv": "artist,track,uts\nAda,One,1700000000\n"}.items():
        (tmp_path / name).write_text(content)
        found = import_history(tmp_path / name, tmp_path / f"of-{name}", songs=songs, user="me")
        assert (found.listeners, found.songs_played) == (1, 1)
        plays = pd.read_parquet(next((tmp_path / f"of-{name}").glob("plays*.parquet")))
        assert (plays["user_id"].tolist(), plays["song_id"].tolist()) == (["me"], ["s1"])
