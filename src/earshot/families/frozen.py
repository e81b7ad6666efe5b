"""A vector of every song by a network of the user's own, which nothing here trains: in torch, or as ONNX."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import sha256 as sha256_of
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from earshot.audio.samples import AudioError
from earshot.classes import Component, load_network
from earshot.errors import UserError
from earshot.features.consecutive import consecutive_windows
from earshot.features.families import SongSource
from earshot.params import HyperImages, check_params

Vectors = NDArray[np.float32]
Network = Callable[[Vectors], Any]
"""Samples (n, window) to vectors float32 (n, width)."""

POOLINGS: dict[str, Callable[..., Vectors]] = {"mean": np.mean, "std": np.std}
_WINDOWS_AT_ONCE = 8
_KEY = "hyper_images.families"


class Frozen:
    """Mean (and deviation) of what a network makes of consecutive windows of samples, without overlap.

    Parameters
    ----------
    name
        By which encoders ask for it.
    weights
        A file of the network's weights as `torch.save(network.state_dict(), ...)` writes it, or a whole
        network as `.onnx`; a path from the workspace.
    sha256
        Of that file. It stands for the file in the key of the family, so that nothing need be there to know
        whether vectors are up to date.
    sample_rate, window
        Hz, and how many mono samples the network is given at a time, `(n, window)` float32.
    width
        Numbers that it makes of each, `(n, width)`.
    network
        `{file, class, init_args}` of the `torch.nn.Module`; none of ONNX, which needs the extra `onnx`.
    pooling
        Of the windows of a song: `mean`, `std`, one after the other.
    version
        To be raised where the same file and settings make other vectors: code of the network that changed.
    """

    unit: ClassVar[Literal["sound"]] = "sound"
    dtype: ClassVar[str] = "<f4"

    def __init__(
        self,
        name: str,
        weights: str,
        sha256: str,
        sample_rate: int,
        window: int,
        width: int,
        network: dict[str, Any] | None = None,
        pooling: Sequence[str] = ("mean",),
        version: int = 1,
    ) -> None:
        if min(sample_rate, window, width) < 1:
            raise ValueError(f"sample_rate={sample_rate}, window={window}, width={width}: wanted at least 1")
        if not pooling or not {*pooling} <= {*POOLINGS}:
            raise ValueError(f"pooling={pooling!r}: wanted some of {', '.join(POOLINGS)}")
        if weights.endswith(".onnx") != (network is None):
            raise ValueError(
                f"weights={weights!r}, network={network!r}: wanted a .onnx file, or a network and its weights"
            )
        self.name, self.version = name, version
        self._file, self._sha256 = weights, sha256
        self._sample_rate, self._window, self._width = sample_rate, window, width
        self._network = None if network is None else check_params(network, f"{_KEY}: network", Component)
        self._pooling = list(pooling)

    def key_parts(self, settings: HyperImages) -> list[Any]:
        """Front end, windows, pooling, network, weights and precision in one string; the excerpt (s)."""
        front_end = f"{self._sample_rate} Hz; windows {self._window} without overlap"
        network = "onnx" if self._network is None else json.dumps(vars(self._network), sort_keys=True)
        content = f"{front_end}, {' and '.join(self._pooling)}; {network} {self._sha256}; float32"
        return [content, settings.excerpt_seconds]

    def width(self, settings: HyperImages) -> int:
        """As many numbers as the network makes of a window, for each pooling."""
        return self._width * len(self._pooling)

    def compute(self, song: SongSource, settings: HyperImages) -> Vectors:
        """Float32 `(width,)`.

        Raises
        ------
        AudioError
            A file that cannot be decoded, or samples that are not finite.
        UserError
            A file that is not there or of another hash; what is no network, or makes something else.
        """
        samples = np.concatenate(list(song.blocks(self._sample_rate)))
        if not np.isfinite(samples).all():
            raise AudioError("not finite")
        windows = consecutive_windows(samples, self._window)
        path = Path(self._file).resolve()
        network = _load(path, self._sha256, self._network and json.dumps(vars(self._network)))
        parts = [
            self._vectors(network, windows[first : first + _WINDOWS_AT_ONCE])
            for first in range(0, len(windows), _WINDOWS_AT_ONCE)
        ]
        vectors = np.concatenate(parts)  # (n_windows, width)
        return np.concatenate([POOLINGS[pooling](vectors, axis=0) for pooling in self._pooling])

    def _vectors(self, network: Network, windows: Vectors) -> Vectors:
        try:
            made = network(windows)
        except Exception as error:  # whatever somebody's network raises
            raise UserError(f"{self._file}: windows {windows.shape}: {error}") from error
        if not isinstance(made, np.ndarray) or made.dtype != np.float32:
            found = made.dtype if isinstance(made, np.ndarray) else type(made).__name__
            raise UserError(f"{self._file}: the network made {found}: wanted float32")
        if made.shape != (len(windows), self._width):
            of, wanted = windows.shape, (len(windows), self._width)
            raise UserError(f"{self._file}: the network made {made.shape} of {of}: wanted {wanted}")
        return made


@lru_cache(maxsize=1)
def _load(path: Path, wanted: str, network: str | None) -> Network:
    """The network in a file, or the `network` (JSON of a `Component`) with the weights in it."""
    if not path.is_file():
        raise UserError(f"{path}: not there; {_KEY} names it")
    content = path.read_bytes()
    found = sha256_of(content).hexdigest()
    if found != wanted:
        raise UserError(f"{path}: sha256 {found}: {_KEY} says {wanted!r}; wanted that file, or its sha256")
    if network is None:
        return _onnx(path, content)
    return _torch(path, content, Component(**json.loads(network)))


def _torch(path: Path, content: bytes, component: Component) -> Network:
    import torch

    kind = load_network(component.class_path, _KEY)
    try:
        weights = torch.load(BytesIO(content), map_location="cpu", weights_only=True)  # runs no code
        network = kind(**component.init_args).eval()
        network.load_state_dict(weights)
    except Exception as error:  # whatever somebody's class raises
        raise UserError(f"{_KEY}: {component.class_path!r} with {path}: {error}") from error

    def run(windows: Vectors) -> Any:
        with torch.inference_mode():
            made = network(torch.from_numpy(windows))
        return made.numpy() if isinstance(made, torch.Tensor) else made

    return run


def _onnx(path: Path, content: bytes) -> Network:
    try:
        import onnxruntime
    except ImportError:
        raise UserError(
            f"{path}: ONNX wants earshot's extra `onnx`: `pip install -e '.[onnx]'` in its clone"
        ) from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # a process a core hears songs
    try:
        # out of the bytes that were hashed: a path would let it read other files too
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # classes of its own, of no common base
        raise UserError(f"{path}: not a network that onnxruntime can run: {error}") from None
    inputs = session.get_inputs()
    if len(inputs) != 1:
        raise UserError(f"{path}: {len(inputs)} inputs: wanted one, float32 (n, window)")
    return lambda windows: session.run(None, {inputs[0].name: windows})[0]
