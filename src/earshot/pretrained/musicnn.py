"""MusiCNN's weights, out of the wheel that its authors publish; nothing of it is installed or imported.

Source: https://pypi.org/project/musicnn/0.1.0/, by Jordi Pons and the Music Technology Group of Universitat
Pompeu Fabra, ISC licence. Citation: J. Pons and X. Serra, "musicnn: pre-trained convolutional neural networks
for music audio tagging", ISMIR 2019, late-breaking.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from earshot.errors import UserError
from earshot.families.musicnn import HASHES, hash_of, weights_file
from earshot.files import replace_arrays
from earshot.foreign import zips
from earshot.foreign.tf_checkpoint import read_tensors

WHEEL = "musicnn-0.1.0-py3-none-any.whl"
WHEEL_SHA256 = "f38a4890c648c1ddbb141c5d96d2b0a8cfcd36746002d896989f7b88beb65cfa"
_LAYERS = ("batch_normalization", "conv2d", "dense")
_SECONDS = 600.0


def bring(root: Path, weights: str, wheel: Path | None = None) -> Path:
    """Write the weights `MSD` or `MTT` into the workspace `root`; out of `wheel`, or PyPI's if there is none.

    Returns
    -------
    The file that `earshot.families.musicnn` reads, whole or not written at all.

    Raises
    ------
    UserError
        Weights of another name; a wheel that is not there, cannot be downloaded or has other bytes.
    """
    if weights not in HASHES:
        raise UserError(f"--weights {weights}: wanted {' or '.join(HASHES)}")
    if wheel is None:
        with tempfile.TemporaryDirectory(prefix="earshot-wheel-") as folder:
            tensors = read_wheel(_downloaded(Path(folder)), weights)
    else:
        tensors = read_wheel(wheel, weights)
    path = root / weights_file(weights)
    path.parent.mkdir(exist_ok=True)
    replace_arrays(path, **tensors)
    return path


def read_wheel(wheel: Path, weights: str) -> dict[str, NDArray[np.float32]]:
    """The weights of the network's layers by name; what its training kept beside them is left out.

    Raises
    ------
    UserError
        Not there; other bytes than those published.
    """
    if not wheel.is_file():
        raise UserError(f"{wheel}: not there; wanted {WHEEL}, of PyPI")
    found = sha256(wheel.read_bytes()).hexdigest()
    if found != WHEEL_SHA256:
        raise UserError(f"{wheel}: sha256 {found}: wanted {WHEEL}, of PyPI, which has {WHEEL_SHA256}")
    with zips.opened(wheel) as read:
        place = f"musicnn/{weights}_musicnn/"
        index, data = (read.read(place + name) for name in (".index", ".data-00000-of-00001"))
    tensors = read_tensors(index, data, f"{wheel}: {place}")
    # Adam's averages have names below those of the weights
    kept = {name: value for name, value in tensors.items() if _is_weight(name)}
    if hash_of(kept) != HASHES[weights]:
        raise UserError(f"{wheel}: {place}: weights of hash {hash_of(kept)}: wanted {HASHES[weights]}")
    return kept


def _is_weight(name: str) -> bool:
    return name.startswith(_LAYERS) and name.count("/") == 1


def _downloaded(folder: Path) -> Path:
    """The wheel, by pip, with the index and proxies that it is set up with."""
    wanted = ["--no-deps", "--only-binary", ":all:", "--quiet", "--dest", str(folder), "musicnn==0.1.0"]
    command = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", *wanted]
    failed = f"{WHEEL}: not downloaded"
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise UserError(f"{failed} in {_SECONDS:g} s; `--wheel FILE` takes one that is here") from None
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
        raise UserError(f"{failed}: {said[0]}; `--wheel FILE` takes one that is here")
    return folder / WHEEL
