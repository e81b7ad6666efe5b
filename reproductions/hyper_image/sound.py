"""From the mel rows of a hyper-image back to samples, and what is heard of these."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray

from earshot.errors import UserError
from earshot.features.compute import features, quantize
from earshot.features.hyper_image import feature_key
from earshot.features.mel import mel_bank
from earshot.features.spectrum import hann
from earshot.params import HyperImages
from earshot.store.rows import ImageFormat

Doubles = NDArray[np.float64]

_PEAK = 0.9
_FLOOR = 1e-12
_POWER_ITERATIONS = 60


def refuse_other_settings(settings: HyperImages, image_format: ImageFormat) -> None:
    """Raise UserError where images of `image_format` were not made with `settings`."""
    if (wanted := feature_key(settings)) != image_format.feature_key:
        raise UserError(
            f"params.yaml: hyper_images has the feature key {wanted}, data/hyper_images "
            f"{image_format.feature_key}: run hyper_images first, since sound is heard as songs were"
        )


def samples_of(
    levels: NDArray[np.floating], image_format: ImageFormat, n_fft: int, iterations: int, seed: int
) -> NDArray[np.float32]:
    """Sound whose mel rows are near `levels`, as loud as 0.9 of full scale.

    Parameters
    ----------
    levels
        (n_frames, n_mels), in stored levels, 0 .. 255.
    iterations
        Of Griffin and Lim's algorithm.
    seed
        Of the phases that it begins with.

    Returns
    -------
    float32 ((n_frames - 1) * hop_length,)
    """
    rows = [image_format.rows[row] for row in image_format.row_slice(["mel"])]
    offset, scale = (np.array([getattr(row, name) for row in rows]) for name in ("offset", "scale"))
    mel = 10 ** ((offset + scale * np.asarray(levels, dtype=np.float64)) / 10)
    bank = mel_bank(image_format.sample_rate, n_fft, len(rows)).astype(np.float64)
    magnitudes = np.sqrt(linear_power(mel, bank, _POWER_ITERATIONS))
    samples = griffin_lim(magnitudes, image_format.hop_length, iterations, seed)
    loudest = max(float(np.abs(samples).max()), _FLOOR)
    return np.asarray(samples * (_PEAK / loudest), dtype=np.float32)


def linear_power(mel: Doubles, bank: Doubles, iterations: int) -> Doubles:
    """Powers of all bins, not negative, whose mel bands are near `mel` by Kullback-Leibler divergence.

    Multiplicative updates as of D. Lee and H. Seung, 2001, theorem 2, with the filters held fixed; from an
    even share of each band.

    Parameters
    ----------
    mel
        (n_frames, n_mels), power.
    bank
        (n_bins, n_mels), as `earshot.features.mel.mel_bank` gives it.

    Returns
    -------
    (n_frames, n_bins)
    """
    reached = np.maximum(bank.sum(axis=1), _FLOOR)  # of each bin, (n_bins,)
    power = np.maximum(mel @ (bank / np.maximum(bank.sum(axis=0), _FLOOR)).T / reached, _FLOOR)
    for _ in range(iterations):
        power *= (mel / np.maximum(power @ bank, _FLOOR)) @ bank.T / reached
    return np.asarray(power, dtype=np.float64)


def griffin_lim(magnitudes: Doubles, hop_length: int, iterations: int, seed: int) -> Doubles:
    """Samples whose spectrum is near `magnitudes`: D. Griffin and J. Lim, 1984.

    Parameters
    ----------
    magnitudes
        (n_frames, n_fft // 2 + 1), of frames centred as in `earshot.features.spectrum.power_spectra`.
    iterations
        Times that phases are taken from the sound that the last ones gave.
    seed
        Of the first phases.

    Returns
    -------
    ((n_frames - 1) * hop_length,)
    """
    phases = np.exp(2j * np.pi * np.random.default_rng(seed).random(magnitudes.shape))
    for _ in range(iterations):
        spectrum = _spectrum(_overlapped(magnitudes * phases, hop_length), len(magnitudes), hop_length)
        phases = spectrum / np.maximum(np.abs(spectrum), _FLOOR)
    half = magnitudes.shape[1] - 1  # n_fft // 2: frame 0 is centred on the first sample
    return _overlapped(magnitudes * phases, hop_length)[half:-half]


def _overlapped(spectrum: NDArray[np.complex128], hop_length: int) -> Doubles:
    """Least squares of the frames laid over each other, n_fft // 2 samples beyond both ends."""
    frames = np.fft.irfft(spectrum, axis=1)
    n_frames, n_fft = frames.shape
    window = hann(n_fft)
    added, weight = np.zeros((2, (n_frames - 1) * hop_length + n_fft))
    for number, frame in enumerate(frames * window):
        place = slice(number * hop_length, number * hop_length + n_fft)
        added[place] += frame
        weight[place] += window**2
    return np.asarray(added / np.maximum(weight, 1e-3))  # the first and last samples have hardly any weight


def _spectrum(samples: Doubles, n_frames: int, hop_length: int) -> NDArray[np.complex128]:
    n_fft = len(samples) - (n_frames - 1) * hop_length
    frames = np.lib.stride_tricks.sliding_window_view(samples, n_fft)[::hop_length]
    return np.fft.rfft(frames * hann(n_fft), axis=1)


def heard_again(samples: NDArray[np.float32], settings: HyperImages) -> NDArray[np.uint8]:
    """The hyper-image of samples as it would be stored, (n_frames, n_rows)."""
    return np.asarray(features([samples], settings, quantize))


def mp3(samples: NDArray[np.float32], sample_rate: int) -> bytes:
    """Mono samples, (n,) in -1 .. 1, as an MP3 file, the same bytes for the same samples."""
    import soundfile

    content = io.BytesIO()
    soundfile.write(
        content,
        samples,
        sample_rate,
        format="MP3",
        subtype="MPEG_LAYER_III",
        bitrate_mode="CONSTANT",
        compression_level=0.7,
    )
    return content.getvalue()
