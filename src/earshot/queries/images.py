"""The hyper-images that were heard for what is served, out of DVC's cache."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from earshot.columns import SHARD
from earshot.errors import UserError
from earshot.queries.links import linked
from earshot.queries.state import ServedState

if TYPE_CHECKING:
    from earshot.store.reader import HyperImageStore

IMAGES = "hyper_images"


def read_index(served: ServedState) -> HyperImageStore:
    """The store that served_factors was made of: what it holds; nothing is left of its folder.

    Raises UserError where a file is lost.
    """
    from earshot.store.reader import HyperImageStore

    with linked(served, IMAGES, wanted=_of_all_songs) as folder:
        return HyperImageStore.open(folder)


def has_image(index: HyperImageStore, song: str) -> bool:
    """Whether a store holds the hyper-image of a song."""
    try:
        index.position(song)
    except UserError:
        return False
    return True


@contextmanager
def one_song(served: ServedState, index: HyperImageStore, song: str) -> Iterator[HyperImageStore]:
    """The store of a song alone, which stands first in it; `index` as of `read_index`.

    Raises UserError for a song without a hyper-image, and where its shard is lost.
    """
    from earshot.store.reader import HyperImageStore

    line = index.songs.iloc[[index.position(song)]]
    shard = str(line[SHARD].iloc[0])
    # <shard>.npy, or <shard>-<key>.npy in the folder of a family
    with linked(
        served, IMAGES, wanted=lambda name: _of_all_songs(name) or shard in PurePosixPath(name).name
    ) as folder:
        yield HyperImageStore(folder, index.format, line, index.families)


def _of_all_songs(name: str) -> bool:
    """Not in the folder of a family or of the image: those hold shards."""
    return "/" not in name
