"""Which songs stand for one recording: by file, by name, in chains and circles, whatever comes later."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from earshot.catalogue.recordings import recordings


def write_catalogue(
    folder: Path, songs: dict[str, tuple[str, str | None]], files: list[tuple[str, str]]
) -> Path:
    """`songs` by id: md5 of the sound now, and what it is a version of; `files` in order of arrival."""
    folder.mkdir()
    table = [(song_id, md5, of) for song_id, (md5, of) in sorted(songs.items())]
    pd.DataFrame(table, columns=["song_id", "audio_md5", "version_of"]).to_parquet(folder / "songs.parquet")
    pd.DataFrame(files, columns=["song_id", "audio_md5"]).to_parquet(folder / "files.parquet")
    return folder


def test_one_file_under_two_ids_is_the_song_that_came_first(tmp_path: Path) -> None:
    songs = {"z": ("1", None), "a": ("1", ""), "b": ("2", None)}
    found = recordings(write_catalogue(tmp_path / "one", songs, [("z", "1"), ("b", "2"), ("a", "1")]))
    assert found.to_dict() == {"a": "z", "b": "b", "z": "z"}
    # what comes later, under a smaller id, moves nothing
    later = songs | {"A": ("1", None), "c": ("3", "b")}
    files = [("z", "1"), ("b", "2"), ("a", "1"), ("A", "1"), ("c", "3")]
    again = recordings(write_catalogue(tmp_path / "two", later, files))
    assert again.to_dict() == found.to_dict() | {"A": "z", "c": "b"}


def test_versions_of_versions_and_circles(tmp_path: Path) -> None:
    songs = {
        "live": ("1", "studio"),
        "studio": ("2", None),
        "edit": ("3", "live"),
        "copy": ("3", None),  # the file of edit, under another id
        "lost": ("4", "never delivered"),
        "x": ("5", "y"),
        "y": ("6", "x"),
    }
    files = [(song_id, md5) for song_id, (md5, _) in songs.items()]
    found = recordings(write_catalogue(tmp_path / "catalogue", songs, files)).to_dict()
    assert {found[name] for name in ("live", "studio", "edit", "copy")} == {"studio"}
    assert found["lost"] == "never delivered"
    assert found["x"] == found["y"] == "x"
