"""Where the released encoder hears any audio file."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from earshot import releases
from earshot.errors import UserError
from earshot.features.rows import ImageFormat
from earshot.params import HyperImages, load_params
from earshot.queries.state import ServedState
from earshot.terminal import on_one_line, say

if TYPE_CHECKING:
    from earshot.store.reader import HyperImageStore

_ENCODER = ("encoder.json", "encoder.pt")


def hear(served: ServedState, audio: Path) -> NDArray[np.float32]:
    """Factors of an audio file, float32 `(factors,)`: its hyper-image, through the released encoder.

    A warning goes to standard error where it is unlike anything trained on.

    Raises
    ------
    UserError
        A file that cannot be decoded; params.yaml that makes other hyper-images
        than the encoder reads.
    """
    from earshot.features.hyper_image import format_of
    from earshot.predictors import load

    params = load_params(served.root / "params.yaml")
    settings, trusted = params.hyper_images, releases.trusted_classes(served.root, served.release, params)
    with TemporaryDirectory(prefix="earshot-hear-") as made:
        folder = Path(made)
        for name in _ENCODER:
            (folder / name).symlink_to(served.file("served_factors", f"release/cnn_checkpoint/{name}"))
        _refuse_other_images(served, load.read_description(folder).feature_key, format_of(settings))
        store = _one_song(audio, settings, folder)
        heard = load.hear(load.load_encoder(folder, trusted), store, [0])
    if heard.unlike[0] > 1:
        say(
            f"{on_one_line(audio.name)}: unlike anything trained on, {heard.unlike[0]:.1f} times as far as "
            "the farthest song: what is predicted for it is drawn to the mean"
        )
    vector: NDArray[np.float32] = heard.vectors[0]
    return vector


def _refuse_other_images(served: ServedState, wanted: str, made: ImageFormat) -> None:
    if wanted != made.feature_key:
        raise UserError(
            f"release {served.release} hears hyper-images of feature key {wanted}, params.yaml makes "
            f"{made.feature_key}: put its hyper_images section back, or release a model trained on them"
        )


def _one_song(audio: Path, settings: HyperImages, folder: Path) -> HyperImageStore:
    """A store of its hyper-image alone, as stage hyper_images would store it."""
    import pandas as pd

    from earshot.audio.probing import probe
    from earshot.columns import FIRST_FRAME, N_FRAMES, SHARD, SONG_ID
    from earshot.features.hyper_image import excerpt_of, format_of
    from earshot.store.making import extract_image
    from earshot.store.reader import HyperImageStore, write_store
    from earshot.store.shards import write_shard

    try:
        found = probe(audio)
    except OSError as error:
        raise UserError(f"{audio}: {error.strerror}") from None
    image = found.reason or extract_image(excerpt_of(audio, found, settings), settings)
    if isinstance(image, str):
        raise UserError(f"{audio}: {image}")
    (folder / "shards").mkdir()
    write_shard(folder / "shards" / "one.npy", [image], image.shape[1])
    row = {SONG_ID: audio.name, SHARD: "one", FIRST_FRAME: 0, N_FRAMES: len(image)}
    write_store(folder, format_of(settings), pd.DataFrame([row]))
    return HyperImageStore.open(folder)
