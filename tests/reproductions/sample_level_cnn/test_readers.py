"""Published data sets of clips, by tiny made-up samples in their own format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from earshot.errors import UserError
from sample_level_cnn.clips import ClipList, read_task, segments
from sample_level_cnn.dcase_2017 import EVENTS, FOLDERS, TABLE, read_dcase_2017
from sample_level_cnn.magnatagatune import ANNOTATIONS, read_magnatagatune
from sample_level_cnn.params import Segments
from sample_level_cnn.speech_commands import read_speech_commands


def write_sound(file: Path, seconds: float = 0.1, rate: int = 16000, level: float = 0.5) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    samples = level * np.sin(np.arange(int(seconds * rate)) * 0.3)
    soundfile.write(file, samples, rate, format="WAV")  # libsndfile looks at the bytes, not at the name


def summary(listed: ClipList) -> list[tuple[str, str, list[str]]]:
    return [
        (clip.file.name, clip.side, [listed.labels[place] for place in clip.labels]) for clip in listed.clips
    ]


MTAT = [
    ("2", "1", "0", "0", "0/a-album-01-x-0-29.mp3"),
    ("6", "1", "1", "0", "b/a-album-02-y-0-29.mp3"),
    ("7", "0", "1", "1", "c/b-album-01-z-0-29.mp3"),
    ("8", "0", "1", "0", "f/c-album-01-w-0-29.mp3"),
    (
        "9",
        "0",
        "0",
        "1",
        "f/c-album-02-v-0-29.mp3",
    ),  # the rarest tag alone: it has none of the two most frequent
    ("10", "1", "0", "0", "8/d-album-01-u-0-29.mp3"),  # published empty
    ("11", "1", "0", "0", "8/d-album-02-t-0-29.mp3"),  # not there
]


def write_mtat(folder: Path, rows: list[tuple[str, ...]] = MTAT) -> Path:
    lines = [("clip_id", "guitar", "slow", "no voice", "mp3_path"), *rows]
    text = "\r\n".join("\t".join(f'"{value}"' for value in line) for line in lines) + "\r\n"
    folder.mkdir(exist_ok=True)
    (folder / ANNOTATIONS).write_text(text)
    for line in rows[:-2]:
        write_sound(folder / line[-1])
    if len(rows) > 1:
        write_sound(folder / rows[-2][-1])
        (folder / rows[-2][-1]).write_bytes(b"")
    return folder


def test_magnatagatune_by_its_folders_and_most_frequent_tags(tmp_path: Path) -> None:
    listed = read_magnatagatune(write_mtat(tmp_path), n_tags=2)
    assert listed.labels == ["guitar", "slow"]
    assert summary(listed) == [
        ("a-album-01-x-0-29.mp3", "training", ["guitar"]),
        ("a-album-02-y-0-29.mp3", "training", ["guitar", "slow"]),
        ("b-album-01-z-0-29.mp3", "validation", ["slow"]),
        ("c-album-01-w-0-29.mp3", "test", ["slow"]),
    ]
    assert [clip.group for clip in listed.clips] == ["a", "a", "b", "c"]
    assert listed.left_out == {"without one of the 2 tags": 1, "an empty file": 1, "no such file": 1}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (("2", "2", "0", "0", "0/a.mp3"), r"annotations_final.csv, line 2, guitar: '2', wanted 0 or 1"),
        (("2", "1", "0", "0"), r"annotations_final.csv, line 2: 4 values, wanted 5"),
        (("2", "1", "0", "0", "g/a.mp3"), r"mp3_path: 'g/a.mp3', wanted a file in one of the folders"),
        (("2", "1", "0", "0", "../a.mp3"), r"mp3_path: '../a.mp3', wanted a file in one of the folders"),
    ],
)
def test_a_bad_row_of_magnatagatune_is_named(tmp_path: Path, row: tuple[str, ...], said: str) -> None:
    write_mtat(tmp_path / "x", [row])
    write_sound(tmp_path / "x" / row[-1])
    with pytest.raises(UserError, match=said):
        read_magnatagatune(tmp_path / "x")


def write_commands(
    folder: Path, validation: str = "yes/b_nohash_0.wav\n", test: str = "no/c_nohash_1.wav\n"
) -> Path:
    for path in ("yes/a_nohash_0.wav", "yes/b_nohash_0.wav", "no/a_nohash_0.wav", "no/c_nohash_1.wav"):
        write_sound(folder / path)
    write_sound(folder / "_background_noise_" / "pink.wav")
    (folder / "validation_list.txt").write_text(validation)
    (folder / "testing_list.txt").write_text(test)
    return folder


def test_speech_commands_by_its_two_lists(tmp_path: Path) -> None:
    listed = read_speech_commands(write_commands(tmp_path))
    assert listed.one_each
    assert listed.labels == ["no", "yes"]
    assert summary(listed) == [
        ("a_nohash_0.wav", "training", ["no"]),
        ("c_nohash_1.wav", "test", ["no"]),
        ("a_nohash_0.wav", "training", ["yes"]),
        ("b_nohash_0.wav", "validation", ["yes"]),
    ]
    assert [clip.group for clip in listed.clips] == ["a", "c", "a", "b"]


@pytest.mark.parametrize(
    ("lists", "said"),
    [
        ({"validation": "yes/x.wav\n"}, r"validation_list.txt, line 1: 'yes/x.wav': no such recording"),
        (
            {"test": "no/a_nohash_0.wav\nyes/b_nohash_0.wav\n"},
            r"testing_list.txt, line 2: .* 'validation' already",
        ),
    ],
)
def test_a_bad_line_of_a_list_is_named(tmp_path: Path, lists: dict[str, str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        read_speech_commands(write_commands(tmp_path, **lists))


def test_speech_commands_without_words_or_lists(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="folders with recordings: none; wanted one for each word"):
        read_speech_commands(tmp_path)
    (write_commands(tmp_path) / "testing_list.txt").unlink()
    with pytest.raises(UserError, match=r"testing_list.txt: not there"):
        read_speech_commands(tmp_path)


def write_dcase(folder: Path, extra: str = "") -> Path:
    """Thirty training clips of cars, two of them with a horn too; one to test by, two of evaluation."""
    parts = {
        "training": [f"-id{n}_30.000_40.000.wav\t0.000\t10.000\tCar" for n in range(30)]
        + ["-id3_30.000_40.000.wav\t0.000\t10.000\tAir horn, truck horn"],
        "testing": ["t_0.000_10.000.wav\t0.000\t10.000\tTrain"],
        "evaluation": ["e_0.000_10.000.wav\t0.000\t10.000\tBus", "gone_0.000_10.000.wav\t0.000\t10.000\tBus"],
    }
    for part, lines in parts.items():
        folder.mkdir(exist_ok=True)
        (folder / TABLE.format(part)).write_text(
            "\n".join(lines) + "\n" + (extra if part == "training" else "")
        )
        for name in {line.split("\t")[0] for line in lines} - {"gone_0.000_10.000.wav"}:
            write_sound(folder / FOLDERS[part] / f"Y{name}")
    return folder


def test_dcase_by_its_tables(tmp_path: Path) -> None:
    listed = read_dcase_2017(write_dcase(tmp_path))
    assert listed.labels == list(EVENTS)
    assert len(EVENTS) == 17
    rows = summary(listed)
    assert ("Ye_0.000_10.000.wav", "test", ["Bus"]) in rows
    horned = [row for row in rows if "-id3_" in row[0]]
    assert horned[0][2] == ["Air horn, truck horn", "Car"]
    # a tenth of the 30 lines of cars; a tenth of a single line is none
    assert [side for _, side, _ in rows].count("validation") == 3
    assert listed.left_out == {"no such file": 1}
    assert read_dcase_2017(tmp_path).clips == listed.clips


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("x.wav\t0\t10\tTram\n", r"training_set.csv, line 32: label 'Tram', wanted one of Train horn"),
        ("x.wav\t0\tCar\n", r"training_set.csv, line 32: 3 values, wanted file, start, end, label"),
        ("../x.wav\t0\t10\tCar\n", r"training_set.csv, line 32: file '../x.wav', wanted a name"),
    ],
)
def test_a_bad_line_of_dcase_is_named(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        read_dcase_2017(write_dcase(tmp_path, line))


def test_clips_are_resampled_cut_and_repeated_and_what_is_broken_is_counted(tmp_path: Path) -> None:
    folder = write_commands(tmp_path / "commands")
    write_sound(folder / "no" / "z_nohash_0.wav", seconds=2.0)
    (folder / "no" / "y_nohash_0.wav").write_bytes(b"RIFF of no use")
    task = read_task(read_speech_commands(folder), Segments(8000, 1, 2000), tmp_path / "kept" / "samples.npy")
    assert task.samples.shape == (6, 1, 2000)
    assert task.targets.tolist() == [[1, 0]] * 4 + [[0, 1]] * 2
    assert len(task.training) + len(task.validation) + len(task.test) == 5
    assert sum(task.left_out.values()) == 1
    short = task.samples[0, 0].astype(int)  # a tenth of a second at 8,000 Hz, two and a half times
    assert np.array_equal(short[:800], short[800:1600])
    assert np.array_equal(short[:400], short[1600:])
    assert np.abs(short).max() == pytest.approx(0.5 * 32767, rel=0.1)
    again = read_task(
        read_speech_commands(folder), Segments(8000, 1, 2000), tmp_path / "kept" / "samples.npy"
    )
    assert np.array_equal(again.samples, task.samples)
    assert again.left_out == task.left_out


def test_segments_follow_each_other() -> None:
    ramp = np.arange(7) / 32767
    assert segments(ramp, 2, 3).tolist() == [[0, 1, 2], [3, 4, 5]]
    assert segments(ramp[:2], 2, 3).tolist() == [[0, 1, 0], [1, 0, 1]]


def test_a_side_without_clips_is_named(tmp_path: Path) -> None:
    listed = read_speech_commands(write_commands(tmp_path, validation=""))
    with pytest.raises(UserError, match="no clip of the side 'validation'"):
        read_task(listed, Segments(8000, 1, 2000), tmp_path / "samples.npy")
