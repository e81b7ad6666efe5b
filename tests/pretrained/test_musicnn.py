"""MusiCNN's weights out of a wheel."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from typer.testing import CliRunner

from earshot.cli.main import app
from earshot.errors import UserError
from earshot.families.musicnn import HASHES, MusiCNN, hash_of, read_weights, weights_file
from earshot.features.families import described, families_of
from earshot.features.hyper_image import DEFAULTS
from earshot.files import parse_yaml
from earshot.params import HyperImages, check_params
from earshot.pretrained import musicnn
from earshot.pretrained.musicnn import bring
from tests.families.musicnn_weights import random_weights
from tests.foreign.tf_checkpoints import write_checkpoint

REAL = os.environ.get("EARSHOT_MUSICNN_WHEEL")


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One with random weights, which is the published one in this test."""
    weights = random_weights(0)
    averages = {f"{name}/Adam": value for name, value in weights.items()} | {"beta1_power": np.float32(0.9)}
    index, data = write_checkpoint(weights | averages)
    path = tmp_path / "musicnn-0.1.0-py3-none-any.whl"
    with ZipFile(path, "w") as made:
        made.writestr("musicnn/MSD_musicnn/.index", index)
        made.writestr("musicnn/MSD_musicnn/.data-00000-of-00001", data)
    monkeypatch.setattr(musicnn, "WHEEL_SHA256", sha256(path.read_bytes()).hexdigest())
    monkeypatch.setitem(HASHES, "MSD", hash_of(weights))
    return path


def test_weights_come_out_of_the_wheel_without_what_training_kept(wheel: Path, tmp_path: Path) -> None:
    path = bring(tmp_path, "MSD", wheel)
    assert path == tmp_path / weights_file("MSD")
    found, wanted = read_weights(path, HASHES["MSD"]), random_weights(0)
    assert found.keys() == wanted.keys()
    assert all(np.array_equal(found[name], wanted[name]) for name in wanted)
    before = path.read_bytes()
    bring(tmp_path, "MSD", wheel)
    assert path.read_bytes() == before


def test_a_wheel_with_other_bytes_is_named(wheel: Path, tmp_path: Path) -> None:
    wheel.write_bytes(wheel.read_bytes() + b"\n")
    with pytest.raises(UserError, match=r"any\.whl: sha256 [0-9a-f]{64}: wanted musicnn-0\.1\.0.*of PyPI"):
        bring(tmp_path, "MSD", wheel)
    with pytest.raises(UserError, match=r"nothing\.whl: not there; wanted musicnn-0\.1\.0"):
        bring(tmp_path, "MSD", tmp_path / "nothing.whl")
    assert not (tmp_path / "pretrained").exists()


def test_weights_of_another_name_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--weights VGG: wanted MSD or MTT"):
        bring(tmp_path, "VGG")


def test_the_command_prints_lines_that_params_yaml_can_take(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("params.yaml", "dvc.yaml", ".dvc"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["features", "musicnn", "--wheel", str(wheel)])
    assert done.exit_code == 0
    first, _, lines = done.stdout.partition("\n")
    assert first == "pretrained/musicnn-MSD.npz: written. In params.yaml:"
    settings = vars(DEFAULTS) | parse_yaml(lines)["hyper_images"]
    asked = check_params(settings, "params.yaml", HyperImages)
    assert families_of(asked) == [described(MusiCNN("MSD"), DEFAULTS)]


@pytest.mark.skipif(REAL is None, reason="EARSHOT_MUSICNN_WHEEL names no wheel")
@pytest.mark.parametrize("weights", ["MSD", "MTT"])
def test_the_published_wheel(weights: str, tmp_path: Path) -> None:
    assert REAL is not None
    assert len(read_weights(bring(tmp_path, weights, Path(REAL)), HASHES[weights])) == 64
