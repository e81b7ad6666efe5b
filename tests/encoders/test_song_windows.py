import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from earshot.predictors.inputs import average_matrix, consecutive, draw_starts


@given(n_frames=st.integers(1, 500), window=st.integers(1, 60))
def test_consecutive_windows_cover_the_song_and_no_fewer_would(n_frames: int, window: int) -> None:
    starts = consecutive(n_frames, window)
    heard = np.zeros(max(n_frames, window), dtype=bool)
    for start in starts:
        heard[start : start + window] = True
    assert heard[:n_frames].all()
    assert len(starts) == max(1, -(-n_frames // window))
    assert starts[0] == 0
    assert starts[-1] == max(0, n_frames - window)


def test_windows_of_a_song_are_averaged() -> None:
    average = average_matrix(np.array([0, 0, 1]), 2)
    assert_array_equal(average.numpy(), [[0.5, 0.5, 0], [0, 0, 1]])


def test_every_place_where_a_window_fits_is_drawn() -> None:
    starts = draw_starts(np.full(500, 8), 5, np.random.default_rng(0))
    assert set(starts) == {0, 1, 2, 3}
    assert_array_equal(draw_starts(np.array([3, 5]), 5, np.random.default_rng(0)), [0, 0])
