"""What the encoder of a shared release says of songs, and of artists: by sound alone.

Where home has an artist follows from plays of the artist's songs. What is shared in its place is the mean of
where the shared encoder hears them, which tells no more of anybody's plays than that encoder does.
"""

from __future__ import annotations

import numpy as np

from earshot.arrays import is_among
from earshot.columns import SONG_ID
from earshot.predictors.artist_vectors import ARTIST, ArtistVectors, artist_vectors
from earshot.predictors.load import predict
from earshot.predictors.song_encoder import SongEncoder
from earshot.spaces.placing import Ids, Placed
from earshot.store.reader import HyperImageStore


def hear_for_others(encoder: SongEncoder, store: HyperImageStore, learned: Ids, named: bool) -> Placed:
    """Where the encoder hears all songs of a store.

    Parameters
    ----------
    encoder
        As it was trained; its vectors of artists, if it is told of them, are replaced by those that may be
        shared.
    store
        Of the home catalogue.
    learned
        (n_learned,): ids of the songs that home has factors of.
    named
        Whether artists are shared: each at the mean of where the songs of `learned` that are theirs are heard
        by an encoder that knows no artist; else none is known.

    Returns
    -------
    Of all songs of `store`, heard with the vectors of artists that are shared.
    """
    ids, positions = store.songs[SONG_ID].to_numpy(dtype=object), np.arange(len(store.songs))
    if encoder.artists is not None:
        known = encoder.artists
        encoder.artists = ArtistVectors(known.names[:0], known.vectors[:0])
    heard = predict(encoder, store, positions)
    if encoder.artists is not None and named:
        rows = np.flatnonzero(is_among(ids, learned))
        encoder.artists = artist_vectors(ids[rows].tolist(), store.words(ARTIST, rows), heard[rows])
        heard = predict(encoder, store, positions)
    return Placed(ids, heard)
