"""Families of unit `sound`: a vector of each song's sound, made once, in the shards of the images."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from earshot.classes import Component
from earshot.errors import UserError
from earshot.extraction.beside import lines_of
from earshot.features.hyper_image import Excerpt
from earshot.queries.hearing import _one_song
from earshot.store.reader import HyperImageStore
from tests.audio.workspace import Workspace

RATE = 22050
OWN = '''
import time
from pathlib import Path

import numpy as np

from earshot.audio.samples import AudioError
from earshot.errors import UserError

HERE = Path(__file__).parent


class Loudest:
    """Seconds of sound at 8 kHz, and the loudest sample. It notes whom it hears; `broken` stops it."""

    name, unit, version = "loudest", "sound", 1

    def __init__(self, dtype="<f4"):
        self.dtype = dtype

    def key_parts(self, settings):
        return [settings.excerpt_seconds]

    def width(self, settings):
        return 2

    def compute(self, song, settings):
        samples = np.concatenate(list(song.blocks(8000)))
        with (HERE / "heard.txt").open("a") as notes:
            notes.write(f"{len(samples)}\\n")
        if len(samples) < 8000:
            raise AudioError("shorter than a second")
        if (HERE / "broken").exists() and len(samples) == 14000:
            while not {"4000", "16000"} <= {*(HERE / "heard.txt").read_text().split()}:
                time.sleep(0.05)  # the first shard's songs, by a process that may start more slowly
            time.sleep(2)  # and may still be about to hand over what it heard
            raise UserError("stopped")
        value = np.nan if len(samples) == 24000 else abs(samples).max()
        return np.array([len(samples) / 8000, value], np.float32)
'''


def tone(seconds: float, peak: float) -> np.ndarray:
    return (peak * np.sin(2 * np.pi * 220 * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


LENGTHS = {"d": 2.0, "b": 0.5, "c": 1.5, "a": 1.75, "e": 3.0}


def new_workspace(root: Path) -> Workspace:
    """Five songs in three shards."""
    (root / "own.py").write_text(OWN)
    workspace = Workspace(root)
    family = Component(f"{root / 'own.py'}:Loudest", {})
    workspace.set("hyper_images", shard_songs=2, families=[family])
    workspace.set("raw_audio", min_seconds=0.1)
    deliver(workspace, "first", LENGTHS)
    return workspace


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Its store is made; tests only read it."""
    workspace = new_workspace(tmp_path_factory.mktemp("made"))
    workspace.run("hyper_images")
    return workspace


def deliver(workspace: Workspace, name: str, lengths: dict[str, float]) -> None:
    files = workspace.root / f"files-{name}"
    files.mkdir()
    for number, (song_id, seconds) in enumerate(lengths.items()):
        soundfile.write(files / f"{song_id}.wav", tone(seconds, 0.2 + 0.2 * number), RATE)
    audio = [f"audio/{song_id}.wav" for song_id in lengths]
    workspace.deliver(name, pd.DataFrame({"song_id": list(lengths), "audio": audio}), files)
    workspace.run("raw_audio")


def store(workspace: Workspace) -> HyperImageStore:
    return HyperImageStore.open(workspace.root / "data" / "hyper_images")


def vectors(images: HyperImageStore, song_ids: str) -> np.ndarray:
    return images.vectors("loudest", [images.position(song_id) for song_id in song_ids])


def heard(workspace: Workspace) -> list[str]:
    """Samples at 8 kHz of the songs that were heard since the last call, in ascending order."""
    notes = workspace.root / "heard.txt"
    found = sorted(notes.read_text().split(), key=int) if notes.exists() else []
    notes.unlink(missing_ok=True)
    return found


WANTED = {"d": [2.0, 0.2], "c": [1.5, 0.6], "a": [1.75, 0.8]}


def test_every_song_has_the_vector_of_its_sound(made: Workspace) -> None:
    found = vectors(store(made), "acda")
    assert found.dtype == np.float32
    assert np.allclose(found, [WANTED[song] for song in "acda"], atol=0.01)
    some = store(made).only(store(made).songs.iloc[[2]])
    assert np.allclose(some.vectors("loudest", [0]), [WANTED["d"]], atol=0.01)


def test_a_song_without_one_is_set_aside_with_its_reason(made: Workspace) -> None:
    aside = made.table("hyper_images", "set_aside")
    assert aside[["song_id", "reason"]].values.tolist() == [
        ["b", "loudest: shorter than a second"],
        ["e", "loudest: not finite"],
    ]


@pytest.mark.slow
def test_an_interrupted_run_goes_on_and_a_delivery_has_its_own_songs_heard_alone(
    tmp_path: Path, made: Workspace
) -> None:
    workspace = new_workspace(tmp_path)
    (tmp_path / "broken").touch()
    with pytest.raises(UserError, match="stopped"):
        workspace.run("hyper_images")
    assert {"4000", "16000"} <= set(heard(workspace))
    (tmp_path / "broken").unlink()
    workspace.run("hyper_images")
    assert set(heard(workspace)) <= {"12000", "14000", "24000"}  # not the first shard again
    before = of_family(workspace)
    assert before == of_family(made)

    for path in (tmp_path / "data" / "deliveries" / "first" / "audio").iterdir():
        path.unlink()
    deliver(workspace, "second", {"f": 1.25, "c": 2.5})
    workspace.run("hyper_images")
    assert heard(workspace) == ["10000", "20000"]
    after = of_family(workspace)
    assert all(after[name] == md5 for name, md5 in before.items() if name != "loudest.parquet")
    found = vectors(store(workspace), "acfd")
    assert np.allclose(found, [WANTED["a"], [2.5, 0.4], [1.25, 0.2], WANTED["d"]], atol=0.01)

    with_it = workspace.hashes("hyper_images")
    workspace.set("hyper_images", families=[])
    workspace.run("hyper_images")
    without = workspace.hashes("hyper_images")
    images = [name for name in without if name.startswith("shards/")]
    assert len(images) == 8
    assert all(with_it[name] == without[name] for name in [*images, "rows.json"])


def of_family(workspace: Workspace) -> dict[str, str]:
    hashes = workspace.hashes("hyper_images").items()
    return {name: md5 for name, md5 in hashes if name.startswith("loudest")}


def test_the_snapshot_links_it(made: Workspace) -> None:
    from earshot.stages.training_set import _link_images

    paths = made.paths("training_set")
    _link_images(paths, store(made), pd.DataFrame({"song_id": ["a", "c"]}))
    snapshot = HyperImageStore.open(paths.output / "hyper_images")
    assert np.array_equal(vectors(snapshot, "ca"), vectors(store(made), "ca"))
    (one,) = (snapshot.folder / "loudest").glob("*.npy")
    assert one.samefile(store(made).folder / "loudest" / one.name)


def test_a_file_is_heard_as_the_songs_are(made: Workspace, tmp_path: Path) -> None:
    audio = made.root / "files-first" / "a.wav"
    one = _one_song(audio, made.params.hyper_images, ["loudest"], tmp_path)
    assert np.array_equal(one.vectors("loudest", [0]), vectors(store(made), "a"))


def test_vectors_of_another_kind_are_named(made: Workspace) -> None:
    family = Component(f"{made.root / 'own.py'}:Loudest", {"dtype": "<f2"})
    excerpt = Excerpt(made.root / "files-first" / "a.wav", 0.0)
    with pytest.raises(UserError, match=r"a\.wav: .* made float32 \(2,\): wanted float16 \(2,\), a vector"):
        lines_of(excerpt, 1, family, made.params.hyper_images)


def test_a_shard_that_was_cut_short_is_named(made: Workspace, tmp_path: Path) -> None:
    shutil.copytree(store(made).folder, tmp_path / "store")
    for path in (tmp_path / "store" / "loudest").glob("*.npy"):
        path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(UserError, match=r"loudest/.*: cut short: \d+ bytes, wanted \d+"):
        vectors(HyperImageStore.open(tmp_path / "store"), "a")
