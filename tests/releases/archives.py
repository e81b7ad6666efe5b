"""Archives as `earshot release export` writes them, and as nobody should."""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import numpy as np
import pandas as pd
import torch

from earshot.files import write_table
from earshot.params import WmfFactors, load_params
from earshot.predictors.load import save_encoder
from earshot.predictors.song_encoder import EncoderDescription, build
from earshot.releases.candidate import MODEL, model_name

PARAMS = load_params(Path(__file__).parents[2] / "params.yaml")
OWN = "earshot.encoders.convolutional:ConvolutionalEncoder"
SMALL = {"channels": 2, "hidden": 2, "families": ["mel"]}
FACTORS, USERS, SONGS = 3, 7, 5
NUMBERS = WmfFactors(FACTORS, alpha=2.0, epsilon=1.0, regularization=10.0, iterations=15)
ENCODER, WEIGHTS = "cnn_checkpoint/encoder.json", "cnn_checkpoint/encoder.pt"


def model() -> dict[str, bytes]:
    """The files of a small model, by name."""
    torch.manual_seed(0)
    description = EncoderDescription(OWN, SMALL, [0, 1], FACTORS, 4, "a-key")
    with TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "cnn_checkpoint").mkdir()
        (folder / "wmf_factors").mkdir()
        save_encoder(folder / "cnn_checkpoint", build(description), description)
        for kind, table, column, n in (
            ("user", "users", "user_id", USERS),
            ("item", "items", "song_id", SONGS),
        ):
            vectors = np.random.default_rng(n).standard_normal((n, FACTORS)).astype(np.float32)
            np.save(folder / "wmf_factors" / f"{kind}_factors.npy", vectors)
            ids = pd.DataFrame({column: [f"{kind}{n}" for n in range(n)]})
            write_table(folder / "wmf_factors" / f"{table}.parquet", ids)
        return {name: (folder / name).read_bytes() for name in MODEL}


def manifest(files: dict[str, bytes], **changed: Any) -> dict[str, Any]:
    """Names them truly."""
    md5s = {name: hashlib.md5(content).hexdigest() for name, content in files.items()}
    content: dict[str, Any] = {
        "release": model_name(md5s, 10.0),
        "number": 1,
        "previous": None,
        "feature_key": "a-key",
        "split": asdict(PARAMS.training_set.split),
        "files": md5s,
        "outputs": {},
        "params": {"wmf_factors": asdict(NUMBERS)},
        "metrics": {"cnn_mse": {"map_at_500": 0.25, "auc": 0.75}},
        "n0": 10.0,
        "deliveries": {"music": "0" * 32 + ".dir"},
    }
    return content | changed


DECISION = {"released": True, "reason": "beats random", "metrics": {"candidate": {"map_at_500": 0.25}}}


def members(files: dict[str, bytes], **changed: Any) -> dict[str, bytes]:
    """Those of an archive of `files`; `changed` are keys of its manifest."""
    return {
        "manifest.json": json.dumps(manifest(files, **changed)).encode(),
        "decision.json": json.dumps(DECISION).encode(),
        **{f"files/{name}": content for name, content in files.items()},
    }


def pack(file: Path, content: dict[str, bytes], method: int = ZIP_STORED) -> Path:
    with ZipFile(file, "w", method) as written:
        for name, each in content.items():
            written.writestr(ZipInfo(name), each, method)
    return file


def of_another_encoder(changed: dict[str, Any]) -> dict[str, bytes]:
    """An archive whose encoder.json says so, truly named in its manifest."""
    files = model()
    files[ENCODER] = json.dumps(json.loads(files[ENCODER]) | changed).encode()
    return members(files)


def zeros(n_megabytes: int) -> bytes:
    """So many, by deflate (RFC 1951): a block of them, again and again."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return block * n_megabytes + packer.flush(zlib.Z_FINISH)


def pack_zeros(file: Path, content: dict[str, bytes], name: str, n_megabytes: int, declared: int) -> Path:
    """`content`, with so many zeros as its member `name`, which says that it has `declared` bytes."""
    packed = zeros(n_megabytes)
    with ZipFile(file, "w") as written:
        for each, bytes_ in content.items():
            info = ZipInfo(each)
            written.writestr(info, packed if each == name else bytes_)
            if each == name:
                bomb = info
        bomb.compress_type, bomb.file_size = ZIP_DEFLATED, declared  # in the list of members at the end
    raw = bytearray(file.read_bytes())
    raw[bomb.header_offset + 8] = ZIP_DEFLATED
    file.write_bytes(raw)
    return file


def saved(content: object) -> bytes:
    """By torch.save."""
    written = BytesIO()
    torch.save(content, written)
    return written.getvalue()
