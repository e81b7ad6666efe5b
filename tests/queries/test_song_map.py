"""Tiles and names of the map, against loops over all songs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earshot.errors import UserError
from earshot.queries.map_names import name_regions
from earshot.queries.song_map import DEEPEST, MOST_IN_TILE, NEW, WORLD, Kind, SongMap


def scattered(n: int, seed: int = 0) -> SongMap:
    """Half of them in one heap, and 600 at the very same place; every fifth new."""
    rng = np.random.default_rng(seed)
    places = rng.integers(0, WORLD, (n, 2))
    places[: n // 2] = np.clip(rng.normal(30_000, 500, (n // 2, 2)), 0, WORLD - 1)
    places[:600] = 65_535
    kinds = rng.integers(0, 3, n).astype(np.uint8)
    genres = [Kind(name, int((kinds == kind).sum())) for kind, name in enumerate(("a", "b", ""))]
    kinds[::5] += NEW
    return SongMap(np.arange(n) * 2, places.astype(np.uint16), kinds, genres)


@pytest.mark.parametrize("kind", [None, 1])
def test_every_song_is_in_one_tile_of_a_level_or_counted_there(kind: int | None) -> None:
    songs = scattered(6000)
    wanted = np.flatnonzero((songs.kinds % NEW == kind) | (kind is None))
    before = np.empty(0, dtype=int)
    for level in (0, 1, 2, 5):
        shown, counted = [], 0
        for x, y in np.ndindex(1 << level, 1 << level):
            tile = songs.tile(level, x, y, kind)
            inside = (songs.places[wanted] >> (16 - level) == [x, y]).all(axis=1)
            assert tile.songs == inside.sum()
            assert len(tile.rows) == min(tile.songs, MOST_IN_TILE)
            assert np.isin(tile.rows, wanted[inside]).all()
            shown.append(tile.rows)
            counted += tile.songs
        rows = np.concatenate(shown)
        assert counted == len(wanted)
        assert len(np.unique(rows)) == len(rows)
        assert np.isin(before, rows).all()  # nothing goes as one comes nearer
        before = rows


def test_the_deepest_tiles_thin_nothing() -> None:
    songs, last = scattered(3000), (1 << DEEPEST) - 1
    heap = songs.tile(DEEPEST, last, last)
    assert len(heap.rows) == heap.songs >= 600


@pytest.mark.parametrize(
    "tile", [(-1, 0, 0), (DEEPEST + 1, 0, 0), (2, 4, 0), (2, 0, 4), (2, -1, 0), (2, 0, -1)]
)
def test_other_tiles_are_refused(tile: tuple[int, int, int]) -> None:
    with pytest.raises(UserError, match=f"tile {tile[0]}/{tile[1]}/{tile[2]}"):
        scattered(1000).tile(*tile)


@given(st.integers(0, WORLD), st.integers(0, WORLD), st.integers(0, WORLD), st.sampled_from([None, 0, 2]))
def test_the_nearest_songs_in_view(x: int, y: int, half: int, kind: int | None) -> None:
    songs = scattered(1500)
    found = songs.nearest(x, y, half, half // 2, 20, kind)
    away = songs.places.astype(float) - [x, y]
    seen = [
        (float(np.hypot(*away[n])), n)
        for n in range(1500)
        if abs(away[n, 0]) <= half and abs(away[n, 1]) <= half // 2 and kind in (None, songs.kinds[n] % NEW)
    ]
    assert found.songs == len(seen)
    assert [float(np.hypot(*away[n])) for n in found.rows] == pytest.approx([a for a, _ in sorted(seen)[:20]])


def test_regions_are_named_by_what_marks_them_off() -> None:
    """Everything is pop; jazz lies left, folk right and, apart from it, at the bottom left."""
    middle = [round(65_536 / 12 * (n + 0.5)) for n in range(12)]  # of cells
    spots = {"jazz": (0, 3), "folk": (11, 3), "Folk ": (0, 11), "": (5, 5)}
    rng = np.random.default_rng(0)
    places = np.concatenate(
        [rng.normal((middle[x], middle[y]), 300, (40, 2)) for x, y in spots.values()]
    ).astype(np.uint16)
    genres = [f"pop;{tag}" for tag in spots for _ in range(40)]
    whole = [name for name in name_regions(places, genres) if name.level == 0]
    assert {(name.tag, round(name.x, -4), round(name.y, -4), name.songs) for name in whole} == {
        *(("jazz", 0, 20_000, 40), ("folk", 60_000, 20_000, 40), ("folk", 0, 60_000, 40)),
        ("pop", 30_000, 30_000, 40),
    }
    assert name_regions(places[:5], [""] * 5) == []
    assert name_regions(places[:0], []) == []
