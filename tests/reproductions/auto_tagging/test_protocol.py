"""Songs and tags that take part, folds, systems and their table, on a small catalogue."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from auto_tagging.heads import two_layer_head
from auto_tagging.networks import tag_scores, tagger
from auto_tagging.params import AutoTagging, TagChoice, TagFolds, Tagger, TagTraining
from auto_tagging.protocol import TagFold, make_tag_fold, read_tag_task
from auto_tagging.systems import CONTROLS, artist_mean
from auto_tagging.table import compare_taggers, judge
from earshot.errors import UserError
from earshot.predictors.inputs import consecutive
from tests.reproductions.tagged import ENCODER, write_tagged

CHOICE = TagChoice("tags", 50, 2)
TRAINING = TagTraining(
    window_seconds=0.25,
    batch_size=16,
    max_epochs=1,
    patience=1,
    learning_rate=0.01,
    weight_decay=0.0,
    ema_decay=0.9,
    windows_per_song=4,
)
PARAMS = AutoTagging(
    tags=CHOICE,
    folds=TagFolds(["song", "artist"], 4, [0], [0], 0.2),
    words=10,
    networks={"tiny": Tagger(ENCODER, TRAINING)},
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_tagged(tmp_path_factory.mktemp("tagged"))


def _fold(folders: tuple[Path, Path], work: Path, by: str = "song") -> TagFold:
    return make_tag_fold(read_tag_task(*folders, CHOICE), PARAMS, by, 0, 0, work)


def test_who_takes_part(tmp_path: Path) -> None:
    tags = ["a;b", "a", "b;c", "", "a", "c;a", "c; b;"] + ["a"] * 53
    changed = {"tags": tags, "withdrawn": [False] * 59 + [True]}
    folders = write_tagged(tmp_path, **changed)
    task = read_tag_task(*folders, TagChoice("tags", 50, 2))
    assert task.tags == ["a", "b", "c"]  # 56, 3 and 3 of 59 songs; of equals the first by name
    assert task.labels[:3].tolist() == [[True, True, False], [True, False, False], [False, True, True]]
    assert len(task.songs) == 58
    assert task.left_out == {"songs without a tag": 1, "songs with rarer tags alone": 0, "rarer tags": 0}
    frequent = read_tag_task(*folders, TagChoice("tags", 1, 3))
    assert frequent.tags == ["a"]
    assert frequent.left_out == {"songs without a tag": 1, "songs with rarer tags alone": 2, "rarer tags": 2}


@pytest.mark.parametrize(
    ("columns", "column", "said"),
    [
        ({"tags": ""}, "tags", "of 0 names none .* 60 songs with sound.* none; tags of more songs"),
        ({}, "genres", "of 1 names none .* lack it: pop 60"),
    ],
)
def test_a_catalogue_without_tags_is_named(
    tmp_path: Path, columns: dict[str, object], column: str, said: str
) -> None:
    with pytest.raises(UserError, match=f"songs.parquet, column {column}: {said}"):
        read_tag_task(*write_tagged(tmp_path, **columns), replace(CHOICE, column=column))


def test_one_artist_alone_cannot_be_split_by_artist(tmp_path: Path) -> None:
    task = read_tag_task(*write_tagged(tmp_path, artist_id="only"), CHOICE)
    with pytest.raises(UserError, match=r"by artist, fold 0 has none of \d+ songs of 1 artists to"):
        make_tag_fold(task, PARAMS, "artist", 0, 0, tmp_path)
    fold = make_tag_fold(task, PARAMS, "song", 0, 0, tmp_path)
    found = judge(fold, {"linear_statistics": CONTROLS["linear_statistics"]}, "linear_statistics")
    assert np.isnan(found["linear_statistics"].interval("auc").low)  # one artist is too few to say


def test_tags_that_lie_on_one_side_are_an_error_or_not_judged(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    fold = _fold(folders, tmp_path)
    labels = fold.task.labels.copy()
    labels[fold.test] = False
    with pytest.raises(UserError, match="none of 3 tags is one that some songs have and others lack"):
        make_tag_fold(replace(fold.task, labels=labels), PARAMS, "song", 0, 0, tmp_path)
    only = TagFolds(["song"], 4, [fold.number], [0], 0.2)
    there = fold.task.labels.copy()
    there[fold.test, 2] = False
    there[fold.training[0], 2] = True
    task = replace(fold.task, labels=there)
    table = compare_taggers(task, replace(PARAMS, folds=only), CONTROLS, "linear_bow", tmp_path / "work")
    assert table.metrics["splits"]["song"]["folds"]["0"]["tags_not_on_both_sides"] == ["rare"]
    rare = table.per_tag[table.per_tag["tag"] == "rare"]
    assert len(rare) == len(CONTROLS) + 1
    assert rare["auc"].isna().all()


@pytest.mark.parametrize("by", ["song", "artist"])
def test_nothing_kept_together_is_on_both_sides(folders: tuple[Path, Path], tmp_path: Path, by: str) -> None:
    fold = _fold(folders, tmp_path, by)
    rows = np.concatenate([fold.training, fold.validation, fold.test])
    assert np.array_equal(np.sort(rows), np.arange(len(fold.task.songs)))
    artists = [set(fold.task.artists[side]) for side in (fold.training, fold.validation, fold.test)]
    if by == "artist":
        assert not artists[0] & artists[1]
        assert not artists[2] & (artists[0] | artists[1])
    else:
        assert artists[2] & artists[0]


def test_songs_of_one_file_are_on_one_side_and_of_one_artist(tmp_path: Path) -> None:
    folders = write_tagged(tmp_path, audio_md5=[f"md5-{n % 30}" for n in range(60)])
    fold = _fold(folders, tmp_path)
    test = fold.task.songs["audio_md5"].iloc[fold.test]
    assert not set(test) & set(fold.task.songs["audio_md5"][fold.learn])
    by_file = dict(zip(fold.task.songs["audio_md5"], fold.task.artists, strict=True))
    assert [by_file[md5] for md5 in fold.task.songs["audio_md5"]] == fold.task.artists.tolist()


def test_the_artists_other_songs(folders: tuple[Path, Path], tmp_path: Path) -> None:
    fold = _fold(folders, tmp_path)
    scores, task = artist_mean(fold), fold.task
    for line, row in enumerate(fold.test):
        others = [n for n in np.flatnonzero(task.artists == task.artists[row]) if n not in fold.test]
        assert scores[line] == pytest.approx(task.labels[others or fold.learn].mean(axis=0))


def test_a_song_is_the_mean_of_its_windows_after_the_sigmoid(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    fold, cnn = _fold(folders, tmp_path), PARAMS.networks["tiny"].cnn
    scores, encoder, store = tag_scores(fold, "tiny", cnn), tagger(fold, "tiny", cnn), fold.task.store
    for line, row in enumerate(fold.test):
        image = store.frames(int(fold.task.positions[row]))
        starts = consecutive(len(image), encoder.n_frames)
        windows = [np.resize(image[s:], (encoder.n_frames, image.shape[1])) for s in starts]
        with torch.inference_mode():
            logits = [encoder(torch.from_numpy(window[None].copy())).numpy()[0] for window in windows]
        probabilities = [1 / (1 + np.exp(-each.astype(np.float64))) for each in logits]
        # `rare` has a song to learn from: all three are outputs, in the order of how frequent they are there
        assert scores[line] == pytest.approx(np.mean(probabilities, axis=0), abs=1e-5)


def test_two_layers_tell_what_vectors_say_and_the_same_twice(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    fold = _fold(folders, tmp_path)
    vectors = fold.task.labels[:, :2] + 0.1 * np.random.default_rng(0).normal(size=(len(fold.task.songs), 2))
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    scores = two_layer_head(fold, vectors)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert np.array_equal(scores, two_layer_head(fold, vectors))
    told = scores[:, :2] > 0.5
    assert (told == fold.task.labels[fold.test, :2]).mean() > 0.9


def test_the_whole_table_and_what_a_killed_run_has_kept(folders: tuple[Path, Path], tmp_path: Path) -> None:
    task = read_tag_task(*folders, CHOICE)
    cnn = PARAMS.networks["tiny"].cnn
    makes = {**CONTROLS, "tiny": lambda fold: tag_scores(fold, "tiny", cnn)}
    table = compare_taggers(task, PARAMS, makes, "tiny", tmp_path)
    for by in ("song", "artist"):
        systems = table.metrics["splits"][by]["systems"]
        assert list(systems) == ["shuffled_content", *makes]
        assert systems["tag_frequency"]["auc"] == 0.5
        assert systems["linear_statistics"]["auc"] > 0.8
    assert table.metrics["splits"]["artist"]["systems"]["artist_mean"]["auc"] == 0.5
    assert table.metrics["splits"]["artist"]["folds"]["0"]["artists_on_both_sides"] == 0
    assert "tiny_minus_linear_bow" in table.differences["song"]

    def refuse(fold: TagFold) -> np.ndarray:
        raise AssertionError("made again")

    again = compare_taggers(task, PARAMS, dict.fromkeys(makes, refuse), "tiny", tmp_path)
    assert again.metrics == table.metrics
