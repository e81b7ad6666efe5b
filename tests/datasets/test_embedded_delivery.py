"""The deliveries as files, the plays, and that nothing leaks but through the sound."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from earshot.datasets.embedded import (
    catalogue_hash,
    write_catalogue,
    write_first_plays,
    write_larger_catalogue,
    write_new_songs,
)
from earshot.datasets.embedded.catalogue import (
    N_SONGS,
    catalogue_songs,
    larger_catalogue,
    new_songs,
    play_table,
    song_table,
)
from earshot.datasets.embedded.delivery import write_audio
from earshot.datasets.embedded.fingerprint import FROZEN_HASH
from earshot.datasets.embedded.listeners import LENGTH_SCALES, draw_renown, taste_features
from earshot.datasets.embedded.synthesis import render
from earshot.datasets.embedded.traits import taste_coordinates
from earshot.deliveries.check import check
from earshot.errors import UserError

SAMPLE_HASH = "c7245357176743ba893f0eb8fbbe682f3a6c21026d51fe2df17c1187bdf08ebc"
"""Of the tables and every 50th song."""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "small"
    write_catalogue(folder, n_songs=12, n_listeners=10)
    return folder


def test_a_delivery_names_its_sound_and_its_plays_name_its_songs(small: Path) -> None:
    songs, plays = pd.read_csv(small / "songs.csv"), pd.read_csv(small / "plays.csv")
    assert sorted(path.name for path in small.iterdir()) == [
        "audio",
        "delivery.json",
        "plays.csv",
        "songs.csv",
    ]
    assert json.loads((small / "delivery.json").read_text()) == {
        "source": "earshot-demo",
        "plays": "increment",
    }
    assert sorted(songs["audio"]) == sorted(f"audio/{path.name}" for path in (small / "audio").iterdir())
    assert set(plays["song_id"]) <= set(songs["song_id"])
    assert plays["play_count"].min() >= 1
    assert songs["artist_id"].nunique() == songs["artist"].nunique()


def test_the_files_hold_the_rendered_songs_and_are_all_of_one_size(small: Path) -> None:
    song = catalogue_songs(12)[3]
    decoded, rate = soundfile.read(small / song.audio)
    rendered = render(song.number, song.traits) / 32768
    assert (len(decoded), rate) == (220500, 22050)
    assert np.corrcoef(decoded, rendered)[0, 1] > 0.99
    assert len({path.stat().st_size for path in (small / "audio").iterdir()}) == 1


@pytest.mark.soak
def test_a_delivery_killed_while_it_is_rendered_is_continued_and_gives_the_same_bytes(
    small: Path, tmp_path: Path
) -> None:
    again = tmp_path / "again"
    command = f"""
from pathlib import Path
from earshot.datasets.embedded import write_catalogue
write_catalogue(Path({str(again)!r}), n_songs=12, n_listeners=10)
"""
    with subprocess.Popen([sys.executable, "-c", command], stderr=subprocess.DEVNULL) as writing:
        while not (made := list(tmp_path.rglob("*.mp3"))):
            time.sleep(0.01)
        writing.kill()
    assert not again.exists()
    first = made[0].stat().st_mtime_ns
    write_catalogue(again, n_songs=12, n_listeners=10)
    assert (again / "audio" / made[0].name).stat().st_mtime_ns == first
    assert content(again) == content(small)
    assert [path.name for path in tmp_path.iterdir()] == ["again"]


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_that_is_there_is_left_alone(small: Path) -> None:
    with pytest.raises(UserError, match="there already"):
        write_catalogue(small, n_songs=12, n_listeners=10)


def test_a_song_does_not_depend_on_how_many_there_are() -> None:
    assert catalogue_songs(40)[:6] == catalogue_songs(N_SONGS)[:6]


def test_new_songs_are_by_known_and_new_artists_and_bring_no_plays(tmp_path: Path) -> None:
    write_new_songs(tmp_path / "new")
    songs = pd.read_csv(tmp_path / "new" / "songs.csv")
    known = song_table(catalogue_songs())
    assert not (tmp_path / "new" / "plays.csv").exists()
    assert len(songs) == len(list((tmp_path / "new" / "audio").iterdir())) == 30
    assert not set(songs["song_id"]) & set(known["song_id"])
    assert songs["artist_id"].isin(known["artist_id"]).sum() == 20


def test_first_plays_are_of_new_songs_by_those_who_like_what_they_sound_like(tmp_path: Path) -> None:
    write_first_plays(tmp_path / "plays", n_songs=60, n_listeners=40)
    plays = pd.read_csv(tmp_path / "plays" / "plays.csv")
    assert set(plays["song_id"]) <= set(song_table(new_songs())["song_id"])
    assert set(plays["user_id"]) <= set(play_table(catalogue_songs(60), 40)["user_id"])
    assert plays["song_id"].nunique() > 20
    assert {path.name for path in (tmp_path / "plays").iterdir()} == {"plays.csv", "delivery.json"}


def test_the_catalogue_has_the_size_and_the_long_tails_it_promises() -> None:
    songs = song_table(catalogue_songs())
    plays = play_table(catalogue_songs())
    assert (len(songs), songs["artist_id"].nunique(), plays["user_id"].nunique()) == (1000, 150, 2000)
    assert songs["song_id"].is_unique
    assert set(songs["genres"]) == {
        "ambient", "bossa nova", "breakbeat", "folk", "house", "lo-fi", "rock", "synth-pop"
    }  # fmt: skip
    assert plays["play_count"].mean() > 2 * plays["play_count"].median()
    assert not plays.duplicated(["user_id", "song_id"]).any()


def test_renown_cannot_be_heard() -> None:
    songs = catalogue_songs()
    coordinates = np.array([taste_coordinates(song.traits) for song in songs])
    renown = np.array([draw_renown(song.number) for song in songs])
    correlations = [np.corrcoef(column, renown)[0, 1] for column in coordinates.T]
    assert np.abs(correlations).max() < 4 / np.sqrt(len(songs))


def test_order_of_ids_says_nothing_of_the_sound() -> None:
    songs = sorted(catalogue_songs(), key=lambda song: song.song_id)
    coordinates = np.array([taste_coordinates(song.traits) for song in songs])
    place = np.arange(len(songs))
    correlations = [np.corrcoef(column, place)[0, 1] for column in coordinates.T]
    assert np.abs(correlations).max() < 4 / np.sqrt(len(songs))


def test_features_of_taste_multiply_to_the_gaussian_kernel() -> None:
    coordinates = np.array([taste_coordinates(song.traits) for song in catalogue_songs(20)])
    apart = (coordinates[:, None] - coordinates[None]) / LENGTH_SCALES
    kernel = np.exp(-(apart**2).sum(axis=2) / 2)
    features = taste_features(coordinates)
    assert np.abs(features @ features.T - kernel).max() < 5 / np.sqrt(features.shape[1])


def test_compression_gives_the_same_bytes_each_time(tmp_path: Path) -> None:
    song = new_songs()[0]
    (tmp_path / "audio").mkdir()
    write_audio(tmp_path, song)
    first = (tmp_path / song.audio).read_bytes()
    write_audio(tmp_path, song)
    assert (tmp_path / song.audio).read_bytes() == first


def test_the_tables_and_some_of_the_sound_are_frozen() -> None:
    assert catalogue_hash(every=50) == SAMPLE_HASH


@pytest.mark.soak
def test_a_larger_catalogue_is_of_other_songs_in_the_same_proportions(tmp_path: Path) -> None:
    songs, n_listeners = larger_catalogue(1000)
    assert (len(songs), len({song.artist.number for song in songs}), n_listeners) == (6666, 1000, 13333)
    frozen = {song.song_id for song in [*catalogue_songs(), *new_songs()]}
    assert not frozen & {song.song_id for song in songs}
    # an artist of the frozen catalogue is the same one here
    assert songs[7].artist == catalogue_songs()[7].artist
    write_larger_catalogue(tmp_path / "catalogue", 2)
    written = pd.read_csv(tmp_path / "catalogue" / "songs.csv")
    assert (len(written), written["artist_id"].nunique()) == (13, 2)
    check(tmp_path / "catalogue")


@pytest.mark.soak
def test_the_whole_catalogue_is_frozen() -> None:
    assert catalogue_hash() == FROZEN_HASH


@pytest.mark.soak
@pytest.mark.skipif(platform.machine() != "x86_64", reason="these features are of x86 processors")
def test_an_old_processor_that_rounds_otherwise_makes_the_same_catalogue() -> None:
    old = {"NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL", "OPENBLAS_CORETYPE": "Nehalem"}
    command = "from earshot.datasets.embedded import catalogue_hash; print(catalogue_hash(every=200))"
    printed = subprocess.run(
        [sys.executable, "-c", command], env={**os.environ, **old}, capture_output=True, text=True, check=True
    )
    assert printed.stdout.strip() == catalogue_hash(every=200)
