"""One hash of the whole benchmark: tables, and 16-bit samples before compression.

`python -m earshot.datasets.embedded` prints it.
"""

from __future__ import annotations

from hashlib import sha256

from earshot.datasets.embedded.catalogue import MadeSong, catalogue_songs, new_songs, play_table, song_table
from earshot.datasets.embedded.synthesis import render
from earshot.executors import parallel_map

FROZEN_HASH = "e68426e9ddb8048573044510543ef0952bbc1fdc2feba551d9510398a31c7b18"
"""What `catalogue_hash()` is, and stays; README names it too."""


def catalogue_hash(every: int = 1) -> str:
    """SHA-256 over both deliveries: their tables, and the samples of every n-th song.

    Equal on every machine: nothing compressed and no floats go in.
    """
    songs, later = catalogue_songs(), new_songs()
    content = sha256()
    for table in (song_table(songs), play_table(songs), song_table(later)):
        content.update(table.to_csv(index=False, lineterminator="\n").encode())
    chosen = (songs + later)[::every]
    for samples in parallel_map(samples_hash, chosen, description="Hashing songs", unit="songs"):
        content.update(samples.encode())
    return content.hexdigest()


def samples_hash(song: MadeSong) -> str:
    """SHA-256 of the song's little-endian 16-bit samples."""
    return sha256(render(song.number, song.traits).astype("<i2").tobytes()).hexdigest()
