"""Songs unlike anything trained on: told where they are recommended, held back where that is asked for."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from numpy.testing import assert_allclose

from earshot.catalogue.play_counts import write_play_counts
from earshot.classes import Component
from earshot.features.hyper_image import format_of
from earshot.files import write_json, write_table
from earshot.params import NewSongs, load_params
from earshot.predictors.familiar import Familiar
from earshot.predictors.load import save_encoder
from earshot.predictors.song_encoder import build, describe
from earshot.queries import answers
from earshot.queries.hearing import hear
from earshot.queries.state import ServedState
from earshot.stages import recommendations
from earshot.versioning import PreviousOutput
from tests.stages.delivered import contents, into_cache, params_with, paths_of

PROJECT = Path(__file__).parents[2]
CONVOLUTIONAL = "earshot.encoders.convolutional:ConvolutionalEncoder"
SONGS = pd.DataFrame(
    [  # song, listeners, heard, unlike, delivery, direction in degrees
        ("deep", 0, True, False, "fine", 40),
        ("high", 0, True, False, "fine", 79.5),
        ("hiss", 0, True, True, "odd", 20),
        ("hum", 0, True, False, "odd", 30),
        ("roar", 0, True, True, "odd", 10),
        ("said", 1, False, False, "fine", 41),
        ("sung", 2, True, True, "odd", 60),
    ],
    columns=["song_id", "n_listeners", "heard", "unlike", "delivery", "degrees"],
)
ARTISTS = {"hiss": "noise", "roar": "noise", "hum": "noise", "deep": "", "high": ""}


def write_world(root: Path) -> None:
    data = root / "data"
    for folder in ("served_factors", "play_counts", "raw_audio"):
        (data / folder).mkdir(parents=True)
    angle = np.radians(SONGS["degrees"].to_numpy())
    np.save(data / "served_factors" / "item_factors.npy", np.stack([np.cos(angle), np.sin(angle)], 1))
    np.save(data / "served_factors" / "user_factors.npy", np.array([[1.0, 0.0], [0.0, 1.0]], np.float32))
    write_table(
        data / "served_factors" / "items.parquet", SONGS[["song_id", "n_listeners", "heard", "unlike"]]
    )
    write_table(data / "served_factors" / "users.parquet", pd.DataFrame({"user_id": ["ann", "bob"]}))
    write_json(data / "served_factors" / "summary.json", {"release": "one"})
    plays = pd.DataFrame({"user": [0, 0, 1], "item": [0, 1, 1], "play_count": 1})
    write_play_counts(data / "play_counts", np.array(["ann", "bob"]), np.array(["said", "sung"]), plays)
    catalogue = SONGS[["song_id", "delivery"]].assign(title="A", artist="B", genres="", withdrawn=False)
    catalogue["artist_id"] = catalogue["song_id"].map(ARTISTS).fillna("")
    write_table(data / "raw_audio" / "songs.parquet", catalogue)


def listed(root: Path, hold_back: str) -> tuple[list[str], dict[str, object]]:
    """What is recommended to ann, and the summary."""
    paths = paths_of(root, "recommendations")
    summary = recommendations.run(paths, params_with("drift", hold_back=hold_back))
    lists = pd.read_parquet(paths.output / "recommendations.parquet")
    return lists.loc[lists["user_id"] == "ann", "song_id"].tolist(), summary


def test_a_delivery_mostly_unlike_anything_is_held_back_where_that_is_asked_for(tmp_path: Path) -> None:
    write_world(tmp_path)
    songs, summary = listed(tmp_path, "never")
    assert songs == ["roar", "hiss", "hum", "deep", "high"]
    assert summary["notices"] == []
    songs, summary = listed(tmp_path, "far")
    assert songs == ["deep", "high"]  # three of the four songs of `odd` are unlike
    assert json.dumps(summary["notices"]).count("odd: 3 songs held back") == 1  # not what somebody has played


def test_rules_are_kept_and_songs_that_come_are_merged(tmp_path: Path) -> None:
    write_world(tmp_path)
    data = tmp_path / "data"
    songs, vectors = data / "served_factors" / "items.parquet", data / "served_factors" / "item_factors.npy"
    served, placed = pd.read_parquet(songs), np.load(vectors)
    # "deep", and "hum" of a capped artist, come later
    first = ~served["song_id"].isin(["deep", "hum"]).to_numpy()
    rules = params_with("recommendations", new_songs=NewSongs(share=0.5), max_per_artist=1)

    def run(come: np.ndarray) -> tuple[dict[str, bytes], list[str]]:
        write_table(songs, served[come].reset_index(drop=True))
        np.save(vectors, placed[come])
        paths = paths_of(tmp_path, "recommendations")
        recommendations.run(paths, rules)
        lists = pd.read_parquet(paths.output / "recommendations.parquet")
        return contents(paths.output), lists.loc[lists["user_id"] == "ann", "song_id"].tolist()

    assert run(first)[1] == ["roar", "high"]  # ann has played the others
    merged, listed = run(np.ones(len(served), dtype=bool))
    assert listed == ["roar", "deep", "high"]
    shutil.rmtree(data / "recommendations")
    assert run(np.ones(len(served), dtype=bool))[0] == merged
    # a song that is said to be of another artist is looked at anew
    catalogue = pd.read_parquet(data / "raw_audio" / "songs.parquet")
    catalogue.loc[catalogue["song_id"] == "deep", "artist_id"] = "noise"
    write_table(data / "raw_audio" / "songs.parquet", catalogue)
    assert run(np.ones(len(served), dtype=bool))[1] == ["roar", "high"]


def test_answers_say_what_is_unlike_anything_and_by_what_neighbours_are_near(tmp_path: Path) -> None:
    write_world(tmp_path)
    listed(tmp_path, "never")
    cache, stages = tmp_path / "cache", ("served_factors", "recommendations", "play_counts", "raw_audio")
    kept = {stage: into_cache(cache, tmp_path / "data" / stage) for stage in stages}
    outputs = {stage: PreviousOutput(cache, md5) for stage, md5 in kept.items()}
    served = ServedState(tmp_path, "one", outputs)
    told = {row["song_id"]: row["note"] for row in answers.recommend(served, "ann", 9)}
    unlike = "unlike anything trained on"
    assert told == {"roar": unlike, "hiss": unlike, "hum": "", "deep": "", "high": ""}
    near = answers.similar(served, "deep", 3)  # nobody has played it: songs without a sound come last
    assert [(row["song_id"], row["by"]) for row in near] == [
        ("hum", "sound"),
        ("hiss", "sound"),
        ("sung", "sound and plays"),
    ]
    near = answers.similar(served, "sung", 2)
    assert [(row["song_id"], row["by"]) for row in near] == [("said", "plays"), ("high", "sound")]
    assert [row["song_id"] for row in answers.similar(served, "deep", 9)] == [
        *("said", "hum", "hiss", "sung", "roar", "high"),  # too few: all
    ]
    assert answers.similar(served, "deep", 1, csls=True)[0]["cosine"] > 0.9


def test_a_file_unlike_anything_is_said_to_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "params.yaml").write_bytes((PROJECT / "params.yaml").read_bytes())
    soundfile.write(tmp_path / "hiss.wav", 0.1 * np.random.default_rng(0).standard_normal(22050), 22050)
    image_format = format_of(load_params(tmp_path / "params.yaml").hyper_images)
    described = describe(Component(CONVOLUTIONAL, {"channels": 4, "hidden": 4}), image_format, 0.5, 2)
    encoder = build(described)
    encoder.output_mean.copy_(torch.tensor([30.0, 0.0]))
    n_rows = len(described.rows)
    encoder.familiar = Familiar([3.0, 4.0], 9.0, [0.0] * 2 * n_rows, [1.0] * 2 * n_rows, 0.01)
    folder = tmp_path / "data" / "served_factors" / "release" / "cnn_checkpoint"
    folder.mkdir(parents=True)
    save_encoder(folder, encoder, described)
    cache = tmp_path / "cache"
    kept = PreviousOutput(cache, into_cache(cache, tmp_path / "data" / "served_factors"))
    vector = hear(ServedState(tmp_path, "one", {"served_factors": kept}), tmp_path / "hiss.wav")
    assert "hiss.wav: unlike anything trained on" in capsys.readouterr().err
    assert_allclose(vector, [3, 4], atol=1e-3)  # so far out that the mean is left
