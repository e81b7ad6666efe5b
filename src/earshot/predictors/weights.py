"""Weights on disk, as `torch.save` writes them, read so that they run no code and fill no memory."""

from __future__ import annotations

import pickletools
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

import torch
from torch import Tensor

from earshot.errors import UserError
from earshot.foreign import zips

MAX_BYTES = 256 << 20
"""64 million float32 weights; earshot's own networks have some hundred thousand."""
_MAX_PICKLE_BYTES = 1 << 20
_STORAGES = ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool")
_WANTED = {
    "torch._utils _rebuild_tensor_v2",
    "collections OrderedDict",
    *(f"torch {kind}Storage" for kind in _STORAGES),
}
"""All that a dict of tensors needs. `weights_only` allows more, such as a bytearray of any length."""
# opcodes that import, beside GLOBAL: torch.save writes none of them
_OTHER_WAYS = ("STACK_GLOBAL", "INST", "EXT1", "EXT2", "EXT4")


def read_weights(path: Path) -> dict[str, Tensor]:
    """Tensors by name, on the CPU, in the shapes and dtypes that they were saved with.

    Raises
    ------
    UserError
        Not there, or anything but a dict of tensors as `torch.save` writes it, of at most `MAX_BYTES`.
    """
    if not path.is_file():
        raise UserError(f"{path}: not there; is this the folder of a checkpoint?")
    try:
        _refuse_bombs(path)
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises a dozen kinds for a damaged file
        raise UserError(f"{path}: not the weights of the encoder in encoder.json: {error}") from None
    if not isinstance(weights, dict) or not all(isinstance(each, Tensor) for each in weights.values()):
        raise UserError(f"{path}: not the weights of the encoder in encoder.json: not a dict of tensors")
    size = sum(
        each.nbytes for each in weights.values()
    )  # a tensor may show one stored number a million times
    if size > MAX_BYTES:
        raise UserError(f"{path}: tensors of {size:,} bytes; wanted at most {MAX_BYTES:,}")
    return weights


def _refuse_bombs(path: Path) -> None:
    """All is stored as it is, so nothing is larger than the file, and nothing but tensors is made."""
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise ValueError(f"{size:,} bytes; wanted at most {MAX_BYTES:,}")
    with zips.opened(path) as read:
        members = read.infolist()  # data.pkl, and one for the numbers of each storage
        packed = [member.filename for member in members if member.compress_type != ZIP_STORED]
        if packed:
            raise ValueError(f"{packed[0]!r:.100} is packed; wanted as torch.save writes it")
        parts = sum(member.file_size for member in members)
        if parts > size:
            raise ValueError(f"its parts are larger than the whole: {parts:,} of {size:,} bytes")
        _refuse_other_objects(read)


def _refuse_other_objects(read: ZipFile) -> None:
    pickles = [member for member in read.infolist() if member.filename.endswith(".pkl")]
    if len(pickles) != 1 or pickles[0].file_size > _MAX_PICKLE_BYTES:
        raise ValueError(f"{len(pickles)} pickles; wanted one data.pkl, of at most 1 MiB")
    for opcode, argument, _ in pickletools.genops(read.read(pickles[0])):
        if opcode.name in _OTHER_WAYS or (opcode.name == "GLOBAL" and argument not in _WANTED):
            raise ValueError(f"{argument or opcode.name}: wanted nothing but tensors")
