"""`python -m orchestration.run JOB`: a job in this process, its run in Dagster's history."""

from __future__ import annotations

from earshot.signals import hear_signals

if __name__ == "__main__":
    hear_signals()  # before the imports, which take a while

import os
import sys
import time
from typing import Annotated

import typer

from earshot.costs import in_words
from earshot.deliveries.inbox import INBOX, Waiting, look, make_inbox
from earshot.errors import UserError
from earshot.processes import die_with_parent
from earshot.terminal import say, say_error
from orchestration.demo import share_demo, take_in_demo
from orchestration.workspace import ROOT


def run(
    job: Annotated[str, typer.Argument(help="onboard, retrain, everything or paper")],
    demo: Annotated[
        bool, typer.Option("--demo", help="without a delivery, take in the embedded one")
    ] = False,
) -> None:
    """Run JOB unless all is up to date and nothing waits in the inbox, then show the results."""
    from earshot.cli.papers import show_papers
    from earshot.cli.results import show_results

    die_with_parent()
    os.environ.setdefault("DAGSTER_HOME", str(ROOT / ".dagster"))
    try:
        make_inbox(ROOT)
        if demo:
            take_in_demo()
        succeeded = _run(job)
    except UserError as error:
        say_error(error)
        raise typer.Exit(1) from None
    if not succeeded:
        raise typer.Exit(1)
    trained = (ROOT / "data" / "evaluation_report" / "metrics.json").is_file()
    if job == "paper":
        show_papers(ROOT)
    elif trained or job != "onboard":  # a shared release serves where nothing was trained
        show_results(ROOT)
    if demo and job == "everything":
        share_demo()


def _run(job: str) -> bool:
    import dagster as dg

    from earshot.versioning import is_current, repair

    started = time.monotonic()
    repair(ROOT, say)
    from orchestration.definitions import defs
    from orchestration.expected import catalogue_size
    from orchestration.failures import reason
    from orchestration.jobs import TRAINING_TAG
    from orchestration.sync import report_outside_runs
    from orchestration.trainings import under_way

    with dg.DagsterInstance.get() as instance:
        report_outside_runs(instance)
        waiting = look(ROOT / INBOX)
        if job == "everything" and all(each.arrived is None for each in waiting) and is_current(ROOT):
            say(f"everything is up to date: nothing to run{_still_written(waiting)}")
            return True
        definition = defs.resolve_job_def(job)
        if TRAINING_TAG in definition.tags and (training := under_way(instance)):
            raise UserError(f"run {training.run_id} ({training.job_name}) trains already: wait for it to end")
        if size := catalogue_size(ROOT):
            say(f"{job}, on {size.songs:,} songs and {size.plays:,} plays, as last counted")
        result = definition.execute_in_process(
            instance=instance,
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    for event in result.filter_events(lambda event: event.is_step_failure):
        say(f"error: {reason(event)}")
    say(f"{job}: {'done' if result.success else 'failed'} after {in_words(time.monotonic() - started)}")
    return result.success


def _still_written(waiting: list[Waiting]) -> str:
    """What is told of deliveries that are not complete."""
    if not waiting:
        return ""
    names = ", ".join(each.name for each in waiting)
    return f"; {len(waiting)} still being written in {INBOX}/ ({names}): run this again when that is done"


if __name__ == "__main__":
    sys.argv[0] = "python -m orchestration.run"
    typer.run(run)
