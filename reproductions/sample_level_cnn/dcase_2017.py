"""DCASE 2017, task 4: clips of 10 s out of videos, with the warnings and vehicles that are heard in them.

Source
    The tables, and links to three archives of audio:
    https://github.com/ankitshah009/Task-4-Large-scale-weakly-supervised-sound-event-detection-for-smart-cars
Licence, citation
    As AudioSet; A. Mesaros et al. DCASE 2017 challenge setup: tasks, datasets and baseline system. 2017.
Format
    groundtruth_weak_label_training_set.csv, ..._testing_set.csv and ..._evaluation_set.csv: tabs, no header;
    file, start, end, label, a line a label: `-0nqfRcnAYE_140.000_150.000.wav	0.000	10.000	Train`. The
    audio has a `Y` before each name, and lies in a folder for each table.
Split
    As in the authors' code (Kim et al. 2019): the challenge's evaluation set is held out; of every class a
    tenth of its lines in the two others, drawn with pandas' seed 123, is for early stopping: 46,042, 5,618
    and 1,103 clips.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from earshot.errors import UserError
from sample_level_cnn.clips import Clip, ClipList, Side

if TYPE_CHECKING:
    import pandas as pd

EVENTS = (
    *("Train horn", "Air horn, truck horn", "Car alarm", "Reversing beeps", "Ambulance (siren)"),
    *("Police car (siren)", "Fire engine, fire truck (siren)", "Civil defense siren", "Screaming", "Bicycle"),
    *("Skateboard", "Car", "Car passing by", "Bus", "Truck", "Motorcycle", "Train"),
)
TABLE = "groundtruth_weak_label_{}_set.csv"
_DOWNLOADS = "unbalanced_train_segments_{}_set_audio_formatted_and_segmented_downloads"
FOLDERS = {
    "training": _DOWNLOADS.format("training"),
    "testing": _DOWNLOADS.format("testing"),
    "evaluation": "evaluation_set_formatted_audio_segments",
}
_VALIDATION_SHARE, _SEED = 0.1, 123


def read_dcase_2017(folder: Path) -> ClipList:
    """The clips in `folder`, which holds the three tables and the three folders of audio.

    Raises
    ------
    UserError
        A table that is missing or has other columns; a label that is none of the 17; no file at all.
    """
    import pandas as pd

    tables = {part: _read(folder / TABLE.format(part), part) for part in FOLDERS}
    development = pd.concat([tables["training"], tables["testing"]])
    stopping = _drawn(development)
    found: dict[str, Clip] = {}
    left_out = Counter[str]()
    for part, table in tables.items():
        for name, labels in table.groupby("file", sort=False)["label"]:
            file = folder / FOLDERS[part] / f"Y{name}"
            side: Side = "test" if part == "evaluation" else "validation" if name in stopping else "training"
            if file.is_file():
                places = tuple(sorted({EVENTS.index(label) for label in labels}))
                found[f"{part}/{name}"] = Clip(file, places, side, str(name))
            else:
                left_out["no such file"] += 1
    if not found:
        wanted = ", ".join(FOLDERS.values())
        raise UserError(f"{folder}: none of the {sum(left_out.values())} files is there; wanted {wanted}")
    return ClipList(list(EVENTS), False, list(found.values()), dict(left_out))


def _read(path: Path, part: str) -> pd.DataFrame:
    import pandas as pd

    if not path.is_file():
        raise UserError(f"{path}: not there; wanted the weak labels of the {part} set")
    lines = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    for number, line in enumerate(lines, start=1):
        if len(line) != 4:
            raise UserError(f"{path}, line {number}: {len(line)} values, wanted file, start, end, label")
        if line[3] not in EVENTS:
            raise UserError(f"{path}, line {number}: label {line[3]!r}, wanted one of {', '.join(EVENTS)}")
        if Path(line[0]).name != line[0]:
            raise UserError(f"{path}, line {number}: file {line[0]!r}, wanted a name")
    return pd.DataFrame([(line[0], line[3]) for line in lines], columns=["file", "label"], dtype=object)


def _drawn(development: pd.DataFrame) -> set[str]:
    """Files for early stopping: a tenth of the lines of each class."""
    return {
        name
        for event in EVENTS
        for name in development.loc[development["label"] == event, "file"].sample(
            frac=_VALIDATION_SHARE, random_state=_SEED
        )
    }
