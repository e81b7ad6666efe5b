"""The blocks of sample-level networks, plain, residual and with squeeze-and-excitation (Kim et al. 2018)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

KINDS = ("basic", "se", "res_1", "res_2", "rese_1", "rese_2")

_BETWEEN = 0.2
"""Share left out between the two convolutions of a residual block."""


class SqueezeExcitation(nn.Module):
    """Each channel times a gate that hangs on what all channels are like over time (Hu et al. 2018).

    With z the mean over time of each of C channels, the gates are sigmoid(W2 relu(W1 z + b1) + b2), where
    W1 has `reduction` * C rows.

    Parameters
    ----------
    channels
        C.
    reduction
        Rows of W1 by C: 1/8 in the authors' later code; 16, an expansion, in their first.
    """

    def __init__(self, channels: int, reduction: float) -> None:
        super().__init__()
        between = max(1, round(channels * reduction))
        self.gates = nn.Sequential(
            nn.Linear(channels, between), nn.ReLU(), nn.Linear(between, channels), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, time), scaled by channel."""
        gated: Tensor = x * self.gates(x.mean(dim=2)).unsqueeze(2)
        return gated


class Block(nn.Module):
    """One of the six blocks between the first convolution and the head; time becomes a third.

    - `basic`: convolution over three, BatchNorm, ReLU, pooling by the maximum of three;
    - `se`: the same, then squeeze-and-excitation of what is pooled;
    - `res_1`: convolution, BatchNorm, and the input added before ReLU and pooling;
    - `res_2`: convolution, BatchNorm, ReLU, dropout, convolution, BatchNorm, and the same;
    - `rese_1`, `rese_2`: squeeze-and-excitation of that before the input is added.

    Where the channels change the input is added through a convolution over one and BatchNorm.

    Parameters
    ----------
    n_in, n_out
        Channels before and behind it.
    kind
        One of those above.
    reduction
        As of `SqueezeExcitation`.
    """

    def __init__(self, n_in: int, n_out: int, kind: str, reduction: float) -> None:
        super().__init__()
        if kind not in KINDS:
            raise ValueError(f"block={kind!r}: wanted one of {', '.join(KINDS)}")
        self.convolutions = nn.Sequential(*_convolved(n_in, n_out))
        if kind.endswith("_2"):
            again = _convolved(n_out, n_out)
            self.convolutions.extend([nn.ReLU(), nn.Dropout(_BETWEEN), *again])
        self.shortcut: nn.Module | None = None
        if kind.startswith("res"):
            self.shortcut = nn.Identity() if n_in == n_out else nn.Sequential(*_convolved(n_in, n_out, 1))
        self.excitation = SqueezeExcitation(n_out, reduction) if kind.startswith(("se", "rese")) else None
        self.pool = nn.MaxPool1d(3)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, n_in, time) to (batch, n_out, time // 3)."""
        y: Tensor = self.convolutions(x)  # (batch, n_out, time)
        if self.shortcut is None:
            y = self.pool(torch.relu(y))
            return y if self.excitation is None else self.excitation(y)
        if self.excitation is not None:
            y = self.excitation(y)
        pooled: Tensor = self.pool(torch.relu(y + self.shortcut(x)))
        return pooled


def _convolved(n_in: int, n_out: int, kernel: int = 3) -> list[nn.Module]:
    """A convolution that keeps time, and BatchNorm."""
    return [he_uniform(nn.Conv1d(n_in, n_out, kernel, padding=kernel // 2)), nn.BatchNorm1d(n_out)]


def he_uniform(convolution: nn.Conv1d) -> nn.Conv1d:
    """The same, its weights drawn anew as He et al. (2015) do for ReLU, its biases 0."""
    nn.init.kaiming_uniform_(convolution.weight, nonlinearity="relu")
    assert convolution.bias is not None
    nn.init.zeros_(convolution.bias)
    return convolution
