"""Why a listener is recommended a song: by which plays, and by which windows of its sound.

Nothing is estimated: shares add up to the score, and what a score is without a play or a window is computed
anew. What cannot be told so is refused (`Unexplained`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earshot.arrays import positions_of
from earshot.catalogue.play_counts import ITEMS, RECENCY, USERS, PlayCounts, read_play_counts
from earshot.catalogue.plays import is_plays
from earshot.columns import ARTIST, PLAY_COUNT, RELEASE, SONG_ID, TITLE
from earshot.errors import UserError
from earshot.queries.links import linked
from earshot.queries.state import ServedState
from earshot.queries.windows import Ear, SoundWindow, Unexplained, window_places
from earshot.queries.wishes import unknown_listener
from earshot.spaces.explaining import Explainer
from earshot.spaces.placing import Placed, Vectors
from earshot.spaces.space import TasteSpace

Rows = list[dict[str, Any]]
SHARE, SCORE_WITHOUT = "share", "score_without"
__all__ = ["Explaining", "Explanation", "SoundWindow", "Unexplained", "explain", "windows"]
_SAME = 1e-5
"""What is explained may differ from what is served by this share of the length of both vectors: rounding."""


@dataclass(frozen=True)
class Explanation:
    """Why a song has its score for a listener.

    Attributes
    ----------
    title, artist
        Null where no delivery gave them.
    score
        As in the listener's list, in float64.
    plays
        All that have a part in it, greatest share first: song_id, title, artist, play_count (less for old
        plays where these count for less), share, score_without, release. The shares add up to `score`.
    """

    release: str
    user_id: str
    song_id: str
    title: str | None
    artist: str | None
    score: float
    plays: Rows


@dataclass(frozen=True)
class Explaining:
    """A served state made ready to explain, to be kept where many questions come. Threads may share it.

    Attributes
    ----------
    served
        What is served.
    plays
        All that its listeners are placed by.
    space
        The taste space of the model that serves.
    """

    served: ServedState
    plays: PlayCounts
    space: TasteSpace

    @classmethod
    def of(cls, served: ServedState) -> Explaining:
        """Read the plays out of DVC's cache. UserError where a file is lost."""
        tables = [USERS, ITEMS, RECENCY]
        with linked(served, "play_counts", wanted=lambda name: is_plays(name) or name in tables) as folder:
            plays = read_play_counts(folder)
        return cls(served, plays, served.space)

    @cached_property
    def ear(self) -> Ear:
        """The encoder that serves, and the hyper-images that it heard."""
        return Ear.of(self.served)

    @cached_property
    def _explainer(self) -> Explainer:
        # the songs that listeners are placed by: as in `earshot.recommend.serving.serve`, only played ones
        played = positions_of(self.plays.song_ids, self.served.song_ids) >= 0
        songs = Placed(self.served.song_ids, self.served.vectors("item_factors.npy"))
        return self.space.explainer(songs.only(played))

    @cached_property
    def _places(self) -> NDArray[np.int64]:
        """(n_items,): where each song of `plays` stands among the songs of the explainer; -1 where not."""
        return positions_of(self._explainer.songs.ids, self.plays.song_ids)

    @cached_property
    def _rows(self) -> NDArray[np.int64]:
        """Rows in the served state of the songs of the explainer."""
        return positions_of(self.served.song_ids, self._explainer.songs.ids)

    def explain(self, user: str, song: str) -> Explanation:
        """Say what each play has to do with a score.

        Raises
        ------
        UserError
            A listener without plays, or a song that is not served.
        Unexplained
            The place of the listener is not made of these plays.
        """
        of_user, of_song = self._row(user, song)
        vector = self.served.vectors("item_factors.npy")[of_song]
        places, counts = self._plays_of(user, of_user)
        found = self._explainer.explain(user, places, counts, vector)
        if found is None:
            raise Unexplained(
                f"user {user!r}: release {self.served.release} has learned where this listener is, and "
                "not from these plays alone: what each of them has to do with a score cannot be told"
            )
        self._refuse_others(user, found.score, self.served.vectors("user_factors.npy")[of_user], vector)
        rows = self._rows[places]
        plays = [
            {
                **self._named(rows[n]),
                PLAY_COUNT: float(counts[n]),
                SHARE: float(found.shares[n]),
                SCORE_WITHOUT: float(found.without[n]),
                RELEASE: self.served.release,
            }
            for n in np.argsort(-found.shares, kind="stable")
        ]
        named = self._named(of_song)
        return Explanation(self.served.release, user, **named, score=found.score, plays=plays)

    def windows(self, user: str, song: str) -> list[SoundWindow]:
        """Say what each window of a song's sound has to do with its score; it takes seconds at first.

        The listener stays where he or she is; a song that somebody has played is placed by its listeners and
        by what is left of its sound.

        Raises
        ------
        UserError
            A listener without plays, or a song that is not served.
        Unexplained
            A song without a sound or of a single window; an encoder that hears no windows, or whose
            code is another one now.
        """
        of_user, of_song = self._row(user, song)
        listener = self.served.vectors("user_factors.npy")[of_user].astype(np.float64)
        vector = self.served.vectors("item_factors.npy")[of_song]
        heard = window_places(self.served, self.ear, self.space, self.plays, of_song)
        if np.abs(heard.whole - vector).max() > 100 * _SAME * np.linalg.norm(vector):
            raise Unexplained(
                f"song {song!r}: the encoder hears something else in it than what is served: its code, or "
                "the machine, is another one; `dvc repro recommendations` serves what it hears now"
            )
        scores = heard.without.astype(np.float64) @ listener
        whole = float(heard.whole.astype(np.float64) @ listener)
        return [
            SoundWindow(start, end, float(without), whole)
            for (start, end), without in zip(heard.seconds, scores, strict=True)
        ]

    def played(self, user: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Rows of the songs that a listener has played, and play counts, (n,); most played first.

        Raises
        ------
        UserError
            A listener without plays.
        Unexplained
            What is served is made of other plays.
        """
        places, counts = self._plays_of(user, self._user_row(user))
        most_first = np.argsort(-counts, kind="stable")
        return self._rows[places[most_first]], counts[most_first]

    def _row(self, user: str, song: str) -> tuple[int, int]:
        """Of the listener and of the song, in the served state."""
        of_user, of_song = self._user_row(user), self.served.song_row(song)
        if of_song is None:
            raise UserError(f"song {song!r} is not served; wanted one of {self.served.songs_at}")
        return of_user, of_song

    def _user_row(self, user: str) -> int:
        row = self.served.user_row(user)
        if row is None:
            raise unknown_listener(self.served, user)
        return row

    def _plays_of(self, user: str, row: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Places among the songs of the explainer, and play counts, (n,); other songs do not count."""
        if self.plays.user_ids[row : row + 1].tolist() != [user]:
            raise self._of_other_plays(user)
        # CSR: the plays of a listener are those from an indptr to the next
        first, last = self.plays.matrix.indptr[row : row + 2]
        places = self._places[self.plays.matrix.indices[first:last]]
        return places[places >= 0], self.plays.matrix.data[first:last][places >= 0]

    def _refuse_others(self, user: str, score: float, listener: Vectors, vector: Vectors) -> None:
        """While a delivery is being served, lists and listeners may be made of different plays."""
        served = float(listener.astype(np.float64) @ vector)
        if abs(score - served) > _SAME * float(np.linalg.norm(listener) * np.linalg.norm(vector)):
            raise self._of_other_plays(user)

    @staticmethod
    def _of_other_plays(user: str) -> Unexplained:
        return Unexplained(
            f"user {user!r}: data/served_factors is made of other plays than data/recommendations: "
            "wait for the run that serves, or finish it with `dvc repro recommendations`"
        )

    def _named(self, row: int) -> dict[str, Any]:
        title, artist = self.served.columns[TITLE][row], self.served.columns[ARTIST][row]
        return {SONG_ID: self.served.song_ids[row], TITLE: title or None, ARTIST: artist or None}


def explain(served: ServedState, user: str, song: str) -> Explanation:
    """As `Explaining.explain`, for a single question."""
    return Explaining.of(served).explain(user, song)


def windows(served: ServedState, user: str, song: str) -> list[SoundWindow]:
    """As `Explaining.windows`, for a single question."""
    return Explaining.of(served).windows(user, song)
