"""linear_modulation: ridge regression from words and from how fast the mel bands rise and fall.

The modulation spectrum of a song (after Sukittanon, Atlas and Pitton 2004, and the temporal
envelopes of McKinney and Breebaart 2003): the log mel band of the stored hyper-image is the
band's temporal envelope; its power spectral density is estimated by Welch's method (windows of
4 s, Hann, half overlapping, each without its mean) and integrated over the octaves of modulation
frequency 0.5-1, 1-2, 2-4, 4-8 and 8-16 Hz. The feature is the logarithm of that energy, a number
a band and octave, with the energy of the store's rounding, 1/12 of a level squared, as its floor.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from earshot.audio.store import HyperImageStore
from earshot.baselines.known import Array, Known
from earshot.baselines.ridge import one_scale, ridge, unit_deviation

OCTAVES = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Where each octave of modulation frequency starts, in Hz."""

_WINDOW_SECONDS = 4.0
_ROUNDING = 1 / 12


def linear_modulation(known: Known) -> Array:
    """Item factors predicted from bag of words and modulation spectrum by ridge regression.

    Each row of the spectrum is standardized; the two weigh as much as each other.

    Returns
    -------
    float32 (n, factors), in order of `known.songs`.
    """
    spectra = modulation_spectra(known.store, known.positions).reshape(len(known.songs), -1)
    blocks = (known.bags, unit_deviation(spectra, known.learn))
    features = np.concatenate([one_scale(block, known.learn) for block in blocks], axis=1)
    return ridge(features, known.targets, known.learn)


def modulation_spectra(store: HyperImageStore, positions: NDArray[np.integer[Any]]) -> Array:
    """The modulation spectrum of songs, as this module's docstring defines it.

    Parameters
    ----------
    store
        Hyper-images.
    positions
        Lines of `store.songs`, (n,).

    Returns
    -------
    float32 (n, 5, n_mels): the logarithm of the energy of each octave in each mel band, in
    stored levels squared. An octave above half the frame rate has none.
    """
    from earshot.processes import progress

    bands = store.row_slice(["mel"])
    spectra = np.empty((len(positions), len(OCTAVES), len(bands)), dtype=np.float32)
    songs = progress(positions, description="modulation spectrum", unit="song")
    for spectrum, position in zip(spectra, songs, strict=True):
        envelopes = store.frames(int(position))[:, bands]
        spectrum[:] = np.log(_energies(envelopes.astype(np.float32), store.frames_per_second) + _ROUNDING)
    return spectra


def _energies(envelopes: Array, frames_per_second: float) -> Array:
    """(n_frames, n_mels) to (5, n_mels)."""
    from scipy.signal import welch

    n_frames = min(len(envelopes), round(_WINDOW_SECONDS * frames_per_second))
    frequencies, density = welch(envelopes, frames_per_second, nperseg=n_frames, axis=0)
    octaves = [density[(frequencies >= start) & (frequencies < 2 * start)].sum(axis=0) for start in OCTAVES]
    return np.stack(octaves) * np.float32(frames_per_second / n_frames)
