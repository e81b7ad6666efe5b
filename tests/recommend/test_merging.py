"""Merged lists are the bytes of lists made anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array

from earshot.recommend import ranking
from earshot.recommend.list_rules import NO_RULES, ListMaker, ListRules
from earshot.recommend.lists import Lists, merge_songs, new_songs, write_recommendations

K = 5
USER_IDS = np.array([f"u{n:02d}" for n in range(23)], dtype=object)
SONG_IDS = np.array([f"s{n:02d}" for n in range(40)], dtype=object)
draw = np.random.default_rng(0)
USERS = draw.integers(-3, 4, (23, 2)).astype(np.float32)  # many ties
ITEMS = draw.integers(-3, 4, (40, 2)).astype(np.float32)
PLAYED = draw.random((23, 40)) < 0.3
PLAYED[4] = True  # nothing is left for this one
UNPLAYED = draw.random(40) < 0.3
ARTISTS = draw.integers(0, 9, 40)
ALL_RULES = [NO_RULES, ListRules(0.4), ListRules(None, 1), ListRules(0.25, 2)]


def write(path: Path, songs: np.ndarray, rules: ListRules) -> Lists:
    maker = ListMaker(K, rules, UNPLAYED[songs], ARTISTS[songs])
    lists = maker.rank(USERS, ITEMS[songs], csr_array(PLAYED[:, songs]), np.ones(len(songs), bool))
    write_recommendations(path, lists, USER_IDS, SONG_IDS[songs], UNPLAYED[songs], "r")
    return Lists(path, SONG_IDS[songs], ITEMS[songs])


@pytest.mark.parametrize("rules", ALL_RULES)
@pytest.mark.parametrize("known", [40, 25, 3, 0])
def test_merging_gives_the_same_file(
    known: int, rules: ListRules, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranking, "USERS_AT_ONCE", 7)
    songs = np.sort(np.random.default_rng(known).permutation(40)[:known])
    earlier = write(tmp_path / "earlier.parquet", songs, rules)
    write(tmp_path / "anew.parquet", np.arange(40), rules)
    new = new_songs(earlier, SONG_IDS, ITEMS)
    assert new is not None
    assert np.flatnonzero(~new).tolist() == songs.tolist()
    maker = ListMaker(K, rules, UNPLAYED, ARTISTS)
    merged = merge_songs(earlier, USER_IDS, SONG_IDS, USERS, ITEMS, csr_array(PLAYED), new, maker)
    write_recommendations(tmp_path / "merged.parquet", merged, USER_IDS, SONG_IDS, UNPLAYED, "r")
    assert (tmp_path / "merged.parquet").read_bytes() == (tmp_path / "anew.parquet").read_bytes()


def test_a_song_that_left_or_moved_forbids_merging(tmp_path: Path) -> None:
    earlier = Lists(tmp_path, SONG_IDS[:10], ITEMS[:10])
    assert new_songs(earlier, SONG_IDS[1:], ITEMS[1:]) is None
    moved = ITEMS.copy()
    moved[3] += 1
    assert new_songs(earlier, SONG_IDS, moved) is None
