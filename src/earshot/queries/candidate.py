"""The newest model, before or whether or not it is released."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from earshot import releases, versioning
from earshot.queries.served import output_of
from earshot.queries.served_files import SERVED, file_of
from earshot.queries.state import ServedState
from earshot.spaces.placing import Placed
from earshot.spaces.space import read_space


@dataclass(frozen=True)
class Candidate(ServedState):
    """The newest model, served or not: its listeners as trained, songs where their sound alone puts them."""

    songs_at = "data/predicted_factors/items.parquet"

    @cached_property
    def _listeners(self) -> Placed:
        """Where they are in the candidate's taste space."""
        with TemporaryDirectory(prefix="earshot-candidate-") as made:
            for stage in ("cnn_checkpoint", "wmf_factors"):
                (Path(made) / stage).mkdir()
                for name in self.outputs[stage].files:
                    (Path(made) / stage / name).symlink_to(self.file(stage, name))
            return read_space(Path(made) / "cnn_checkpoint", Path(made) / "wmf_factors").training_listeners()

    @cached_property
    def user_ids(self) -> NDArray[np.object_]:
        """(n_users,), those that it was trained with."""
        return self._listeners.ids

    def vectors(self, name: str) -> NDArray[np.float32]:
        """`item_factors.npy` or `user_factors.npy`, float32 (n, d)."""
        return self._listeners.vectors if name == "user_factors.npy" else super().vectors(name)

    def encoder_files(self) -> dict[str, Path]:
        """Those of its encoder, in DVC's cache, by name. Raises UserError where one is lost."""
        return self._files("cnn_checkpoint", "encoder.")

    def file(self, stage: str, name: str) -> Path:
        """A file of one of the candidate's outputs, in DVC's cache.

        What `served_factors` would hold of songs is found in `predicted_factors`.

        Raises
        ------
        UserError
            It is not in the cache.
        """
        made_by = "predicted_factors" if stage == SERVED else stage
        return file_of(self.outputs[made_by], made_by, name)


def read_candidate(root: Path) -> Candidate:
    """The newest model that dvc.lock of `root` names, released or refused.

    Raises
    ------
    UserError
        There is none yet; a file that is not in DVC's cache.
    """
    lock, candidate = versioning.read_lock(root), releases.candidate(root)
    cache = versioning.cache_folder(root)
    made = {stage: versioning.PreviousOutput(cache, md5) for stage, md5 in candidate.outputs.items()}
    made |= {stage: output_of(root, lock, stage) for stage in ("play_counts", "raw_audio")}
    return Candidate(root, candidate.release, made)
