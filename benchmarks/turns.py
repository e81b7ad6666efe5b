"""Timing ways of doing the same: they take turns, so that a machine's moods hit all of them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar

Name = TypeVar("Name", bound=Hashable)


def device_seconds() -> float:
    """CPU seconds of this process; where a GPU trains, those of the clock, once it has done its work."""
    import torch

    from earshot.predictors.load import device

    if device().type == "cpu":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def timed(clock: Callable[[], float], function: Callable[..., object], *arguments: Any) -> float:
    """Seconds, by `clock`, of calling `function`."""
    started = clock()
    function(*arguments)
    return clock() - started


def median_seconds(ways: Mapping[Name, Callable[[], float]], rounds: int) -> dict[Name, float]:
    """Median over `rounds` of what each way, called, says it took; a round before them warms up."""
    measured = [{name: way() for name, way in ways.items()} for _ in range(1 + rounds)][1:]
    return {name: statistics.median(seconds[name] for seconds in measured) for name in ways}
