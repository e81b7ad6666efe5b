"""A trained encoder on disk, and what it predicts for songs."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from earshot.errors import UserError
from earshot.files import write_json
from earshot.foreign.checked_json import parse_object
from earshot.predictors.artist_vectors import ARTIST, read_artist_vectors
from earshot.predictors.familiar import Familiar, familiarize, song_sound
from earshot.predictors.inputs import Batch, average_matrix, read_songs
from earshot.predictors.song_encoder import EncoderDescription, SongEncoder, build
from earshot.predictors.weights import read_weights
from earshot.processes import progress
from earshot.store.reader import HyperImageStore
from earshot.trusted import named_classes, own_classes, refuse_untrusted

_SONGS_AT_ONCE = 32
_REFUSALS = (RuntimeError, NotImplementedError, OverflowError)

Positions = Sequence[int] | NDArray[np.integer[Any]]


def save_encoder(folder: Path, encoder: SongEncoder, description: EncoderDescription) -> None:
    """Write `encoder.pt` (weights only, no paths: same weights, same bytes) and `encoder.json`.

    Beside them the vectors of artists (`earshot.predictors.artist_vectors`), if it is told of them.
    """
    buffer = io.BytesIO()  # torch.save writes the name of its file into it; a buffer has none
    torch.save({name: value.cpu() for name, value in encoder.state_dict().items()}, buffer)
    (folder / "encoder.pt").write_bytes(buffer.getvalue())
    if encoder.artists is not None:
        encoder.artists.save(folder)
    content = asdict(replace(description, familiar=encoder.familiar))
    if description.hears_image and not description.others:
        del content["others"], content["hears_image"]  # the same encoder, the same bytes as ever
    if description.seeds == 1:
        del content["seeds"]
    write_json(folder / "encoder.json", content)


def read_description(folder: Path) -> EncoderDescription:
    """Read `encoder.json`. Raises UserError where it is missing or something else; nothing is imported."""
    path = folder / "encoder.json"
    try:
        content = json.dumps(parse_object(path.read_bytes(), path))
        return TypeAdapter(EncoderDescription).validate_json(content)
    except FileNotFoundError:
        raise UserError(f"{path}: not there; is this the folder of a checkpoint?") from None
    except ValidationError as error:
        raise UserError(f"{path}: not the description of an encoder: {error}") from None


def load_encoder(folder: Path, trusted: Collection[str] = ()) -> SongEncoder:
    """The encoder that `save_encoder` wrote to `folder`, on the GPU where there is one, ready to predict.

    Nothing pickled is loaded. Row scales are floored, as those of encoders trained before there was a
    floor are not. Errors as in `read_trained`.

    Parameters
    ----------
    trusted
        Classes that it may be made of, beside earshot's own (`earshot.trusted`).
    """
    description, weights = _read(folder, trusted, hears=False)
    encoder = build(description)
    encoder.output_scale = torch.ones_like(weights["output_scale"])  # one for all outputs, or one each
    encoder.load_state_dict(weights)
    encoder.bound_rows()
    if any(each.name == ARTIST for each in description.others):
        encoder.artists = read_artist_vectors(folder)
    _hear_a_window(encoder.eval(), description, folder / "encoder.json")
    if device().type == "cuda":
        _same_bytes_every_time()
    return encoder.to(device())


def read_trained(folder: Path, trusted: Collection[str] = ()) -> tuple[EncoderDescription, dict[str, Tensor]]:
    """Description and weights of the encoder in `folder`; it is not made yet.

    Returns
    -------
    description
        As in encoder.json.
    weights
        Tensors by name, of the shapes that the encoder has; where a class that is not earshot's
        cannot be made without memory, they are not compared.

    Raises
    ------
    UserError
        Files that are missing or damaged; a class that is not trusted, which is not even imported;
        weights that are not of this encoder.
    """
    return _read(folder, trusted, hears=True)


def _read(
    folder: Path, trusted: Collection[str], hears: bool
) -> tuple[EncoderDescription, dict[str, Tensor]]:
    """As `read_trained`; without `hears`, what the encoder makes of a window is left to be found out."""
    path = folder / "encoder.pt"
    description = read_description(folder)
    refuse_untrusted(asdict(description), trusted, folder / "encoder.json")
    weights = read_weights(path)
    encoder = _without_memory(description, folder / "encoder.json")
    if encoder is not None and hears:
        with torch.device("meta"):
            _hear_a_window(encoder.eval(), description, folder / "encoder.json")
    wanted = None if encoder is None else _shapes(encoder.state_dict())
    found = _shapes(weights)
    if wanted is not None and found.get("output_scale") == (description.n_outputs,):
        wanted["output_scale"] = found["output_scale"]
    if wanted is not None and found != wanted:
        odd = sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name))[0]
        mismatch = f"{odd}: {_show(found.get(odd))}, wanted {_show(wanted.get(odd))}"
        raise UserError(f"{path}: not the weights of the encoder in encoder.json: {mismatch}")
    return description, weights


def _shapes(weights: dict[str, Tensor]) -> dict[str, torch.Size]:
    return {name: each.shape for name, each in weights.items()}


def _without_memory(description: EncoderDescription, path: Path) -> SongEncoder | None:
    """The encoder with weights that take none: a layer may be wider than the memory is large.

    None where a class of somebody else's cannot be made so.
    """
    try:
        with torch.device("meta"):
            encoder = build(description)
        _shapes(encoder.state_dict())  # a lazy layer has none yet
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    except _REFUSALS as error:
        _refuse(description, path, error)
        return None
    return encoder


@torch.inference_mode()
def _hear_a_window(encoder: SongEncoder, description: EncoderDescription, path: Path) -> None:
    """Refuse an encoder that cannot, or makes no vector of it; with none of somebody else's that fails.

    Where weights have no memory the window has none either, and torch imports 2 s of code
    that it computes nothing with: what is going to hear songs hears one that has.
    """
    # (batch, n_frames, rows of the smallest image that has those that are read)
    window = 1, description.n_frames, 1 + max(description.rows)
    others = [
        (1, description.n_frames, each.width) if each.unit == "frame" else (1, each.width)
        for each in description.others
    ]
    nothing = torch.zeros(())  # expanded, it takes no memory however large a window is said to be
    try:
        outputs = encoder(nothing.to(torch.uint8).expand(window), *map(nothing.expand, others))
    except _REFUSALS as error:
        _refuse(description, path, error)
        return
    if outputs.shape != (1, description.n_outputs):
        shapes = f"{_show(outputs.shape)}, wanted 1x{description.n_outputs}"
        raise UserError(f"{path}: what it makes of a window is {shapes}")


def _refuse(description: EncoderDescription, path: Path, error: Exception) -> None:
    """Unless a class of somebody else's is in it."""
    if own_classes().issuperset(named_classes(asdict(description))):
        raise UserError(f"{path}: init_args={description.init_args!r:.1000}: {error}") from None


def _show(shape: torch.Size | None) -> str:
    return "nothing" if shape is None else "x".join(map(str, shape)) or "one number"


def device() -> torch.device:
    """The GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _same_bytes_every_time() -> None:
    """As Lightning's `deterministic=True` in training; cuBLAS wants the variable. It takes seconds."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)


@dataclass(frozen=True)
class Heard:
    """What an encoder makes of songs.

    Attributes
    ----------
    vectors
        float32 (n, factors): the mean over a song's consecutive windows, shrunk where the song is
        unlike those trained on (`Familiar.shrink`).
    unlike
        float32 (n,): above 1 where it is (`Familiar.unlike`); 0 where the encoder does not say.
    """

    vectors: NDArray[np.float32]
    unlike: NDArray[np.float32]


def predict(encoder: SongEncoder, store: HyperImageStore, positions: Positions) -> NDArray[np.float32]:
    """The vectors of `hear`, float32 (n, factors): what is evaluated, released and served alike."""
    return hear(encoder, store, positions).vectors


def hear(encoder: SongEncoder, store: HyperImageStore, positions: Positions) -> Heard:
    """Hear whole songs.

    Parameters
    ----------
    encoder
        From `load_encoder`.
    store
        Hyper-images of the feature key that the encoder was trained on.
    positions
        Lines of `store.songs`, (n,).

    Raises
    ------
    UserError
        The images lack a row that it reads, or the store a family, or it has another definition of one.
    """
    vectors, sounds = _hear(encoder, store, positions)
    if encoder.familiar is None:
        return Heard(vectors, np.zeros(len(vectors), np.float32))
    unlike = encoder.familiar.unlike(vectors, sounds)
    return Heard(encoder.familiar.shrink(vectors, unlike), unlike)


def familiarize_with(encoder: SongEncoder, store: HyperImageStore, positions: Positions) -> Familiar:
    """What is to be kept of the songs that `encoder` learned from; errors as of `hear`."""
    return familiarize(*_hear(encoder, store, positions), encoder.gain)


def _hear(
    encoder: SongEncoder, store: HyperImageStore, positions: Positions
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Vectors (n, factors) as the network gives them, and `song_sound`, (n, 2 * n_rows)."""
    if max(encoder.rows) >= len(store.format.rows):
        raise UserError(
            f"{store.folder}: {len(store.format.rows)} rows; the encoder reads row {max(encoder.rows)}"
        )
    for each in encoder.others:
        if store.family(each.name).key != each.key:
            raise UserError(
                f"{store.folder}: family {each.name!r} has the key {store.family(each.name).key}, the "
                f"encoder hears {each.key}: put hyper_images.families back, or train on what there is now"
            )
    vectors = np.empty((len(positions), len(encoder.output_mean)), dtype=np.float32)
    sounds = np.empty((len(positions), 2 * len(encoder.rows)))
    first_songs = range(0, len(positions), _SONGS_AT_ONCE)
    for first in progress(first_songs, description="Predicting factors", unit=f"x{_SONGS_AT_ONCE} songs"):
        block = [int(position) for position in positions[first : first + _SONGS_AT_ONCE]]
        part = slice(first, first + len(block))
        # the first of the batch is the image, (n_windows, n_frames, all rows); owners (n_windows,)
        batch, owners = read_songs(store, encoder.others, block, encoder.n_frames, encoder.artists)
        vectors[part] = _predict_block(encoder, batch, owners, len(block))
        sounds[part] = song_sound(batch[0][:, :, encoder.rows], owners)
    return vectors, sounds


@torch.inference_mode()
def _predict_block(
    encoder: SongEncoder, batch: Batch, owners: NDArray[np.int64], n_songs: int
) -> NDArray[np.float32]:
    where = encoder.row_mean.device
    outputs = encoder(*(torch.from_numpy(part).to(where) for part in batch))  # (n_windows, n_outputs)
    averages = average_matrix(owners, n_songs).to(where) @ outputs
    return np.asarray(encoder.vectors(averages).cpu().numpy(), dtype=np.float32)
