"""Signals to test features on: one like music, and nasty ones. Mono, 22,050 Hz, float32."""

from __future__ import annotations

import numpy as np

SAMPLE_RATE = 22050


def music(seconds: float = 5.0, seed: int = 0) -> np.ndarray:
    """A broken chord a little sharp of A440, a hi-hat every quarter of a second."""
    random = np.random.default_rng(seed)
    t = np.arange(round(SAMPLE_RATE * seconds)) / SAMPLE_RATE
    partials = np.outer([220, 277.2, 329.6, 440, 880, 1760], 2 * np.pi * 1.007 * t) + random.random((6, 1))
    chord = np.sin(partials).sum(axis=0) * np.exp(-(t % 0.5) * 4)
    hat = random.standard_normal(len(t)) * np.exp(-(t % 0.25) * 20)
    return (0.1 * chord + 0.02 * hat).astype(np.float32)


def nasty() -> dict[str, np.ndarray]:
    t = np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE
    clicks = np.zeros(len(t))
    clicks[::5512] = 1
    between_bins = 40.5 * SAMPLE_RATE / 1024
    signals = {
        "silence": np.zeros(len(t)),
        "clicks": clicks,
        "tone between bins": 0.5 * np.sin(2 * np.pi * between_bins * t),
        "white noise": 0.1 * np.random.default_rng(1).standard_normal(len(t)),
        "clipped": np.clip(20 * music(3), -1, 1),
        "DC": np.full(len(t), 0.5),
        "faint": 1e-4 * music(3),
        "silent, then music": music(3) * (t > 1.5),
        "shortest": music(3)[: 8 * 512],
    }
    return {name: signal.astype(np.float32) for name, signal in signals.items()}
