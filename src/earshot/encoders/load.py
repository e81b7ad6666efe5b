"""A trained encoder on disk, and what it predicts for songs."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from earshot.audio.store import HyperImageStore
from earshot.encoders.song_encoder import EncoderDescription, SongEncoder, build
from earshot.encoders.song_windows import average_matrix, read_songs
from earshot.errors import UserError
from earshot.files import read_json, write_json
from earshot.processes import progress

_SONGS_AT_ONCE = 32


def save_encoder(folder: Path, encoder: SongEncoder, description: EncoderDescription) -> None:
    """Write `encoder.pt` (weights only, no paths: same weights, same bytes) and `encoder.json`."""
    buffer = io.BytesIO()
    torch.save({name: value.cpu() for name, value in encoder.state_dict().items()}, buffer)
    (folder / "encoder.pt").write_bytes(buffer.getvalue())
    write_json(folder / "encoder.json", asdict(description))


def read_description(folder: Path) -> EncoderDescription:
    """Read `encoder.json`. Raises UserError where it is missing or something else."""
    path = folder / "encoder.json"
    try:
        return EncoderDescription(**read_json(path))
    except FileNotFoundError:
        raise UserError(f"{path}: not there; is this the folder of a checkpoint?") from None
    except (ValueError, TypeError) as error:
        raise UserError(f"{path}: not the description of an encoder: {error}") from None


def load_encoder(folder: Path) -> SongEncoder:
    """The encoder that `save_encoder` wrote to `folder`, on the GPU where there is one, ready to predict.

    Nothing pickled is loaded. Raises UserError for files that are missing or not of this encoder.
    """
    encoder = build(read_description(folder))
    path = folder / "encoder.pt"
    try:
        encoder.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except FileNotFoundError:
        raise UserError(f"{path}: not there; is this the folder of a checkpoint?") from None
    except Exception as error:  # torch raises a dozen kinds for a damaged file
        raise UserError(f"{path}: not the weights of the encoder in encoder.json: {error}") from None
    if device().type == "cuda":
        _same_bytes_every_time()
    return encoder.to(device()).eval()


def device() -> torch.device:
    """The GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _same_bytes_every_time() -> None:
    """As Lightning's `deterministic=True` in training; cuBLAS wants the variable. It takes seconds."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)


def predict(
    encoder: SongEncoder, store: HyperImageStore, positions: Sequence[int] | NDArray[np.integer[Any]]
) -> NDArray[np.float32]:
    """One vector a song: the mean over its consecutive windows.

    Parameters
    ----------
    encoder
        From `load_encoder`.
    store
        Hyper-images of the feature key that the encoder was trained on.
    positions
        Lines of `store.songs`, (n,).

    Returns
    -------
    float32 (n, factors)
    """
    n_factors = len(encoder.output_mean)
    predicted = np.empty((len(positions), n_factors), dtype=np.float32)
    first_songs = range(0, len(positions), _SONGS_AT_ONCE)
    for first in progress(first_songs, description="Predicting factors", unit=f"x{_SONGS_AT_ONCE} songs"):
        block = [int(position) for position in positions[first : first + _SONGS_AT_ONCE]]
        predicted[first : first + len(block)] = _predict_block(encoder, store, block)
    return predicted


@torch.inference_mode()
def _predict_block(encoder: SongEncoder, store: HyperImageStore, positions: list[int]) -> NDArray[np.float32]:
    windows, owners = read_songs(store, positions, encoder.n_frames)
    where = encoder.row_mean.device
    outputs = encoder(torch.from_numpy(windows).to(where))
    averages = average_matrix(owners, len(positions)).to(where) @ outputs
    return np.asarray(encoder.vectors(averages).cpu().numpy(), dtype=np.float32)
