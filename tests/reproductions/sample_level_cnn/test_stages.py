"""The two stages on a few sounds, the settings that come with them, and what the claims say of a table."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile

from auto_tagging.params import TagChoice, TagFolds, Tagging
from earshot.errors import UserError
from earshot.params import read_params
from earshot.stages.paths import Paths
from earshot.versioning import PreviousOutput
from sample_level_cnn import domains, tags
from sample_level_cnn.claims import claims_of
from sample_level_cnn.domains import read_domain
from sample_level_cnn.params import Domain, SampleLevelCnn, SampleNetwork, Segments, Stages, TagSettings
from tests.reproductions.sample_level_cnn.test_readers import write_commands
from tests.reproductions.tagged import write_tagged

FOLDER = Path(__file__).parents[3] / "reproductions" / "sample_level_cnn"
STAGES = Stages(batch_size=16, learning_rate=0.05, factor=0.2, stages=1, patience=2, max_epochs=2)
RAW = {"first": 9, "channels": [4, 4, 4, 4]}
TAGS = TagSettings(
    tagging=Tagging(TagChoice("tags", 5, 2), TagFolds(["song"], 4, [1], [0], 0.2), 8),
    segments=Segments(22050, 1, 2500),
    training=STAGES,
    networks={
        "longer": SampleNetwork({"first": 27, "channels": [4, 4, 4]}, 10.0),
        "mel": SampleNetwork({"channels": [4, 4]}, 10.0, mel=True),
        "raw": SampleNetwork(RAW, 10.0),
        "se": SampleNetwork({**RAW, "block": "se"}, 10.0),
    },
    candidate="raw",
    pictures="raw",
    gates="se",
)
SECOND = Segments(22050, 1, 22050)
DOMAIN = Domain(
    "made_words",
    SECOND,
    STAGES,
    {"raw": SampleNetwork({"first": 243, "channels": [4, 4, 4]}, 1.0)},
    0,
    None,
    6,
)
PARAMS = SampleLevelCnn(TAGS, {"words": DOMAIN}, 0.1, 100)


def paths_in(root: Path) -> Paths:
    folders = [root / name for name in ("output", "work", "failed")]
    for folder in folders:
        folder.mkdir()
    return Paths(root, *folders, PreviousOutput(root / "cache", None))


def content(path: Path) -> Any:
    return json.loads(path.read_text())


def write_catalogue(root: Path) -> None:
    """The tagged catalogue with a sound a song: what is loud is loud, what is bright is high."""
    names = [f"data/s{n}.wav" for n in range(60)]
    write_tagged(root / "data", audio=names, seconds=0.1)
    songs = pd.read_parquet(root / "data" / "raw_audio" / "songs.parquet")
    for song in songs.itertuples():
        tones = np.sin(np.arange(2205) * (0.8 if "bright" in song.tags else 0.1))
        soundfile.write(root / song.audio, (0.8 if "loud" in song.tags else 0.05) * tones, 22050)


@pytest.mark.soak
def test_tags_from_samples_go_on_and_end_in_the_same_files(tmp_path: Path) -> None:
    write_catalogue(tmp_path)
    paths = paths_in(tmp_path)
    summary = tags.run(paths, PARAMS)
    assert summary["checks"][0]["name"] == "hears_tags"
    systems = content(paths.output / "metrics.json")["splits"]["song"]["systems"]
    assert [name for name in systems if name in TAGS.networks] == list(TAGS.networks)
    assert {"shuffled_content", "linear_bow", "linear_statistics", "artist_mean"} <= systems.keys()
    epochs = content(paths.output / "epochs.json")
    assert [len(epochs[name]) for name in TAGS.networks] == [2] * 4
    claims = content(paths.output / "claims.json")
    assert {claim["verdict"] for claim in claims} <= {"holds", "does not hold", "cannot be told"}
    with np.load(paths.output / "filters.npz") as filters, np.load(paths.output / "gates.npz") as gates:
        assert [filters[name].shape for name in filters] == [(4, 365)] * 4
        assert gates["block_3"].shape == (3, 4)
    before = {file.name: file.read_bytes() for file in paths.output.iterdir()}
    for file in paths.output.iterdir():
        file.unlink()
    assert tags.run(paths, PARAMS) == summary  # out of what is kept
    assert {file.name: file.read_bytes() for file in paths.output.iterdir()} == before


def test_a_song_whose_sound_is_gone_and_a_network_that_cannot_be_are_named(tmp_path: Path) -> None:
    write_catalogue(tmp_path)
    paths = paths_in(tmp_path)
    short = replace(TAGS, segments=Segments(22050, 1, 200))
    with pytest.raises(
        UserError, match=r"tags.networks.longer.init_args: n_samples=200: wanted 243 at least"
    ):
        tags.run(paths, replace(PARAMS, tags=short))
    songs = pd.read_parquet(tmp_path / "data" / "raw_audio" / "songs.parquet")
    (tmp_path / str(songs.loc[songs["tags"] != "", "audio"].iloc[0])).unlink()
    with pytest.raises(UserError, match=r"s\d+.wav: .*; it had a hyper-image"):
        tags.run(paths, PARAMS)


def test_made_words_are_learned_beside_what_must_be_beaten(tmp_path: Path) -> None:
    paths = paths_in(tmp_path)
    summary = domains.run(paths, PARAMS)
    found = content(paths.output / "metrics.json")["words"]
    assert found["metric"] == "accuracy"
    assert found["clips"] == {"training": 160, "validation": 40, "test": 40}
    assert list(found["systems"]) == ["most_frequent", "linear_statistics", "raw"]
    assert found["systems"]["linear_statistics"]["value"] > found["systems"]["most_frequent"]["value"] == 0.1
    assert summary["words_raw_accuracy"] == found["systems"]["raw"]["value"]
    assert domains.run(paths, PARAMS) == summary


def test_a_folder_that_is_not_there_and_one_that_is(tmp_path: Path) -> None:
    domain = replace(DOMAIN, source="speech_commands", folder="commands", size=None)
    with pytest.raises(UserError, match="folder='commands': not there; wanted a folder of speech_commands"):
        read_domain(domain, tmp_path, tmp_path / "samples.npy")
    write_commands(tmp_path / "commands")
    task = read_domain(domain, tmp_path, tmp_path / "samples.npy")
    assert task.samples.shape == (4, 1, 22050)
    with pytest.raises(UserError, match="wanted 1 of 22050 at 22050 Hz"):
        read_domain(replace(DOMAIN, segments=Segments(16000, 1, 16000)), tmp_path, tmp_path)


def test_a_source_and_what_is_drawn_must_be_there() -> None:
    with pytest.raises(ValueError, match="source='dcase_2017': wanted size where it is made, folder where"):
        replace(DOMAIN, source="dcase_2017")
    with pytest.raises(ValueError, match="gates='raw': wanted one of the networks of samples with squeeze"):
        replace(TAGS, gates="raw")
    with pytest.raises(ValueError, match="pictures='mel': wanted one of the networks of samples"):
        replace(TAGS, pictures="mel")


def test_small_is_what_runs_and_full_is_the_papers() -> None:
    small = read_params(FOLDER / "small.yaml", SampleLevelCnn)
    assert read_params(FOLDER / "params.yaml", SampleLevelCnn) == small
    full = read_params(FOLDER / "full.yaml", SampleLevelCnn)
    assert full.tags.training == Stages(23, 0.01, 0.2, 5, 3, 100)
    assert {each.source for each in full.domains.values()} == {
        "magnatagatune",
        "speech_commands",
        "dcase_2017",
    }


def differences(*values: float) -> dict[str, Any]:
    low, value, high = values
    return {"auc": value, "auc_ci95_artists": [low, high]}


def test_claims_by_their_intervals() -> None:
    table = {
        "raw_minus_longer": differences(0.01, 0.02, 0.03),
        "se_minus_raw": differences(-0.03, 0.0, 0.03),
        "raw_minus_mel": differences(-0.09, -0.05, -0.02),
    }
    assert [claim.verdict for claim in claims_of(table, TAGS)] == ["holds", "cannot be told", "does not hold"]
    near = {"raw_minus_mel": differences(-0.009, 0.0, 0.01)}
    found = claims_of(near, TAGS)
    assert [claim.verdict for claim in found] == ["cannot be told", "cannot be told", "holds"]
    assert found[0].here == "raw or longer is not in this table"
