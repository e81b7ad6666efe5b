"""Plays that players told of, delivered by the hour; the sensor new_deliveries takes them in."""

import dagster as dg

from earshot.lanes.scrobbles import deliver, waiting
from orchestration.alive import note_process, other_daemon
from orchestration.workspace import ROOT


@dg.op(description="What the journal gathered, as one delivery in data/inbox/")
def deliver_scrobbles(context: dg.OpExecutionContext) -> None:
    """One delivery, or none where another run was faster."""
    note_process(context.instance, context.run_id)
    made = deliver(ROOT)
    told = "nothing new" if made is None else f"data/inbox/{made[0]}: {made[1]:,} plays and stars"
    context.log.info(told)


@dg.job(description="Plays and stars of players into data/inbox/", executor_def=dg.in_process_executor)
def scrobbles() -> None:
    """The op alone."""
    deliver_scrobbles()


@dg.schedule(
    name="hourly_scrobbles",
    job=scrobbles,
    cron_schedule="0 * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every hour, where a player told of a play or a star since the last time",
)
def hourly_scrobbles(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """A run, where there is something to deliver."""
    if other := other_daemon():
        return dg.SkipReason(other)
    return dg.RunRequest() if waiting(ROOT) else dg.SkipReason("nothing new in the journal of plays")
