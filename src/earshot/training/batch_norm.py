"""BatchNorm over a batch whose parts are heard by several processes; torch has it for GPUs alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from earshot.training.ranks import Ranks


@contextmanager
def over_ranks(network: nn.Module, ranks: Ranks) -> Iterator[None]:
    """Have every BatchNorm of `network` take mean and variance over the parts of all ranks.

    They are those of one process that hears the whole batch; so are the running ones.
    """
    layers = [layer for layer in network.modules() if isinstance(layer, _BatchNorm)] if ranks.size > 1 else []
    for layer in layers:
        layer.forward = partial(_normed, layer, ranks)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward  # that of its class is there again


def _normed(layer: _BatchNorm, ranks: Ranks, inputs: Tensor) -> Tensor:
    """As `nn.BatchNorm1d` and its like (Ioffe and Szegedy 2015), `inputs` (own, channels, ...)."""
    if not layer.training and layer.running_mean is not None:
        normed: Tensor = type(layer).forward(layer, inputs)
        return normed
    others = [axis for axis in range(inputs.ndim) if axis != 1]
    own = inputs.new_full((1,), inputs.numel() / inputs.shape[1])
    sums = ranks.sum(torch.cat([inputs.sum(dim=others), own]))  # (channels + 1,)
    n = sums[-1].detach()  # numbers of a channel, over all ranks
    mean = sums[:-1] / n
    shape = [1, -1] + [1] * (inputs.ndim - 2)
    centred = inputs - mean.view(shape)
    # a second round, since a mean of squares less the square of a mean cancels
    variance = ranks.sum(centred.square().sum(dim=others)) / n
    if layer.running_mean is not None:
        _keep(layer, mean.detach(), (variance * n / (n - 1)).detach())
    outputs = centred * torch.rsqrt(variance + layer.eps).view(shape)
    if layer.weight is not None:
        outputs = outputs * layer.weight.view(shape) + layer.bias.view(shape)
    return outputs


def _keep(layer: _BatchNorm, mean: Tensor, variance: Tensor) -> None:
    assert layer.running_mean is not None
    assert layer.running_var is not None
    assert layer.num_batches_tracked is not None
    layer.num_batches_tracked.add_(1)
    share = layer.momentum if layer.momentum is not None else 1 / float(layer.num_batches_tracked)
    layer.running_mean.lerp_(mean, share)
    layer.running_var.lerp_(variance, share)
