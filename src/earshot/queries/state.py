"""The served state as dvc.lock names it: immutable, whole, and of one release."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from earshot import releases, versioning
from earshot.columns import (
    ARTIST,
    ARTIST_ID,
    GENRES,
    HEARD,
    N_LISTENERS,
    SONG_ID,
    TITLE,
    UNLIKE,
    USER_ID,
    WITHDRAWN,
)
from earshot.errors import UserError
from earshot.files import read_json
from earshot.releases.manifest import REFIT
from earshot.spaces.placing import Placed
from earshot.spaces.space import read_space
from earshot.workspace import not_yet

if TYPE_CHECKING:
    import pandas as pd

_SERVED, _LISTS = "served_factors", "recommendations"


@dataclass(frozen=True)
class ServedState:
    """What is served.

    Attributes
    ----------
    release
        Name of the model behind all of it.
    outputs
        `served_factors`, `recommendations`, and the `play_counts` and `raw_audio` that these were made of.
    """

    songs_at: ClassVar[str] = "data/served_factors/items.parquet"
    root: Path
    release: str
    outputs: dict[str, versioning.PreviousOutput]

    def file(self, stage: str, name: str) -> Path:
        """A file of one of the outputs, in DVC's cache. Raises UserError where it is not there."""
        return _file(self.outputs[stage], stage, name)

    def encoder_files(self) -> dict[str, Path]:
        """Those of the encoder that serves, in DVC's cache, by name. Raises UserError where one is lost."""
        refit = f"release/{REFIT}/cnn_checkpoint/encoder."
        has_refit = any(name.startswith(refit) for name in self.outputs[_SERVED].files)
        return self._files(_SERVED, refit if has_refit else "release/cnn_checkpoint/encoder.")

    def _files(self, stage: str, prefix: str) -> dict[str, Path]:
        names = [name for name in self.outputs[stage].files if name.startswith(prefix)]
        names = names or [f"{prefix}json"]  # which is then told to be missing
        return {name.rpartition("/")[2]: self.file(stage, name) for name in names}

    def table(self, stage: str, name: str, **options: Any) -> pd.DataFrame:
        """A parquet file of one of the outputs. Raises UserError where it is not in DVC's cache.

        `options` are those of `pandas.read_parquet`.
        """
        import pandas as pd

        return pd.read_parquet(self.file(stage, name), **options)

    def vectors(self, name: str) -> NDArray[np.float32]:
        """`item_factors.npy` or `user_factors.npy`, float32 (n, factors)."""
        found: NDArray[np.float32] = np.load(self.file(_SERVED, name), allow_pickle=False)
        return found

    @cached_property
    def songs(self) -> pd.DataFrame:
        """n_listeners, heard and unlike by song_id, in the order of the item factors."""
        songs = self.table(_SERVED, "items.parquet").set_index(SONG_ID)
        if UNLIKE in songs:
            return songs
        # What an older version served says less; of a candidate every song is where its sound puts it.
        return songs.assign(**{HEARD: True, UNLIKE: False, N_LISTENERS: songs.get(N_LISTENERS, 0)})

    @cached_property
    def song_ids(self) -> NDArray[np.object_]:
        """(n_songs,), in the order of the item factors."""
        return self.songs.index.to_numpy(dtype=object)

    @cached_property
    def user_ids(self) -> NDArray[np.object_]:
        """(n_users,), in the order of the user factors."""
        return self.table(_SERVED, "users.parquet")[USER_ID].to_numpy(dtype=object)

    @cached_property
    def catalogue(self) -> pd.DataFrame:
        """title, artist, artist_id, genres and withdrawn by song_id."""
        columns = [SONG_ID, TITLE, ARTIST, ARTIST_ID, GENRES, WITHDRAWN]
        return self.table("raw_audio", "songs.parquet", columns=columns).set_index(SONG_ID)


def read_served(root: Path) -> ServedState:
    """What the workspace `root` serves.

    Raises
    ------
    UserError
        Nothing yet; vectors and lists of two releases (serving was half-way, or
        failed there); a file that is not in DVC's cache; each with what to do.
    """
    lock = versioning.read_lock(root)
    made = {stage: _output(root, lock, stage) for stage in (_SERVED, _LISTS)}
    vectors, lists = (read_json(_file(made[stage], stage, "summary.json")) for stage in (_SERVED, _LISTS))
    if vectors["release"] != lists["release"]:
        raise UserError(
            f"data/{_SERVED} is of release {vectors['release']}, data/{_LISTS} of {lists['release']}: "
            "wait for the run that serves, or finish it with `dvc repro recommendations`"
        )
    if vectors["release"] is None:
        raise UserError(_nothing_served(root))
    # what the lists were made of, whatever stands there now
    used = {dep["path"]: dep.get("md5") for dep in lock[_LISTS].get("deps", ())}
    cache = versioning.cache_folder(root)
    for stage in ("play_counts", "raw_audio"):
        made[stage] = versioning.PreviousOutput(cache, used.get(f"data/{stage}"))
    return ServedState(root, vectors["release"], made)


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
        made_by = "predicted_factors" if stage == _SERVED else stage
        return _file(self.outputs[made_by], made_by, name)


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
    made |= {stage: _output(root, lock, stage) for stage in ("play_counts", "raw_audio")}
    return Candidate(root, candidate.release, made)


def _nothing_served(root: Path) -> str:
    """The lists are of no release: there is none, or it came by hand since they were made."""
    current = releases.read_pointer(root)
    if isinstance(current, releases.NothingReleased):
        return releases.nothing_released(root, current)
    return f"{current.release} is released and not served yet: `dvc repro` or the job onboard serves it"


def _output(root: Path, lock: dict[str, Any], stage: str) -> versioning.PreviousOutput:
    if stage not in lock:
        raise not_yet(root, f"nothing is served yet: dvc.lock names no {stage}")
    return versioning.PreviousOutput(versioning.cache_folder(root), lock[stage]["outs"][0]["md5"])


def _file(output: versioning.PreviousOutput, stage: str, name: str) -> Path:
    found = output.find(name)
    if found is None:
        raise UserError(f"data/{stage}/{name}: not in DVC's cache ({output.md5}); `dvc pull` fetches it")
    return found
