"""Where things lie in the charts and on the map."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from earshot.pages.bars import BarRow, bars_chart
from earshot.pages.charts import Axis, curves_chart, interval_bar, ticks
from earshot.pages.render import number, signed
from earshot.pages.song_map import colour_classes, draw_map
from earshot.pages.songs import choose_sounds


def test_an_axis_in_per_cent():
    axis = Axis(0.5, 0.9)
    assert [axis.at(0.5), axis.at(0.6), axis.at(0.9)] == ["0.00%", "25.00%", "100.00%"]
    assert Axis.around([None, 0.0, 1.0], margin=0.1) == Axis(-0.1, 1.1)
    assert Axis.around([None]) == Axis(-0.06, 1.06)


@pytest.mark.parametrize(
    ("axis", "expected"),
    [
        (Axis(0.0, 1.0), [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (Axis(0.13, 0.48), [0.2, 0.3, 0.4]),
        (Axis(0, 39), [0, 10, 20, 30]),
    ],
)
def test_ticks_are_round(axis, expected):
    assert ticks(axis) == expected


def test_an_interval_that_is_not_known_is_not_drawn():
    drawn = interval_bar(0.7, None, None, Axis(0.4, 1.0), 0.5)
    assert 'class="dot" cx="50.00%"' in drawn
    assert 'class="mark" x1="16.67%"' in drawn
    assert 'class="bar"' not in drawn
    assert 'class="mark"' not in interval_bar(0.7, 0.6, 0.8, Axis(0.55, 1.0), 0.5)


def test_bars_of_all_rows_lie_over_one_axis_that_is_drawn():
    rows = [BarRow("a", "", 0.5, 0.25, 1.0, "0.500", ""), BarRow("b", "", 0.0, None, None, "0.000", "")]
    drawn = bars_chart(rows, None, "recall@20")
    # 0 to 1 with 4 % of room at either end: x lies at (x + 0.04) / 1.08
    assert drawn.count('class="bar" x1="26.85%" x2="96.30%"') == 1
    assert [drawn.count(f'class="dot" cx="{x}%"') for x in ("50.00", "3.70")] == [1, 1]
    assert drawn.count('class="grid" x1="22.22%"') == 2
    assert 'style="left:22.22%">0.2<' in drawn
    assert 'class="mark"' not in drawn
    assert 'class="mark" x1="50.00%"' in bars_chart(rows, 0.5, "recall@20")
    assert bars_chart([], 0.5, "recall@20") == ""


def test_curves_leave_a_gap_for_nan_and_live_with_one_epoch():
    curves = pd.DataFrame({"epoch": [0, 1, 2], "loss": [1.0, np.nan, 0.5]})
    assert 'points="0.00,5.36 100.00,94.64"' in curves_chart(curves, {"loss": "loss"}, 2)
    assert "kept: epoch 0" in curves_chart(curves.iloc[:1], {"loss": "loss"}, 0)


def test_numbers():
    assert [number(0.73456), number(-0.5), number(None)] == ["0.735", "−0.500", "–"]
    assert [signed(0.1), signed(-0.1)] == ["+0.100", "−0.100"]


def test_colours_go_to_frequent_genres():
    genres = ["b", "a", "b", "", "c", *[f"x{n}" for n in range(20)] * 2]
    classes = colour_classes(genres)
    assert [classes["b"], classes["x0"], classes[""], classes["a"]] == ["g0", "g1", "other", "other"]


def test_a_song_without_title_shows_its_id():
    songs = pd.DataFrame(
        {"song_id": ["s<1>"], "title": [None], "artist": [None], "genres": [None], "cold": [True]}
    )
    drawn = draw_map(songs, np.array([[10.0, 20.0]]), ["s<1>"])
    assert "<title>s&lt;1&gt;</title>" in drawn
    assert 'class="other cold" cx="10.00%" cy="20.00%"' in drawn


def test_sounds_that_fit_and_that_browsers_play(tmp_path):
    sizes = {"a.mp3": 6, "b.OGG": 5, "c.wav": 4, "d.aiff": 1}
    for name, size in sizes.items():
        (tmp_path / name).write_bytes(b"0" * size)
    clips = {name[0]: tmp_path / name for name in sizes}
    assert list(choose_sounds(clips, ["a", "unknown", "b", "a", "d", "c"], 10)) == ["a", "c"]
    assert list(choose_sounds(clips, ["b"], 10)) == ["b"]
