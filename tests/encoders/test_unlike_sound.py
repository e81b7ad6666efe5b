"""Sound unlike anything trained on: no row of it explodes."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.testing import assert_allclose
from torch import Tensor, nn

from earshot.encoders.song_encoder import MAX_DEVIATIONS, SongEncoder, floored


class LargestInput(nn.Module):
    """The largest and the smallest value of a window."""

    def forward(self, windows: Tensor) -> Tensor:
        return torch.stack([windows.amax(dim=(1, 2)), windows.amin(dim=(1, 2))], dim=1)


def _encoder(mean: np.ndarray, scale: np.ndarray) -> SongEncoder:
    encoder = SongEncoder(LargestInput(), range(len(mean)), n_frames=1, n_outputs=2)
    encoder.standardize_rows(mean, scale)
    return encoder


def _heard(encoder: SongEncoder, *levels: int) -> list[float]:
    """The largest and the smallest value that reach the network of a frame of these `levels`."""
    found: list[float] = encoder(torch.tensor([[levels]], dtype=torch.uint8))[0].tolist()
    return found


def test_a_row_is_divided_by_a_quarter_of_the_median_rows_deviation_at_least() -> None:
    assert floored(torch.tensor([0.41, 27, 32, 40, 2])).tolist() == [7.375, 27, 32, 40, 7.375]  # of 2 to 40
    assert floored(torch.tensor([0.0, 0, 0, 0, 0.5, 20])).tolist() == [5, 5, 5, 5, 5, 20]
    assert floored(torch.tensor([0.0, 0.3])).tolist() == [1, 1]  # a step, where nothing varies


def test_full_band_music_after_low_pass_previews_is_heard_within_six_deviations() -> None:
    encoder = _encoder(np.array([0.1, 100, 100, 100]), np.array([0.41, 32, 32, 32]))
    assert_allclose(_heard(encoder, 20, 116, 100, 84), [19.9 / 8, -0.5], rtol=1e-6)
    assert_allclose(_heard(encoder, 58, 100, 100, 100), [MAX_DEVIATIONS, 0])  # 7.2 of 8; 141 of 0.41
    assert _heard(encoder, 0, 100, 100, 255)[0] == 155 / 32  # music that is loud stays as it is


@given(
    scale=arrays.arrays(np.float64, st.integers(1, 8), elements=st.floats(0, 128)),
    level=st.integers(0, 255),
)
def test_no_row_explodes_and_no_row_that_varies_like_the_others_changes(
    scale: np.ndarray, level: int
) -> None:
    encoder = _encoder(np.zeros(len(scale)), scale)
    assert max(map(abs, _heard(encoder, *[level] * len(scale)))) <= MAX_DEVIATIONS
    used = encoder.row_scale.numpy()
    assert (used >= 1).all()
    assert_allclose(used[scale >= 32], scale[scale >= 32], rtol=1e-6)  # a quarter of 128, the largest
    assert torch.equal(floored(encoder.row_scale), encoder.row_scale)
