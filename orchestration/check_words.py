"""What each asset check asks, in a sentence: shown before any run has answered it."""

from __future__ import annotations

from pathlib import Path

import earshot
from earshot import checks
from earshot.checks import COMPARED, NEW_DELIVERIES, beats
from earshot.errors import UserError
from earshot.evaluation import drift
from earshot.params import PlayCountSettings, load_params
from earshot.validation.plays import all_checks
from orchestration.workspace import ROOT

STAGES = {
    "raw_audio": {checks.USABLE_FILES: "few audio files are set aside"},
    "hyper_images": {checks.SONGS_WITH_AN_IMAGE: "few songs with audio are left without an image"},
    "wmf_search": {
        checks.CHOICE_INSIDE_THE_GRID: "no number chosen is the first or the last of those that were tried"
    },
    "wmf_factors": {
        checks.OBJECTIVE_FALLS: "eq. 3 falls with every iteration, as alternating least squares must",
        checks.OBJECTIVE_CONVERGED: "the last iteration hardly lowers eq. 3 any more",
    },
    "cnn_checkpoint": {
        checks.VALIDATION_LOSS_FALLS: "what the encoder learns holds for songs it was not trained on",
        checks.TRAINING_WAS_LONG_ENOUGH: "the validation loss no longer improved when the training ended",
    },
    "warm_up": {
        checks.NOT_BELOW_EITHER_END: "sound and first listeners together are no worse than either alone",
        checks.AHEAD_OF_BOTH_ENDS: "with some numbers of listeners both are better than either alone",
        checks.FIRST_LISTENERS_PUSH_NOTHING_DOWN: "first listeners lower no song for those yet to play it",
        checks.SOME_N0_PUSHES_NOTHING_DOWN: "some n0 that was tried lowers no song by its first listeners",
        checks.N0_INSIDE_ITS_GRID: "the n0 chosen is neither the first nor the last of those tried",
    },
    "evaluation_report": {
        beats(a, b): f"{a} ranks cold songs better than {b}: 95 % intervals over artists" for a, b in COMPARED
    },
    "release": {checks.REFIT_IS_SERVED: "a refit that was asked for is served"},
    "recommendations": {checks.LISTENERS_WITH_A_LIST: "nearly all listeners have a list"},
    "drift": {
        NEW_DELIVERIES: "deliveries since the training differ from its songs by no more than chance",
        drift.HYPER_IMAGE: "their hyper-images differ by no more than chance",
        drift.LOUDNESS: "they are as loud as the songs trained on, but for chance",
        drift.BANDWIDTH: "they are as bright as the songs trained on, but for chance",
        drift.PREDICTED_NORM: "the factors predicted are as long as of the songs trained on, but for chance",
        drift.SET_ASIDE: "no more of their files are set aside than of the songs trained on, but for chance",
    },
}
"""By stage and name; those of play_counts say themselves what they expect."""
_SHIPPED = Path(earshot.__file__).parent / "shipped_params.yaml"


def sentences() -> dict[str, dict[str, str]]:
    """Of every stage that makes checks, the sentence of each by its name."""
    checks_of_plays = all_checks(_limits())
    of_plays = {each.name: f"{each.table}, {each.column}: {each.expected}" for each in checks_of_plays}
    return STAGES | {"play_counts": of_plays}


def _limits() -> PlayCountSettings:
    """What is expected of plays; where params.yaml cannot be used, as shipped: the checks are the same."""
    try:
        return load_params(ROOT / "params.yaml").play_counts
    except UserError:
        return load_params(_SHIPPED).play_counts
