"""MusiCNN (Pons and Serra, ISMIR 2019 late-breaking): what a tagger of music, trained once, makes of a song.

The network as github.com/jordipons/musicnn 0.1.0 defines it, front end and windows as there. Its weights (ISC
licence) are not earshot's: `earshot features musicnn` brings them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from earshot.audio.samples import AudioError, Samples
from earshot.errors import UserError
from earshot.features.consecutive import consecutive_windows
from earshot.features.families import SongSource
from earshot.features.mel import mel_parts, mel_power
from earshot.features.spectrum import power_spectra
from earshot.params import HyperImages

if TYPE_CHECKING:
    from earshot.families.musicnn_network import MusicnnNetwork

FOLDER = Path("pretrained")
"""Of the workspace, for weights; neither in git nor in DVC."""
HASHES = {
    "MSD": "50d99c46c84cb77d5a63398ae1771043",
    "MTT": "1659900a281ec2dd36df4a7eb9a8c2ab",
}
"""`hash_of` the weights: trained on the Million Song Dataset, and on MagnaTagATune."""

SAMPLE_RATE, N_FFT, HOP_LENGTH, N_MELS = 16_000, 512, 256, 96
WINDOW_FRAMES = 187
"""3 s."""
PENULTIMATE, POOLED = "penultimate", "pooled"
WIDTHS = {PENULTIMATE: 200, POOLED: 2 * 753}
"""Of the layers that `MusicnnNetwork.vectors` gives."""
_BLOCK_FRAMES = 4096


def hash_of(weights: Mapping[str, NDArray[np.float32]]) -> str:
    """Hash of names, shapes and numbers."""
    content = sha256()
    for name in sorted(weights):
        content.update(f"{name} {weights[name].shape} ".encode() + weights[name].astype("<f4").tobytes())
    return content.hexdigest()[:32]


def weights_file(weights: str) -> Path:
    """Where those called `MSD` or `MTT` are, from the workspace."""
    return FOLDER / f"musicnn-{weights}.npz"


class MusiCNN:
    """The mean over consecutive windows of 3 s of what its last layers say of each.

    Parameters
    ----------
    weights
        `MSD` or `MTT`.
    layers
        `penultimate`: 200 numbers, of which the tags are made. `pooled`: 1,506, of which these are made: the
        largest and the mean over time of each of 753 channels.
    name
        By which encoders ask for it, so that both may be stored.
    """

    unit: ClassVar[Literal["sound"]] = "sound"
    dtype: ClassVar[str] = "<f4"
    version: ClassVar[int] = 1

    def __init__(
        self, weights: str = "MSD", layers: Sequence[str] = (PENULTIMATE,), name: str = "musicnn"
    ) -> None:
        if weights not in HASHES:
            raise ValueError(f"weights={weights!r}: wanted {' or '.join(HASHES)}")
        if not layers or not {*layers} <= {*WIDTHS}:
            raise ValueError(f"layers={layers!r}: wanted some of {', '.join(WIDTHS)}")
        self.name = name
        self._weights, self._layers = weights, [layer for layer in WIDTHS if layer in layers]

    def key_parts(self, settings: HyperImages) -> list[Any]:
        """Front end, windows, pooling, weights and precision in one string; length of the excerpt (s)."""
        front_end = (
            f"{SAMPLE_RATE} Hz, n_fft {N_FFT}, hop {HOP_LENGTH}, {N_MELS} mel, float16, log10(1 + 10000 x)"
        )
        pooling = f"windows {WINDOW_FRAMES} without overlap, mean of {' and '.join(self._layers)}"
        content = f"{front_end}; {pooling}; {self._weights} {HASHES[self._weights]}; float32"
        return [content, settings.excerpt_seconds]

    def width(self, settings: HyperImages) -> int:
        """200, 1,506 or both."""
        return sum(WIDTHS[layer] for layer in self._layers)

    def compute(self, song: SongSource, settings: HyperImages) -> NDArray[np.float32]:
        """Float32 `(width,)`.

        Raises
        ------
        AudioError
            A file that cannot be decoded, or samples so large that their power is not finite.
        UserError
            Weights that are not there, or others.
        """
        network = _network(weights_file(self._weights).resolve(), HASHES[self._weights])
        found = network.vectors(consecutive_windows(log_mel(song.blocks(SAMPLE_RATE)), WINDOW_FRAMES))
        vector: NDArray[np.float32] = np.concatenate([found[layer].mean(axis=0) for layer in self._layers])
        return vector


@np.errstate(over="ignore", invalid="ignore")  # too large samples: refused
def log_mel(blocks: Iterable[Samples]) -> NDArray[np.float32]:
    """The front end, float32 `(n_frames, 96)`, of mono samples at 16 kHz.

    `log10(1 + 10000 x)` of librosa's mel power x in half precision. The logarithm is one of float32, as in
    Essentia: the original's own, in half precision too, is infinite from a power of 6.6 on.

    Raises AudioError where a sample is not finite or far too large.
    """
    parts = mel_parts(SAMPLE_RATE, N_FFT, N_MELS)
    spectra = power_spectra(blocks, N_FFT, HOP_LENGTH, _BLOCK_FRAMES)
    power = np.concatenate([mel_power(spectrum, parts) for spectrum in spectra]).astype(np.float16)
    if not np.isfinite(power).all():
        raise AudioError("not finite")
    values: NDArray[np.float32] = np.log10(1 + np.float32(10_000) * power.astype(np.float32))
    return values


@lru_cache(maxsize=1)
def _network(path: Path, wanted: str) -> MusicnnNetwork:
    from earshot.families.musicnn_network import MusicnnNetwork

    return MusicnnNetwork(read_weights(path, wanted))


def read_weights(path: Path, wanted: str) -> dict[str, NDArray[np.float32]]:
    """The weights in `path` of the hash `wanted`. UserError where it is not there or holds others."""
    again = "`earshot features musicnn` brings MusiCNN's weights"
    if not path.is_file():
        raise UserError(f"{path}: not there: {again}")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as held:
            weights = {name: held[name] for name in held.files}
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        raise UserError(f"{path}: no weights: {error}; {again}") from None
    found = hash_of(weights)
    if found != wanted:
        raise UserError(f"{path}: weights of hash {found}: wanted {wanted}; {again}")
    return weights
