"""Factors of listeners and warm songs out of the plays; cold songs folded in, for the upper bound."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from earshot.catalogue.play_counts import read_play_counts
from earshot.checks import OBJECTIVE_CONVERGED, OBJECTIVE_FALLS, check
from earshot.columns import COLD, SONG_ID
from earshot.errors import UserError
from earshot.executors import spark_master
from earshot.factors.numbers import read_numbers, write_numbers
from earshot.factors.solves import confidence, solve_rows
from earshot.factors.wmf import Factorization, fit
from earshot.files import link, replace_arrays, write_table
from earshot.params import Params, WmfFactors
from earshot.stages.paths import Paths

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Fitted = tuple[Factorization, list[dict[str, Any]]]
"""With the checks of its convergence, of which the release's gate wants both."""
ROUNDING = 1e-6
"""Relative; the factors are float32."""
CONVERGED = 1e-3
"""The largest part by which the last iteration may still lower eq. 3."""


def run(paths: Paths, params: Params) -> dict[str, Any]:
    """Factorize the training set with the numbers that wmf_search has found; see `write_factors`."""
    return write_factors(paths, read_numbers(paths.data("wmf_search")), params.seed)


def write_factors(paths: Paths, wmf: WmfFactors, seed: int) -> dict[str, Any]:
    """Factorize the training set and write both sides' factors, and the numbers that made them; the summary.

    Raises
    ------
    UserError
        Every song with plays is cold.
    """
    import pandas as pd

    plays = read_play_counts(paths.data("training_set"))
    songs = pd.read_parquet(paths.data("training_set") / "songs.parquet")
    cold = np.isin(plays.song_ids, songs.loc[songs[COLD], SONG_ID].to_numpy(dtype=object))
    if cold.all():
        raise UserError(
            f"every song with plays is cold, all {len(cold)} of them: nothing is left to factorize; "
            "more songs are wanted"
        )
    factorize = _exact if wmf.factorizer == "exact" else _by_spark
    fitted, checks = factorize(paths.work, plays.matrix[:, ~cold], wmf, seed)  # (n_users, n_warm)
    # fold-in: rows are songs, (n_cold, n_users), against the user factors
    of_cold = confidence(plays.matrix[:, cold], wmf.alpha, wmf.epsilon).T.tocsr()
    cold_factors = solve_rows(of_cold, fitted.user_factors, wmf.regularization)
    _write_users(paths, fitted)
    _write_items(paths.output, "", plays.song_ids[~cold], fitted.item_factors)
    _write_items(paths.output, "cold_", plays.song_ids[cold], cold_factors)
    _write_curve(paths.output / "objective.csv", fitted.objective, wmf)
    write_numbers(paths.output, wmf)
    return {
        "listeners": len(plays.user_ids),
        "warm_songs": int((~cold).sum()),
        "cold_songs": int(cold.sum()),
        "objective": fitted.objective[-1],
        "checks": checks,
    }


def _exact(work: Path, plays: csr_array, wmf: WmfFactors, seed: int) -> Fitted:
    kept = work / "factorization.npz"
    fitted = fit(
        confidence(plays, wmf.alpha, wmf.epsilon),
        factors=wmf.factors,
        regularization=wmf.regularization,
        iterations=wmf.iterations,
        seed=seed,
        start=_read_kept(kept),
        keep=lambda state: _keep(kept, state),
    )
    return fitted, [_check(fitted.objective), _check_converged(fitted.objective)]


def _by_spark(work: Path, plays: csr_array, wmf: WmfFactors, seed: int) -> Fitted:
    from earshot.factors.spark_als import fit_by_spark, left_to_gain, mllib_strength

    kept = work / "spark_als.npz"
    fitted = _read_kept(kept) or fit_by_spark(plays, wmf, seed, spark_master(), work / "spark")
    _keep(kept, fitted)
    confidences = confidence(plays, wmf.alpha, wmf.epsilon)
    left = left_to_gain(confidences, fitted, mllib_strength(plays, wmf.regularization))
    return fitted, [_check_below_zeros(fitted.objective), _check_left(left, wmf.iterations)]


def _check(objective: list[float]) -> dict[str, Any]:
    return check(
        OBJECTIVE_FALLS,
        "eq. 3 falls with every iteration, as alternating least squares must",
        passed=all(after <= before * (1 + ROUNDING) for before, after in pairwise(objective)),
        observed=f"{objective[0]:.6g} to {objective[-1]:.6g}",
        expected="no iteration above the one before",
    )


def _check_converged(objective: list[float]) -> dict[str, Any]:
    # one iteration alone says nothing of how far the next would go
    change = (objective[-2] - objective[-1]) / objective[-1] if len(objective) > 1 else 1.0
    return check(
        OBJECTIVE_CONVERGED,
        "the last iteration hardly lowers eq. 3 any more; more wmf_factors.iterations make it so",
        passed=change <= CONVERGED,
        observed=f"{change:.2e} of it in iteration {len(objective)}",
        expected=f"at most {CONVERGED:g}",
    )


def _check_below_zeros(objective: list[float]) -> dict[str, Any]:
    return check(
        OBJECTIVE_FALLS,
        "MLlib's objective, which it does not tell in between, is below that of factors of 0",
        passed=objective[-1] < objective[0],
        observed=f"{objective[0]:.6g} to {objective[-1]:.6g}",
        expected="below",
    )


def _check_left(left: float, iterations: int) -> dict[str, Any]:
    return check(
        OBJECTIVE_CONVERGED,
        "one more iteration would hardly lower MLlib's objective; more wmf_factors.iterations make it so",
        passed=left <= CONVERGED,
        observed=f"{left:.2e} of it after iteration {iterations}, by a sample of songs",
        expected=f"at most {CONVERGED:g}",
    )


def _write_users(paths: Paths, fitted: Factorization) -> None:
    link(paths.data("training_set") / "users.parquet", paths.output / "users.parquet")
    np.save(paths.output / "user_factors.npy", fitted.user_factors)


def _write_curve(path: Path, objective: list[float], wmf: WmfFactors) -> None:
    import pandas as pd

    exact = wmf.factorizer == "exact"
    iterations = range(1, len(objective) + 1) if exact else [0, wmf.iterations]  # the ends alone are known
    pd.DataFrame({"iteration": iterations, "objective": objective}).to_csv(path, index=False)


def _write_items(folder: Path, prefix: str, song_ids: Any, factors: Any) -> None:
    import pandas as pd

    name = "cold_factors.npy" if prefix else "item_factors.npy"
    np.save(folder / name, factors)
    write_table(folder / f"{prefix}items.parquet", pd.DataFrame({SONG_ID: song_ids}, dtype=str))


def _read_kept(path: Path) -> Factorization | None:
    if not path.is_file():
        return None
    with np.load(path) as kept:
        return Factorization(kept["user_factors"], kept["item_factors"], kept["objective"].tolist())


def _keep(path: Path, state: Factorization) -> None:
    replace_arrays(path, **vars(state))
