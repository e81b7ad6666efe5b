"""The models of the paper, each fitted once a fold and seed; what a killed run has fitted is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from scipy.sparse import coo_array, csr_array

from comparison.fold import Fold
from comparison.systems import Make
from earshot.arrays import positions_of
from earshot.columns import SONG_ID
from earshot.evaluation.protocol import System
from earshot.extraction.statistics import row_statistics
from earshot.files import replace_array, replace_arrays
from wang_2014_hldbn.fitting import Fitted, Floats, StopBy, fit, nothing
from wang_2014_hldbn.model import DeepBeliefNet, Factors, NothingHeard, Ratings, Tastes
from wang_2014_hldbn.pairs import RatingQuestion, ask
from wang_2014_hldbn.params import Wang2014
from wang_2014_hldbn.rbm import learn_stack

HLDBN, PMF, RESIDUAL = "hldbn", "pmf", "hybrid_residual"
DESCRIPTIONS = {
    PMF: "probabilistic matrix factorization; of new songs it knows nothing",
    "hldbn_random": "a deep belief net and listeners' tastes, from random weights",
    "hybrid_joint": "tastes and factors, trained together",
    "hybrid_fixed": "the factors of pmf as they are, tastes fitted to what they leave",
    HLDBN: "the same net, pre-trained by restricted Boltzmann machines",
    RESIDUAL: "the tastes of hldbn as they are, factors fitted to what they leave",
}
_CLAMP = 4.0
"""Standard deviations that a feature may be from the mean of its column."""


@dataclass(frozen=True)
class Models:
    """The models of a fold, with a seed of their own."""

    fold: Fold
    params: Wang2014
    seed: int

    @cached_property
    def question(self) -> RatingQuestion:
        """The ratings of the fold, the same whatever `seed` is."""
        fold, known = self.fold, self.fold.known
        shares = self.params.held_out
        rows = positions_of(fold.songs[SONG_ID], fold.cold_start.song_ids)
        asked, candidates = fold.cold_start.positives.tocoo().coords
        entries = (np.ones(len(asked), np.float32), (fold.cold_start.users[asked], rows[candidates]))
        cold = csr_array(coo_array(entries, shape=known.plays.shape))
        rng = np.random.default_rng(fold.seed)
        return ask(known.plays, known.validation, cold, _features(fold), (shares.told, shares.stop), rng)

    def fitted(self, name: str) -> Fitted:
        """The model `name` of `DESCRIPTIONS`."""
        path = self.fold.paths.root / "fitted" / f"{name}-seed{self.seed}.npz"
        if not path.is_file():
            path.parent.mkdir(exist_ok=True)
            torch.manual_seed(self.seed)
            replace_arrays(path, **vars(_MAKES[name](self)))
        with np.load(path, allow_pickle=False) as parts:
            return Fitted(*(parts[part] for part in ("beta", "x", "gamma", "y")))

    def fit(self, model: Ratings, stop_by: StopBy, given: Fitted | None = None) -> Fitted:
        """Fit `model` to what `given` leaves of the ratings; both together."""
        known = given or nothing(self.question)
        return known + fit(model, self.question, known, stop_by, self.params.fitting, self.seed)

    def tastes(self, pretrained: bool) -> Tastes:
        """Not fitted yet."""
        features, widths = self.question.features, self.params.fitting.widths
        network = DeepBeliefNet(features.shape[1], widths, self.params.fitting.outputs)
        if pretrained:
            learned = torch.from_numpy(features[self.question.pool])
            rng = torch.Generator().manual_seed(self.seed)
            network.start_from(learn_stack(learned, widths, self.params.pretraining, rng))
        return Tastes(network, self.question.n_users)

    def factors(self) -> Factors:
        """Not fitted yet."""
        return Factors(self.question.n_users, len(self.question.features), self.params.fitting.factors)


def _features(fold: Fold) -> Floats:
    """Statistics of every song, float32 (n_songs, 3 * n_rows), standardized by the songs to learn from."""
    kept = fold.paths.root / "statistics.npy"
    if not kept.is_file():
        known = fold.known
        songs = [row_statistics(known.store.frames(int(song))).ravel() for song in known.positions]
        replace_array(kept, np.stack(songs))
    statistics = np.load(kept, allow_pickle=False)
    learned = statistics[fold.known.learn & ~fold.known.validation]
    spread = learned.std(axis=0)
    features = (statistics - learned.mean(axis=0)) / np.where(spread == 0, 1, spread)
    return np.asarray(features.clip(-_CLAMP, _CLAMP), dtype=np.float32)


def _pmf(models: Models) -> Fitted:
    tastes = Tastes(NothingHeard(), models.question.n_users)
    return models.fit(Ratings(tastes, models.factors()), "warm")


def _fixed(models: Models) -> Fitted:
    pmf, none = models.fitted(PMF), nothing(models.question)
    given = Fitted(none.beta, none.x, pmf.gamma, pmf.y)
    return models.fit(Ratings(models.tastes(pretrained=True), None), "both", given)


_MAKES: dict[str, Callable[[Models], Fitted]] = {
    PMF: _pmf,
    "hldbn_random": lambda models: models.fit(Ratings(models.tastes(pretrained=False), None), "new"),
    "hybrid_joint": lambda models: models.fit(
        Ratings(models.tastes(pretrained=True), models.factors()), "both"
    ),
    "hybrid_fixed": _fixed,
    HLDBN: lambda models: models.fit(Ratings(models.tastes(pretrained=True), None), "new"),
    RESIDUAL: lambda models: models.fit(Ratings(None, models.factors()), "warm", models.fitted(HLDBN)),
}


def makes(params: Wang2014) -> dict[str, Make]:
    """By name; of new songs only what is heard counts."""

    def make(name: str) -> Make:
        return lambda fold: of_new(Models(fold, params, fold.seed).fitted(name), fold)

    return {name: make(name) for name in DESCRIPTIONS}


def of_new(fitted: Fitted, fold: Fold) -> System:
    """Tastes, and what is heard of the cold songs."""
    return System(fitted.beta, fold.of_candidates(fitted.x))
