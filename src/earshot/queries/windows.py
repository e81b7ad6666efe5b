"""Where a served song would be without one of the windows of its sound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from earshot import releases
from earshot.catalogue.play_counts import PlayCounts
from earshot.columns import HEARD, N_FRAMES, SECONDS, SILENCES, SONG_ID
from earshot.errors import UserError
from earshot.params import load_params
from earshot.queries.images import one_song, read_index
from earshot.queries.links import model_folder
from earshot.queries.state import ServedState
from earshot.spaces.placing import Ids, Vectors
from earshot.spaces.space import TasteSpace

if TYPE_CHECKING:
    from earshot.predictors.song_encoder import SongEncoder
    from earshot.queries.left_out import LeftOut
    from earshot.store.reader import HyperImageStore


class Unexplained(UserError):
    """What cannot be explained exactly, and why."""


@dataclass(frozen=True)
class SoundWindow:
    """A window of a song's sound.

    Attributes
    ----------
    start, end
        In the recording, seconds; windows may overlap.
    score_without
        Of the song without it.
    score
        Of the song.
    """

    start: float
    end: float
    score_without: float
    score: float


@dataclass(frozen=True)
class WindowPlaces:
    """Where a song is.

    Attributes
    ----------
    seconds
        Start and end of each window in the recording.
    whole
        With all windows, float32 (d,).
    without
        Without each, float32 (n_windows, d).
    """

    seconds: list[tuple[float, float]]
    whole: Vectors
    without: Vectors


@dataclass(frozen=True)
class Ear:
    """The encoder that serves, and where the hyper-images lie that it heard.

    Attributes
    ----------
    encoder
        Ready to predict.
    index
        The store that served_factors was made of; nothing is left of its folder, only what it holds.
    n0
        Listeners that a song's sound stands for.
    """

    encoder: SongEncoder
    index: HyperImageStore
    n0: float

    @classmethod
    def of(cls, served: ServedState) -> Ear:
        """Out of DVC's cache; it takes a second or two. UserError where a file or the release is lost."""
        from earshot.predictors.load import load_encoder

        known = {each.release: each for each in releases.list_releases(served.root)}
        if served.release not in known:
            raise UserError(f"releases/ holds no manifest of release {served.release}, which is served")
        params = load_params(served.root / "params.yaml")
        with model_folder(served) as folder:
            trusted = releases.trusted_classes(served.root, served.release, params)
            encoder = load_encoder(folder / "cnn_checkpoint", trusted)
        return cls(encoder, read_index(served), known[served.release].n0)

    def leave_out(self, served: ServedState, song: str) -> LeftOut:
        """Hear a song without each of its windows. UserError for one without a hyper-image."""
        from earshot.queries.left_out import leave_out

        with one_song(served, self.index, song) as store:
            return leave_out(self.encoder, store, 0)


def window_places(
    served: ServedState, ear: Ear, space: TasteSpace, plays: PlayCounts, row: int
) -> WindowPlaces:
    """Where the song of a `row` is, and would be without each window; errors as of `Explaining.windows`."""
    from earshot.queries.left_out import hears_windows

    song = str(served.song_ids[row])
    if not served.columns[HEARD][row]:
        raise Unexplained(f"song {song!r} has no sound: its place is made of its listeners alone")
    if not hears_windows(ear.encoder):
        raise Unexplained(
            f"release {served.release} hears no windows: all that it knows of a song is said of it as a whole"
        )
    heard = ear.leave_out(served, song)
    if not len(heard.without):
        raise Unexplained(f"song {song!r} is a single window: nothing is left of its sound without it")
    index = ear.index
    n_frames = int(index.songs[N_FRAMES].to_numpy()[index.position(song)])
    start, end = image_in_recording(served, index, song, n_frames / index.frames_per_second)
    first = heard.first_frames / index.frames_per_second
    last = np.minimum(start + first + ear.encoder.n_frames / index.frames_per_second, end)
    seconds = list(zip((start + first).tolist(), last.tolist(), strict=True))
    places = _place(np.stack([heard.whole, *heard.without]), song, space, plays, ear.n0)
    return WindowPlaces(seconds, places[0], places[1:])


def _place(predicted: Vectors, song: str, space: TasteSpace, plays: PlayCounts, n0: float) -> Vectors:
    """Where a song would be by each of some predictions, (n, d), and its listeners, if it has any."""
    item = np.flatnonzero(plays.song_ids == song)
    if not len(item):
        return predicted
    # as many songs with the same listeners: the place of each hangs on its own prediction and plays alone
    ids: Ids = np.array([str(n) for n in range(len(predicted))], dtype=object)
    column = plays.matrix[:, item]
    same = PlayCounts(plays.user_ids, ids, column[:, np.zeros(len(ids), np.intp)])
    return space.place_songs(ids, predicted, same, n0).vectors


def image_in_recording(
    served: ServedState, index: HyperImageStore, song: str, seconds: float
) -> tuple[float, float]:
    """Where in a recording its hyper-image of so many seconds begins and ends, in seconds.

    Raises UserError where the image is an excerpt, and params.yaml takes other excerpts now.
    """
    from earshot.features.hyper_image import excerpt_start, feature_key

    table = served.table("raw_audio", "songs.parquet", filters=[(SONG_ID, "==", song)])
    recording, silences = table.reindex(columns=[SECONDS, SILENCES]).iloc[0]
    # an image may be a frame longer than its recording, or shorter
    if not recording > seconds + 0.5:
        return 0.0, min(seconds, recording) if recording > 0 else seconds
    settings = load_params(served.root / "params.yaml").hyper_images
    if feature_key(settings) != index.feature_key:
        raise UserError(
            f"release {served.release} hears hyper-images of feature key {index.feature_key}, params.yaml "
            f"makes {feature_key(settings)}: put its hyper_images section back"
        )
    start = excerpt_start(recording, settings, silences if isinstance(silences, str) else None)
    return start, start + seconds
