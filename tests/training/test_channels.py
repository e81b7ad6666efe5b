"""The same music through other channels: gain is one number for all rows, a low-pass ends at a row."""

from pathlib import Path

import numpy as np
from numpy.testing import assert_array_equal

from earshot.params import Augment
from earshot.store.rows import ImageFormat, Row
from earshot.training.windows import Channels, RandomWindows
from tests.training.heard import read_heard, write_training_set

N_MELS = 32
ROWS = (Row("chroma_c", "chroma", 0.0, 1.0), *(Row(f"mel_{n}", "mel", -70.0, 0.5) for n in range(N_MELS)))
FORMAT = ImageFormat("key", 22050, 512, ROWS)
GREY = np.full((40, 6, 1 + N_MELS), 100, np.uint8)


def _through(settings: Augment, windows: np.ndarray = GREY) -> np.ndarray:
    return Channels(FORMAT, settings).through(windows, np.random.default_rng(0))


def test_gain_moves_all_mel_rows_alike_and_nothing_else() -> None:
    heard = _through(Augment(share=1.0, gain_db=12.0, eq_db=0.0, low_pass_hz=9000.0))
    assert (heard[:, :, 0] == 100).all()
    low = heard[:, :, 1:20].reshape(40, -1)  # below every low-pass
    assert (low == low[:, :1]).all()
    assert len(np.unique(low)) > 10
    assert (np.abs(low.astype(int) - 100) <= 24).all()  # 12 dB in steps of half a decibel


def test_a_low_pass_or_a_codec_leaves_what_is_below_and_takes_what_is_above() -> None:
    heard = _through(Augment(share=1.0, gain_db=0.0, eq_db=0.0, low_pass_hz=2000.0))
    cut = (heard != GREY).any(axis=(1, 2))
    assert 10 <= cut.sum() <= 30  # every other one, by chance
    assert_array_equal(heard[:, :, 1:10], GREY[:, :, 1:10])  # below 1,000 Hz
    assert (np.diff(heard[:, 0, 1:].astype(int)) <= 0).all()
    assert (heard[cut] == 0).any(axis=(1, 2)).mean() > 0.5


def test_a_share_of_none_changes_no_byte_and_rows_end_at_their_range() -> None:
    assert_array_equal(_through(Augment(share=0.0, gain_db=12.0, eq_db=6.0, low_pass_hz=2000.0)), GREY)
    loud = _through(Augment(share=1.0, gain_db=200.0, eq_db=0.0, low_pass_hz=9000.0))
    assert {0, 255} <= set(loud[:, 0, 1].tolist())


def test_a_training_that_goes_on_hears_the_same_channels(tmp_path: Path) -> None:
    write_training_set(tmp_path)
    store, examples = read_heard(tmp_path)
    channels = Channels(store.format, Augment(share=0.5, gain_db=12.0, eq_db=6.0, low_pass_hz=2000.0))

    def windows() -> RandomWindows:
        return RandomWindows(
            store, examples, n_frames=4, windows_per_song=2, batch_size=16, seed=1, channels=channels
        )

    whole, resumed = list(windows()), windows()
    resumed.load_state_dict({"epoch": 0, "batches_read": 3})
    for ((one,), _), ((other,), _) in zip(whole[3:], resumed, strict=True):
        assert_array_equal(one.numpy(), other.numpy())
