"""Which files hold the same recording, however each was encoded, equalized, cut or turned up.

J. Haitsma, T. Kalker: A Highly Robust Audio Fingerprinting System, ISMIR 2002. Of 33 bands between 300
and 2000 Hz, whether the step in energy from one to the next has grown since the frame before: 32 bits a
frame. Two recordings with a word in common twice at the same distance in time are compared bit by bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from earshot.audio.decoding import open_blocks, to_mono
from earshot.audio.probing import quiet_codecs
from earshot.audio.samples import AudioError
from earshot.features.spectrum import power_spectra, resample

Words = NDArray[np.uint32]
Places = NDArray[np.int32]

SECONDS = 30.0
"""That are compared, from the start of a file on: what encoders say of a file's length is not exact."""
MOST_BITS_APART = 0.25
"""Share of bits that differ in the same recording at most; half do in unrelated ones.

The paper has 0.35; songs that a program made with the same instruments and drums come down to 0.27.
"""

_SAMPLE_RATE, _N_FFT, _HOP = 5512, 2048, 128
_N_BANDS, _LOWEST, _HIGHEST = 33, 300.0, 2000.0
_SILENT = 1e-6
"""Of the loudest frame's energy (-60 dB)."""
_LEAST_FRAMES = round(5.0 * _SAMPLE_RATE / _HOP)
"""That are not silent; with fewer nothing is compared."""
_LEAST_WORDS = 2
_MOST_SHARERS = 32
"""Places that are compared for one word; what has more of them is common to all, as a steady tone."""
_BLOCK_FRAMES = 256


class Fingerprint(NamedTuple):
    """A word a frame, and whether it is audible (bool), `(n_frames,)` each; none if not comparable."""

    words: Words
    audible: NDArray[np.bool_]


class Duplicate(NamedTuple):
    """Places of two recordings, the smaller one first, and the share of bits that differ."""

    one: int
    other: int
    bits_apart: float


NOTHING = Fingerprint(np.empty(0, np.uint32), np.empty(0, np.bool_))


def fingerprint_of(path: Path) -> Fingerprint:
    """Of a file, which may be anything; for worker processes (`quiet_codecs`)."""
    try:
        with quiet_codecs():
            sample_rate, blocks = open_blocks(path, seconds=SECONDS)
            mono = [to_mono(block) for block in blocks]
    except (AudioError, OSError):
        return NOTHING
    return fingerprint(np.concatenate(mono), sample_rate)


def fingerprint(samples: NDArray[np.float32], sample_rate: int) -> Fingerprint:
    """Of mono samples `(n_samples,)` at `sample_rate` (Hz)."""
    low = resample([samples], sample_rate, _SAMPLE_RATE)
    spectra = power_spectra(low, _N_FFT, _HOP, _BLOCK_FRAMES)
    energy = np.concatenate([power.astype(np.float64) @ _bands() for power in spectra])  # (n_frames, 33)
    # eq. 1 of the paper has E[n, m] - E[n, m + 1], np.diff the negative; (n_frames - 1, 32)
    grown = np.diff(np.diff(energy, axis=1), axis=0) < 0
    # 32 bits to 4 bytes to a word; the lowest band is the highest bit
    words = np.packbits(grown, axis=1).view(">u4")[:, 0].astype(np.uint32)
    level = energy.sum(axis=1)
    audible = level[1:] > _SILENT * level.max(initial=0)  # word n is of frames n and n + 1
    return Fingerprint(words, audible) if audible.sum() >= _LEAST_FRAMES else NOTHING


@lru_cache(maxsize=1)
def _bands() -> NDArray[np.float64]:
    """Which bins lie in which band, `(n_fft // 2 + 1, 33)`; the bands are even in log frequency."""
    edges = np.geomspace(_LOWEST, _HIGHEST, _N_BANDS + 1)
    bins = np.arange(_N_FFT // 2 + 1)[:, None] * _SAMPLE_RATE / _N_FFT  # Hz, (n_bins, 1)
    return ((edges[:-1] <= bins) & (bins < edges[1:])).astype(np.float64)


def propose_versions(files: Sequence[Path], fingerprints: Sequence[Fingerprint]) -> dict[Path, Path]:
    """Each file that seems to hold the recording of another one, and the largest file of that recording."""
    proposed = dict[Path, Path]()
    for places in _families(same_recordings(fingerprints), len(files)):
        family = [files[place] for place in places]
        best = max(family, key=lambda path: path.stat().st_size)  # of equals the first
        proposed |= {path: best for path in family if path != best}
    return proposed


def same_recordings(fingerprints: Sequence[Fingerprint]) -> list[Duplicate]:
    """Pairs of which at most `MOST_BITS_APART` of the bits differ, where they lie best over each other."""
    pairs = []
    for one, other, shift in _candidates(fingerprints):
        shifts = (shift - 1, shift, shift + 1)
        apart = min(_bits_apart(fingerprints[one], fingerprints[other], each) for each in shifts)
        if apart <= MOST_BITS_APART:
            pairs.append(Duplicate(one, other, apart))
    best = {(pair.one, pair.other): pair for pair in sorted(pairs, key=lambda pair: -pair.bits_apart)}
    return [best[key] for key in sorted(best)]


def _families(pairs: Sequence[Duplicate], n: int) -> Iterator[list[int]]:
    """What pairs connect, of `n` recordings: places, ascending, of two and more."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ends = ([pair.one for pair in pairs], [pair.other for pair in pairs])
    _, labels = connected_components(coo_array((np.ones(len(pairs)), ends), shape=(n, n)), directed=False)
    together: dict[int, list[int]] = {}
    for place, label in enumerate(labels.tolist()):
        together.setdefault(label, []).append(place)
    return (family for family in together.values() if len(family) > 1)


def _candidates(fingerprints: Sequence[Fingerprint]) -> list[tuple[int, int, int]]:
    """Pairs that have words in common, and by how many frames later they come in the first one."""
    words, owners, times = _all_words(fingerprints)
    found = [np.empty((3, 0), np.int32)]
    for step in range(1, _MOST_SHARERS):
        # sorted, so equal words stand together: here those `step` places apart, of different recordings
        same = np.flatnonzero((words[step:] == words[:-step]) & (owners[step:] != owners[:-step]))
        # the sort was stable: the smaller recording is the first one; (3, n)
        found.append(np.stack([owners[same], owners[same + step], times[same] - times[same + step]]))
    shared = np.concatenate(found, axis=1)
    # how many words two recordings share at the same distance in time
    alike, counts = np.unique(shared, axis=1, return_counts=True)
    return [(int(a), int(b), int(shift)) for a, b, shift in alike[:, counts >= _LEAST_WORDS].T]


def _all_words(fingerprints: Sequence[Fingerprint]) -> tuple[Words, Places, Places]:
    """Word, recording and frame of all that is audible and not held from the frame before, sorted by word."""
    words, owners, times = [NOTHING.words], [np.empty(0, np.int32)], [np.empty(0, np.int32)]
    for place, (each, audible) in enumerate(fingerprints):
        # a word that is held, as of a steady tone, counts once
        where = np.flatnonzero(audible & (each != np.roll(each, 1))).astype(np.int32)
        words.append(each[where])
        owners.append(np.full(len(where), place, np.int32))
        times.append(where)
    every = np.concatenate(words)
    order = np.argsort(every, kind="stable")
    return every[order], np.concatenate(owners)[order], np.concatenate(times)[order]


def _bits_apart(one: Fingerprint, other: Fingerprint, shift: int) -> float:
    """Share of differing bits where both are audible, `other` `shift` frames later; 1 where that is short."""
    # frames of `one` that `other` lies over
    begin, end = max(0, shift), min(len(one.words), len(other.words) + shift)
    if end - begin < _LEAST_FRAMES:
        return 1.0
    mine, theirs = slice(begin, end), slice(begin - shift, end - shift)
    both = one.audible[mine] & other.audible[theirs]
    if both.sum() < _LEAST_FRAMES:
        return 1.0
    different = np.bitwise_count(one.words[mine][both] ^ other.words[theirs][both])
    return float(different.mean()) / 32
