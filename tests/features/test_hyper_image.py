"""Every row is what librosa defines with ref=1 and top_db=None, on music and on nasty signals."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

import earshot
from earshot.audio.samples import AudioError
from earshot.errors import UserError
from earshot.features.compute import features, normalize, quantize
from earshot.features.hyper_image import DEFAULTS, FEATURE_VERSION, feature_key, format_of
from earshot.features.spectrum import estimate_tuning, power_spectra, resample
from earshot.params import load_params
from tests.audio.signals import SAMPLE_RATE, music, nasty

SIGNALS = {"music": music(), **nasty()}
FORMAT = format_of(DEFAULTS)
LIMITS = {"contrast": 1e-3}


def decibels(values: np.ndarray) -> np.ndarray:
    return librosa.power_to_db(values, ref=1, top_db=None)


def contrast_oracle(magnitudes: np.ndarray) -> np.ndarray:
    """librosa's steps one by one; its own function looks at the whole file (top_db=80)."""
    frequencies = librosa.fft_frequencies(sr=SAMPLE_RATE, n_fft=1024)
    frequencies = frequencies[frequencies <= 0.92 * SAMPLE_RATE / 2]
    rows = []
    edges = [0, 200, 400, 800, 1600, 3200, 6400, 12800]
    for band in range(7):
        bins = [i for i, f in enumerate(frequencies) if edges[band] <= f <= edges[band + 1]]
        bins = ([bins[0] - 1] if band else []) + bins
        ordered = np.sort(magnitudes[bins if band == 6 else bins[:-1]], axis=0)
        count = max(1, round(0.02 * len(bins)))
        rows.append(decibels(ordered[-count:].mean(axis=0)) - decibels(ordered[:count].mean(axis=0)))
    return np.array(rows)


def oracle(samples: np.ndarray) -> dict[str, np.ndarray]:
    """Each family by librosa's own functions, `(n_rows, n_frames)`."""
    magnitudes = np.abs(librosa.stft(samples, n_fft=1024, hop_length=512))
    power = magnitudes**2
    log_mel = decibels(librosa.feature.melspectrogram(S=power, sr=SAMPLE_RATE, n_mels=128))
    chroma = librosa.feature.chroma_stft(S=power, sr=SAMPLE_RATE, tuning=tuning_oracle(power))
    mfcc = librosa.feature.mfcc(S=log_mel, n_mfcc=13)
    return {
        "chroma": chroma,
        "mel": log_mel,
        "mfcc": mfcc,
        "mfcc_delta": librosa.feature.delta(mfcc),
        "mfcc_delta2": librosa.feature.delta(mfcc, order=2),
        "contrast": contrast_oracle(magnitudes),
        "tonnetz": librosa.feature.tonnetz(chroma=chroma),
    }


def tuning_oracle(power: np.ndarray) -> float:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Trying to estimate tuning from empty frequency set")
        return librosa.estimate_tuning(S=power, sr=SAMPLE_RATE)


@pytest.mark.parametrize("name", SIGNALS)
def test_parity_with_librosa(name: str) -> None:
    image = features([SIGNALS[name]], DEFAULTS)
    assert image.dtype == np.float32
    ranges = np.array([row.scale * 255 for row in FORMAT.rows])
    for family, wanted in oracle(SIGNALS[name]).items():
        rows = FORMAT.row_slice([family])
        assert image[:, rows].shape == wanted.T.shape
        distance = np.abs(image[:, rows] - wanted.T) / ranges[rows]
        assert distance.max() <= LIMITS.get(family, 1e-4), (family, distance.max())


@pytest.mark.parametrize("name", SIGNALS)
def test_spectrum_and_tuning_are_identical_to_librosas(name: str) -> None:
    (power,) = power_spectra([SIGNALS[name]], 1024, 512, block_frames=10**6)
    wanted = np.abs(librosa.stft(SIGNALS[name], n_fft=1024, hop_length=512)) ** 2
    assert np.array_equal(power.T, wanted)
    assert estimate_tuning(power, SAMPLE_RATE) == tuning_oracle(wanted)


def test_contrast_is_librosas_where_its_floor_is_not_reached() -> None:
    magnitudes = np.abs(librosa.stft(SIGNALS["white noise"], n_fft=1024, hop_length=512))
    frequencies = librosa.fft_frequencies(sr=SAMPLE_RATE, n_fft=1024)
    used = frequencies <= 0.92 * SAMPLE_RATE / 2
    wanted = librosa.feature.spectral_contrast(S=magnitudes[used], freq=frequencies[used], sr=SAMPLE_RATE)
    image = features([SIGNALS["white noise"]], DEFAULTS)
    np.testing.assert_allclose(image[:, FORMAT.row_slice(["contrast"])].T, wanted, atol=1e-3)


def test_a_long_recording_is_the_same_in_blocks() -> None:
    """Past the first minute the tuning stays; all else does not know where a block ends."""
    minute = music(60.0)
    longer = np.concatenate([minute, music(30.0, seed=1)])
    image, first = features([longer], DEFAULTS), features([minute], DEFAULTS)
    (power,) = power_spectra([longer], 1024, 512, block_frames=10**6)
    wanted = librosa.feature.melspectrogram(S=power.T, sr=SAMPLE_RATE, n_mels=128)
    np.testing.assert_allclose(image[:, FORMAT.row_slice(["mel"])].T, decibels(wanted), atol=0.01)
    local = FORMAT.row_slice(["chroma", "mel", "mfcc", "contrast", "tonnetz"])
    np.testing.assert_array_equal(image[:2500, local], first[:2500, local])


@pytest.mark.parametrize(
    "other",
    [
        replace(DEFAULTS, sample_rate=44100, n_fft=2048, hop_length=1024, n_mels=64, n_mfcc=20),
        replace(DEFAULTS, sample_rate=16000, n_fft=256, hop_length=64, n_mels=16, n_mfcc=2),
    ],
)
def test_other_settings(other) -> None:
    image = features([music(2.0)], other)
    assert image.shape == (1 + 2 * SAMPLE_RATE // other.hop_length, len(format_of(other).rows))
    wanted = librosa.feature.melspectrogram(
        y=music(2.0),
        sr=other.sample_rate,
        n_fft=other.n_fft,
        hop_length=other.hop_length,
        n_mels=other.n_mels,
    )
    np.testing.assert_allclose(image[:, format_of(other).row_slice(["mel"])].T, decibels(wanted), atol=0.01)


def test_row_names_families_and_order() -> None:
    names = [row.name for row in FORMAT.rows]
    assert len(set(names)) == len(names) == 12 + 15 + 128 + 3 * 13 + 7 + 6
    assert names[:2] == ["chroma_C", "chroma_C#"]
    families = list(dict.fromkeys(row.family for row in FORMAT.rows))
    assert families == [
        "chroma",
        "tempogram",
        "mel",
        "mfcc",
        "mfcc_delta",
        "mfcc_delta2",
        "contrast",
        "tonnetz",
    ]


def test_stored_values_are_half_a_step_from_the_true_ones() -> None:
    values = features([music()], DEFAULTS)
    stored = quantize(values, FORMAT.rows)
    offsets, scales = (np.array([getattr(row, name) for row in FORMAT.rows]) for name in ("offset", "scale"))
    inside = (values >= offsets) & (values <= offsets + 255 * scales)
    assert inside.mean() > 0.98
    assert (np.abs(offsets + scales * stored - values) / scales)[inside].max() <= 0.5001
    assert np.abs(normalize(values, FORMAT.rows) - stored / 255).max() <= 0.501 / 255
    assert stored[values < offsets].max() == 0
    assert stored[values > offsets + 255 * scales].min(initial=255) == 255


def test_golden_image() -> None:
    """Fails when values change without a new FEATURE_VERSION: count it up and save the new image beside."""
    golden = np.load(Path(__file__).parent / "golden" / f"hyper_image_v{FEATURE_VERSION}.npy")
    stored = features([music(1.5)], DEFAULTS, quantize)
    assert stored.shape == golden.shape
    steps = np.abs(stored.astype(int) - golden)
    assert steps.max() <= 1  # another machine rounds otherwise
    assert (steps == 0).mean() > 0.999


@given(cuts=st.lists(st.integers(0, 40000), max_size=8).map(sorted))
@settings(max_examples=20)
def test_blocks_may_be_cut_anywhere(cuts: list[int]) -> None:
    samples = np.repeat(music(1.0), 2)[:40000]
    whole = features(resample([samples], 44100, SAMPLE_RATE), DEFAULTS)
    blocks = resample(np.split(samples, cuts), 44100, SAMPLE_RATE)
    assert np.array_equal(features(blocks, DEFAULTS), whole)
    wanted = soxr.resample(samples, 44100, SAMPLE_RATE, quality="HQ")
    assert np.array_equal(np.concatenate(list(resample([samples], 44100, SAMPLE_RATE))), wanted)


def test_the_key_changes_with_what_decides_the_values_alone() -> None:
    assert feature_key(replace(DEFAULTS, shard_songs=7)) == feature_key(DEFAULTS)
    assert feature_key(replace(DEFAULTS, n_mels=64)) != feature_key(DEFAULTS)
    shipped = load_params(Path("params.yaml")).hyper_images
    assert replace(shipped, families=[]) == DEFAULTS  # what stands beside the image changes none of it
    assert feature_key(shipped) == feature_key(DEFAULTS)


def test_hyper_image_of_a_file(tmp_path: Path) -> None:
    soundfile.write(
        tmp_path / "song.wav", np.stack([music(), np.zeros_like(music())], axis=1), SAMPLE_RATE, "FLOAT"
    )
    image = earshot.hyper_image(tmp_path / "song.wav")
    assert image.values.shape == (207, 216)
    assert image.values.dtype == np.float32
    assert image.frames_per_second == pytest.approx(43.066, abs=1e-3)
    wanted = normalize(features([0.5 * music()], DEFAULTS), FORMAT.rows)
    np.testing.assert_array_equal(image.values.T, wanted)


def test_what_has_no_image(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="too short: 8 frames"):
        features([music()[: 7 * 512]], DEFAULTS)
    with pytest.raises(AudioError, match="not finite"), np.errstate(all="ignore"):
        features([np.full(20000, 1e25, np.float32)], DEFAULTS)


def test_settings_that_leave_an_octave_without_bins_are_named() -> None:
    with pytest.raises(UserError, match=r"sample_rate=8000, n_fft=1024: .*octave above 6400 Hz"):
        features([music()], replace(DEFAULTS, sample_rate=8000))
