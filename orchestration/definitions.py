"""Everything Dagster knows of, in one place."""

import dagster as dg

from earshot.versioning import read_pipeline
from orchestration.alerts import failed_runs, freshness, freshness_checks
from orchestration.checks import stage_checks
from orchestration.deliveries import deliveries
from orchestration.dvc_assets import stage_assets
from orchestration.guard import start_guard
from orchestration.jobs import everything, onboard, paper, retrain
from orchestration.new_deliveries import new_deliveries
from orchestration.scrobbles import hourly_scrobbles, scrobbles
from orchestration.sensors import definitions_changed, outside_runs
from orchestration.trainings import retraining_due, weekly_retraining
from orchestration.weekly_lists import playlists, weekly_playlists
from orchestration.workspace import ROOT

start_guard()
stages = read_pipeline(ROOT)

defs = dg.Definitions(
    assets=[deliveries, *stage_assets(stages)],
    asset_checks=[*stage_checks(stages), *freshness_checks],
    jobs=[onboard, retrain, everything, paper, scrobbles, playlists],
    schedules=[weekly_retraining, hourly_scrobbles, weekly_playlists],
    sensors=[
        outside_runs,
        definitions_changed({stage.key: stage.code_version for stage in stages}),
        new_deliveries,
        failed_runs,
        freshness,
        retraining_due,
    ],
)
