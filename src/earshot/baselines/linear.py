"""Ridge regression from bags of words, from statistics and from modulation to item factors.

Statistics are three numbers a row of the hyper-image: the mean of its frames, their standard deviation, and
the mean absolute step from one frame to the next, which tells a held tone from a tremolo of the same spread.

The modulation spectrum of a song (after Sukittanon, Atlas and Pitton 2004, and the temporal envelopes of
McKinney and Breebaart 2003): the log mel band of the stored hyper-image is the band's temporal envelope; its
power spectral density is estimated by Welch's method (windows of 4 s, Hann, half overlapping, each without
its mean) and integrated over the octaves of modulation frequency 0.5-1, 1-2, 2-4, 4-8 and 8-16 Hz. The
feature is the logarithm of that energy, a number a band and octave, with the energy of the store's rounding,
1/12 of a level squared, as its floor.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from earshot.baselines.known import Known
from earshot.extraction.statistics import row_statistics
from earshot.store.reader import HyperImageStore

Array = NDArray[np.float32]

_PENALTIES = np.logspace(-6, 4, 21)


def ridge(features: NDArray[np.floating], targets: Array, learn: NDArray[np.bool_]) -> Array:
    """Targets of all songs, predicted by ridge regression on those of some.

    The penalty is the one with the least leave-one-out error.

    Parameters
    ----------
    features
        (n, d)
    targets
        (n_learn, factors), of the songs marked in `learn`.
    learn
        (n,) bool.

    Returns
    -------
    float32 (n, factors)
    """
    from sklearn.linear_model import RidgeCV

    model = RidgeCV(alphas=_PENALTIES).fit(features[learn], targets)
    return np.asarray(model.predict(features), dtype=np.float32)


def one_scale(features: Array, learn: NDArray[np.bool_]) -> Array:
    """`features` centred and scaled as a whole: their mean squared length is 1 over the songs in `learn`.

    Blocks of features side by side weigh as much as each other then, however many columns each has.

    Parameters
    ----------
    features
        float32 (n, d).
    learn
        (n,) bool.

    Returns
    -------
    float32 (n, d)
    """
    centred = features - features[learn].mean(axis=0)
    length = np.sqrt((centred[learn] ** 2).sum(axis=1).mean())
    return np.asarray(centred / (length or 1), dtype=np.float32)


def unit_deviation(features: Array, learn: NDArray[np.bool_]) -> Array:
    """Each column of `features` over its standard deviation in the songs in `learn`; a constant one stays.

    `features` and the result are float32 (n, d), `learn` is (n,) bool.
    """
    deviation = features[learn].std(axis=0)
    return np.asarray(features / np.where(deviation == 0, 1, deviation), dtype=np.float32)


def linear_bow(known: Known) -> Array:
    """Item factors predicted from a bag of words by ridge regression (van den Oord et al. 2013, section 4.1).

    All warm songs with audio and plays are learned from.

    Returns
    -------
    float32 (n, factors), in order of `known.songs`.
    """
    return ridge(known.bags, known.targets, known.learn)


def linear_statistics(known: Known) -> Array:
    """Item factors predicted from statistics of all rows by ridge regression.

    Each statistic (`earshot.extraction.statistics.row_statistics`) is standardized.

    Returns
    -------
    float32 (n, factors), in order of `known.songs`.
    """
    from earshot.processes import progress

    songs = progress(known.positions, description="row statistics", unit="song")
    # (n, 3 * n_rows)
    statistics = np.stack([row_statistics(known.store.frames(int(song))).ravel() for song in songs])
    features = one_scale(unit_deviation(statistics, known.learn), known.learn)
    return ridge(features, known.targets, known.learn)


OCTAVES = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Where each octave of modulation frequency starts, in Hz."""

_WINDOW_SECONDS = 4.0
_ROUNDING = 1 / 12  # variance of rounding to whole levels


def linear_modulation(known: Known) -> Array:
    """Item factors predicted from bag of words and modulation spectrum by ridge regression.

    Each row of the spectrum is standardized; the two weigh as much as each other.

    Returns
    -------
    float32 (n, factors), in order of `known.songs`.
    """
    # (n, 5 * n_mels)
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
    # (n_bins,), (n_bins, n_mels)
    frequencies, density = welch(envelopes, frames_per_second, nperseg=n_frames, axis=0)
    octaves = [density[(frequencies >= start) & (frequencies < 2 * start)].sum(axis=0) for start in OCTAVES]
    # times the width of a bin, Hz: density to energy; (5, n_mels)
    return np.stack(octaves) * np.float32(frames_per_second / n_frames)
