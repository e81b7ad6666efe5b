"""The mel twin: the frames of a mel spectrogram in the place of what a strided convolution learns."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from earshot.encoders.sample_cnn import FULL_SCALE, SampleCnn
from earshot.features.mel import mel_bank
from sample_level_cnn.params import SampleNetwork

N_FFT, HOP, N_MELS = 1024, 512, 128
_MEAN, _SPREAD = 0.2262, 0.2579
"""Of log10(1 + 10 x) on MagnaTagATune, as the authors' code has them."""


class LogMel(nn.Module):
    """log10(1 + 10 x), x the magnitude of a spectrum in mel bands, centred and scaled (Lee et al. 2017).

    Parameters
    ----------
    sample_rate
        Hz.
    """

    bank: Tensor
    window: Tensor

    def __init__(self, sample_rate: int) -> None:
        super().__init__()
        self.register_buffer("bank", torch.from_numpy(mel_bank(sample_rate, N_FFT, N_MELS)), persistent=False)
        self.register_buffer("window", torch.hann_window(N_FFT), persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        """int16 as float32 (batch, 1, n_samples) to (batch, N_MELS, 1 + n_samples // HOP)."""
        sound = samples.flatten(1) / FULL_SCALE
        spectrum = torch.stft(sound, N_FFT, HOP, window=self.window, pad_mode="constant", return_complex=True)
        bands = spectrum.abs().transpose(1, 2) @ self.bank  # (batch, n_frames, N_MELS)
        return ((1 + 10 * bands).log10().transpose(1, 2) - _MEAN) / _SPREAD


def build_network(
    settings: SampleNetwork, n_outputs: int, sample_rate: int, n_samples: int, seed: int
) -> nn.Module:
    """A network with weights that `seed` draws, for segments of `n_samples` at `sample_rate` (Hz).

    Raises ValueError for segments that are too short.
    """
    torch.manual_seed(seed)
    options: dict[str, Any] = dict(settings.init_args)
    if not settings.mel:
        return SampleCnn(0, n_outputs, **options, n_samples=n_samples)
    options |= {"n_frames": 1 + n_samples // HOP, "families": ["mel"]}
    return nn.Sequential(LogMel(sample_rate), SampleCnn(N_MELS, n_outputs, **options))


def statistics(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """Mean, deviation and mean step of each mel row of each clip, float32 (n, 3 * N_MELS).

    `samples` are int16 (n, n_segments, n_samples).
    """
    mel = LogMel(sample_rate)
    found = []
    for clip in samples:
        rows = mel(torch.from_numpy(clip[:, None].astype(np.float32)))  # (n_segments, N_MELS, n_frames)
        frames = rows.transpose(0, 1)  # (N_MELS, n_segments, n_frames)
        steps = frames.diff(dim=2).abs().flatten(1).mean(dim=1)
        flat = frames.flatten(1)
        found.append(torch.cat([flat.mean(dim=1), flat.std(dim=1, correction=0), steps]).numpy())
    return np.stack(found).astype(np.float32)
