"""Where in a recording the windows of its hyper-image lie."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from earshot.errors import UserError
from earshot.features.hyper_image import feature_key
from earshot.params import load_params
from earshot.queries.state import ServedState
from earshot.queries.windows import image_in_recording
from earshot.store.reader import HyperImageStore
from earshot.store.rows import ImageFormat, Row
from earshot.versioning import PreviousOutput, add_object, cache_path, file_md5

PARAMS = Path(__file__).parents[2] / "params.yaml"
EXCERPT = load_params(PARAMS).hyper_images.excerpt_seconds


@pytest.fixture
def served(tmp_path: Path) -> ServedState:
    """Of recordings of the length of an excerpt and longer, one of which has sound at its end alone."""
    long = EXCERPT + 70
    table = pd.DataFrame(
        {
            "song_id": ["whole", "long", "late"],
            "seconds": [EXCERPT, long, 3 * EXCERPT],
            "silences": [None, None, f"0-{2 * EXCERPT:.0f}"],
        }
    )
    table.to_parquet(tmp_path / "songs.parquet")
    cache, md5 = tmp_path / "cache", file_md5(tmp_path / "songs.parquet")
    add_object(cache, md5, tmp_path / "songs.parquet")
    folder = cache_path(cache, "0123.dir")
    folder.parent.mkdir(parents=True)
    folder.write_text(json.dumps([{"relpath": "songs.parquet", "md5": md5}]))
    shutil.copy(PARAMS, tmp_path / "params.yaml")
    return ServedState(tmp_path, "one", {"raw_audio": PreviousOutput(cache, "0123.dir")})


def store(key: str) -> HyperImageStore:
    songs = pd.DataFrame({"song_id": [], "shard": [], "first_frame": [], "n_frames": []})
    return HyperImageStore(Path(), ImageFormat(key, 22050, 512, (Row("mel_0", "mel", 0.0, 1.0),)), songs)


def test_an_excerpt_lies_where_it_was_taken(served: ServedState) -> None:
    images = store(feature_key(load_params(PARAMS).hyper_images))
    # an image has a frame more than its sound has hops
    assert image_in_recording(served, images, "whole", EXCERPT + 0.02) == (0.0, EXCERPT)
    assert image_in_recording(served, images, "long", EXCERPT) == (35.0, EXCERPT + 35)
    assert image_in_recording(served, images, "late", EXCERPT) == (2 * EXCERPT, 3 * EXCERPT)


def test_where_another_excerpt_would_be_taken_now_it_is_not_guessed(served: ServedState) -> None:
    images = store("another key")
    assert image_in_recording(served, images, "whole", EXCERPT) == (0.0, EXCERPT)
    with pytest.raises(UserError, match=r"of feature key another key, params\.yaml makes"):
        image_in_recording(served, images, "long", EXCERPT)
