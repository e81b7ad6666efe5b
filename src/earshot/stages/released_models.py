"""The files of a model, candidate or released, and what it answers and lists on a snapshot."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from earshot import releases
from earshot.checks import CANDIDATE
from earshot.columns import SONG_ID
from earshot.evaluation.protocol import System
from earshot.factors.numbers import read_numbers
from earshot.params import Params, Split
from earshot.recommend.held_out_lists import Recipe, refit, serve_held_out
from earshot.recommend.list_rules import ListMaker
from earshot.releases import Manifest
from earshot.releases.manifest import FOLD_MODELS
from earshot.spaces.placing import Placed
from earshot.spaces.space import TasteSpace, read_space
from earshot.stages.folds import Encoded, FoldSnapshot, Predict, read_predictions, served_system, thin
from earshot.stages.held_out import LISTS, HeldOut
from earshot.stages.paths import Paths
from earshot.store.reader import HyperImageStore
from earshot.trusted import trusted_in


@dataclass(frozen=True)
class Model:
    """A model and those of the other folds of its split.

    Attributes
    ----------
    release
        Its manifest.
    folder
        `<stage>/<file>`, and `fold_models/<fold>/<file>`; of the candidate the whole of `data/`.
    work
        For what its encoders predict: outlives a kill.
    trusted
        As in `earshot.predictors.load.load_encoder`.
    """

    release: Manifest
    folder: Path
    work: Path
    trusted: frozenset[str]
    _encoded: dict[Path, Encoded] = field(default_factory=dict)

    @classmethod
    def candidate(cls, paths: Paths, params: Params, candidate: Manifest) -> Model:
        """The newest model, as its stages wrote it."""
        return cls(candidate, paths.root / "data", paths.work / CANDIDATE, frozenset(trusted_in(params)))

    @classmethod
    def released(cls, paths: Paths, params: Params, release: Manifest) -> Model:
        """A release, its files taken out of DVC's cache."""
        folder = paths.work / release.release
        shutil.rmtree(folder, ignore_errors=True)
        releases.fetch(release, paths.root, folder)
        trusted = releases.trusted_classes(paths.root, release.release, params)
        return cls(release, folder, paths.work / f"{release.release}-songs", frozenset(trusted))

    def system(self, snapshot: FoldSnapshot) -> System | None:
        """Its answers to the question of `snapshot`, as it is served; None without a model of that fold."""
        if snapshot.fold == Split(**self.release.split).fold:
            return self.first_system(snapshot)
        if snapshot.fold not in self.release.folds:
            return None
        model = self.folder / FOLD_MODELS / str(snapshot.fold)
        predict = self._encode(model, snapshot.folder, str(snapshot.fold))
        return served_system(snapshot, read_space(model, model), self.release.n0, predict)

    def first_system(self, snapshot: FoldSnapshot) -> System:
        """The same of the model that may be served, whatever was cold to it."""
        return served_system(snapshot, self._first_space(), self.release.n0, self._predict(snapshot.folder))

    def lists(self, training_set: Path, held_out: HeldOut, maker: ListMaker) -> NDArray[np.int32]:
        """What listeners would get, as served_quality makes it: (n_asked, k) rows of `held_out.song_ids`.

        `maker` keeps to the rules that served_quality kept to.
        """
        made = self.folder / "served_quality" / LISTS
        if made.is_file():  # the candidate's
            return np.asarray(np.load(made, allow_pickle=False))
        store = HyperImageStore.open(training_set / "hyper_images")
        with_audio = np.isin(held_out.song_ids, store.songs[SONG_ID].to_numpy(dtype=object))
        ids = held_out.song_ids[with_audio & thin(held_out.n_listeners, self.release.n0)]
        numbers = read_numbers(self.folder / "wmf_factors")
        recipe = Recipe(numbers.iterations, self.release.params.get("seed", 0))
        space = refit(self._first_space(), held_out.known, recipe)
        predicted = Placed(ids, self._predict(training_set)(ids))
        question = (held_out.known, held_out.asked, held_out.song_ids)
        return serve_held_out(*question, predicted, space, self.release.n0).lists(maker).songs

    def _first_space(self) -> TasteSpace:
        return read_space(self.folder / "cnn_checkpoint", self.folder / "wmf_factors")

    def _predict(self, training_set: Path) -> Predict:
        predicted = self.folder / "predicted_factors"
        if predicted.is_dir():
            return read_predictions(predicted)
        return self._encode(self.folder / "cnn_checkpoint", training_set, "first")

    def _encode(self, encoder: Path, training_set: Path, name: str) -> Encoded:
        """One for each encoder, so that no song is encoded twice."""
        if encoder not in self._encoded:
            self._encoded[encoder] = Encoded(encoder, training_set, self.work / name, self.trusted)
        return self._encoded[encoder]
