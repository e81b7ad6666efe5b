"""Families beside the image: stored for the same frames and songs, each by itself."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from earshot.classes import Component
from earshot.errors import UserError
from earshot.families.metadata import Metadata
from earshot.families.samples import LOUDEST, Samples16
from earshot.features.families import SongSource, described, families_of, load_family
from earshot.features.hyper_image import DEFAULTS, feature_key
from earshot.store.families import multi_hot
from earshot.store.reader import HyperImageStore
from tests.audio.workspace import Workspace

SAMPLES = Component("earshot.families.samples:Samples16", {})
METADATA = Component("earshot.families.metadata:Metadata", {"fields": ["genres", "year"]})
RATE = 22050
SAWTOOTH = ((np.arange(5000) % 200 - 100) / 128).astype(np.float32)
"""Numbers that every machine has exactly."""
OWN = '''
import numpy as np
from earshot.audio.samples import AudioError


class Loudness:
    """A user's own family: the loudest sample of every frame; files shorter than a second fail."""

    name, unit, dtype, version = "loudness", "frame", "<f4", 1

    def __init__(self, extra=0):
        self.extra = extra

    def key_parts(self, settings):
        return [settings.hop_length, self.extra]

    def width(self, settings):
        return 1

    def compute(self, song, settings):
        samples = np.concatenate(list(song.blocks(settings.sample_rate)))
        if len(samples) < settings.sample_rate:
            raise AudioError("shorter than a second")
        n_frames = 1 + len(samples) // settings.hop_length + self.extra
        frames = np.zeros(n_frames * settings.hop_length, np.float32)
        frames[: len(samples)] = abs(samples)
        return frames.reshape(n_frames, -1).max(axis=1, keepdims=True)
'''


def tone(seconds: float, pitch: float) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * pitch * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Three songs in two shards, of half a second to two."""
    workspace = Workspace(tmp_path)
    workspace.set("hyper_images", shard_songs=2)
    workspace.set("raw_audio", min_seconds=0.1)
    audio = tmp_path / "files"
    audio.mkdir()
    for number, seconds in enumerate((2.0, 0.5, 1.5)):
        soundfile.write(audio / f"{number}.wav", tone(seconds, 220 * (number + 1)), RATE)
    songs = pd.DataFrame(
        {
            "song_id": ["b", "a", "c"],
            "audio": [f"audio/{number}.wav" for number in range(3)],
            "genres": ["Jazz; Funk", "", "rock"],
            "year": ["1994-05-01", "", "2003"],
        }
    )
    workspace.deliver("first", songs, audio)
    workspace.run("raw_audio")
    return workspace


def store(workspace: Workspace) -> HyperImageStore:
    return HyperImageStore.open(workspace.root / "data" / "hyper_images")


def test_a_family_changes_no_key_no_byte_and_no_file_of_any_other(workspace: Workspace) -> None:
    workspace.set("hyper_images", families=[])
    plain = workspace.run("hyper_images")
    before = workspace.hashes("hyper_images")
    workspace.set("hyper_images", families=[SAMPLES])
    with_samples = workspace.run("hyper_images")
    between = workspace.hashes("hyper_images")
    workspace.set("hyper_images", families=[METADATA, SAMPLES])
    for path in (workspace.root / "data" / "deliveries" / "first" / "audio").iterdir():
        path.unlink()  # no sound is decoded again
    both = workspace.run("hyper_images")
    after = workspace.hashes("hyper_images")
    assert plain["feature_key"] == with_samples["feature_key"] == both["feature_key"]
    assert with_samples["families"]["samples"] == both["families"]["samples"]
    told = {"summary.json", "families.json"}
    assert {name: after[name] for name in before if name not in told} == {
        name: md5 for name, md5 in before.items() if name not in told
    }
    assert {name: after[name] for name in between if name not in told} == {
        name: md5 for name, md5 in between.items() if name not in told
    }
    assert sorted({*after} - {*between}) == ["metadata.parquet"]


def test_samples_are_the_sound_in_the_frames_of_the_image(workspace: Workspace) -> None:
    workspace.set("hyper_images", families=[SAMPLES])
    workspace.run("hyper_images")
    images = store(workspace)
    hop = images.format.hop_length
    for song_id, number in {"b": 0, "a": 1, "c": 2}.items():
        position = images.position(song_id)
        n_frames = int(images.songs["n_frames"][position])
        kept = images.windows([position], [0], n_frames, "samples")[0]
        assert kept.shape == (len(images.frames(position)), hop)
        wanted, _ = soundfile.read(workspace.root / "files" / f"{number}.wav")
        heard = kept.reshape(-1)[: len(wanted)] / LOUDEST
        assert np.abs(heard - wanted).max() < 1e-4
        assert not kept.reshape(-1)[len(wanted) :].any()
    short = images.position("a")
    n_frames = int(images.songs["n_frames"][short])
    twice = images.windows([short], [0], n_frames + 3, "samples")[0]  # repeated from its start
    assert np.array_equal(twice[n_frames:], twice[:3])


def test_what_is_said_of_songs_is_found_by_word(workspace: Workspace) -> None:
    workspace.set("hyper_images", families=[METADATA])
    workspace.run("hyper_images")
    images = store(workspace)
    said = images.words("metadata", [images.position(song) for song in ("c", "a", "b")])
    assert said == [["genres=rock", "year=2000s"], [], ["genres=funk", "genres=jazz", "year=1990s"]]
    assert multi_hot(said, ["genres=jazz", "genres=rock", "year=1990s"]).tolist() == [
        [0, 1, 0],
        [0, 0, 0],
        [1, 0, 1],
    ]


VECTORS = Component("earshot.families.embedding:Embedding", {"width": 2})


def bring_vectors(workspace: Workspace, table: pd.DataFrame, name: str = "embeddings.parquet") -> None:
    table.to_parquet(workspace.root / "data" / "deliveries" / "first" / name)
    workspace.set("hyper_images", families=[VECTORS])


def test_vectors_that_a_delivery_brings_are_those_of_its_songs(workspace: Workspace) -> None:
    table = pd.DataFrame({"song_id": ["c", "b", "other"], "x": [1.0, 2.0, 9.0], "y": [0.5, -2.0, 9.0]})
    bring_vectors(workspace, table)
    workspace.run("hyper_images")
    images = store(workspace)
    positions = [images.position(song) for song in ("a", "b", "c")]
    assert images.vectors("embedding", positions).tolist() == [[0, 0], [2, -2], [1, 0.5]]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (
            {"song_id": ["a", "b"], "x": [1.0, np.nan], "y": [1.0, 1.0]},
            "row 2: x=nan: wanted a finite",
        ),
        (
            {"song_id": ["b", "a", "a"], "x": [1.0, 2.0, 3.0], "y": [1.0, 2.0, 3.0]},
            "row 2: song_id='a' is that of row 3 too: wanted one row a song",
        ),
        ({"song_id": ["a"], "x": [1.0]}, "1 columns of numbers: wanted song_id and 2 columns"),
        ({"song_id": ["a"], "x": [1.0], "y": ["z"]}, "1 columns of numbers, and 'y': wanted"),
        ({"x": [1.0], "y": [1.0]}, "2 columns of numbers: wanted song_id and 2"),
    ],
)
def test_vectors_that_are_none_are_named(table: dict, words: str, workspace: Workspace) -> None:
    bring_vectors(workspace, pd.DataFrame(table))
    with pytest.raises(UserError, match=words):
        workspace.run("hyper_images")


def test_an_array_has_the_songs_of_its_delivery_in_their_order(workspace: Workspace) -> None:
    array = np.array([[1, 2], [3, 4], [5, 6]], np.float64)  # songs.csv has b, a, c
    np.save(workspace.root / "data" / "deliveries" / "first" / "vectors.npy", array)
    family = Component("earshot.families.embedding:Embedding", {"width": 2, "file": "vectors.npy"})
    workspace.set("hyper_images", families=[family])
    workspace.run("hyper_images")
    images = store(workspace)
    positions = [images.position(song) for song in "cba"]
    assert images.vectors("embedding", positions).tolist() == [[5, 6], [1, 2], [3, 4]]


def test_a_table_of_vectors_that_is_none_is_named(workspace: Workspace) -> None:
    bring_vectors(workspace, pd.DataFrame({"x": [1.0]}))
    path = workspace.root / "data" / "deliveries" / "first" / "embeddings.parquet"
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(UserError, match=r"embeddings\.parquet: not a parquet table"):
        workspace.run("hyper_images")


def test_the_snapshot_takes_them_over(workspace: Workspace) -> None:
    """Links of the frames, words of the songs that are in it."""
    from earshot.stages.training_set import _link_images

    bring_vectors(workspace, pd.DataFrame({"song_id": ["b"], "x": [3.0], "y": [4.0]}))
    workspace.set("hyper_images", families=[METADATA, SAMPLES, VECTORS])
    workspace.run("hyper_images")
    paths = workspace.paths("training_set")
    _link_images(paths, store(workspace), pd.DataFrame({"song_id": ["b", "a"]}))
    snapshot = HyperImageStore.open(paths.output / "hyper_images")
    assert snapshot.families == store(workspace).families
    assert snapshot.words("metadata", [0]) == [[]]
    assert snapshot.vectors("embedding", [0, 1]).tolist() == [[0, 0], [3, 4]]
    whole = store(workspace)
    for song in ("a", "b"):
        one, other = (each.windows([each.position(song)], [0], 20, "samples") for each in (snapshot, whole))
        assert np.array_equal(one, other)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(OWN)
    return tmp_path / "mine.py"


def test_a_users_own_family_and_a_song_that_it_cannot_make(workspace: Workspace, own: Path) -> None:
    workspace.set("hyper_images", families=[Component(f"{own}:Loudness", {})])
    summary = workspace.run("hyper_images")
    assert (summary["songs"], summary["songs_set_aside"]) == (2, 1)
    aside = workspace.table("hyper_images", "set_aside")
    assert aside["reason"].tolist() == ["loudness: shorter than a second"]
    images = store(workspace)
    loudest = images.windows([images.position("c")], [10], 4, "loudness")[0]
    assert np.allclose(loudest, 0.5, atol=0.01)


def test_what_no_family_is_is_named(workspace: Workspace, own: Path) -> None:
    def refuses(class_path: str, words: str, **init_args: object) -> None:
        workspace.set("hyper_images", families=[Component(class_path, init_args)])
        with pytest.raises(UserError, match=words):
            workspace.run("hyper_images")

    refuses(f"{own}:Loudness", r"family 'loudness' made float32 \(\d+, 1\): wanted", extra=1)
    refuses(f"{own}:Nothing", "cannot be imported")
    refuses(f"{own}:AudioError", "has no attribute 'name'")
    refuses("earshot.families.metadata:Metadata", "wanted some of genres, tags, year", fields=["mood"])
    workspace.set("hyper_images", families=[METADATA, METADATA])
    with pytest.raises(UserError, match="metadata, metadata: wanted every name once"):
        workspace.run("hyper_images")
    workspace.set("hyper_images", families=[])
    workspace.run("hyper_images")
    with pytest.raises(UserError, match=r"family 'samples' is not there: it holds chroma, .*tonnetz"):
        store(workspace).windows([0], [0], 1, "samples")


def test_another_version_or_setting_is_another_key_and_the_images_is_never_touched() -> None:
    samples = described(Samples16(), DEFAULTS)
    assert samples == families_of(DEFAULTS.__class__(**vars(DEFAULTS) | {"families": [SAMPLES]}))[0]
    changed = DEFAULTS.__class__(**vars(DEFAULTS) | {"hop_length": 256})
    assert described(Samples16(), changed).key != samples.key
    later = type("Later", (Samples16,), {"version": 2})
    assert described(later(), DEFAULTS).key != samples.key
    assert described(Metadata(["genres"]), DEFAULTS).key != described(Metadata(), DEFAULTS).key
    with_families = DEFAULTS.__class__(**vars(DEFAULTS) | {"families": [SAMPLES, METADATA]})
    assert feature_key(with_families) == feature_key(DEFAULTS)


@pytest.mark.parametrize(
    ("component", "md5"),
    [(SAMPLES, "6d87fb0bf32b697ce1078921f6e0239f"), (METADATA, "4d624608d96aa1ae0cf583f882014799")],
)
def test_bytes_change_with_the_version_alone(component: Component, md5: str) -> None:
    """Whoever changes what a family makes raises its `version`, then puts the new md5 here."""
    family = load_family(component)
    row = {"genres": "Jazz; funk", "year": "1994", "tags": "live"}
    made = family.compute(SongSource(row, lambda _: iter([SAWTOOTH, SAWTOOTH[:900]])), DEFAULTS)
    content = made.tobytes() if isinstance(made, np.ndarray) else "\n".join(made).encode()
    assert (family.version, hashlib.md5(content, usedforsecurity=False).hexdigest()) == (1, md5)
