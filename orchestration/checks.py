"""Asset checks: what a stage observed beside what was expected of it.

A stage makes its checks itself and lists them in its summary (`earshot.stages.checks`), so that both front
ends know them; whatever must stop a run has stopped it before.
"""

from typing import Any

import dagster as dg

from earshot.versioning import PipelineStage
from orchestration.dvc_assets import summary

NAMES = {
    "raw_audio": ("usable_files",),
    "play_counts": (
        "listener_named",
        "song_named",
        "count_is_number",
        "count_in_range",
        "count_is_whole",
        "date_readable",
        "song_known",
        "user_type",
        "item_type",
        "play_count_type",
        "user_in_table",
        "item_in_table",
        "count_positive",
        "pairs_once",
        "user_id_there",
        "user_id_unique",
        "song_id_there",
        "song_id_unique",
        "listeners",
        "songs",
        "plays",
        "invalid_share",
        "unknown_share",
    ),
    "hyper_images": ("songs_with_an_image",),
    "wmf_factors": ("objective_falls",),
    "cnn_checkpoint": ("validation_loss_falls", "training_was_long_enough"),
    "warm_up": ("not_below_either_end", "ahead_of_both_ends", "first_listeners_push_nothing_down"),
    "evaluation_report": (
        "cnn_mse_beats_random",
        "cnn_mse_beats_shuffled_content",
        "upper_bound_beats_cnn_mse",
    ),
    "recommendations": ("listeners_with_a_list",),
    "drift": ("new_deliveries", "hyper_image", "loudness", "bandwidth", "predicted_norm", "set_aside"),
}


def stage_checks(stages: list[PipelineStage]) -> list[dg.AssetChecksDefinition]:
    """The checks of every stage that lists some."""
    return [_checks(stage, NAMES[stage.target]) for stage in stages if stage.target in NAMES]


def _checks(stage: PipelineStage, names: tuple[str, ...]) -> dg.AssetChecksDefinition:
    key = dg.AssetKey(stage.key)

    @dg.multi_asset_check(
        name=f"{'_'.join(stage.key)}_checks",
        specs=[dg.AssetCheckSpec(name, asset=key, description=name.replace("_", " ")) for name in names],
    )
    def run_checks():  # type: ignore[no-untyped-def]
        for observed in observations(stage):
            yield dg.AssetCheckResult(**observed)

    return run_checks


def observations(stage: PipelineStage) -> list[dict[str, Any]]:
    """The checks in the summary of the stage's newest output, in the words of Dagster."""
    return [
        {
            "asset_key": dg.AssetKey(stage.key),
            "check_name": check["name"],
            "passed": check["passed"],
            "severity": dg.AssetCheckSeverity.WARN,
            "description": check["description"],
            "metadata": {"observed": str(check["observed"]), "expected": str(check["expected"])},
        }
        for check in summary(stage).get("checks", [])
    ]
