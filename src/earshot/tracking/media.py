"""A few songs as a run shows them: the hyper-image with its rows named, and the sound beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from earshot.columns import ARTIST, SONG_ID, SOURCE, TITLE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from earshot.store.reader import HyperImageStore

_MOST_SONGS = 6


def log_songs(run: Any, sources: Sequence[str], training_set: Path, store: HyperImageStore) -> None:
    """Add the first songs with a clip whose source is one of `sources`; nothing where none is.

    `songs/hyper_images` and `songs/sounds`, which a page shows beside each other. (In a table they would lie
    outside the folder of the run until it is synced: tried.)
    """
    import wandb

    songs = _shown(sources, training_set)
    if not songs:
        return
    captions = [f"{song[TITLE]} - {song[ARTIST]}" for song in songs]
    pictures = [
        wandb.Image(_picture(store, song[SONG_ID]), caption=caption)
        for song, caption in zip(songs, captions, strict=True)
    ]
    sounds = [
        wandb.Audio(str(training_set / "clips" / song["clip"]), caption=caption)
        for song, caption in zip(songs, captions, strict=True)
    ]
    run.log({"songs/hyper_images": pictures, "songs/sounds": sounds})


def _shown(sources: Sequence[str], training_set: Path) -> list[dict[Any, Any]]:
    """song_id, clip, title, artist."""
    import pandas as pd

    clips = pd.read_parquet(training_set / "clips" / "clips.parquet")
    songs = pd.read_parquet(training_set / "songs.parquet")[[SONG_ID, TITLE, ARTIST]]
    shown = clips[clips[SOURCE].isin(sources)].merge(songs, on=SONG_ID)
    return shown.head(_MOST_SONGS).to_dict("records")


def _picture(store: HyperImageStore, song_id: str) -> Figure:
    """The hyper-image, its families named beside their rows; the lowest row is below."""
    from matplotlib.figure import Figure

    families = [row.family for row in store.rows]
    figure = Figure(figsize=(8, 4), dpi=100, layout="constrained")
    axes = figure.subplots()
    image = store.image(song_id)  # (rows, frames)
    axes.imshow(image, origin="lower", aspect="auto", cmap="magma", interpolation="nearest")
    starts = [row for row, family in enumerate(families) if row == 0 or families[row - 1] != family]
    ends = [*starts[1:], len(families)]
    middles = [(start + end - 1) / 2 for start, end in zip(starts, ends, strict=True)]
    axes.set_yticks(middles, [families[start] for start in starts])
    for start in starts[1:]:
        axes.axhline(start - 0.5, color="white", linewidth=0.8)  # between two rows
    axes.set_xticks([])
    axes.tick_params(length=0)
    return figure
