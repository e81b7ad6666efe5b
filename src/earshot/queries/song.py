"""What is known of one song: its neighbours by sound and by listeners, and what its place was made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from earshot import releases
from earshot.columns import (
    ARTIST,
    AUDIO,
    AUDIO_MD5,
    DELIVERY,
    FIRST_FRAME,
    GENRES,
    HEARD,
    N_FRAMES,
    N_LISTENERS,
    SECONDS,
    SHARD,
    TITLE,
    WITHDRAWN,
)
from earshot.errors import UserError
from earshot.queries.answers import named, note_of
from earshot.queries.arrivals import days_of
from earshot.queries.images import has_image, read_index
from earshot.queries.screening import Asked
from earshot.queries.sounds import Sounds, read_sounds
from earshot.queries.state import ServedState
from earshot.queries.windows import image_in_recording

if TYPE_CHECKING:
    from earshot.store.reader import HyperImageStore

_NEIGHBOURS = 8

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Image:
    """The hyper-image of a song: where it lies in its store, and which part of the recording it is of (s)."""

    shard: str
    first_frame: int
    n_frames: int
    feature_key: str
    start: float
    end: float


@dataclass(frozen=True)
class Lineage:
    """What a song's place was made of.

    Attributes
    ----------
    delivery, day
        The last that named it, and when that arrived, if it was noted.
    file, audio_md5, seconds
        The sound that counts; null without one.
    release, number, model, reason
        The model that placed it, and why that was released; null where it was not noted.
    """

    delivery: str
    day: date | None
    file: str | None
    audio_md5: str | None
    seconds: float | None
    release: str
    number: int | None
    model: str | None
    reason: str | None


@dataclass(frozen=True)
class AboutSong:
    """One song.

    Attributes
    ----------
    title, artist
        Null where no delivery gave them.
    served, withdrawn
        Whether it has a place, and whether it was taken back.
    n_listeners
        Of it.
    weight
        Share of the prediction in its place, max(0, 1 - n / n0); null where it is not known.
    n0
        Listeners that a sound stands for; null where the release is lost.
    note
        `unlike anything trained on`, or empty.
    by_sound
        The nearest by what is predicted of their sound: song_id, title, artist, cosine; null without a sound.
    by_listeners
        The nearest by the places that are served, of songs that have listeners; null where it has none.
    image
        Null without a sound.
    """

    song_id: str
    title: str | None
    artist: str | None
    genres: str
    served: bool
    withdrawn: bool
    n_listeners: int
    weight: float | None
    n0: float | None
    note: str
    by_sound: Rows | None
    by_listeners: Rows | None
    image: Image | None
    lineage: Lineage


@dataclass(frozen=True)
class Songs:
    """A served state made ready to tell of single songs, to be kept where many questions come."""

    served: ServedState

    @cached_property
    def index(self) -> HyperImageStore:
        """The hyper-images that were heard; UserError where a file is lost."""
        return read_index(self.served)

    def about(self, song: str) -> AboutSong:
        """Tell of a song, served or not. Raises UserError for one that no delivery names."""
        served, row = self.served, self.served.song_row(song)
        if song not in served.catalogue.index:
            raise UserError(f"song {song!r}: no delivery that is served names it")
        known = served.catalogue.loc[song, [TITLE, ARTIST, GENRES, WITHDRAWN]]
        title, artist, genres = (text if isinstance(text, str) else "" for text in known.iloc[:3])
        n_listeners = 0 if row is None else int(served.columns[N_LISTENERS][row])
        n0 = None if self._release is None else self._release.n0
        return AboutSong(
            song_id=song,
            title=title or None,
            artist=artist or None,
            genres=genres,
            served=row is not None,
            withdrawn=bool(known[WITHDRAWN]),
            n_listeners=n_listeners,
            weight=self._weight(row, n_listeners, n0),
            n0=n0,
            note="" if row is None else note_of(served, row),
            by_sound=self._by_sound(row),
            by_listeners=self._by_listeners(row, n_listeners),
            image=self._image(song),
            lineage=self._lineage(song),
        )

    def _weight(self, row: int | None, n_listeners: int, n0: float | None) -> float | None:
        if row is None or n0 is None:
            return None
        if not self.served.columns[HEARD][row]:
            return 0.0
        return max(0.0, 1 - n_listeners / max(n0, 1e-9)) if n_listeners else 1.0

    def _by_sound(self, row: int | None) -> Rows | None:
        if row is None or self._predicted is None or self._predicted.places[row] < 0:
            return None
        predicted = self._predicted
        place = int(predicted.places[row])
        left_out = np.union1d(np.flatnonzero(~self.served.is_listed[predicted.rows]), place)
        vector = predicted.screen.vectors[place]
        (best,) = predicted.screen.best([Asked(vector, left_out, _NEIGHBOURS)])
        return self._named(predicted.rows[best.items], best.scores)

    def _by_listeners(self, row: int | None, n_listeners: int) -> Rows | None:
        if row is None or not n_listeners:
            return None
        served = self.served
        allowed = served.is_listed & (served.columns[N_LISTENERS] > 0)
        allowed[row] = False
        vector = served.vectors("item_factors.npy")[row]
        return self._named(*served.nearest(vector, _NEIGHBOURS, allowed, csls=False))

    def _named(self, rows: NDArray[np.int64], cosines: NDArray[np.float32]) -> Rows:
        return [
            {
                **named(self.served, row),
                N_LISTENERS: int(self.served.columns[N_LISTENERS][row]),
                "cosine": float(cosine),
            }
            for row, cosine in zip(rows.tolist(), cosines, strict=True)
        ]

    @cached_property
    def _predicted(self) -> Sounds | None:
        return read_sounds(self.served, self.index)

    def _image(self, song: str) -> Image | None:
        """None too where params.yaml takes other excerpts now than this is of."""
        if not has_image(self.index, song):
            return None
        index = self.index
        line = index.songs.iloc[index.position(song)]
        seconds = int(line[N_FRAMES]) / index.frames_per_second
        try:
            start, end = map(float, image_in_recording(self.served, index, song, seconds))
        except UserError:
            return None
        place = str(line[SHARD]), int(line[FIRST_FRAME]), int(line[N_FRAMES])
        return Image(*place, index.feature_key, start, end)

    def _lineage(self, song: str) -> Lineage:
        served = self.served
        known: dict[Any, Any] = served.recordings.loc[song].to_dict()
        delivery, file, md5, seconds = (
            None if known[name] != known[name] else known[name]  # NaN: there is no sound
            for name in (DELIVERY, AUDIO, AUDIO_MD5, SECONDS)
        )
        decision = releases.read_decision(served.root, served.release) or {}
        release = self._release
        model = None if release is None or release.candidate is None else release.candidate.name
        return Lineage(
            delivery=str(delivery),
            day=days_of(served).get(str(delivery)),
            file=None if file is None else Path(file).name,
            audio_md5=md5,
            seconds=None if seconds is None else float(seconds),
            release=served.release,
            number=None if release is None else release.number,
            model=model,
            reason=decision.get("reason"),
        )

    @cached_property
    def _release(self) -> releases.Manifest | None:
        known = {each.release: each for each in releases.list_releases(self.served.root)}
        return known.get(self.served.release)
