"""Spark MLlib's implicit ALS in place of the exact factorization, for who has a cluster and wants it there.

MLlib minimizes nearly eq. 3. Fed r' = log(1 + r / epsilon) its confidence 1 + alpha r' is eq. 2 exactly; but
the factors of a row with n plays are penalized by lambda n, where eq. 3 has lambda, and nothing undoes it
(`ALS.scala`, `solver.solve(ls, numExplicits * regParam)`):

    sum over all u, i of c_ui (p_ui - x_u . y_i)^2 + r (sum n_u |x_u|^2 + sum n_i |y_i|^2)

r is chosen so that the mean row, of both sides, has the lambda of eq. 3; rows with more plays have more.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from earshot.factors.solves import confidence
from earshot.factors.wmf import Factorization, objective
from earshot.files import read_batches
from earshot.params import WmfFactors
from earshot.spark import spark_session

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Factors = NDArray[np.float32]

_PLAYS_A_BLOCK = 1 << 20
"""Of a file in which plays go to Spark, and of a block of listeners or songs, which one task solves.

As many blocks as the plays want, not as there are workers: sums, and so bytes, go by them."""
_SAMPLE = 2_000
"""Songs that tell whether it has converged; each takes a solve."""


def fit_by_spark(
    play_counts: csr_array, wmf: WmfFactors, seed: int, master: str, folder: Path
) -> Factorization:
    """Minimize MLlib's objective with the numbers of `wmf`.

    Parameters
    ----------
    play_counts
        r, float32 (n_users, n_items), each stored entry positive; who has none has factors of 0.
    master
        See `earshot.spark.spark_session`. Its workers must see `folder`.
    folder
        For what goes to Spark and comes back; removed at the end.

    Returns
    -------
    Factors as of `earshot.factors.wmf.fit`; as `objective` MLlib's own, of factors of 0 and at the end: in
    between MLlib does not tell.

    Raises
    ------
    UserError
        Spark or Java is missing, or Spark fails.
    """
    shutil.rmtree(folder, ignore_errors=True)  # what an interrupted run left
    folder.mkdir(parents=True)
    _write_ratings(play_counts, wmf.epsilon, folder / "ratings")
    strength = mllib_strength(play_counts, wmf.regularization)
    n_blocks = -(-play_counts.nnz // _PLAYS_A_BLOCK)
    with spark_session(master, "wmf_factors.factorizer='spark_als'") as spark:
        from pyspark.ml.recommendation import ALS

        # every tenth iteration is written there: what hangs on twenty overflows Java's stack
        spark.sparkContext.setCheckpointDir(str(folder / "checkpoints"))
        model = ALS(
            userCol="user",
            itemCol="item",
            ratingCol="rating",
            implicitPrefs=True,
            rank=wmf.factors,
            alpha=wmf.alpha,
            regParam=strength,
            maxIter=wmf.iterations,
            seed=seed,
            numUserBlocks=n_blocks,
            numItemBlocks=n_blocks,
        ).fit(spark.read.parquet(str(folder / "ratings")))
        for side in ("user", "item"):
            getattr(model, f"{side}Factors").write.parquet(str(folder / side))
    users, items = (
        _read_factors(folder / side, n_rows, wmf.factors)
        for side, n_rows in zip(("user", "item"), play_counts.shape, strict=True)
    )
    shutil.rmtree(folder)
    confidences = confidence(play_counts, wmf.alpha, wmf.epsilon)
    reached = mllib_objective(confidences, users, items, strength)
    return Factorization(users, items, [float(confidences.data.sum(dtype=np.float64)), reached])


def ratings(play_counts: csr_array, epsilon: float) -> NDArray[np.float32]:
    """r' = log(1 + r / epsilon) of the stored entries, (n_plays,): with it MLlib's confidence is eq. 2.

    Example
    -------
    >>> from scipy.sparse import csr_array
    >>> ratings(csr_array([[0.0, 3.0]]), epsilon=1.0)  # log 4
    array([1.3862944], dtype=float32)
    """
    return np.log1p(play_counts.data.astype(np.float64) / epsilon).astype(np.float32)


def mllib_strength(play_counts: csr_array, regularization: float) -> float:
    """MLlib's regParam with which the mean row is penalized by lambda, `regularization`.

    Example
    -------
    >>> from scipy.sparse import csr_array
    >>> mllib_strength(csr_array([[1.0, 1.0], [0.0, 1.0]]), 9.0)  # rows and columns of 1 and 2 plays: 9 / 1.5
    6.0
    """
    n_rows = sum(int(np.count_nonzero(side)) for side in _plays_of(play_counts))
    return regularization * n_rows / (2 * play_counts.nnz)


def mllib_objective(
    confidences: csr_array, user_factors: Factors, item_factors: Factors, strength: float
) -> float:
    """What MLlib minimizes (above), over all pairs; `strength` is its regParam."""
    squares = [np.square(side, dtype=np.float64).sum(axis=1) for side in (user_factors, item_factors)]
    penalty = sum(float(n @ square) for n, square in zip(_plays_of(confidences), squares, strict=True))
    return objective(confidences, user_factors, item_factors, 0.0) + strength * penalty


def left_to_gain(confidences: csr_array, fitted: Factorization, strength: float) -> float:
    """By what part the next iteration would lower MLlib's objective, about; of some songs, spread over all.

    MLlib ends with listeners, so songs come next. With the matrix A and the right side b of its equations a
    song's part of the objective is y' A y - 2 b' y + sum c, at its least for y = A^-1 b. The half that
    solves listeners lowers it about as much again.
    """
    songs = confidences.T.tocsr()  # (n_items, n_users)
    played_at_all = np.flatnonzero(np.diff(songs.indptr))
    places = played_at_all[np.unique(np.linspace(0, len(played_at_all) - 1, _SAMPLE).astype(np.int64))]
    users = fitted.user_factors.astype(np.float64)
    gram = users.T @ users  # X'X, (factors, factors)
    lowered = total = 0.0
    for place in places:
        played = slice(songs.indptr[place], songs.indptr[place + 1])
        x, c = users[songs.indices[played]], songs.data[played].astype(np.float64)  # (n, factors), (n,)
        left = gram + (x.T * (c - 1)) @ x + strength * len(c) * np.eye(len(gram))
        right = c @ x
        y = fitted.item_factors[place].astype(np.float64)
        best = float(c.sum() - right @ np.linalg.solve(left, right))
        lowered += float(y @ left @ y - 2 * right @ y + c.sum()) - best
        total += best
    return 2 * lowered / total


def _plays_of(matrix: csr_array) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """How many plays each row and each column has."""
    return np.diff(matrix.indptr), np.bincount(matrix.indices, minlength=matrix.shape[1])


def _write_ratings(play_counts: csr_array, epsilon: float, folder: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    folder.mkdir()
    users = np.repeat(np.arange(play_counts.shape[0], dtype=np.int32), np.diff(play_counts.indptr))
    columns = {"user": users, "item": play_counts.indices, "rating": ratings(play_counts, epsilon)}
    table = pyarrow.table({**columns, "item": columns["item"].astype(np.int32, copy=False)})
    for number, first in enumerate(range(0, table.num_rows, _PLAYS_A_BLOCK)):
        parquet.write_table(table.slice(first, _PLAYS_A_BLOCK), folder / f"part-{number:05d}.parquet")


def _read_factors(folder: Path, n_rows: int, n_factors: int) -> Factors:
    """float32 (n_rows, n_factors) out of Spark's table of ids and features; zeros for who has no play."""
    factors = np.zeros((n_rows, n_factors), np.float32)
    for path in sorted(folder.glob("part-*.parquet")):
        for batch in read_batches(path, ["id", "features"]):
            rows, features = batch.columns  # (n,), and (n,) lists of n_factors
            flat = features.flatten().to_numpy()
            factors[rows.to_numpy()] = flat.reshape(len(rows), n_factors)
    return factors
