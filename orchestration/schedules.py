"""The backstop: whatever else asks for a training, one comes every week."""

import dagster as dg

from orchestration.jobs import retrain

weekly_retraining = dg.ScheduleDefinition(
    name="weekly_retraining",
    job=retrain,
    cron_schedule="0 3 * * 0",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Sunday, 03:00 UTC",
)
