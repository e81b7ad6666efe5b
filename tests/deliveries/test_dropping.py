"""Rows of a delivery that go, and all else as it came."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earshot.deliveries import read_index
from earshot.deliveries.dropping import drop_forgotten, drop_rows
from earshot.errors import UserError
from earshot.forgotten import open_book


def dropping(column: str, *names: str) -> Callable[[str, Collection[str]], set[str]]:
    return lambda of, ids: {name for name in names if of == column and name in ids}


def test_lines_that_stay_are_what_they_were_to_the_byte(tmp_path: Path) -> None:
    plays = tmp_path / "plays.csv"
    plays.write_bytes(
        b'\xef\xbb\xbfplay_count,user_id,song_id,remark\r\n3,"ann","s1","a ""b""\r\nc"\r\n'
        b"1,bob,s1,ann\n2,ann,s2,\n1,anne,s1,\xff"
    )
    assert drop_rows(tmp_path, dropping("user_id", "ann")).rows == 2
    assert plays.read_bytes() == (
        b"\xef\xbb\xbfplay_count,user_id,song_id,remark\r\n1,bob,s1,ann\n1,anne,s1,\xff"
    )


def test_a_song_goes_with_its_sound_unless_another_has_it_too(tmp_path: Path) -> None:
    (tmp_path / "songs.csv").write_text(
        "song_id,audio,version_of\na,audio/a.mp3,\nb,audio/b.mp3,a\nc,audio/./b.mp3,\nd,audio/d.mp3,b\n"
    )
    np.save(tmp_path / "heard.npy", np.arange(8.0).reshape(4, 2))
    dropped = drop_rows(tmp_path, dropping("song_id", "a", "b"))
    assert (dropped.rows, dropped.sounds) == (2, {"audio/a.mp3"})
    assert (tmp_path / "songs.csv").read_text() == (
        "song_id,audio,version_of\nc,audio/./b.mp3,\nd,audio/d.mp3,\n"
    )
    assert np.load(tmp_path / "heard.npy").tolist() == [[4, 5], [6, 7]]


def test_parquet_with_numbers_for_ids_and_files_that_hold_nothing_of_it(tmp_path: Path) -> None:
    pd.DataFrame({"user_id": [7, 77, 7], "song_id": ["a", "b", "c"]}).to_parquet(tmp_path / "plays.parquet")
    (tmp_path / "feedback.csv").write_text("user_id,song_id,kind\n77,a,like\n")
    before = (tmp_path / "feedback.csv").stat().st_ino
    assert drop_rows(tmp_path, dropping("user_id", "7")).rows == 2
    assert pd.read_parquet(tmp_path / "plays.parquet").to_dict("list") == {"user_id": [77], "song_id": ["b"]}
    assert (tmp_path / "feedback.csv").stat().st_ino == before


def test_what_was_forgotten_is_told_by_hashes_alone(tmp_path: Path) -> None:
    book = open_book(tmp_path)
    book.bury("user", "ann")
    book.write(tmp_path)
    for place in ("data/deliveries/forgotten.json", ".earshot/forgotten.json"):
        assert "ann" not in (tmp_path / place).read_text()
    folder = tmp_path / "delivery"
    folder.mkdir()
    (folder / "plays.csv").write_text("user_id,song_id\nann,a\nbob,ann\n")
    assert drop_forgotten(folder, tmp_path) == 1  # a song may be called so
    assert (folder / "plays.csv").read_text() == "user_id,song_id\nbob,ann\n"


def test_an_index_of_before_is_refused_with_the_day(tmp_path: Path) -> None:
    book, deliveries = open_book(tmp_path), tmp_path / "data" / "deliveries"
    old, new = f"{1:032x}.dir", f"{2:032x}.dir"
    book.objects[old] = ("2026-01-02", new)
    book.write(tmp_path)
    (deliveries / "music").mkdir()
    for md5 in (old, new):
        (deliveries / "index.csv").write_text(f"delivery,md5\nmusic,{md5}\n")
        if md5 == new:
            assert [each.md5 for each in read_index(deliveries)] == [new]
            continue
        with pytest.raises(UserError, match=f"music,{old}: held what was forgotten on 2026-01-02; wanted"):
            read_index(deliveries)
    shutil.rmtree(
        deliveries
    )  # as a commit has it in which nothing was forgotten: the copy in .earshot answers
    (deliveries / "music").mkdir(parents=True)
    (deliveries / "index.csv").write_text(f"delivery,md5\nmusic,{old}\n")
    with pytest.raises(UserError, match="forgotten on 2026-01-02"):
        read_index(deliveries)


@settings(max_examples=25)
@given(st.lists(st.tuples(st.sampled_from(["x", "y z", 'q"']), st.text("ab,\"\n'", max_size=4)), max_size=8))
def test_csv_as_the_library_reads_it(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("delivery")
    table = pd.DataFrame(rows, columns=["user_id", "song_id"])
    table.to_csv(folder / "plays.csv", index=False)
    drop_rows(folder, dropping("user_id", 'q"'))
    left = pd.read_csv(folder / "plays.csv", dtype=str, keep_default_na=False)
    assert left.to_numpy().tolist() == table[table["user_id"] != 'q"'].to_numpy().tolist()
