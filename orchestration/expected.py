"""What a run is going to do: which stages, in which place each, and about how long all of it takes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from pathlib import Path

import dagster as dg

from earshot.costs import Size, read_unit_costs, slowness
from earshot.errors import UserError
from earshot.files import read_json
from earshot.versioning import PipelineStage, changed_inputs, read_definition, read_pipeline
from orchestration.workspace import ROOT


def place(context: dg.AssetExecutionContext, stage: PipelineStage) -> str:
    """Which of the run's stages this one is, and how long the rest takes: `4 of 17, about 3 min left`.

    The time only where the catalogue's size is known, and the costs of all that is left. Nothing, "", where
    the pipeline cannot be read just now: another process may be writing, and the stage itself waits for it.
    """
    try:
        return _place(context, stage)
    except UserError:
        return ""


def _place(context: dg.AssetExecutionContext, stage: PipelineStage) -> str:
    steps = set(context.run.step_keys_to_execute or ())
    stages, changed = _of_run(context.run.run_id)
    chosen = [each for each in stages if step_key(each) in steps]
    running = with_followers({each.key: set(each.data_deps.values()) for each in chosen}, changed)
    begun = context.instance.all_logs(context.run.run_id, of_type=dg.DagsterEventType.STEP_START)
    done = {entry.dagster_event.step_key for entry in begun if entry.dagster_event} - {step_key(stage)}
    left = [each for each in chosen if step_key(each) not in done]
    number = f"{len(chosen) - len(left) + 1} of {len(chosen)}"
    seconds = seconds_of((each.target for each in left if each.key in running), catalogue_size(ROOT))
    return number if seconds is None else f"{number}, {roughly(seconds)} left"


def step_key(stage: PipelineStage) -> str:
    """Its name among the steps of a run."""
    return "__".join(stage.key)


@lru_cache(maxsize=1)
def _of_run(run_id: str) -> tuple[list[PipelineStage], set[tuple[str, ...]]]:
    """Every stage, and the keys of those that had something to do by themselves when the run began."""
    stages = read_pipeline(ROOT)
    changed = {each.key for each in stages if changed_inputs(ROOT, read_definition(ROOT, each.target)) != []}
    return stages, changed


def with_followers(
    makers: Mapping[tuple[str, ...], Collection[tuple[str, ...] | None]], changed: Iterable[tuple[str, ...]]
) -> set[tuple[str, ...]]:
    """Those of `makers` that are `changed`, and all of them that follow from one.

    `makers` holds what each stage reads from, and every stage after those.

    >>> sorted(with_followers({("b",): [("a",)], ("c",): [("b",)], ("d",): [("x",)]}, [("b",), ("x",)]))
    [('b',), ('c',)]
    """
    running = makers.keys() & set(changed)
    for key, read in makers.items():
        if not running.isdisjoint(read):
            running.add(key)
    return running


def catalogue_size(root: Path) -> Size | None:
    """Songs and plays of the workspace at `root`, as last counted; None before, and meanwhile."""
    try:
        counted = read_json(root / "data" / "play_counts" / "summary.json")
    except FileNotFoundError:
        return None
    return Size(counted["songs"], counted["plays"])


def roughly(seconds: float) -> str:
    """What is known roughly, said roughly.

    >>> [roughly(seconds) for seconds in (20, 45, 200, 9000)]
    ['under 1 min', 'about 1 min', 'about 3 min', 'about 2.5 h']
    """
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"about {minutes} min" if minutes else "under 1 min"
    return f"about {seconds / 3600:.1f} h"


def seconds_of(targets: Iterable[str], size: Size | None) -> float | None:
    """What the stages `targets` take here, in all; None where the size, or the cost of one, is unknown."""
    costs = read_unit_costs()
    found = [costs.stages.get(target) for target in targets]
    known = [cost.seconds(size) for cost in found if cost is not None and size is not None]
    return None if len(known) < len(found) else sum(known) * slowness(costs.probe_seconds)
