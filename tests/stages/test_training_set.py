from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from earshot.catalogue.play_counts import read_play_counts, write_play_counts
from earshot.catalogue.split import cold, validation
from earshot.errors import UserError
from earshot.files import write_json, write_table
from earshot.params import Split, TrainingSet
from earshot.stages import training_set
from earshot.store.reader import HyperImageStore, write_store
from earshot.store.rows import ImageFormat, Row
from earshot.store.shards import write_shard
from tests.stages.delivered import contents, params_with, paths_of

N_SONGS = 80
SONGS = np.array([f"s{number:02d}" for number in range(N_SONGS)], dtype=object)


def catalogue(root: Path, played: int = 60, withdrawn: int = 1) -> None:
    """The first `played` songs and `item` have plays; the last has no image, those before are withdrawn."""
    data = root / "data"
    for name in ("raw_audio", "play_counts", "hyper_images/shards", "deliveries/d"):
        (data / name).mkdir(parents=True)
    table = pd.DataFrame({"song_id": SONGS, "artist_id": [f"a{n // 4}" for n in range(N_SONGS)]})
    for column in ("artist", "title", "genres", "tags"):
        table[column] = column
    table["source"] = "label"
    table["audio_md5"] = [f"{number:032}" for number in range(N_SONGS)]
    table["version_of"] = None
    table["audio"] = [f"data/deliveries/d/{song}.MP3" for song in SONGS]
    table["withdrawn"] = [N_SONGS - 1 - withdrawn <= number < N_SONGS - 1 for number in range(N_SONGS)]
    for song, audio in zip(SONGS, table["audio"], strict=True):
        (root / audio).write_text(f"sound of {song}")
    write_table(data / "raw_audio" / "songs.parquet", table)
    write_table(data / "raw_audio" / "files.parquet", table[["song_id", "audio_md5"]])
    write_images(data / "hyper_images")
    for name in ("raw_audio", "hyper_images"):
        write_table(data / name / "set_aside.parquet", pd.DataFrame({"reason": ["silent"]}))
    write_plays(data / "play_counts", played)


def same_sound(root: Path) -> None:
    """Songs s40 to s59 bring the files of s00 to s19, under the names of other artists."""
    folder = root / "data" / "raw_audio"
    table = pd.read_parquet(folder / "songs.parquet")
    table.loc[40:59, "audio_md5"] = table.loc[0:19, "audio_md5"].to_numpy()
    write_table(folder / "songs.parquet", table)
    write_table(folder / "files.parquet", table[["song_id", "audio_md5"]])


@pytest.mark.parametrize("by", ["song", "artist", "mixed"])
def test_one_recording_is_on_one_side_whatever_it_is_called(tmp_path: Path, by: str) -> None:
    catalogue(tmp_path / "apart")
    catalogue(tmp_path / "same")
    same_sound(tmp_path / "same")
    for root in (tmp_path / "apart", tmp_path / "same"):
        run(root, split=Split(by, 2, 0), validation_share=0.5)
    apart, same = (
        pd.read_parquet(tmp_path / name / "data" / "training_set" / "songs.parquet").set_index("song_id")
        for name in ("apart", "same")
    )
    first, again = [f"s{n:02}" for n in range(20)], [f"s{n:02}" for n in range(40, 60)]
    for column in ("cold", "validation"):
        assert (same.loc[first, column].to_numpy() == same.loc[again, column].to_numpy()).all()
        # nothing else moves: neither the songs that came first nor those of other recordings
        others = [song for song in apart.index if song not in again]
        assert (same.loc[others, column] == apart.loc[others, column]).all()
    assert (apart.loc[first, "cold"].to_numpy() != apart.loc[again, "cold"].to_numpy()).any()


def test_songs_to_stop_by_are_of_other_artists_where_the_split_is_by_artist(tmp_path: Path) -> None:
    catalogue(tmp_path)
    run(tmp_path, split=Split("artist", 4, 0), validation_share=0.5)
    songs = pd.read_parquet(tmp_path / "data" / "training_set" / "songs.parquet")
    warm = songs[~songs["cold"] & (songs["n_listeners"] > 0)]
    assert warm.groupby("artist_id")["validation"].nunique().eq(1).all()
    assert warm["validation"].nunique() == 2


@pytest.mark.parametrize("share", [0.3, 0.01])
def test_with_none_cold_songs_that_stopped_a_training_stop_the_next_one_too(
    tmp_path: Path, share: float
) -> None:
    """Whatever share params.yaml has come to want: a refit must not learn from what it is checked by."""
    catalogue(tmp_path)
    run(tmp_path, split=Split("song", 3, 1), validation_share=0.3)
    songs = pd.read_parquet(tmp_path / "data" / "training_set" / "songs.parquet")
    warm = training_set.with_none_cold(songs, TrainingSet(Split("song", 3, 1), share))
    was_cold = songs["cold"]
    assert was_cold.any()
    assert not warm["cold"].any()
    assert warm.loc[~was_cold, "validation"].tolist() == songs.loc[~was_cold, "validation"].tolist()
    by_hash = validation(songs["song_id"], share) & (songs["n_listeners"] > 0)
    assert warm.loc[was_cold, "validation"].tolist() == by_hash[was_cold].tolist()
    assert by_hash[was_cold].any() == (share == 0.3)


def write_images(folder: Path) -> None:
    """Three frames of two rows a song, in two shards; the last song has none."""
    images = [np.full((3, 2), number, dtype=np.uint8) for number in range(N_SONGS - 1)]
    write_shard(folder / "shards" / "one.npy", images[:40], 2)
    write_shard(folder / "shards" / "two.npy", images[40:], 2)
    shard = ["one"] * 40 + ["two"] * (N_SONGS - 41)
    first = [3 * (number % 40) for number in range(N_SONGS - 1)]
    index = {"song_id": SONGS[:-1], "shard": shard, "first_frame": first, "n_frames": 3}
    rows = (Row("mel_0", "mel", 0.0, 1.0), Row("mel_1", "mel", 0.0, 1.0))
    write_store(folder, ImageFormat("key", 22050, 512, rows), pd.DataFrame(index))


def write_plays(folder: Path, played: int) -> None:
    """u plays all; v the first song and the item without audio."""
    items = np.array(["item", *SONGS[:played]], dtype=object)
    pairs = [(0, item, 2) for item in range(len(items))] + [
        (1, item, 1) for item in range(min(2, len(items)))
    ]
    plays = pd.DataFrame(pairs, columns=["user", "item", "play_count"])
    write_play_counts(folder, np.array(["u", "v"], dtype=object), items, plays)
    write_json(folder / "validation.json", {"totals": {"invalid_rows": 3, "unknown_rows": 4}})


def run(root: Path, **values: Any) -> dict[str, Any]:
    return training_set.run(paths_of(root, "training_set"), params_with("training_set", **values))


def test_the_snapshot(tmp_path: Path) -> None:
    catalogue(tmp_path)
    summary = run(tmp_path)
    folder = tmp_path / "data" / "training_set"
    songs = pd.read_parquet(folder / "songs.parquet")
    split = Split("song", 4, 0)
    assert songs["song_id"].tolist() == SONGS[:-2].tolist()
    assert songs["n_listeners"].tolist() == [2] + [1] * 59 + [0] * 18
    assert (songs["cold"] == cold(songs["song_id"], songs["artist_id"], split)).all()
    warm = ~songs["cold"] & (songs["n_listeners"] > 0)
    assert (songs["validation"] == (warm & validation(songs["song_id"], 0.1))).all()
    for name in ("plays", "users", "items"):
        made, given = (
            tmp_path / "data" / stage / f"{name}.parquet" for stage in ("training_set", "play_counts")
        )
        assert made.samefile(given)
    assert read_play_counts(folder).song_ids[0] == "item"
    cold_played = int((songs["cold"] & (songs["n_listeners"] > 0)).sum())
    assert summary == {
        "listeners": 2,
        "items": 61,
        "items_without_audio": 1,
        "plays": 63,
        "songs": 78,
        "songs_without_plays": 18,
        "cold_songs_with_plays": cold_played,
        "warm_songs_with_plays": 60 - cold_played,
        "validation_songs": int(songs["validation"].sum()),
        "clips": cold_played,
        "set_aside": {
            "audio files set aside": 2,
            "invalid play rows set aside": 3,
            "play rows of unknown songs": 4,
        },
    }


def test_its_images_are_those_of_its_songs_and_links(tmp_path: Path) -> None:
    catalogue(tmp_path, withdrawn=39)
    run(tmp_path)
    store = HyperImageStore.open(tmp_path / "data" / "training_set" / "hyper_images")
    assert store.songs["song_id"].tolist() == SONGS[:40].tolist()
    assert (store.image("s07") * 255 == 7).all()
    shards = tmp_path / "data" / "training_set" / "hyper_images" / "shards"
    assert [path.name for path in shards.iterdir()] == ["one.npy"]
    assert (shards / "one.npy").samefile(tmp_path / "data" / "hyper_images" / "shards" / "one.npy")


def test_its_clips_are_cold_songs_with_plays(tmp_path: Path) -> None:
    catalogue(tmp_path)
    run(tmp_path)
    folder = tmp_path / "data" / "training_set"
    songs = pd.read_parquet(folder / "songs.parquet")
    clips = pd.read_parquet(folder / "clips" / "clips.parquet")
    assert set(clips["song_id"]) == set(songs["song_id"][songs["cold"] & (songs["n_listeners"] > 0)])
    for line in clips.itertuples():
        assert (folder / "clips" / line.clip).read_text() == f"sound of {line.song_id}"
        assert line.clip.endswith(".mp3")
        assert line.source == "label"


def test_the_same_bytes_again(tmp_path: Path) -> None:
    catalogue(tmp_path)
    folder = tmp_path / "data" / "training_set"
    run(tmp_path)
    before = contents(folder)
    run(tmp_path)
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("played", "split", "message"),
    [
        (0, Split("song", 4, 0), "no song has both plays and audio: 78 songs have audio, 1 have plays"),
        (1, Split("song", 4, 0), "of the 1 songs with both plays and audio none is (cold|warm)"),
    ],
)
def test_what_cannot_be_learned_from_is_an_error(
    tmp_path: Path, played: int, split: Split, message: str
) -> None:
    catalogue(tmp_path, played)
    with pytest.raises(UserError, match=message):
        run(tmp_path, split=split)


def test_missing_sound_is_an_error(tmp_path: Path) -> None:
    catalogue(tmp_path)
    for path in (tmp_path / "data" / "deliveries" / "d").iterdir():
        path.unlink()
    with pytest.raises(UserError, match=r"data/deliveries/d/s\d\d\.MP3: not there; `dvc checkout`"):
        run(tmp_path)
