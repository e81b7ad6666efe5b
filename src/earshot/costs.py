"""What work costs on this machine: unit costs measured once, scaled by how fast a probe is here."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from earshot.files import parse_yaml

FILE = Path(__file__).parent / "unit_costs.yaml"


@dataclass(frozen=True)
class UnitCosts:
    """The content of unit_costs.yaml.

    Attributes
    ----------
    machine
        What it was measured on, in words.
    probe_seconds
        CPU seconds of `probe_seconds()` there.
    papers
        CPU minutes of each folder of reproductions/, with its small.yaml, on the embedded catalogue.
    """

    machine: str
    probe_seconds: float
    papers: dict[str, float]


def read_unit_costs() -> UnitCosts:
    """What earshot ships."""
    return UnitCosts(**parse_yaml(FILE.read_text(encoding="utf-8")))


@lru_cache(maxsize=1)
def slowness(costs_probe_seconds: float) -> float:
    """CPU time that work takes here, over that on a machine whose probe took `costs_probe_seconds`."""
    return probe_seconds() / costs_probe_seconds


def probe_seconds() -> float:
    """CPU seconds, of this thread, of a fixed piece of work: Fourier transforms and sorting.

    The least of five, so that what else the machine does counts little.
    """
    import numpy as np

    frames = np.random.default_rng(0).standard_normal((256, 1024)).astype(np.float32)
    taken = []
    for _ in range(5):
        started = time.thread_time()
        for _ in range(10):
            np.sort(np.abs(np.fft.rfft(frames, axis=1)), axis=1)
        taken.append(time.thread_time() - started)
    return min(taken)
