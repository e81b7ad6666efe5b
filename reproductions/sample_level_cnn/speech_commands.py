"""Speech Commands: one-second recordings of 35 words by thousands of speakers.

Source
    http://download.tensorflow.org/data/speech_commands_v0.02.tar.gz
Licence, citation
    CC BY 4.0; P. Warden. Speech Commands: a dataset for limited-vocabulary speech recognition. 2018.
Format
    A folder a word with files such as `0a7c2a8d_nohash_0.wav`, where the part before `_nohash_` is the
    speaker; `_background_noise_`; validation_list.txt and testing_list.txt, a path such as
    `right/0a7c2a8d_nohash_0.wav` a line.
Split
    By the two lists, which hold all clips of a speaker; all others are learned from: 84,843, 9,981 and 11,005
    clips in version 0.02.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from earshot.errors import UserError
from sample_level_cnn.clips import Clip, ClipList, Side

LISTS: dict[Side, str] = {"validation": "validation_list.txt", "test": "testing_list.txt"}
_SPEAKER_ENDS = "_nohash_"


def read_speech_commands(folder: Path) -> ClipList:
    """The clips in `folder`, which holds the folders of the words and the two lists.

    Raises
    ------
    UserError
        Fewer than two words; a list that is missing, or names a clip that is not there or that the other
        one has.
    """
    words = sorted(
        each.name for each in folder.iterdir() if each.is_dir() and not each.name.startswith(("_", "."))
    )
    files = {f"{word}/{file.name}": file for word in words for file in sorted((folder / word).glob("*.wav"))}
    words = sorted({path.split("/")[0] for path in files})
    if len(words) < 2:
        raise UserError(
            f"{folder}: folders with recordings: {', '.join(words) or 'none'}; wanted one for each word"
        )
    sides: dict[str, Side] = {}
    for side, name in LISTS.items():
        for path in _listed(folder / name, files.keys(), sides):
            sides[path] = side
    clips = [
        Clip(file, (words.index(path.split("/")[0]),), sides.get(path, "training"), _speaker(file))
        for path, file in files.items()
    ]
    return ClipList(words, True, clips, {})


def _listed(table: Path, there: Collection[str], taken: Mapping[str, Side]) -> list[str]:
    if not table.is_file():
        raise UserError(f"{table}: not there; wanted the list of clips that Speech Commands comes with")
    paths = table.read_text(encoding="utf-8").splitlines()
    for number, path in enumerate(paths, start=1):
        if path not in there:
            raise UserError(f"{table}, line {number}: {path!r}: no such recording")
        if path in taken:
            raise UserError(f"{table}, line {number}: {path!r}: of the side {taken[path]!r} already")
    return paths


def _speaker(file: Path) -> str:
    return file.stem.split(_SPEAKER_ENDS)[0]
