"""What a catalogue of some size costs on a machine of some size, stage by stage, before there is one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from earshot.costs import (
    MOST_FACTORS,
    SECONDS_OF_A_SONG,
    StageWork,
    UnitCosts,
    read_unit_costs,
    slowness,
)


@dataclass(frozen=True)
class Planned:
    """How large a catalogue will be.

    Attributes
    ----------
    songs
        With sound.
    plays
        Rows of plays: pairs of a listener and a song.
    listeners
        With a play.
    seconds
        Of sound of each song that are heard: at most `hyper_images.excerpt_seconds`, which is not looked up.
    factors
        Of the factorization.
    """

    songs: int
    plays: int
    listeners: int
    seconds: float = SECONDS_OF_A_SONG
    factors: int = MOST_FACTORS

    @property
    def units(self) -> dict[str, float]:
        """By the names and in the units of unit_costs.yaml."""
        return {
            "songs": self.songs / 1e3,
            "hours": self.songs * self.seconds / 3600,
            "plays": self.plays / 1e6,
            "listeners": self.listeners / 1e3,
            "pairs": self.songs * self.listeners / 1e6,
            # Measured with 50 and 100 factors: a play costs more than by factors, of which vectors are added,
            # and less than by their square, of which matrices are; a song or a listener as much as 70 plays.
            "solves": (self.plays + 70 * (self.songs + self.listeners)) / 1e6 * (self.factors / 100) ** 1.5,
            "matrices": (self.factors / 100) ** 2,
        }

    def times(self, factor: float) -> Planned:
        """As many times as many songs, plays and listeners."""
        counts = (round(factor * count) for count in (self.songs, self.plays, self.listeners))
        return replace(self, **dict(zip(("songs", "plays", "listeners"), counts, strict=True)))


@dataclass(frozen=True)
class Machine:
    """Cores, GB of memory, and CPU time that work takes on it over that on the machine of unit_costs.yaml."""

    cores: int
    memory_gb: float
    slowness: float = 1.0


@dataclass(frozen=True)
class StagePlan:
    """What one stage takes.

    Attributes
    ----------
    cpu_hours, hours
        Of CPU, and on the clock.
    memory_gb, disk_gb
        At its peak, and of its output.
    driver
        What most of its CPU time hangs on: a unit of unit_costs.yaml, or `start`.
    beyond
        What takes over where one machine is too small.
    """

    name: str
    cpu_hours: float
    hours: float
    memory_gb: float
    disk_gb: float
    driver: str
    beyond: str


@dataclass(frozen=True)
class Plan:
    """All stages of dvc.yaml once, in its order, and what gives way first.

    Attributes
    ----------
    times
        How many times as large a catalogue of the same proportions the memory holds; below 1: this one is
        too large.
    first
        The stage that needs more memory than there is beyond that.
    machine_of_costs
        What the unit costs were measured on, in words.
    """

    stages: list[StagePlan]
    times: float
    first: StagePlan
    machine_of_costs: str


def make_plan(planned: Planned, machine: Machine, costs: UnitCosts | None = None) -> Plan:
    """What all stages take for a catalogue that is `planned`, once, from nothing."""
    costs = costs or read_unit_costs()
    stages = [_stage(name, work, planned, machine) for name, work in costs.work.items()]
    times, first = min(
        (
            (_most_times(work, planned, machine), stage)
            for work, stage in zip(costs.work.values(), stages, strict=True)
        ),
        key=lambda found: found[0],
    )
    return Plan(stages, times, first, costs.machine)


def this_machine() -> Machine:
    """Cores that may be used, memory that is there, and how fast a probe is."""
    import psutil

    from earshot.processes import core_count

    memory = psutil.virtual_memory().total / 1e9
    return Machine(core_count(), memory, slowness(read_unit_costs().probe_seconds))


def _stage(name: str, work: StageWork, planned: Planned, machine: Machine) -> StagePlan:
    units = planned.units
    seconds = work.cpu.amount(units) * machine.slowness
    hours = seconds / 3600
    return StagePlan(
        name,
        cpu_hours=hours,
        hours=hours / machine.cores if work.all_cores else hours,
        memory_gb=_memory(work, units, machine),
        disk_gb=work.disk_gb.amount(units),
        driver=work.cpu.driver(units),
        beyond=work.beyond,
    )


def _memory(work: StageWork, units: dict[str, float], machine: Machine) -> float:
    """Where it works on all cores, each has a process of its own."""
    return work.memory_gb.amount(units) + machine.cores * work.gb_a_core.amount(units)


def _most_times(work: StageWork, planned: Planned, machine: Machine) -> float:
    """How many times as much the memory holds; at most a million times."""
    low, high = 0.0, 1e6
    if _memory(work, planned.times(high).units, machine) <= machine.memory_gb:
        return high
    for _ in range(60):
        middle = (low + high) / 2
        fits = _memory(work, planned.times(middle).units, machine) <= machine.memory_gb
        low, high = (middle, high) if fits else (low, middle)
    return low
