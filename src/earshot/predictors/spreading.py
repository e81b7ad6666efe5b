"""Where networks work: on the graphics card of this machine, else on the processors of the executor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from earshot.executors import spread

Item = TypeVar("Item")
Result = TypeVar("Result")


def spread_networks(
    function: Callable[[Item], Result], items: Sequence[Item], description: str
) -> Iterator[Result]:
    """Apply `function`, in which torch works, to every item; results in their order, of the same bytes.

    Parameters
    ----------
    function
        Importable by name, with what it is bound to pickled; see `earshot.executors.spread`.
    description
        What is done, for who hears that a node is gone.
    """
    import torch

    from earshot.predictors.load import device

    if device().type == "cuda":
        return map(function, items)
    return spread(function, items, threads=torch.get_num_threads(), description=description)
