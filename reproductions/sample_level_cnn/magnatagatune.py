"""MagnaTagATune: 25,863 clips of 29 s with tags that players of a game agreed on.

Source
    https://mirg.city.ac.uk/codeapps/the-magnatagatune-dataset: annotations_final.csv, and mp3.zip.001 to
    .003, which hold folders named 0 to f.
Licence, citation
    CC BY-NC-SA; E. Law, K. West, M. Mandel, M. Bay, J. S. Downie. Evaluation of algorithms using games: the
    case of music tagging. ISMIR 2009.
Format
    annotations_final.csv: tabs, every value quoted; clip_id, 188 tags of 0 or 1, mp3_path such as
    `f/some_artist-some_album-01-some_title-0-29.mp3`.
Split
    By folder, as in Lee et al. 2017: 0 to b to learn from, c for early stopping, d to f held out; of the 50
    most frequent tags, clips without any of them left out: 15,250, 1,529 and 4,332 clips. Three mp3 files are
    published empty.
"""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path, PurePosixPath

import numpy as np

from earshot.errors import UserError
from sample_level_cnn.clips import Clip, ClipList, Side

ANNOTATIONS = "annotations_final.csv"
N_TAGS = 50
_ID, _PATH = "clip_id", "mp3_path"


def read_magnatagatune(folder: Path, n_tags: int = N_TAGS) -> ClipList:
    """The clips in `folder`, which holds annotations_final.csv and the folders of mp3 files.

    Raises
    ------
    UserError
        A table that is missing or has other columns; a value other than 0 and 1; a path outside of
        the folders; no file at all.
    """
    table = folder / ANNOTATIONS
    names, paths, tagged = _read(table)
    counts = tagged.sum(axis=0)
    # the most frequent; of equals the first in the table
    chosen = np.argsort(-counts, kind="stable")[:n_tags]
    clips, left_out = [], Counter[str]()
    for path, row in zip(paths, tagged[:, chosen], strict=True):
        file = folder / path
        if not row.any():
            left_out[f"without one of the {len(chosen)} tags"] += 1
        elif not file.is_file() or not file.stat().st_size:
            left_out["an empty file" if file.is_file() else "no such file"] += 1
        else:
            clips.append(Clip(file, tuple(np.flatnonzero(row).tolist()), _side(table, path), _artist(file)))
    if not clips:
        raise UserError(
            f"{folder}: none of the {len(paths)} files of {ANNOTATIONS} is there; unpack mp3.zip here"
        )
    return ClipList([names[place] for place in chosen], False, clips, dict(left_out))


def _read(table: Path) -> tuple[list[str], list[str], np.ndarray]:
    """Names of the tags, paths of the clips, and bool (n_clips, n_tags)."""
    if not table.is_file():
        raise UserError(f"{table}: not there; wanted the table of MagnaTagATune")
    with table.open(encoding="utf-8", newline="") as text:
        lines = csv.reader(text, delimiter="\t")
        header = next(lines, [])
        if header[:1] != [_ID] or header[-1:] != [_PATH] or len(header) < 3:
            raise UserError(
                f"{table}: columns {header[:2]} to {header[-1:]}: wanted {_ID}, tags, {_PATH}, between tabs"
            )
        paths, rows = [], []
        for number, line in enumerate(lines, start=2):
            if len(line) != len(header):
                raise UserError(f"{table}, line {number}: {len(line)} values, wanted {len(header)}")
            rows.append(_marks(table, number, header[1:-1], line[1:-1]))
            paths.append(line[-1])
    return header[1:-1], paths, np.array(rows, dtype=np.bool_).reshape(-1, len(header) - 2)


def _marks(table: Path, number: int, names: list[str], values: list[str]) -> list[bool]:
    for name, value in zip(names, values, strict=True):
        if value not in ("0", "1"):
            raise UserError(f"{table}, line {number}, {name}: {value!r}, wanted 0 or 1")
    return [value == "1" for value in values]


def _artist(file: Path) -> str:
    """What stands before the first `-` of a file's name."""
    return file.stem.split("-")[0]


def _side(table: Path, path: str) -> Side:
    parts = PurePosixPath(path).parts
    if len(parts) != 2 or len(parts[0]) != 1 or parts[0] not in "0123456789abcdef":
        raise UserError(f"{table}, {_PATH}: {path!r}, wanted a file in one of the folders 0 to f")
    if parts[0] < "c":  # digits come before letters
        return "training"
    return "validation" if parts[0] == "c" else "test"
