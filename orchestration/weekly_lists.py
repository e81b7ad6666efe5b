"""Playlists of every week, where params.yaml names the music folder."""

import dagster as dg

from earshot.params import load_params
from earshot.queries.served import read_served
from earshot.queries.weekly_lists import write_weekly_lists
from orchestration.alive import note_process, other_daemon
from orchestration.workspace import ROOT


@dg.op(description="New songs and forgotten ones for every listener, into the music folder")
def write_playlists(context: dg.OpExecutionContext) -> None:
    """As `earshot playlists`."""
    note_process(context.instance, context.run_id)
    settings = load_params(ROOT / "params.yaml").weekly_lists
    if settings.folder is None:
        context.log.info("params.yaml: weekly_lists.folder names no folder")
        return
    written, amiss = write_weekly_lists(read_served(ROOT), ROOT / settings.folder, settings.songs)
    context.log.info(f"{written:,} playlists in {settings.folder}{f'; {amiss}' if amiss else ''}")


@dg.job(description="Playlists of the week into the music folder", executor_def=dg.in_process_executor)
def playlists() -> None:
    """The op alone."""
    write_playlists()


@dg.schedule(
    name="weekly_playlists",
    job=playlists,
    cron_schedule="0 5 * * 1",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Monday, 05:00 UTC, where params.yaml names the folder of the music",
)
def weekly_playlists(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """A run, where there is a folder to write into."""
    if other := other_daemon():
        return dg.SkipReason(other)
    if load_params(ROOT / "params.yaml").weekly_lists.folder is None:
        return dg.SkipReason("params.yaml: weekly_lists.folder names no folder")
    return dg.RunRequest()
