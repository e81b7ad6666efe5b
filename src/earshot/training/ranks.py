"""The processes that train one network together: each hears a part of every batch, all have the same weights.

A rank is a process by its number. A network hears a rank's part of a batch; its answers are gathered from all
ranks, so that the objective sees the whole batch on each of them, as one process would: a loss may hang on
what else is in the batch. What comes back through `Ranks.whole` is the gradient of the loss of the whole
batch, times the number of ranks, since DistributedDataParallel divides the sum over ranks by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, distributed


@dataclass(frozen=True)
class Ranks:
    """Which rank this process is, and of how many; one by default.

    All methods but `part` are called by all ranks at the same place, or none of them returns.
    """

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes and tells how far it is."""
        return self.rank == 0

    def part(self, n: int) -> slice:
        """Which of `n` things of a batch this rank has.

        Parts differ by one at most. A rank for which nothing is left has the last thing too: a network need
        not bear an empty batch, and `whole` leaves the answer out.
        """
        first, last = self._bounds(n)[self.rank : self.rank + 2]
        return slice(first, last) if first < last else slice(n - 1, n)

    def whole(self, outputs: Tensor, n: int) -> Tensor:
        """Answers of all ranks in the order of the batch; gradients as the module says.

        Parameters
        ----------
        outputs
            Of this rank, (times * own, d): `own` things, in the order of `part`, answered `times` times.
        n
            Things of the whole batch.

        Returns
        -------
        (times * n, d)
        """
        if self.size == 1:
            return outputs
        own = self.part(n)
        answers = outputs.unflatten(0, (-1, own.stop - own.start))  # type: ignore[no-untyped-call]
        gathered: Tensor = _Gathered.apply(answers, self._bounds(n), self.rank)  # type: ignore[no-untyped-call]
        return gathered.flatten(0, 1)

    def sum(self, values: Tensor) -> Tensor:
        """The sum over ranks of tensors of one shape; its gradient is the sum of theirs."""
        if self.size == 1:
            return values
        total: Tensor = _Sum.apply(values)  # type: ignore[no-untyped-call]
        return total

    def agreed(self, values: Sequence[float]) -> list[float]:
        """Those of the first rank, on all of them."""
        if self.size == 1:
            return list(values)
        told = torch.tensor(values, dtype=torch.float64)
        distributed.broadcast(told, src=0)
        return [float(value) for value in told]

    def of_each(self, state: Tensor) -> list[Tensor]:
        """`state` of every rank, of one shape on all, on the CPU."""
        states = [torch.empty_like(state) for _ in range(self.size)]
        if self.size == 1:
            return [state]
        distributed.all_gather(states, state)
        return states

    def _bounds(self, n: int) -> list[int]:
        """Where each rank's part of `n` things begins, and the end, (size + 1,)."""
        return [-(-n * rank // self.size) for rank in range(self.size + 1)]  # rounded up


ALONE = Ranks()
"""One process, which shares nothing."""


class _Gathered(torch.autograd.Function):
    """(times, own, d) of each rank to (times, n, d) on all."""

    @staticmethod
    def forward(ctx: Any, answers: Tensor, bounds: list[int], rank: int) -> Tensor:
        ctx.bounds, ctx.rank, ctx.n_own = bounds, rank, answers.shape[1]
        sizes = [end - start for start, end in pairwise(bounds)]
        times, n_own, d = answers.shape
        # collectives want the same shape of all: short parts are filled up
        padded = answers.new_zeros(times, max(*sizes, n_own), d)
        padded[:, :n_own] = answers
        parts = [torch.empty_like(padded) for _ in sizes]
        distributed.all_gather(parts, padded)
        return torch.cat([part[:, :size] for part, size in zip(parts, sizes, strict=True)], dim=1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        first, last = ctx.bounds[ctx.rank], ctx.bounds[ctx.rank + 1]
        own = gradient.new_zeros(len(gradient), ctx.n_own, gradient.shape[2])  # 0 for who stood in for nobody
        own[:, : last - first] = gradient[:, first:last]
        return own * (len(ctx.bounds) - 1), None, None


class _Sum(torch.autograd.Function):
    """The sum over ranks, forwards and backwards."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        total = values.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        total = gradient.contiguous().clone()
        distributed.all_reduce(total)
        return total
