"""The embedding as features: each model against a slow version of its equations, all on a small catalogue."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array

from comparison.fold import Fold
from comparison.systems import make_systems
from earshot.classes import Component
from earshot.errors import UserError
from earshot.evaluation.protocol import measure
from earshot.params import WmfFactors, read_params
from earshot.stages import wmf_factors
from earshot.stages.paths import Paths
from earshot.versioning import PreviousOutput
from hyper_image import systems
from hyper_image.embedding import warm_catalogue, warm_snippets
from hyper_image.machine import FactorizationMachine, fit_machine, pairwise
from hyper_image.params import HyperImageParams, MachineSettings
from hyper_image.recommendation import claims_of
from hyper_image.side_features import factorize, fit_map, solve_towards
from tests.training.heard import N_SONGS, write_training_set

SHIPPED = Path(__file__).parents[3] / "reproductions" / "hyper_image" / "params.yaml"
MACHINE = MachineSettings(4, 40, 8, 0.02, 0.01, 2.0)


@given(seed=st.integers(0, 1000), d=st.integers(1, 6), factors=st.integers(1, 4))
@settings(max_examples=30)
def test_pairwise_is_the_double_sum(seed: int, d: int, factors: int) -> None:
    rng = np.random.default_rng(seed)
    z, v = rng.normal(size=(3, d)), rng.normal(size=(d, factors))
    slow = [sum(v[j] @ v[k] * row[j] * row[k] for j in range(d) for k in range(j + 1, d)) for row in z]
    assert_allclose(pairwise(torch.from_numpy(z), torch.from_numpy(v)), slow, atol=1e-9)


def test_a_machine_scores_listener_and_song_as_one_row_of_features() -> None:
    """One-hot of the listener and features of the song side by side, pairs of columns summed one by one."""
    torch.manual_seed(0)
    model, songs = FactorizationMachine(3, 4, 2), torch.randn(5, 4)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_()
        logits = model(songs).numpy()
    linear, factors = (
        torch.cat(parts).detach().numpy().astype(np.float64)
        for parts in ((model.user_bias, model.slope), (model.users, model.factors))
    )
    for song, user in np.ndindex(5, 3):
        z = np.concatenate([np.eye(3)[user], songs[song].numpy()])
        pairs = sum(factors[j] @ factors[k] * z[j] * z[k] for j in range(7) for k in range(j + 1, 7))
        assert logits[song, user] == pytest.approx(model.bias.item() + linear @ z + pairs, abs=1e-4)
    users, items = model.vectors(songs)
    common = (model.bias + model.user_bias).detach().numpy()[:, None]
    assert_allclose(users @ items.T + common, logits.T, atol=1e-4)


def test_a_machine_learns_what_listeners_like_of_new_songs() -> None:
    rng = np.random.default_rng(0)
    tastes, features = rng.normal(size=(40, 3)), rng.normal(size=(80, 3)).astype(np.float32)
    liked = tastes @ features.T > 0.5
    plays = csr_array(liked * (np.arange(80) < 60).astype(np.float32))
    users, items = fit_machine(plays, features, np.arange(50), np.arange(50, 60), MACHINE, seed=0)
    scores = (users @ items.T)[:, 60:]
    right = [s[p][:, None] > s[~p] for s, p in zip(scores, liked[:, 60:], strict=True)]
    assert np.mean([each.mean() for each in right if each.size]) > 0.9
    again = fit_machine(plays, features, np.arange(50), np.arange(50, 60), MACHINE, seed=0)
    assert_array_equal(again[1], items)


def _plays(seed: int, n_users: int = 9, n_items: int = 7) -> csr_array:
    rng = np.random.default_rng(seed)
    return csr_array(rng.random((n_users, n_items)).round() * rng.uniform(2, 9, (n_users, n_items)))


@given(seed=st.integers(0, 1000))
@settings(max_examples=20)
def test_songs_are_solved_towards_where_their_sound_puts_them(seed: int) -> None:
    """Least squares over every pair, a row of the design each, and lambda |y - y_0|^2 as more rows."""
    rng = np.random.default_rng(seed)
    c, x, towards = _plays(seed), rng.normal(size=(9, 3)).astype(np.float32), rng.normal(size=(7, 3))
    found = solve_towards(csr_array(c.T), x, 2.5, towards)
    for item, column in enumerate(c.toarray().T):
        root = np.sqrt(np.where(column > 0, column, 1.0))
        design = np.vstack([root[:, None] * x, np.sqrt(2.5) * np.eye(3)])
        target = np.concatenate([root * (column > 0), np.sqrt(2.5) * towards[item]])
        assert_allclose(found[item], np.linalg.lstsq(design, target, rcond=None)[0], atol=1e-4)


def test_side_features_minimize_their_objective() -> None:
    rng = np.random.default_rng(3)
    c, e = _plays(3), rng.normal(size=(7, 2)).astype(np.float32)
    start = rng.normal(size=(9, 3)).astype(np.float32)
    found = factorize(c, e, start, regularization=0.7, penalty=0.4, iterations=300)
    dense = c.toarray()

    def slow(users: np.ndarray, items: np.ndarray, b: np.ndarray, m: np.ndarray) -> float:
        total = 0.7 * (np.square(users).sum() + 0.4 * np.square(m).sum())
        for i in range(7):
            total += 0.7 * np.square(items[i] - b - e[i] @ m).sum()
            for u in range(9):
                played = dense[u, i] > 0
                total += (dense[u, i] if played else 1) * (played - users[u] @ items[i]) ** 2
        return float(total)

    linear = found.linear
    values = [array.astype(np.float64) for array in (found.users, found.items, linear.start, linear.slope)]
    least = slow(*values)
    assert found.objective[-1] == pytest.approx(least, rel=1e-4)
    assert (np.diff(found.objective) < 1e-4).all()
    for place, value in enumerate(values):
        for _ in range(5):
            moved = [*values]
            moved[place] = value + 0.02 * rng.normal(size=value.shape)
            assert slow(*moved) > least


def test_the_map_is_a_ridge_regression_with_a_free_start() -> None:
    rng = np.random.default_rng(4)
    e, y = rng.normal(2, 1, (12, 3)).astype(np.float32), rng.normal(5, 1, (12, 2)).astype(np.float32)
    from sklearn.linear_model import Ridge

    slow = Ridge(alpha=1.7).fit(e.astype(np.float64), y.astype(np.float64))
    found = fit_map(e, y, 1.7)
    assert_allclose(found.slope, slow.coef_.T, atol=1e-9)
    assert_allclose(found.of(e), slow.predict(e.astype(np.float64)), atol=1e-9)


@pytest.fixture(scope="module")
def params() -> HyperImageParams:
    shipped = read_params(SHIPPED, HyperImageParams)
    network = Component(
        "earshot.encoders.notation:NotationEncoder",
        {"architecture": "IC(1,3,6)LPF(12)F(5)O", "families": ["mel", "mfcc"]},
    )
    training = replace(shipped.training, window_seconds=0.1, batch_size=8, max_epochs=4, learning_rate=0.05)
    return replace(
        shipped,
        least_songs=5,
        training=training,
        networks={"hyper_image": network},
        recommendation=replace(
            shipped.recommendation,
            wmf_factors=WmfFactors(3, 2.0, 1.0, 5.0, 6),
            machine=replace(MACHINE, epochs=20),
        ),
    )


def _fold(root: Path, params: HyperImageParams) -> Fold:
    """Genres are what the first of the traits tells that listeners go by."""
    write_training_set(root / "data" / "training_set")
    path = root / "data" / "training_set" / "songs.parquet"
    traits = np.random.default_rng(0).normal(size=(N_SONGS, 2))  # the first that write_training_set draws
    songs = pd.read_parquet(path).assign(genres=np.where(traits[:, 0] > 0, "high", "low"))
    songs.to_parquet(path)
    paths = Paths(root, root / "data" / "wmf_factors", root / "work", root, PreviousOutput(root, None))
    for folder in (paths.output, paths.work):
        folder.mkdir()
    wmf_factors.write_factors(paths, params.recommendation.wmf_factors, seed=0)
    return Fold(paths, 0, params.recommendation)


@pytest.fixture(scope="module")
def fold(tmp_path_factory: pytest.TempPathFactory, params: HyperImageParams) -> Fold:
    return _fold(tmp_path_factory.mktemp("fold"), params)


def test_no_label_of_a_cold_song_is_looked_at(fold: Fold, params: HyperImageParams, tmp_path: Path) -> None:
    """Other labels for the cold songs change nothing that the network learns from."""
    other = _fold(tmp_path, params)
    songs = other.songs.assign(genres=other.songs["genres"].where(~other.songs["cold"], "unheard of"))
    songs.to_parquet(other.training_set / "songs.parquet")
    one, two = (warm_catalogue(each, params) for each in (fold, Fold(other.paths, 0, other.params)))
    pd.testing.assert_frame_equal(one.snippets, two.snippets)
    cold = set(fold.songs.loc[fold.songs["cold"], "song_id"])
    assert cold
    assert not cold & set(one.snippets["song_id"])
    sides = warm_snippets(one, fold)
    stop = set(fold.songs.loc[fold.songs["validation"], "song_id"])
    assert set(one.snippets["song_id"].iloc[sides.validation]) == stop
    assert not set(one.snippets["song_id"].iloc[sides.training]) & stop


def test_new_songs_are_ranked_by_their_embedding(fold: Fold, params: HyperImageParams) -> None:
    made = make_systems(fold, systems.makes(params))
    assert list(made) == list(systems.DESCRIPTIONS)
    auc = {
        name: np.nanmean(measure(each, fold.cold_start, 10).per_user["auc"]) for name, each in made.items()
    }
    assert all(value > 0.55 for value in auc.values()), auc
    gone = replace(params, networks={"hyper_image": Component("earshot.encoders.gone:Gone", {})})
    kept = make_systems(fold, systems.makes(gone))  # nothing is made anew
    assert_array_equal(kept["fm"].item_vectors, made["fm"].item_vectors)


def test_labels_that_warm_songs_lack_are_named(fold: Fold, params: HyperImageParams) -> None:
    with pytest.raises(UserError, match=r"least_songs=40: 0 genres .* 'genres' of songs.parquet; the most: "):
        warm_catalogue(fold, replace(params, least_songs=40))
    labels = replace(params.labels, column="mood")
    with pytest.raises(UserError, match=r"labels.column='mood': .* no such column; wanted one of song_id, "):
        warm_catalogue(fold, replace(params, labels=labels))


@pytest.mark.parametrize(
    ("ends", "verdict"),
    [
        ([-0.019, 0.0], "holds"),
        ([-0.05, -0.021], "does not hold"),
        ([-0.03, 0.01], "cannot be told"),
        ([None, None], "cannot be told"),
    ],
)
def test_level_is_within_two_hundredths(ends: list[float | None], verdict: str) -> None:
    one = {"auc": -0.01, "auc_ci95_artists": ends}
    claims = claims_of({"fm_minus_ridge_on_embedding": one}, "genre")
    assert [claim.verdict for claim in claims] == [verdict, "cannot be told", "cannot be told"]
