"""What work costs on this machine: unit costs measured once, scaled by how fast a probe is here."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from earshot.files import parse_yaml

FILE = Path(__file__).parent / "unit_costs.yaml"

SECONDS_OF_A_SONG = 30.0
"""Sound of a song that is heard, unless it is said: what previews and most research collections hold."""
MOST_FACTORS = 100
"""Of a factorization, unless it is said: the most that `auto` tries."""


@dataclass(frozen=True)
class Size:
    """Songs and rows of plays of a catalogue."""

    songs: int
    plays: int


@dataclass(frozen=True)
class StageCost:
    """Seconds of a stage: `fixed`, and more for every 1,000 `songs` and every million rows of `plays`."""

    fixed: float
    songs: float
    plays: float

    def seconds(self, size: Size) -> float:
        """On a catalogue of that size, on the machine of the table.

        >>> StageCost(3, 8, 50).seconds(Size(2_000, 100_000))
        24.0
        """
        return self.fixed + self.songs * size.songs / 1e3 + self.plays * size.plays / 1e6


@dataclass(frozen=True)
class Resource:
    """So much of something, `fixed` and for every unit of what a stage goes through.

    Attributes
    ----------
    a_unit
        By unit: 1,000 `songs`, `hours` of sound, million rows of `plays`, 1,000 `listeners`, million `pairs`
        of a song and a listener; of a factorization `solves`, of a million plays, and `matrices`, both of 100
        factors.
    at_most, at_least
        Units that count, by unit, where a stage looks at a sample of more, and where fewer cost as much.
    """

    fixed: float = 0.0
    a_unit: dict[str, float] = field(default_factory=dict)
    at_most: dict[str, float] = field(default_factory=dict)
    at_least: dict[str, float] = field(default_factory=dict)

    def amount(self, units: dict[str, float]) -> float:
        """For a catalogue of so many of each unit.

        >>> Resource(1.0, {"songs": 2.0, "plays": 10.0}, {"songs": 3.0}).amount({"songs": 8.0, "plays": 0.5})
        12.0
        """
        return self.fixed + sum(self._parts(units).values())

    def driver(self, units: dict[str, float]) -> str:
        """The unit that most of it hangs on; `start` where that is none."""
        parts = {"start": self.fixed} | self._parts(units)
        return max(parts, key=lambda name: parts[name])

    def _parts(self, units: dict[str, float]) -> dict[str, float]:
        counting = {unit: self._counting(unit, there) for unit, there in units.items()}
        if "pairs" in counting:  # of the songs and listeners that count, where that is fewer
            counting["pairs"] = min(counting["pairs"], counting["songs"] * counting["listeners"])
        if "pairs" in self.at_most and units["pairs"]:  # plays are those of the pairs that are looked at
            counting["plays"] *= counting["pairs"] / units["pairs"]
        return {unit: cost * counting[unit] for unit, cost in self.a_unit.items()}

    def _counting(self, unit: str, there: float) -> float:
        return max(min(there, self.at_most.get(unit, there)), self.at_least.get(unit, 0.0))


@dataclass(frozen=True)
class StageWork:
    """What one run of a stage takes, from nothing.

    Attributes
    ----------
    cpu
        CPU seconds of all its processes.
    memory_gb, gb_a_core
        At its peak, and for each worker process beside, one a core.
    disk_gb
        Of its output.
    all_cores
        Whether it uses all cores.
    beyond
        What takes over where one machine is too small, in words.
    """

    cpu: Resource
    memory_gb: Resource
    gb_a_core: Resource
    disk_gb: Resource
    all_cores: bool
    beyond: str


@dataclass(frozen=True)
class UnitCosts:
    """The content of unit_costs.yaml.

    Attributes
    ----------
    machine
        What it was measured on, in words.
    probe_seconds
        CPU seconds of `probe_seconds()` there.
    catalogue
        Of the embedded catalogue, on which all was measured.
    stages
        The pipeline's, by name.
    folder
        Reading a folder of music, and taking it in.
    papers
        CPU minutes of each folder of reproductions/, with its small.yaml, on the embedded catalogue.
    work
        The pipeline's stages by name, as `earshot plan` adds them up.
    """

    machine: str
    probe_seconds: float
    catalogue: Size
    stages: dict[str, StageCost]
    folder: StageCost
    papers: dict[str, float]
    work: dict[str, StageWork]


def read_unit_costs() -> UnitCosts:
    """What earshot ships."""
    content = parse_yaml(FILE.read_text(encoding="utf-8"))
    stages = {name: StageCost(**cost) for name, cost in content["stages"].items()}
    made = {
        "catalogue": Size(**content["catalogue"]),
        "folder": StageCost(**content["folder"]),
        "stages": stages,
        "work": {name: _work(each) for name, each in content["work"].items()},
    }
    return UnitCosts(**content | made)


def _work(said: dict[str, Any]) -> StageWork:
    bounds = said.get("at_most", {}), said.get("at_least", {})
    resources = {
        name: Resource(each.pop("fixed", 0.0), each, *bounds)
        for name in ("cpu", "memory_gb", "gb_a_core", "disk_gb")
        for each in [dict(said.get(name, {}))]
    }
    return StageWork(**resources, all_cores=bool(said.get("all_cores")), beyond=said["beyond"])


def in_words(seconds: float) -> str:
    """A duration that is read at a glance.

    >>> [in_words(seconds) for seconds in (0.4, 71.2, 200, 9000)]
    ['0 s', '71 s', '3 min', '2.5 h']
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


@lru_cache(maxsize=1)
def slowness(costs_probe_seconds: float) -> float:
    """CPU time that work takes here, over that on a machine whose probe took `costs_probe_seconds`."""
    return probe_seconds() / costs_probe_seconds


def probe_seconds() -> float:
    """CPU seconds, of this thread, of a fixed piece of work: Fourier transforms and sorting.

    The least of five, so that what else the machine does counts little. Arrays are below 128 kB: memory for
    larger ones comes from the system each time, which can take longer than the work, or, in processes whose
    allocator keeps it (`earshot.processes.keep_freed_memory`), nothing.
    """
    import numpy as np

    frames = np.random.default_rng(0).standard_normal((16, 1024)).astype(np.float32)
    taken = []
    for _ in range(5):
        started = time.thread_time()
        for _ in range(160):
            np.sort(np.abs(np.fft.rfft(frames, axis=1)), axis=1)
        taken.append(time.thread_time() - started)
    return min(taken)
