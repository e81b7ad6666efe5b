"""What each filter answers to most: sound that is made to please it, by ascent from noise (Lee et al.
2017)."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from earshot.encoders.sample_cnn import SampleCnn

LENGTH = 729
"""Samples of the sound that is made."""
STEPS = 18
_START = 0.015
"""Largest sample of the noise that it starts from."""
_LAYERS = 6

Singles = NDArray[np.float32]


def filter_spectra(network: SampleCnn, seed: int) -> list[Singles]:
    """Spectra of what filters of each layer answer to, float32 `(n_filters, LENGTH // 2 + 1)`, sorted.

    Of the strided convolution and as many blocks as `LENGTH` samples reach, six layers at most. Where
    BatchNorm is asked, it is as after training. Sorted by the frequency at which each is largest.
    """
    network.eval()
    spectra = []
    for layer in range(min(_LAYERS, _n_layers(network))):
        power = _powers(pleasing(network, layer, seed))
        spectra.append(power[np.argsort(power.argmax(axis=1), kind="stable")])
    return spectra


def pleasing(network: SampleCnn, layer: int, seed: int) -> Singles:
    """Sounds, float32 `(n_filters, LENGTH)`, on which each filter of a layer has a large mean over time.

    Each starts from noise and follows its own gradient, divided by its root mean square, `STEPS` times; one
    whose filter is silent stays as it is.
    """
    n_filters = network.activations(torch.zeros(1, LENGTH), layer + 1)[layer].shape[1]
    noise = np.random.default_rng([seed, layer]).uniform(-_START, _START, (n_filters, LENGTH))
    sounds = torch.from_numpy(noise.astype(np.float32))
    for _ in range(STEPS):
        sounds.requires_grad_()
        found = network.activations(sounds, layer + 1)[layer].mean(dim=2)  # (sounds, filters)
        means = found.diagonal()  # of each sound the filter that it is for
        (gradient,) = torch.autograd.grad(means.sum(), sounds)
        step = gradient / (gradient.square().mean(dim=1, keepdim=True).sqrt() + 1e-9)
        sounds = torch.where((means > 0)[:, None], sounds + step, sounds).detach()
    made: Singles = sounds.numpy()
    return made


def _n_layers(network: SampleCnn) -> int:
    """Layers that still have a value on `LENGTH` samples."""
    x, count = torch.zeros(1, 1, LENGTH), 0
    for layer in [network.stem, *network.blocks]:
        if x.shape[2] < (3 if count else 1):  # a block pools by three
            break
        x, count = layer(x), count + 1
    return count


def _powers(sounds: Singles) -> Singles:
    """log10(1 + 10 x) of the power of one Hann frame of each, its mean taken off."""
    centred = sounds - sounds.mean(axis=1, keepdims=True)
    power = np.abs(np.fft.rfft(centred * np.hanning(LENGTH), axis=1)) ** 2
    return np.asarray(np.log10(1 + 10 * power), dtype=np.float32)
