"""`earshot advise`: on a snapshot as the stages leave it, up to the page."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from earshot.errors import UserError
from earshot.factors.numbers import write_numbers
from earshot.lanes.advise import advise
from earshot.params import WmfFactors
from earshot.store.families import StoredFamily
from earshot.store.reader import HyperImageStore, write_store
from earshot.store.song_values import write_values
from tests.training.heard import N_SONGS, write_training_set

VECTORS = StoredFamily("network", "key", "song", "<f4", 2)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Songs whose vectors are what decides taste; genres of a third, which say nothing."""
    root = tmp_path_factory.mktemp("workspace")
    folder = root / "data" / "training_set"
    write_training_set(folder)
    songs = pd.read_parquet(folder / "songs.parquet")
    songs["genres"] = [f"genre-{n % 2}" if n % 3 == 0 else None for n in range(N_SONGS)]
    songs["tags"], songs["cold"] = None, False  # all of them are tried on
    songs.to_parquet(folder / "songs.parquet")
    store = HyperImageStore.open(folder / "hyper_images")
    traits = [store.image(song)[[1, 3]].mean(axis=1) for song in songs["song_id"]]
    write_values(store.folder, VECTORS, songs["song_id"].tolist(), np.array(traits, np.float32))
    write_store(store.folder, store.format, store.songs, [VECTORS])
    search = root / "data" / "wmf_search"
    search.mkdir()
    write_numbers(search, WmfFactors(3, 2.0, 1.0, 5.0, 6))
    for name in ("params.yaml", "dvc.yaml"):
        (root / name).write_bytes(Path(name).read_bytes())
    return root


def test_what_is_stored_is_tried_and_said(root: Path) -> None:
    found = advise(root)
    assert found["songs"] == N_SONGS
    assert found["known"] == {"sound": 1.0, "genres": pytest.approx(1 / 3), "network": 1.0}
    lines = {" + ".join(line["blocks"]): line for line in found["blocks"]}
    assert list(lines) == [
        "sound",
        "genres",
        "network",
        "sound + genres",
        "sound + network",
        "sound + genres + network",
        "genres + network",
    ]
    assert lines["network"]["auc"] > 0.6 > lines["genres"]["auc"]
    assert {" + ".join(line["blocks"]) for line in found["artist"]} == {"sound", "artist", "sound + artist"}
    assert [sentence.partition(":")[0] for sentence in found["advice"]] == ["genres", "network", "artist"]


def test_the_command_prints_it_and_gives_it_to_the_page(root: Path) -> None:
    source = str(Path("src").absolute())
    done = subprocess.run(
        [sys.executable, "-m", "earshot", "advise"],
        cwd=root,
        env={"PYTHONPATH": source, "PATH": "/usr/bin:/bin", "HOME": str(root)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "sound + network" in done.stdout
    written = (root / "data" / "advice.js").read_text()
    section = json.loads(written.removeprefix("const advice = ").removesuffix(";\n"))
    assert "<h2>What else to tell the encoder</h2>" in section
    assert section.count("<tr>") == 2 + 7 + 3  # two tables with their heads


def test_without_a_training_set_it_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no workspace of earshot"):
        advise(tmp_path)
