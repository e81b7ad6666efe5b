"""Whether the files of an imported release are of the kinds, shapes and sizes that serving them relies on."""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from earshot.columns import COLD, SONG_ID, USER_ID
from earshot.errors import UserError
from earshot.factors.numbers import WMF, read_numbers
from earshot.foreign.checked_json import parse_object
from earshot.foreign.zips import RATIO, SMALL
from earshot.params import Split, WmfFactors, WmfSettings, check_params
from earshot.predictors.artist_vectors import ARTIST, ARTIST_NAME, ARTISTS
from earshot.releases.candidate import NUMBERS, REPORT, SONGS, SPACE
from earshot.releases.manifest import REFIT, WMF_FACTORS, Manifest
from earshot.spaces.fused import Fused
from earshot.spaces.hybrid import COMBINATION, RULES, Hybrid, no_combination
from earshot.spaces.learned import LearnedListeners
from earshot.spaces.space import SPACE_FILES
from earshot.spaces.wmf import WmfSpace
from earshot.trusted import refuse_untrusted

LARGEST = {
    "cnn_checkpoint/encoder.json": 1 << 20,
    "cnn_checkpoint/space.json": 1 << 16,
    NUMBERS: 1 << 12,
    REPORT: 4 << 20,
}
"""Bytes of what is read whole. What grows with the listeners is bounded by the room on the volume."""
_MOST_FRAMES = 20_000
"""Of a window: minutes, at any frame rate in use. 32 songs are encoded at once, each a window or more."""
_NPY = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '<f4', 'fortran_order': (?:True|False), "
    rb"'shape': \(([0-9]{1,12}), ([0-9]{1,6})\), \} *\n",
    re.DOTALL,
)
"""The 128 bytes that numpy.save writes before a float32 matrix (NEP 1)."""
_NPY_BYTES, _BLOCK = 128, 1 << 20
_FOOTER_BYTES, _MOST_COLUMNS = 4 << 20, 200
"""Of a parquet file."""


def check_params_of(release: Manifest, path: Path) -> None:
    """UserError unless the parameters that serving and gate read of a manifest are of their types."""
    check_params(release.split, f"{path}: split", Split)
    kind = WmfSettings if NUMBERS in release.files else WmfFactors
    check_params(release.params.get(WMF_FACTORS), f"{path}: params.{WMF_FACTORS}", kind)


def check_files(folder: Path, release: Manifest, trusted: Collection[str], archive: Path) -> None:
    """Check the files of `release`, which lie in `folder`/<stage>/<file> and came in `archive`.

    Parameters
    ----------
    trusted
        Classes that the encoder may be made of, beside earshot's own.

    Raises
    ------
    UserError
        What differs, named with the archive and the file in it.
    """
    try:
        _check_model(folder, release, release.files, trusted)
        if release.refit:
            _check_model(folder / REFIT, release, release.refit, trusted)
        if SONGS in release.files:
            check_table(folder / SONGS, {SONG_ID: "BYTE_ARRAY", COLD: "BOOLEAN"})
        if REPORT in release.files:
            parse_object((folder / REPORT).read_bytes(), folder / REPORT)
    except UserError as error:
        raise UserError(str(error).replace(str(folder), str(archive))) from None


def _check_model(folder: Path, release: Manifest, names: Collection[str], trusted: Collection[str]) -> None:
    """Check the judged model or the refit, which lies in `folder` with files of these names."""
    encoder = folder / "cnn_checkpoint" / "encoder.json"
    refuse_untrusted(parse_object(encoder.read_bytes(), encoder), trusted, encoder)
    n_outputs = check_encoder(folder / "cnn_checkpoint", release, trusted)
    n_factors = _check_space(folder / "cnn_checkpoint", n_outputs, names)
    for factors, table, column in (
        ("user_factors", "users", USER_ID),
        ("item_factors", "items", SONG_ID),
    ):
        check_placed(folder / WMF_FACTORS, f"{factors}.npy", f"{table}.parquet", column, n_factors)
    if NUMBERS in names:
        check_numbers(folder / WMF_FACTORS, n_factors)


def check_encoder(folder: Path, release: Manifest, trusted: Collection[str]) -> int:
    """The length of its vectors."""
    from earshot.predictors.load import read_trained

    description, weights = read_trained(folder, trusted)
    path = folder / "encoder.json"
    if description.feature_key != release.feature_key:
        mismatch = f"feature_key={description.feature_key!r}, the manifest says {release.feature_key!r}"
        raise UserError(f"{path}: {mismatch}")
    families = {each.name: each.key for each in description.others}
    if families != release.families:
        raise UserError(f"{path}: families of the encoder: {families}, the manifest says {release.families}")
    if description.n_frames > _MOST_FRAMES:
        raise UserError(f"{path}: n_frames={description.n_frames}: wanted at most {_MOST_FRAMES}")
    for each in description.others:
        if each.name == ARTIST:
            check_placed(folder, *ARTISTS, ARTIST_NAME, each.width)
    odd = [name for name, each in weights.items() if not bool(each.isfinite().all())]
    if odd:
        raise UserError(f"{folder / 'encoder.pt'}: {odd[0]}: not finite")
    return description.n_outputs


def _check_space(folder: Path, n_outputs: int, names: Collection[str]) -> int | None:
    """Of how many factors the factorization must be, to go with vectors of `n_outputs`; None: of any."""
    path = folder / "space.json"
    kind, content = WmfSpace.kind, {}
    if path.is_file():
        content = parse_object(path.read_bytes(), path)
        kind = str(content.get("kind"))
    wanted = {f"cnn_checkpoint/{name}" for name in SPACE_FILES.get(kind, ())}
    there = {name for name in names if name.startswith(SPACE)}
    if kind not in SPACE_FILES or wanted != there:
        raise UserError(
            f"{path}: kind={kind!r:.100} with {', '.join(sorted(there)) or 'no file'}: wanted a taste space "
            "with its own files, or none"
        )
    if kind == LearnedListeners.kind:
        numbers = {name: content.get(name) for name in ("alpha", "epsilon", "regularization")}
        check_params({**numbers, "factors": 1, "iterations": 1}, str(path), WmfFactors)
        for vectors, table, column in (
            ("space_listeners.npy", "space_users.parquet", USER_ID),
            ("space_songs.npy", "space_items.parquet", SONG_ID),
        ):
            check_placed(folder, vectors, table, column, n_outputs)
        return None
    if kind == Fused.kind:
        scales = content.get("scales")
        if not isinstance(scales, list) or not scales or n_outputs % len(scales):
            raise UserError(
                f"{path}: scales={scales!r:.200}: wanted a part of the {n_outputs} outputs for each"
            )
        if not all(isinstance(scale, float) and 0 < scale <= 1 for scale in scales):
            raise UserError(f"{path}: scales={scales!r:.200}: wanted numbers between 0 and 1")
        return n_outputs // len(scales)
    if kind == Hybrid.kind:
        _check_combination(folder, content, n_outputs)
    return n_outputs


def _check_combination(folder: Path, content: Mapping[str, Any], n_outputs: int) -> None:
    if content.get("rule") not in RULES:
        wanted = f"wanted one of {', '.join(RULES)}"
        raise UserError(f"{folder / 'space.json'}: rule={content.get('rule')!r:.100}: {wanted}")
    rows, columns = no_combination(n_outputs).shape
    if check_vectors(folder / COMBINATION, columns) != rows:
        raise UserError(f"{folder / COMBINATION}: wanted {rows} rows, as the encoder has outputs")


def check_numbers(folder: Path, n_factors: int | None) -> None:
    """UserError unless wmf.json in `folder` is of so many factors; None: of any."""
    factors = read_numbers(folder).factors
    if factors != (n_factors or factors):
        raise UserError(f"{folder / WMF}: factors={factors}: wanted {n_factors}, as the factors have")


def check_placed(folder: Path, vectors: str, table: str, column: str, n_factors: int | None) -> None:
    """Check vectors of so many factors (None: any) and the table of their ids, in `folder`."""
    n_rows = check_vectors(folder / vectors, n_factors)
    check_table(folder / table, {column: "BYTE_ARRAY"}, n_rows)
    check_ids(folder / table, column)


def check_vectors(path: Path, n_factors: int | None) -> int:
    """How many vectors there are: finite float32 (n, n_factors), and nothing behind them."""
    with path.open("rb") as file:
        header = _NPY.match(file.read(_NPY_BYTES))
        if header is None or header.end() != _NPY_BYTES:
            raise UserError(f"{path}: wanted a float32 matrix as numpy.save writes it")
        rows, columns = int(header[1]), int(header[2])
        if columns != (n_factors or columns) or path.stat().st_size != _NPY_BYTES + 4 * rows * columns:
            there = f"{rows} x {columns} in {path.stat().st_size:,} bytes"
            wanted = f"{n_factors or columns} columns, as the encoder has, and no more bytes"
            raise UserError(f"{path}: {there}; wanted {wanted}")
        while len(block := np.fromfile(file, "<f4", _BLOCK)):
            if not np.isfinite(block).all():
                raise UserError(f"{path}: numbers that are not finite")
    return rows


def check_table(path: Path, columns: dict[str, str], n_rows: int | None = None) -> None:
    """By its footer alone. With `n_rows` the table has that many rows, and no other columns."""
    footer = _footer(path)
    schema = [footer.schema.column(n) for n in range(footer.num_columns)]
    types = {column.path: column.physical_type for column in schema}
    lacking = any(types.get(name) != kind for name, kind in columns.items())
    if lacking or (n_rows is not None and types.keys() > columns.keys()):
        raise UserError(f"{path}: columns {', '.join(types)!r:.200}; wanted {', '.join(columns)}")
    if n_rows not in (None, footer.num_rows):
        raise UserError(f"{path}: {footer.num_rows:,} rows; wanted {n_rows:,}, one for each vector")
    n_bytes = sum(footer.row_group(n).total_byte_size for n in range(footer.num_row_groups))
    most = max(SMALL, RATIO * path.stat().st_size)
    if not 0 <= n_bytes <= most:  # a footer may claim anything, also less than nothing
        raise UserError(f"{path}: {n_bytes:,} bytes when unpacked; wanted at most {most:,}")


def check_ids(path: Path, column: str) -> None:
    """Text that stands once each, and no longer in memory than `RATIO` times the file."""
    import pyarrow as pa
    from pyarrow import compute, parquet

    left = max(SMALL, RATIO * path.stat().st_size)
    try:
        # As a dictionary: a text that a million rows share takes its place once.
        for batch in parquet.ParquetFile(path, read_dictionary=[column]).iter_batches(columns=[column]):
            ids = batch.column(0)
            if ids.type not in (pa.dictionary(pa.int32(), kind) for kind in (pa.string(), pa.large_string())):
                raise ValueError(f"{column}: not text")
            ids.dictionary.validate(full=True)
            # bytes of the ids as text, each as often as it stands there
            left -= compute.sum(compute.binary_length(ids.dictionary).take(ids.indices)).as_py() or 0
            if ids.null_count or left < 0:
                raise ValueError(f"{column}: {'empty ids' if ids.null_count else 'too long'}")
        ids = parquet.read_table(path, columns=[column])[column]
        if compute.count_distinct(ids).as_py() < len(ids):
            raise ValueError(f"{column}: one stands there twice")
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UserError(f"{path}: {error}") from None


def _footer(path: Path) -> Any:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with path.open("rb") as file:
            file.seek(-8, os.SEEK_END)  # the file's end: length of the footer, PAR1
            n_bytes, magic = struct.unpack("<I4s", file.read())
        if magic != b"PAR1" or n_bytes > _FOOTER_BYTES:
            raise ValueError(f"no footer of at most {_FOOTER_BYTES:,} bytes")
        footer = parquet.read_metadata(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UserError(f"{path}: not a parquet file: {error}") from None
    if footer.num_columns > _MOST_COLUMNS:
        raise UserError(f"{path}: {footer.num_columns:,} columns; wanted at most {_MOST_COLUMNS}")
    return footer
