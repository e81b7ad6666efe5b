"""The taste space of a shared release: a factorization without its listeners, and perhaps without its songs.

A listener of elsewhere is solved against X'X of the songs of the home catalogue, all of which he or she has
mostly never heard, so that the row solve is the one of home: of a few played songs alone it would be another.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from earshot.arrays import is_among
from earshot.columns import AUDIO_MD5, SONG_ID
from earshot.factors.solves import Doubles, confidence, solve_rows
from earshot.files import write_table
from earshot.spaces.explaining import Explainer, explainer_of
from earshot.spaces.placing import Ids, Placed, Vectors, columns_of, rows_of
from earshot.spaces.wmf import Wmf, no_listeners, read_placed

if TYPE_CHECKING:
    import pandas as pd

    from earshot.catalogue.play_counts import PlayCounts

GRAM = "gram.npy"
"""X'X of a shared factorization, beside its numbers."""
RECORDINGS = "recordings.parquet"
"""song_id and audio_md5 of those of its songs that have a sound, each once."""
SONGS_HERE = "items_here.parquet"
"""Ids of its songs, as items.parquet; those of a sound that is here under another id by that one."""


@dataclass(frozen=True)
class SharedWmf:
    """Songs of the home catalogue keep their places, others are where their sound puts them.

    Attributes
    ----------
    gram
        X'X of the songs of the home catalogue, float32 (d, d).
    songs
        Those of them that were shared; none where only the encoder was.
    wmf
        Numbers of the factorization.
    """

    kind: ClassVar[str] = "wmf"
    gram: Vectors
    songs: Placed
    wmf: Wmf

    @classmethod
    def read(cls, factors: Path) -> SharedWmf:
        """Out of a folder with the files of a shared factorization; errors as in `Wmf.read`."""
        gram = np.load(factors / GRAM, allow_pickle=False)
        vectors = factors / "item_factors.npy"
        if vectors.is_file():
            here = factors / SONGS_HERE
            songs = read_placed(vectors, here if here.is_file() else factors / "items.parquet", SONG_ID)
        else:
            songs = Placed(np.empty(0, dtype=object), np.empty((0, len(gram)), np.float32))
        return cls(gram, songs, Wmf.read(factors))

    @classmethod
    def name_songs(cls, factors: Path, sounds: pd.DataFrame) -> None:
        """Write `SONGS_HERE` beside the songs in `factors`, where they were shared.

        Parameters
        ----------
        sounds
            song_id and audio_md5 of the songs of here. A shared song whose id none of them has goes by
            the id of the one with its sound, byte for byte, the first of several.
        """
        import pandas as pd

        table = factors / "items.parquet"
        if not table.is_file():
            return
        songs = pd.read_parquet(table)[SONG_ID]
        by_sound = sounds.dropna().drop_duplicates(AUDIO_MD5).set_index(AUDIO_MD5)[SONG_ID]
        elsewhere = pd.read_parquet(factors / RECORDINGS).set_index(SONG_ID)[AUDIO_MD5].map(by_sound)
        own = songs.isin(sounds[SONG_ID])
        others = songs.map(elsewhere).mask(own)
        others = others.mask(others.isin(songs[own]) | others.duplicated())  # each id once
        write_table(factors / SONGS_HERE, others.fillna(songs).astype(str).rename(SONG_ID).to_frame())

    def training_listeners(self) -> Placed:
        """UserError: none of them is in a shared release."""
        raise no_listeners()

    def training_songs(self) -> Placed:
        """Songs of the home catalogue, where they were shared."""
        return self.songs

    def place_songs(
        self, ids: Ids, predicted: Vectors | None, plays: PlayCounts | None, n0: float | None
    ) -> Placed:
        """As `TasteSpace.place_songs`: no listener of here was trained with, so nobody's plays move a song.

        A shared song is where home has it, whatever its sound says, unless the sound alone is asked for.
        """
        shared = rows_of(self.songs.ids, self.songs.vectors, ids)
        if predicted is None:
            return Placed(ids, shared)
        known = is_among(ids, self.songs.ids) & (n0 is not None)
        return Placed(ids, np.where(known[:, None], shared, predicted))

    def place_listeners(self, plays: PlayCounts, songs: Placed) -> Placed:
        """The exact row solve of every listener of `plays` on their plays of `songs`, and on no play of the
        songs of the home catalogue beside them."""
        counts = columns_of(plays.matrix, plays.song_ids, songs.ids)
        weights = confidence(counts, self.wmf.alpha, self.wmf.epsilon)
        regularization = self.wmf.regularization
        return Placed(plays.user_ids, solve_rows(weights, songs.vectors, regularization, self._gram(songs)))

    def explainer(self, songs: Placed) -> Explainer:
        """Of every listener."""
        return explainer_of(songs, [songs.vectors], self.wmf, grams=[self._gram(songs)])

    def _gram(self, songs: Placed) -> Doubles:
        """X'X of the home catalogue and of those of `songs` that it does not hold, (d, d)."""
        others = songs.vectors[~is_among(songs.ids, self.songs.ids)].astype(np.float64)
        return self.gram.astype(np.float64) + others.T @ others
