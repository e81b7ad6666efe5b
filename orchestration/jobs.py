"""The jobs: each one run in one process, stages one after another."""

import dagster as dg

from orchestration.workspace import ROOT

CATALOGUE = dg.AssetSelection.groups("catalogue")
TRAINING = dg.AssetSelection.groups("training")
SERVING = dg.AssetSelection.groups("serving")
INGEST = dg.AssetSelection.groups("ingest")
PAPERS = sorted(path.parent.name for path in (ROOT / "reproductions").glob("*/dvc.yaml"))
TRAINING_TAG = "earshot/training"
"""Of runs that train: .dagster/dagster.yaml lets one of them run at a time."""

onboard = dg.define_asset_job(
    "onboard",
    INGEST | CATALOGUE | SERVING,
    description="New deliveries into the catalogue and, with the released encoder, into the recommendations",
    executor_def=dg.in_process_executor,
)
retrain = dg.define_asset_job(
    "retrain",
    TRAINING | SERVING,
    description="A new candidate; it is served if it is released",
    tags={TRAINING_TAG: "yes"},
    executor_def=dg.in_process_executor,
)
paper = dg.define_asset_job(
    "paper",
    INGEST | CATALOGUE | dg.AssetSelection.groups(*PAPERS),
    description="The comparisons of the papers, on the catalogue at hand",
    executor_def=dg.in_process_executor,
)
everything = dg.define_asset_job(
    "everything",
    INGEST | CATALOGUE | TRAINING | SERVING,
    description="The whole pipeline",
    tags={TRAINING_TAG: "yes"},
    executor_def=dg.in_process_executor,
)
