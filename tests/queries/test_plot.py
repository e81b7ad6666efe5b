"""`earshot plot`: a song of the catalogue, or a file, becomes one PNG; what cannot be drawn is said."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import soundfile
from typer.testing import CliRunner

from earshot.cli.main import app
from earshot.errors import UserError
from earshot.features.hyper_image import DEFAULTS
from earshot.pages.song_sheet import Heading, song_sheet
from earshot.queries.plot import file_name, heading_of, plot_song
from tests.audio.files import RATE, stereo
from tests.datasets.music import write_music

CATALOGUE = {"000123": "audio/a.ogg", "../AC/DC": "audio/b.mp3", "silent": None, "gone": "audio/gone.ogg"}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with a catalogue, and the current directory."""
    workspace = tmp_path / "workspace"
    for folder in ("audio", "data/raw_audio"):
        (workspace / folder).mkdir(parents=True)
    soundfile.write(workspace / "audio" / "a.ogg", stereo(), RATE)
    soundfile.write(workspace / "audio" / "b.mp3", stereo(), RATE)
    songs = pd.DataFrame({"song_id": list(CATALOGUE), "audio": pd.Series(CATALOGUE.values(), dtype="str")})
    songs["title"], songs["artist"] = ["Half a Bridge", None, "", ""], ["Ada", None, "", ""]
    songs["path"] = ["", "Music/AC-DC/b.mp3", "", ""]
    songs.to_parquet(workspace / "data" / "raw_audio" / "songs.parquet")
    monkeypatch.chdir(workspace)
    return workspace


def plot(*arguments: str) -> Path:
    result = CliRunner().invoke(app, ["plot", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return Path(result.output.strip())


def test_a_song_of_the_catalogue(root: Path) -> None:
    assert plot("000123") == root / "000123.png"
    heading = Heading("Half a Bridge", "Ada", "a.ogg")
    assert (root / "000123.png").read_bytes() == song_sheet(root / "audio" / "a.ogg", DEFAULTS, heading)


def test_a_file_is_headed_by_its_tags_or_its_name_and_a_song_by_the_catalogue(root: Path) -> None:
    tagged = write_music(root / "x.flac", artist="Carrier\x1b[2J", title="Old\nMistake")
    named = shutil.copy(root / "audio" / "b.mp3", root / "Ada - Nine.mp3")
    assert heading_of(root, "x.flac", tagged) == ("Old Mistake", "Carrier [2J", "x.flac")
    assert heading_of(root, "Ada - Nine.mp3", Path(named)) == ("Nine", "Ada", "Ada - Nine.mp3")
    audio = root / "audio" / "b.mp3"
    assert heading_of(root, "../AC/DC", audio) == ("", "", "Music/AC-DC/b.mp3")


def test_an_id_does_not_lead_out_of_the_folder(root: Path) -> None:
    written = plot("../AC/DC")
    assert (written.parent, written.name) == (root, "AC_DC.png")
    assert written.is_file()


@pytest.mark.parametrize("name", ["../../etc/passwd", "..", "/", "a\0b\n", "é" * 300, "-o", ".hidden"])
def test_any_id_makes_a_plain_file_name(name: str) -> None:
    made = file_name(name)
    assert re.fullmatch(r"\w[\w.-]*\.png", made)
    assert len(made.encode()) < 200


def test_a_file_outside_any_workspace_with_the_excerpt_of_params(root: Path, tmp_path: Path) -> None:
    shutil.rmtree(root / "data")
    params = (Path(__file__).parents[2] / "params.yaml").read_text(encoding="utf-8")
    assert "excerpt_seconds: 60.0" in params
    (root / "params.yaml").write_text(params.replace("excerpt_seconds: 60.0", "excerpt_seconds: 1.0"))
    song = str(root / "audio" / "b.mp3")
    assert plot(song) == root / "b.png"
    assert plot("audio/b.mp3", "--output", str(tmp_path / "other.PNG")) == tmp_path / "other.PNG"
    wanted = song_sheet(Path(song), replace(DEFAULTS, excerpt_seconds=1.0), Heading("b", "", "b.mp3"))
    assert (root / "b.png").read_bytes() == (tmp_path / "other.PNG").read_bytes() == wanted


def test_what_cannot_be_drawn_is_said_and_leaves_the_picture_before(root: Path) -> None:
    (root / "text.mp3").write_text("no music\n" * 1000)
    soundfile.write(root / "three.wav", stereo()[:3], RATE)
    (root / "old.png").write_bytes(b"old")
    before = sorted(root.iterdir())
    messages = {
        "nobody": r"'nobody' is neither a song_id of .*/raw_audio/songs\.parquet nor a file: there is no "
        r".*/workspace/nobody$",
        "silent": r"song 'silent' has no audio: .*/raw_audio/set_aside\.parquet$",
        "gone": r"/workspace/audio/gone\.ogg: not there; `dvc checkout` brings it back$",
        "text.mp3": r"/workspace/text\.mp3: not audio: ",
        "three.wav": r"/workspace/three\.wav: too short: ",
    }
    for song, message in messages.items():
        with pytest.raises(UserError, match=message):
            plot_song(root, song, root / "old.png")
    assert (root / "old.png").read_bytes() == b"old"
    assert sorted(root.iterdir()) == before


def test_an_output_that_cannot_be_written_is_said(root: Path) -> None:
    (root / "folder.png").mkdir()
    before = sorted(root.iterdir())
    for output, message in {
        "missing/x.png": r"/missing: no such folder",
        "audio/b.mp3": r"audio/b\.mp3: wanted a name that ends in \.png",
        "folder.png": r"/folder\.png: cannot be written: Is a directory",
    }.items():
        with pytest.raises(UserError, match=message):
            plot_song(root, "000123", root / output)
    assert sorted(root.iterdir()) == before


def test_without_a_catalogue_it_says_what_to_run(root: Path) -> None:
    shutil.rmtree(root / "data")
    for part in ("dvc.yaml", "params.yaml"):
        (root / part).touch()
    (root / ".dvc").mkdir()
    with pytest.raises(UserError, match=r"and no catalogue yet, .* `make run` alone takes in the embedded"):
        plot_song(root, "000123")
