"""Where the released encoder hears any audio file."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from earshot import releases
from earshot.errors import UserError
from earshot.features.families import described, families_of, load_family
from earshot.params import HyperImages, load_params
from earshot.queries.served_files import SOUND
from earshot.queries.state import ServedState
from earshot.store.families import WORDS
from earshot.terminal import on_one_line, say

if TYPE_CHECKING:
    from earshot.predictors.song_encoder import EncoderDescription
    from earshot.store.reader import HyperImageStore


@dataclass(frozen=True)
class HeardFile:
    """What the encoder makes of a file.

    Attributes
    ----------
    vector
        Its factors, float32 `(factors,)`.
    unlike
        How many times as far it lies as the farthest song trained on; above 1 what is predicted is drawn to
        the mean (`earshot.predictors.familiar`).
    """

    vector: NDArray[np.float32]
    unlike: float


def hear(served: ServedState, audio: Path) -> NDArray[np.float32]:
    """Factors of an audio file as `listen` has them, float32 `(factors,)`.

    A warning goes to standard error where it is unlike anything trained on. Errors as in `listen`.
    """
    heard = listen(served, audio)
    if heard.unlike > 1:
        say(
            f"{on_one_line(audio.name)}: unlike anything trained on, {heard.unlike:.1f} times as far as "
            "the farthest song: what is predicted for it is drawn to the mean"
        )
    return heard.vector


def listen(served: ServedState, audio: Path) -> HeardFile:
    """Hear an audio file: its hyper-image, through the released encoder, or by its statistics without one.

    Raises
    ------
    UserError
        A file that cannot be decoded; params.yaml that makes other hyper-images
        than the encoder reads.
    """
    from earshot.predictors import load

    params = load_params(served.root / "params.yaml")
    settings = params.hyper_images
    if served.by_sound:
        return _by_statistics(served, audio, settings)
    trusted = releases.trusted_classes(served.root, served.release, params)
    with TemporaryDirectory(prefix="earshot-hear-") as made:
        folder = Path(made)
        for name, file in served.encoder_files().items():
            (folder / name).symlink_to(file)
        description = load.read_description(folder)
        _refuse_other_images(served, description, settings)
        store = _one_song(audio, settings, [each.name for each in description.others], folder)
        encoded = load.hear(load.load_encoder(folder, trusted), store, [0])
    return HeardFile(encoded.vectors[0], float(encoded.unlike[0]))


def _by_statistics(served: ServedState, audio: Path, settings: HyperImages) -> HeardFile:
    """Where its statistics put it among the songs of `served`, which is of sound alone."""
    from earshot.extraction.statistics import row_statistics
    from earshot.features.hyper_image import feature_key
    from earshot.queries.sound_space import SoundSpace

    space = served.space
    assert isinstance(space, SoundSpace)
    if served.release != f"{SOUND}{feature_key(settings)}":
        raise UserError(
            f"{served.release} is of another feature key than params.yaml makes, {feature_key(settings)}: "
            "`earshot onboard` makes the hyper-images anew, or put its hyper_images section back"
        )
    with TemporaryDirectory(prefix="earshot-hear-") as made:
        store = _one_song(audio, settings, [], Path(made))
        statistics = row_statistics(store.frames(0)).ravel()
    return HeardFile(space.place(statistics[None])[0], 0.0)


def _refuse_other_images(served: ServedState, description: EncoderDescription, settings: HyperImages) -> None:
    from earshot.features.hyper_image import feature_key

    made = {"hyper-images": feature_key(settings)}
    made |= {family.name: family.key for family in families_of(settings)}
    needed = {"hyper-images": description.feature_key, **{each.name: each.key for each in description.others}}
    for name, key in needed.items():
        if made.get(name) != key:
            raise UserError(
                f"release {served.release} hears {name} of feature key {key}, params.yaml makes "
                f"{made.get(name)}: put its hyper_images section back, or release a model trained on them"
            )


def _one_song(audio: Path, settings: HyperImages, others: Collection[str], folder: Path) -> HyperImageStore:
    """A store of its hyper-image alone and of the families `others`, as stage hyper_images would store it.

    Nothing is said of it in words, and it has no vectors but those that are heard.
    """
    import pandas as pd

    from earshot.audio.probing import probe
    from earshot.columns import FIRST_FRAME, LINE, N_FRAMES, SHARD, SONG_ID
    from earshot.extraction.beside import lines_of
    from earshot.extraction.images import extract_image
    from earshot.features.hyper_image import excerpt_of, format_of
    from earshot.store.reader import HyperImageStore, shard_file, write_store
    from earshot.store.shards import write_shard
    from earshot.store.song_values import write_lines, write_values

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
    families = []
    for component in settings.families:
        family = described(load_family(component), settings)
        if family.name not in others:
            continue
        families.append(family)
        if not family.in_shards:
            nothing: Any = [] if family.dtype == WORDS else np.empty((0, family.width), np.float32)
            write_values(folder, family, [], nothing)
            continue
        n_lines = 1 if family.heard else len(image)
        lines = lines_of(excerpt_of(audio, found, settings), n_lines, component, settings)
        if isinstance(lines, str):
            raise UserError(f"{audio}: {family.name}: {lines}")
        write_shard(folder / shard_file(family, "one"), [lines], family.width, family.dtype)
        if family.heard:
            write_lines(folder, family, pd.DataFrame([{SONG_ID: audio.name, LINE: 0}]))
    write_store(folder, format_of(settings), pd.DataFrame([row]), families)
    return HyperImageStore.open(folder)
