"""Tags are asked of songs that no network has learned from, in whatever way they are held out."""

from dataclasses import replace
from pathlib import Path

import pytest

from auto_tagging.params import TagChoice, Tagging
from auto_tagging.protocol import make_tag_fold, read_tag_task
from earshot.catalogue import split
from earshot.params import read_params
from earshot.stages.training_set import split_ids
from lee_2018_dcue.cross_validation import tag_folds
from lee_2018_dcue.params import Lee2018
from tests.reproductions.tagged import write_tagged

PARAMS = Path(__file__).parents[3] / "reproductions" / "lee_2018_dcue" / "params.yaml"


@pytest.mark.parametrize("by", ["song", "artist", "mixed"])
def test_tags_are_asked_of_the_songs_that_are_cold(tmp_path, by):
    folds = replace(read_params(PARAMS, Lee2018).folds, by=by)
    choice = TagChoice("tags", n_tags=2, least_songs=5)
    task = read_tag_task(*write_tagged(tmp_path), choice)
    settings = Tagging(choice, tag_folds(folds), words=10)
    asked = {
        tuple(make_tag_fold(task, settings, way, 0, 0, tmp_path).test.tolist()) for way in settings.folds.by
    }
    cold = split.cold(*split_ids(task.songs), folds.split(0))
    assert asked == {tuple(cold.nonzero()[0].tolist())}
    assert 0 < cold.sum() < len(cold)
