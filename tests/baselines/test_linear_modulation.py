"""The modulation spectrum of bands that rise and fall at a known rate."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from earshot.baselines.linear import OCTAVES, modulation_spectra
from tests.baselines.heard_songs import write_images

SECONDS = np.arange(43 * 12) / 43


def envelope(rate: float, amplitude: float) -> np.ndarray:
    return 128 + amplitude * np.sin(2 * np.pi * rate * SECONDS)


@pytest.mark.parametrize(("rate", "octave"), [(0.75, 0), (1.5, 1), (3.0, 2), (6.0, 3), (12.0, 4)])
def test_a_modulated_band_has_its_energy_in_the_octave_of_its_rate(
    tmp_path: Path, rate: float, octave: int
) -> None:
    bands = [envelope(rate, 0), envelope(rate, 20), envelope(rate, 100), np.zeros(len(SECONDS))]
    image = np.stack(bands, axis=1).round().astype(np.uint8)
    store = write_images(tmp_path, image[None], ["mel", "mel", "mel", "mfcc"])
    energy = np.exp(modulation_spectra(store, np.array([0]))[0])  # (5, 3): the mfcc row is no band
    assert energy.shape == (5, 3)
    # A sine's mean square. A window of 4 s tells rates apart by 1/2 Hz: at 0.75 Hz a sixth is heard as 1 Hz.
    assert_allclose(energy[octave, 1:], [20**2 / 2, 100**2 / 2], rtol=0.05 if rate > 1 else 0.2)
    assert (energy[:, 1:].argmax(axis=0) == octave).all()
    others = [o for o in range(5) if o != octave]
    assert (energy[others, 1:] < (0.05 if rate > 1 else 0.25) * energy[octave, 1:]).all()
    assert_allclose(energy[:, 0], 1 / 12, rtol=1e-5)  # a band that stands still: the rounding alone


def test_octaves_are_those_between_half_and_sixteen_hertz() -> None:
    assert OCTAVES == (0.5, 1, 2, 4, 8)


def test_a_song_shorter_than_a_window_has_the_octaves_that_fit(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (2, 11, 2)).astype(np.uint8)  # a quarter of a second
    spectrum = modulation_spectra(write_images(tmp_path, image, ["mel", "mel"]), np.arange(2))
    assert np.isfinite(spectrum).all()
    assert_allclose(np.exp(spectrum[:, :2]), 1 / 12, rtol=1e-5)
    assert (spectrum[:, 4] > np.log(100)).all()
