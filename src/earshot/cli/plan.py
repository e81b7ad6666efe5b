"""`earshot plan`: what a catalogue of some size would cost."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated

import typer

from earshot.costs import MOST_FACTORS, SECONDS_OF_A_SONG, in_words
from earshot.terminal import AsJson, aligned, tell, tell_json

if TYPE_CHECKING:
    from earshot.lanes.plan import Machine, Plan

_NOTHING = 0.005  # GB


def plan(
    songs: Annotated[int, typer.Option(min=1, help="with sound")],
    plays: Annotated[int, typer.Option(min=1, help="rows of plays: a listener and a song each")],
    listeners: Annotated[int, typer.Option(min=1, help="with a play")],
    seconds: Annotated[
        float,
        typer.Option(min=1, help="of sound of a song that are heard, at most hyper_images.excerpt_seconds"),
    ] = SECONDS_OF_A_SONG,
    factors: Annotated[
        int, typer.Option(min=1, help="of the factorization; 100 are the most that `auto` tries")
    ] = MOST_FACTORS,
    cores: Annotated[int | None, typer.Option(min=1, help="else those of this machine")] = None,
    memory: Annotated[float | None, typer.Option(min=0.1, help="in GB, else that of this machine")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what a catalogue would cost, stage by stage, and which of them outgrows the machine first."""
    from earshot.lanes.plan import Planned, make_plan, this_machine

    here = this_machine()
    machine = replace(here, cores=cores or here.cores, memory_gb=memory or here.memory_gb)
    found = make_plan(Planned(songs, plays, listeners, seconds, factors), machine)
    if as_json:
        tell_json(asdict(found))
        return
    tell("\n".join(_lines(found, machine)))


def _lines(found: Plan, machine: Machine) -> list[str]:
    rows = [["stage", "CPU", f"on {machine.cores} cores", "memory", "disk", "mostly by"]]
    for stage in found.stages:
        time = [in_words(3600 * hours) for hours in (stage.cpu_hours, stage.hours)]
        rows.append([stage.name, *time, _gb(stage.memory_gb), _gb(stage.disk_gb), stage.driver])
    cpu, hours, disk = (
        sum(getattr(stage, name) for stage in found.stages) for name in ("cpu_hours", "hours", "disk_gb")
    )
    peak = max(stage.memory_gb for stage in found.stages)
    rows.append(["all, once", in_words(3600 * cpu), in_words(3600 * hours), _gb(peak), _gb(disk), ""])
    longest = max(found.stages, key=lambda stage: stage.hours)
    share = f"{longest.hours / hours:.0%} of the time"
    return [
        *aligned(rows),
        "",
        f"{longest.name} takes longest, {share}; what shortens it: {longest.beyond}",
        _first(found, machine),
        f"unit costs of {found.machine_of_costs}",
    ]


def _first(found: Plan, machine: Machine) -> str:
    first = found.first
    if found.times < 1:
        return (
            f"{first.name} wants {_gb(first.memory_gb)} of memory, more than the {_gb(machine.memory_gb)} "
            f"there are: {first.beyond}"
        )
    return (
        f"{_gb(machine.memory_gb)} of memory hold {found.times:.1f} times as much; beyond that "
        f"{first.name} gives way first: {first.beyond}"
    )


def _gb(gigabytes: float) -> str:
    return "" if gigabytes < _NOTHING else f"{gigabytes:.2f} GB" if gigabytes < 10 else f"{gigabytes:,.0f} GB"
