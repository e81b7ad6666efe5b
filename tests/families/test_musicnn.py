"""MusiCNN's front end, windows, layers, weights and key."""

from __future__ import annotations

from pathlib import Path

import librosa
import numpy as np
import pytest

from earshot.audio.samples import AudioError
from earshot.errors import UserError
from earshot.families import musicnn
from earshot.families.musicnn import MusiCNN, hash_of, log_mel, read_weights
from earshot.families.musicnn_network import MusicnnNetwork
from earshot.features.consecutive import consecutive_windows
from earshot.features.families import SongSource, described
from earshot.features.hyper_image import DEFAULTS
from earshot.files import replace_arrays
from tests.families.musicnn_weights import random_weights, slow_layers

RATE = 16_000


def chirp(seconds: float) -> np.ndarray:
    time = np.arange(round(seconds * RATE)) / RATE
    return (0.3 * np.sin(2 * np.pi * (200 + 150 * time) * time)).astype(np.float32)


def test_the_front_end_is_librosas() -> None:
    samples = chirp(2.0)
    power = librosa.feature.melspectrogram(y=samples, sr=RATE, hop_length=256, n_fft=512, n_mels=96).T
    wanted = np.log10(10_000 * power.astype(np.float16).astype(np.float64) + 1)
    found = log_mel(iter([samples[:7000], samples[7000:]]))
    assert found.shape == (126, 96)
    assert np.abs(found - wanted).max() < 1e-3  # a step of half precision is 4e-4
    assert np.median(np.abs(found - wanted)) < 1e-6


def test_loud_samples_stay_finite_and_far_too_loud_ones_are_refused() -> None:
    assert np.isfinite(log_mel(iter([4 * chirp(1.0)]))).all()  # the original's are infinite from .1 on
    with pytest.raises(AudioError, match="not finite"):
        log_mel(iter([1e4 * chirp(1.0)]))


def test_the_layers_are_those_of_a_slow_network() -> None:
    weights = random_weights(1)
    windows = np.random.default_rng(2).uniform(0, 4, (3, 150, 96)).astype(np.float32)
    found = MusicnnNetwork(weights).vectors(windows)
    for number, window in enumerate(windows):
        pooled, last = slow_layers(weights, window)
        assert np.allclose(found["pooled"][number], pooled, atol=2e-4)
        assert np.allclose(found["penultimate"][number], last, atol=2e-4)


def test_a_song_is_the_mean_of_its_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = random_weights(3)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(musicnn.HASHES, "MTT", hash_of(weights))
    song = SongSource(blocks=lambda rate: iter([chirp(7.0)]) if rate == RATE else iter(()))
    both = MusiCNN("MTT", ["pooled", "penultimate"])
    with pytest.raises(UserError, match=r"musicnn-MTT\.npz: not there: `earshot features musicnn` brings"):
        both.compute(song, DEFAULTS)
    (tmp_path / "pretrained").mkdir()
    replace_arrays(tmp_path / "pretrained" / "musicnn-MTT.npz", **weights)
    found = both.compute(song, DEFAULTS)
    windows = consecutive_windows(log_mel(iter([chirp(7.0)])), 187)
    assert len(windows) == 2
    of_windows = [slow_layers(weights, window) for window in windows]
    pooled, last = (np.mean(each, axis=0) for each in zip(*of_windows, strict=True))
    assert found.dtype == np.float32
    assert found.shape == (both.width(DEFAULTS),) == (1706,)
    assert np.allclose(found, [*last, *pooled], atol=2e-4)  # in the order of the network
    assert np.array_equal(MusiCNN("MTT").compute(song, DEFAULTS), found[:200])


def test_weights_that_are_others_or_none_are_named(tmp_path: Path) -> None:
    path = tmp_path / "weights.npz"
    replace_arrays(path, a=np.float32([1]))
    with pytest.raises(UserError, match=r"weights\.npz: weights of hash [0-9a-f]{32}: wanted 00; `earshot"):
        read_weights(path, "00")
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(UserError, match=r"weights\.npz: no weights: .*`earshot features musicnn`"):
        read_weights(path, "00")


def test_the_key_names_all_and_needs_no_file() -> None:
    content, seconds = MusiCNN().key_parts(DEFAULTS)
    assert (content, seconds) == (
        "16000 Hz, n_fft 512, hop 256, 96 mel, float16, log10(1 + 10000 x); windows 187 without overlap, "
        "mean of penultimate; MSD 50d99c46c84cb77d5a63398ae1771043; float32",
        60.0,
    )
    kinds = [MusiCNN(), MusiCNN("MTT"), MusiCNN(layers=["pooled"])]
    assert len({described(kind, DEFAULTS).key for kind in kinds}) == 3
    assert described(MusiCNN(layers=["pooled", "penultimate"]), DEFAULTS) == described(
        MusiCNN(layers=["penultimate", "pooled"]), DEFAULTS
    )
    changed = DEFAULTS.__class__(**vars(DEFAULTS) | {"sample_rate": 44100, "n_mels": 64})
    assert described(MusiCNN(), changed) == described(MusiCNN(), DEFAULTS)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"weights": "GTZAN"}, "weights='GTZAN': wanted MSD or MTT"),
        ({"layers": []}, r"layers=\[\]: wanted some of penultimate, pooled"),
        ({"layers": ["tags"]}, r"layers=\['tags'\]: wanted some"),
    ],
)
def test_what_there_is_not_is_named(arguments: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        MusiCNN(**arguments)
