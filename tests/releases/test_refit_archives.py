"""Archives of releases with a refit: all of it is checked as the judged model is."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from earshot import releases
from earshot.errors import UserError
from earshot.releases.candidate import MODEL, NUMBERS
from earshot.releases.manifest import check_manifest
from tests.deliveries.workspaces import empty_workspace
from tests.releases import archives


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return empty_workspace(tmp_path / "workspace")


def with_a_refit(**changed: bytes) -> dict[str, bytes]:
    """The files of an archive whose refit is the judged model, but for those `changed`."""
    files = archives.model() | {NUMBERS: json.dumps(asdict(archives.NUMBERS)).encode()}
    return files | {f"refit/{name}": content for name, content in (files | changed).items()}


def test_an_archive_with_a_refit_is_taken_in(root: Path, tmp_path: Path) -> None:
    file = archives.pack(tmp_path / "x.zip", archives.members(with_a_refit()))
    taken = releases.import_release(root, file)
    assert set(taken.refit) == {*MODEL, NUMBERS}
    assert taken.release == archives.manifest(archives.model())["release"], "named after the judged model"
    releases.fetch(taken, root, tmp_path / "fetched")
    assert (tmp_path / "fetched" / taken.served / archives.WEIGHTS).is_file()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({archives.ENCODER: b'{"class_path": "os:system"}'}, "refit/cnn_checkpoint/encoder.json.*os:system"),
        ({archives.WEIGHTS: b"no weights"}, "refit/cnn_checkpoint/encoder.pt"),
        ({NUMBERS: b"[]"}, "refit/wmf_factors/wmf.json"),
        (
            {"wmf_factors/item_factors.npy": b"no vectors"},
            "refit/wmf_factors/item_factors.npy: wanted a float32",
        ),
        ({"cnn_checkpoint/space.json": b'{"kind": "learned"}'}, "refit/cnn_checkpoint/space.json"),
        ({"evaluation_report/metrics.json": b"{}"}, "refit/evaluation_report/metrics.json: not of a release"),
        ({archives.ENCODER: b" " * (2 << 20)}, "refit/cnn_checkpoint/encoder.json: 2,097,152 bytes"),
    ],
)
def test_a_refit_is_checked_as_the_judged_model_is(
    changed: dict[str, bytes], words: str, root: Path, tmp_path: Path
) -> None:
    file = archives.pack(tmp_path / "x.zip", archives.members(with_a_refit(**changed)))
    with pytest.raises(UserError, match=words):
        releases.import_release(root, file)


@pytest.mark.parametrize("lacking", [archives.ENCODER, NUMBERS])
def test_half_a_refit_is_refused(lacking: str, root: Path, tmp_path: Path) -> None:
    files = with_a_refit()
    del files[f"refit/{lacking}"]
    file = archives.pack(tmp_path / "x.zip", archives.members(files))
    with pytest.raises(UserError, match=f"files: refit/{lacking}: missing"):
        releases.import_release(root, file)


@pytest.mark.parametrize("name", ["refit/cnn_checkpoint/encoder.artists.npy", "fold_models/1/encoder.pt"])
def test_names_of_files(name: str) -> None:
    assert name in check_manifest(archives.manifest({**archives.model(), name: b"x"}), Path("m.json")).files


@pytest.mark.parametrize(
    "name", ["refit/../encoder.pt", "refit/refit/cnn_checkpoint/encoder.pt", "refit/a/..pt", "/refit/a/b.pt"]
)
def test_names_that_lead_elsewhere(name: str) -> None:
    with pytest.raises(UserError, match="String should match pattern"):
        check_manifest(archives.manifest({**archives.model(), name: b"x"}), Path("m.json"))
