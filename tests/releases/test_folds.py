"""A recipe judged by models of every fold: on the tiny world with two folds, each with a toy encoder."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import pytest

from earshot import releases
from tests.releases.tiny_workspace import Repository, World, write_fold_model, write_model


@pytest.mark.soak
def test_models_of_every_fold_are_judged_together_kept_and_never_served(
    repository: Repository, tmp_path: Path
) -> None:
    world, first = World(), repository.pointer()["release"]
    alone = repository.decisions()[first]
    assert alone["folds"] == {name: [0] for name in ("candidate", "random", "shuffled_content")}

    write_model(repository.root / "made", seed=2)
    write_fold_model(repository.root / "made", seed=2)
    repository.repro("release")
    second = repository.pointer()["release"]
    decision = repository.decisions()[second]
    assert second != first
    both = {name: [0, 1] for name in ("candidate", "random", "shuffled_content")}
    assert decision["folds"] == both | {first: [0]}  # of which there is one model
    assert decision["songs"] == world.played.any(axis=0).sum() > alone["songs"]
    artists = {name: each["auc"]["artists"] for name, each in decision["differences"].items()}
    heard = len(set(world.artist_ids[world.played.any(axis=0)]))
    assert artists == {"random": heard, "shuffled_content": heard, first: artists[first]}
    assert artists[first] < heard
    told = {rule["name"]: rule["told"] for rule in decision["rules"]}
    assert told["chance"].endswith("; over models of 2 folds")
    widths = [
        each["differences"]["random"]["auc"]["high"] - each["differences"]["random"]["auc"]["low"]
        for each in (decision, alone)
    ]
    assert widths[0] < widths[1]

    write_model(repository.root / "made", seed=3)
    write_fold_model(repository.root / "made", seed=3)
    repository.repro("release")
    third = repository.pointer()["release"]
    decision = repository.decisions()[third]
    assert decision["folds"] == both | {second: [0, 1], first: [0]}  # `first` is the best release kept
    assert decision["differences"][second]["auc"]["artists"] == heard

    repository.earshot("gc", "--really")
    assert repository.earshot("verify", second).endswith("all as they were\n")
    assert "fold_models/1/encoder.pt" in releases.show_release(repository.root, second)["files"]
    repository.earshot("release", "export", second, str(tmp_path / "archive.zip"))
    with ZipFile(tmp_path / "archive.zip") as archive:
        assert not [name for name in archive.namelist() if "fold_models" in name]
    assert second in repository.earshot("release", "import", str(tmp_path / "archive.zip"))
