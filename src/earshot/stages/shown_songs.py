"""What the page of the evaluation shows of songs, kept beside its numbers.

It is copied out of the snapshot that was measured on: by the time the page is drawn, or drawn again, there
may be another one, without some of these songs. So the page need not wait for a training either.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from earshot.columns import ARTIST, COLD, FIRST_FRAME, GENRES, N_FRAMES, SHARD, SONG_ID, TITLE
from earshot.evaluation.song_map import lay_out, songs_to_draw
from earshot.files import link, write_json, write_table
from earshot.recommend.similar import similar_songs
from earshot.store.reader import HyperImageStore, write_store
from earshot.store.shards import write_shard

MAP_SONGS = 2000
NEIGHBOURS = 5

Predicted = Callable[[list[str]], NDArray[np.float32]]
"""Predicted vectors of songs by their ids, `(n_songs, d)`."""


def write_shown(training_set: Path, output: Path, predicted: Predicted, n_examples: int, seed: int) -> None:
    """Write what is shown of songs of the snapshot `training_set` into the folder `output`.

    `map.parquet`: song_id, title, artist, genres, cold, and x and y in per cent of the map; all songs with
    a clip are on it. `neighbours.json`: the first `n_examples` songs with a clip, each with those nearest to
    it among the others and their cosines, nearest first. `clips/` as in the snapshot, and `hyper_images/`, a
    store of the examples with a shard each.
    """
    clips = pd.read_parquet(training_set / "clips" / "clips.parquet")
    with_clip = clips[SONG_ID].tolist()
    _write_map(training_set, output, with_clip, predicted, seed)
    write_json(output / "neighbours.json", _neighbours(predicted(with_clip), with_clip, n_examples))
    _write_images(HyperImageStore.open(training_set / "hyper_images"), output, with_clip[:n_examples])
    (output / "clips").mkdir()
    for name in ("clips.parquet", *clips["clip"]):
        link(training_set / "clips" / name, output / "clips" / name)


def _write_map(
    training_set: Path, output: Path, with_clip: list[str], predicted: Predicted, seed: int
) -> None:
    columns = [SONG_ID, TITLE, ARTIST, GENRES, COLD]
    songs = pd.read_parquet(training_set / "songs.parquet", columns=columns).set_index(SONG_ID, drop=False)
    drawn = songs_to_draw(songs.index, with_clip, MAP_SONGS)
    places = lay_out(predicted(drawn), seed)
    write_table(output / "map.parquet", songs.loc[drawn].assign(x=places[:, 0], y=places[:, 1]))


def _neighbours(vectors: NDArray[np.float32], song_ids: list[str], n: int) -> list[dict[str, Any]]:
    """The first `n` of the songs, of `vectors` `(n_songs, d)`, with their nearest among the others."""
    examples = []
    for place, song_id in enumerate(song_ids[:n]):
        # one more than shown: the song is its own nearest
        rows, cosines = similar_songs(vectors, vectors[place], NEIGHBOURS + 1)
        near = [
            {SONG_ID: song_ids[row], "cosine": float(cosine)}
            for row, cosine in zip(rows, cosines, strict=True)
            if row != place
        ]
        examples.append({SONG_ID: song_id, "neighbours": near[:NEIGHBOURS]})
    return examples


def _write_images(store: HyperImageStore, output: Path, song_ids: list[str]) -> None:
    folder = output / "hyper_images"
    (folder / "shards").mkdir(parents=True)
    index = []
    for number, song_id in enumerate(song_ids):
        frames = store.frames(store.position(song_id))
        write_shard(folder / "shards" / f"{number}.npy", [frames], len(store.rows))
        index.append({SONG_ID: song_id, SHARD: str(number), FIRST_FRAME: 0, N_FRAMES: len(frames)})
    write_store(folder, store.format, pd.DataFrame(index))
