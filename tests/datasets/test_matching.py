"""Whose song a play is: by id, by its name, by what spellings share; never another's in silence."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earshot.datasets.importing.drafts import new_delivery
from earshot.datasets.importing.names import exact_key, match_key
from earshot.datasets.matching import UNMATCHED, SourcePlay, write_matched
from earshot.datasets.song_index import Match, SongIndex
from earshot.errors import UserError
from tests.datasets.imports import plays, take_in

NAMES = st.text(
    st.sampled_from("aBéЙёΆハバ゙゚\u0301\u0308काकि한#+$!?&- ☺\ufe0fﾊﾞßİſ") | st.characters(codec="utf-8")
)


@pytest.mark.parametrize(
    "different",
    [
        ["ハナ", "バナ", "パナ"],
        ["かき", "かぎ"],
        ["कल", "काल", "किला"],
        ["กา", "ก้า"],
        ["C", "C#", "C++"],
        ["!!!", "???", "+/-", "..."],
        ["한", "하"],
        ["A$AP", "AAP"],
    ],
)
def test_letters_of_other_scripts_and_signs_tell_names_apart(different: list[str]) -> None:
    assert len(set(map(match_key, different))) == len(different)


@pytest.mark.parametrize(
    "same",
    [
        ["Beyoncé", "BEYONCE", "Beyonce\u0301"],
        ["バナ", "ﾊﾞﾅ", unicodedata.normalize("NFD", "バナ")],
        ["Ёлка", "елка"],
        ["Άννα", "αννα"],
        ["AC/DC", "acdc", "AC-DC "],
        ["C++", "C++"],
        ["Straße", "STRASSE"],
        ["I ♥\ufe0f You", "I you"],
    ],
)
def test_accents_case_and_punctuation_do_not(same: list[str]) -> None:
    assert len(set(map(match_key, same))) == 1


@given(NAMES)
def test_a_key_is_that_of_every_way_to_write_the_name_and_its_own(name: str) -> None:
    assert match_key(match_key(name)) == match_key(name)
    for form in ("NFC", "NFD"):
        assert match_key(unicodedata.normalize(form, name)) == match_key(name)
        assert exact_key(unicodedata.normalize(form, name)) == exact_key(name)
    assert bool(match_key(name)) == bool(exact_key(name))


@given(st.lists(st.tuples(NAMES, NAMES), max_size=6))
def test_a_song_is_found_by_its_own_name_and_else_no_other_is(names: list[tuple[str, str]]) -> None:
    index = SongIndex()
    first: dict[tuple[str, str], str] = {}
    for number, (artist, title) in enumerate(names):
        index.add(str(number), "", artist, title)
        first.setdefault((exact_key(artist), exact_key(title)), str(number))
    for (artist, title), song_id in first.items():
        found = index.find([], artist, title)
        assert found == ((song_id, Match.EXACT_NAME) if artist and title else ("", Match.UNMATCHED))


SONGS = """song_id,artist,title,recording_mbid,path
1,Björk,Jóga,,a/joga.mp3
2,Sigur Rós,Hljómalind,m-2,
3,Mika,Élan,,
4,Mika,Elan,,
5,ハナ,かき,,
6,バナ,かぎ,,
"""


def test_each_play_goes_to_its_song_or_into_the_list(tmp_path: Path) -> None:
    (tmp_path / "songs").mkdir()
    (tmp_path / "songs" / "songs.csv").write_text(SONGS)
    heard = [
        SourcePlay("u", "x", "y", "1700000000", mbids=("none", "M-2")),
        SourcePlay("u", "x", "y", "1700000001", path="a/joga.mp3"),
        SourcePlay("u", "BJÖRK", "jóga", "1700000002"),
        SourcePlay("v", "bjork", "Joga!", "1700000003"),
        SourcePlay("v", "Mika", "élan", "1700000004"),
        SourcePlay("v", "Mika", "Elan", "1700000005"),
        SourcePlay("v", "MIKA", "Èlan", "1700000006"),
        SourcePlay("v", "バナ", "かぎ", "1700000007"),
        *[SourcePlay("v", "No", "One, two")] * 2,
    ]
    with new_delivery(tmp_path / "d", "test") as draft:
        told = write_matched(heard, draft, tmp_path / "songs")
    assert [song for _, song, _ in plays(tmp_path / "d")] == ["2", "1", "1", "1", "3", "4", "6"]
    assert (told.matched_by_mbid, told.matched_by_path, told.matched_by_exact_name) == (1, 1, 4)
    assert (told.matched_by_loose_name, told.ambiguous, told.unmatched) == (1, 1, 2)
    assert (told.plays, told.matched_share, told.songs_alike) == (10, 0.7, 0)
    listed = (tmp_path / "d" / UNMATCHED).read_text()
    assert listed == 'artist,title,plays,reason\nNo,"One, two",2,unmatched\nMIKA,Èlan,1,ambiguous\n'
    take_in(tmp_path / "d", tmp_path / "workspace")
    with (
        pytest.raises(UserError, match=r"none of 2 listens is to a song of .*'No', 'One, two'"),
        new_delivery(tmp_path / "e", "test") as draft,
    ):
        write_matched(heard[-2:], draft, tmp_path / "songs")
    assert not (tmp_path / "e").exists()
