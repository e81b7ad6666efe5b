"""What a stage observed beside what was expected: listed in its summary under `checks`, shown by Dagster."""

from __future__ import annotations

from typing import Any

USABLE_FILES = "usable_files"
SONGS_WITH_AN_IMAGE = "songs_with_an_image"
CHOICE_INSIDE_THE_GRID = "choice_inside_the_grid"
OBJECTIVE_FALLS = "objective_falls"
OBJECTIVE_CONVERGED = "objective_converged"
VALIDATION_LOSS_FALLS = "validation_loss_falls"
TRAINING_WAS_LONG_ENOUGH = "training_was_long_enough"
NOT_BELOW_EITHER_END = "not_below_either_end"
AHEAD_OF_BOTH_ENDS = "ahead_of_both_ends"
FIRST_LISTENERS_PUSH_NOTHING_DOWN = "first_listeners_push_nothing_down"
SOME_N0_PUSHES_NOTHING_DOWN = "some_n0_pushes_nothing_down"
N0_INSIDE_ITS_GRID = "n0_inside_its_grid"
LISTENERS_WITH_A_LIST = "listeners_with_a_list"
REFIT_IS_SERVED = "refit_is_served"
NEW_DELIVERIES = "new_deliveries"

CANDIDATE = "candidate"
"""What the model that is judged is called among the systems, whatever it is."""
UPPER_BOUND = "upper_bound"
"""The system that is where the factorization itself would put each song, by its listeners."""
LINEAR_BOW, ARTIST_MEAN, PERFECT_EAR = "linear_bow", "artist_mean", "perfect_ear"
"""Systems beside the candidate: a ridge regression on sound, no sound at all, and the true traits."""
SOUND_ONLY = "sound_only"
"""The candidate, asked as if nothing were known of a song beside its sound; where it hears more than that."""
BASELINES = "baselines.npz"
"""The file of the report with the vectors of the candidate songs, `(n_candidates, d)`, of the first two."""
COMPARED = (
    (CANDIDATE, "random"),
    (CANDIDATE, "shuffled_content"),
    (CANDIDATE, LINEAR_BOW),
    (CANDIDATE, ARTIST_MEAN),
    (UPPER_BOUND, CANDIDATE),
)
"""Systems of the evaluation, of which the first should be better than the second."""


def beats(better: str, other: str) -> str:
    """Name of the check that one system is better than another."""
    return f"{better}_beats_{other}"


def check(name: str, description: str, *, passed: bool, observed: Any, expected: Any) -> dict[str, Any]:
    """One check of a summary. What must stop a run raises a `UserError` instead."""
    return {
        "name": name,
        "description": description,
        "passed": bool(passed),
        "observed": observed,
        "expected": expected,
    }


def share_check(name: str, description: str, part: int, whole: int, at_most: float) -> dict[str, Any]:
    """`part` of `whole` is at most the share `at_most`."""
    return check(
        name,
        description,
        passed=part <= at_most * whole,
        observed=f"{part} of {whole}",
        expected=f"at most {at_most:.0%}",
    )
