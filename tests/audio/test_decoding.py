"""Real files of many kinds: decoded where they can be, else a reason."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import soundfile

from earshot.audio.decoding import decode, open_blocks, to_mono
from earshot.audio.probing import probe
from earshot.audio.samples import AudioError
from tests.audio.files import RATE, stereo, write_files, write_m4a

TOO_LITTLE = {"too short", "silent"}
"""Reasons that hang on params.yaml: no matter of decoding."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("audio")
    write_files(folder)
    return folder


def test_every_file_is_probed_or_has_a_reason(folder: Path, tmp_path: Path) -> None:
    for name, reason in write_files(tmp_path).items():
        found = probe(folder / name)
        assert found.audio_md5 == hashlib.md5((folder / name).read_bytes(), usedforsecurity=False).hexdigest()
        if reason is None:
            assert found.reason is None, name
            assert found.seconds == pytest.approx(2.0, abs=0.05)
            assert found.sample_rate == RATE
            assert found.channels == (8 if name == "eight.wav" else 2)
            assert found.peak_dbfs == pytest.approx(20 * np.log10(np.abs(stereo()).max()), abs=1.0)
        elif reason not in TOO_LITTLE:
            assert str(found.reason).split(":")[0] == reason, name
            assert str(folder) not in str(found.reason)


@pytest.mark.parametrize("name", ["song.wav", "song.ogg", "song.flac", "song.mp3", "song.m4a"])
def test_samples_are_those_that_were_written(folder: Path, name: str) -> None:
    samples, sample_rate = decode(folder / name)
    assert sample_rate == RATE
    assert samples.dtype == np.float32
    written = stereo()
    length = min(len(samples), len(written))
    assert np.mean((samples[:length] - written[:length]) ** 2) < 0.05 * np.mean(written**2)


@pytest.mark.parametrize("name", ["song.wav", "song.ogg", "song.flac", "song.mp3", "song.m4a"])
def test_an_excerpt_is_a_slice(folder: Path, name: str) -> None:
    whole, _ = decode(folder / name)
    excerpt, _ = decode(folder / name, start=0.5, seconds=1.0)
    assert excerpt.shape == (RATE, 2)
    np.testing.assert_allclose(excerpt, whole[RATE // 2 : 3 * RATE // 2], atol=2e-3)
    with pytest.raises(AudioError, match=r"empty: no samples after 9\.00 s"):
        decode(folder / name, start=9.0)


def test_a_long_file_is_decoded_in_blocks(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "long.flac", np.tile(stereo(), (30, 1)), RATE)
    write_m4a(tmp_path / "long.m4a", np.tile(stereo(), (30, 1)))
    for name in ("long.flac", "long.m4a"):
        _, blocks = open_blocks(tmp_path / name)
        sizes = [len(block) for block in blocks]
        assert max(sizes) <= 2**21
        assert sum(sizes) == pytest.approx(60 * RATE, abs=2048)


def test_mono_is_the_mean_of_all_channels(folder: Path, tmp_path: Path) -> None:
    channels = np.array([[0.1, 0.2, 0.6], [0.5, -0.5, 0.0]])
    soundfile.write(tmp_path / "three.wav", channels, RATE, "FLOAT")
    np.testing.assert_allclose(to_mono(decode(tmp_path / "three.wav")[0]), [0.3, 0.0], atol=1e-7)
    np.testing.assert_allclose(
        to_mono(decode(folder / "eight.wav")[0]), decode(folder / "song.wav")[0][:, 0], atol=1e-4
    )


def test_clipping_is_measured(tmp_path: Path) -> None:
    samples = np.array([1.0, -1.0, 0.5, 0.0] * 1000)
    soundfile.write(tmp_path / "clipped.wav", samples, RATE, "FLOAT")
    found = probe(tmp_path / "clipped.wav")
    assert found.clipped_share == 0.5
    assert found.peak_dbfs == 0.0
