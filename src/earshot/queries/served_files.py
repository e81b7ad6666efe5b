"""The files of the served state as dvc.lock names them: immutable, whole, and of one release."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from earshot import versioning
from earshot.catalogue.play_counts import LEFT_OUT
from earshot.catalogue.plays import PLAYS as PLAYS_FILE
from earshot.catalogue.plays import is_plays, newest_play, read_plays
from earshot.columns import (
    ARTIST,
    ARTIST_ID,
    AUDIO,
    AUDIO_MD5,
    DECODER,
    DELIVERY,
    GENRES,
    HEARD,
    N_LISTENERS,
    SECONDS,
    SONG_ID,
    TITLE,
    UNLIKE,
    USER_ID,
    WITHDRAWN,
)
from earshot.errors import UserError
from earshot.queries.words import Words
from earshot.releases.manifest import REFIT
from earshot.spaces.space import TasteSpace, read_space

if TYPE_CHECKING:
    import pandas as pd

SERVED, LISTS, PLAYS = "served_factors", "recommendations", "play_counts"
SOUND = "sound:"
"""With a feature key in place of a release: what is served was made of hyper-images alone."""
SPACE_FILE = "space.npz"


@dataclass(frozen=True)
class ServedFiles:
    """What is served, file by file.

    Attributes
    ----------
    release
        Name of the model behind all of it.
    outputs
        `served_factors`, `recommendations`, and the `play_counts`, `raw_audio` and `hyper_images` that these
        were made of.
    """

    songs_at: ClassVar[str] = "data/served_factors/items.parquet"
    root: Path
    release: str
    outputs: dict[str, versioning.PreviousOutput]

    def file(self, stage: str, name: str) -> Path:
        """A file of one of the outputs, in DVC's cache. Raises UserError where it is not there."""
        return file_of(self.outputs[stage], stage, name)

    def encoder_files(self) -> dict[str, Path]:
        """Those of the encoder that serves, in DVC's cache, by name. Raises UserError where one is lost."""
        return self._files(SERVED, f"{self.model}/cnn_checkpoint/encoder.")

    @property
    def model(self) -> str:
        """Folder, in served_factors, of the model that serves: of its refit on all songs, if it has one."""
        refit = f"release/{REFIT}"
        has_refit = any(name.startswith(f"{refit}/") for name in self.outputs[SERVED].files)
        return refit if has_refit else "release"

    def _files(self, stage: str, prefix: str) -> dict[str, Path]:
        names = [name for name in self.outputs[stage].files if name.startswith(prefix)]
        names = names or [f"{prefix}json"]  # which is then told to be missing
        return {name.rpartition("/")[2]: self.file(stage, name) for name in names}

    @property
    def by_sound(self) -> bool:
        """Whether there is no model, and songs lie where their sound alone puts them."""
        return self.release.startswith(SOUND)

    @cached_property
    def space(self) -> TasteSpace:
        """Of the model that serves, or of sound. UserError where a file of it is not in DVC's cache."""
        from earshot.queries.links import model_folder
        from earshot.queries.sound_space import SoundSpace

        if self.by_sound:
            return SoundSpace.read(self.file(SERVED, SPACE_FILE))
        with model_folder(self) as folder:
            return read_space(folder / "cnn_checkpoint", folder / "wmf_factors")

    def table(self, stage: str, name: str, **options: Any) -> pd.DataFrame:
        """A parquet file of one of the outputs. Raises UserError where it is not in DVC's cache.

        `options` are those of `pandas.read_parquet`.
        """
        import pandas as pd

        return pd.read_parquet(self.file(stage, name), **options)

    def vectors(self, name: str) -> NDArray[np.float32]:
        """`item_factors.npy` or `user_factors.npy`, float32 (n, factors)."""
        found: NDArray[np.float32] = np.load(self.file(SERVED, name), allow_pickle=False)
        return found

    def play_files(self) -> list[Path]:
        """The files of the table of plays. Raises UserError where one is not in DVC's cache."""
        names = sorted(filter(is_plays, self.outputs[PLAYS].files))
        return [self.file(PLAYS, name) for name in names or [PLAYS_FILE]]

    def plays_of(self, *columns: str, **only: int) -> pd.DataFrame:
        """The table of plays, as of `earshot.catalogue.plays.read_plays`; UserError as of `play_files`."""
        return read_plays(self.play_files(), columns, **only)

    @cached_property
    def newest_play(self) -> int | None:
        """In seconds since 1970; None where no play is dated."""
        return newest_play(self.play_files())

    @cached_property
    def songs(self) -> pd.DataFrame:
        """n_listeners, heard and unlike by song_id, in the order of the item factors."""
        songs = self.table(SERVED, "items.parquet").set_index(SONG_ID)
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
        return self.table(SERVED, "users.parquet")[USER_ID].to_numpy(dtype=object)

    def song_row(self, song: str) -> int | None:
        """Where a song stands among the item factors; None where it is not served."""
        return self._song_rows.get(song)

    def user_row(self, user: str) -> int | None:
        """Where a listener stands among the user factors; None for somebody without plays."""
        return self._user_rows.get(user)

    @cached_property
    def _song_rows(self) -> dict[str, int]:
        return {song: row for row, song in enumerate(self.song_ids.tolist())}

    @cached_property
    def _user_rows(self) -> dict[str, int]:
        return {user: row for row, user in enumerate(self.user_ids.tolist())}

    @cached_property
    def catalogue(self) -> pd.DataFrame:
        """title, artist, artist_id, genres and withdrawn by song_id."""
        columns = [SONG_ID, TITLE, ARTIST, ARTIST_ID, GENRES, WITHDRAWN]
        return self.table("raw_audio", "songs.parquet", columns=columns).set_index(SONG_ID)

    @cached_property
    def recordings(self) -> pd.DataFrame:
        """delivery, audio, audio_md5, seconds and decoder by song_id, of the last delivery of each song."""
        columns = [SONG_ID, DELIVERY, AUDIO, AUDIO_MD5, SECONDS, DECODER]
        found = self.table("raw_audio", "songs.parquet").reindex(columns=columns)
        return found.set_index(SONG_ID)

    @cached_property
    def words(self) -> Words:
        """What listeners want in no list."""
        told = PLAYS in self.outputs and LEFT_OUT in self.outputs[PLAYS].files
        return Words.of(self.table(PLAYS, LEFT_OUT), self.user_ids, self.song_ids) if told else Words({}, {})


def file_of(output: versioning.PreviousOutput, stage: str, name: str) -> Path:
    """A file of an output, in DVC's cache. UserError where it is not there."""
    found = output.find(name)
    if found is None:
        raise UserError(f"data/{stage}/{name}: not in DVC's cache ({output.md5}); `dvc pull` fetches it")
    return found
