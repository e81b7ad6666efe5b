"""The filter banks that are built without librosa are librosa's."""

from __future__ import annotations

import librosa
import numpy as np
import pytest

from earshot.features.chroma import chroma_bank
from earshot.features.mel import mel_bank


@pytest.mark.parametrize(
    ("sample_rate", "n_fft", "n_mels"), [(22050, 1024, 128), (44100, 2048, 40), (8000, 512, 64)]
)
def test_mel_bank(sample_rate: int, n_fft: int, n_mels: int) -> None:
    wanted = librosa.filters.mel(sr=sample_rate, n_fft=n_fft, n_mels=n_mels)
    np.testing.assert_allclose(mel_bank(sample_rate, n_fft, n_mels).T, wanted, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("tuning", [-0.5, -0.13, 0.0, 0.49])
@pytest.mark.parametrize(("sample_rate", "n_fft"), [(22050, 1024), (48000, 4096)])
def test_chroma_bank(sample_rate: int, n_fft: int, tuning: float) -> None:
    wanted = librosa.filters.chroma(sr=sample_rate, n_fft=n_fft, tuning=tuning)
    np.testing.assert_allclose(chroma_bank(sample_rate, n_fft, tuning).T, wanted, atol=1e-6)
