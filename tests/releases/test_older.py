"""A release exported by an earlier commit is taken in, and hears as it did then.

tests/releases/older/ holds exports of the tiny catalogue (`python -m tests.pipeline.older COMMIT FOLDER`) and
the vectors that each heard in the golden hyper-image when it was made.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from earshot import releases
from earshot.features.hyper_image import format_of
from earshot.params import load_params
from earshot.predictors.load import load_encoder, predict
from earshot.store.reader import HyperImageStore, write_store
from earshot.store.shards import write_shard
from tests.deliveries.workspaces import empty_workspace

OLDER = Path(__file__).parent / "older"
PROJECT = Path(__file__).parents[2]
GOLDEN = PROJECT / "tests" / "features" / "golden" / "hyper_image_v1.npy"


def golden_store(folder: Path) -> HyperImageStore:
    """The golden hyper-image as the one song of a store."""
    image = np.load(GOLDEN)
    image_format = format_of(load_params(PROJECT / "params.yaml").hyper_images)
    (folder / "shards").mkdir(parents=True)
    write_shard(folder / "shards" / "one.npy", [image], image.shape[1])
    songs = {"song_id": ["golden"], "shard": ["one"], "first_frame": [0], "n_frames": [len(image)]}
    write_store(folder, image_format, pd.DataFrame(songs))
    return HyperImageStore.open(folder)


@pytest.mark.parametrize("commit", sorted(path.stem for path in OLDER.glob("*.zip")))
def test_a_release_of_before_hears_as_it_did(commit: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(OLDER / f"{commit}.zip") as archive:
        archive.extractall(tmp_path)
    encoder = load_encoder(tmp_path / "files" / "cnn_checkpoint")
    heard = predict(encoder, golden_store(tmp_path / "store"), [0])
    np.testing.assert_allclose(heard, np.load(OLDER / f"{commit}.npy"), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("commit", sorted(path.stem for path in OLDER.glob("*.zip")))
def test_a_release_of_before_is_taken_in(commit: str, tmp_path: Path) -> None:
    workspace = empty_workspace(tmp_path)
    taken = releases.import_release(workspace, OLDER / f"{commit}.zip")
    assert [each.release for each in releases.list_imported(workspace)] == [taken.release]
    assert releases.is_cached(taken, workspace)
