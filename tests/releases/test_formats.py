"""Manifests of both formats, and taste spaces that travel in archives."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from earshot import releases
from earshot.classes import module_stem
from earshot.errors import UserError
from earshot.files import as_json
from earshot.releases.manifest import check_manifest, read_pointer, write_pointer
from earshot.spaces.learned import LearnedListeners
from earshot.spaces.space import read_space
from earshot.spaces.wmf import Wmf, WmfSpace
from tests.deliveries.workspaces import empty_workspace
from tests.releases.archives import FACTORS, manifest, members, model, pack
from tests.spaces.spaces import WMF, ids, placed

OLDER = {
    "cnn_checkpoint": {
        "encoder": {"class_path": "earshot.encoders.convolutional:ConvolutionalEncoder", "init_args": {}},
        "objective": {"file": "../mine/deep.py", "class": "Deep", "init_args": {}},
    }
}


def test_a_manifest_of_before_is_read_as_ever(tmp_path: Path) -> None:
    content = manifest(model())
    assert "format" not in content
    content["params"] |= OLDER
    found = check_manifest(content, tmp_path)
    assert (found.release, found.format, found.families, found.code) == (content["release"], 2, {}, None)
    assert found.metrics == {"candidate": {"map_at_500": 0.25, "auc": 0.75}}
    assert found.candidate is not None
    assert vars(found.candidate) == {
        "name": "convolutional+deep",
        "encoder": "convolutional",
        "objective": "deep",
        "space": "wmf",
    }
    (tmp_path / "releases").mkdir()
    write_pointer(tmp_path / "releases" / "current.json", found)
    assert read_pointer(tmp_path) == found
    assert json.loads((tmp_path / "releases" / "current.json").read_text())["format"] == 2
    assert check_manifest(manifest(model()), tmp_path).candidate is None


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"format": 3}, "format=3"),
        ({"format": 2, "families": {"samples": 3}}, r"families\.samples=3"),
        ({"format": 2, "candidate": {"name": "a"}}, r"candidate"),
        ({"metrics": {"cnn_mse": {"auc": "high"}}}, r"metrics\.candidate\.auc='high'"),
        ({"metrics": 3}, "metrics=3"),
        ({"params": 3}, "params=3"),
    ],
)
def test_what_is_wrong_is_named_in_either_format(changed: dict, words: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=words):
        check_manifest(manifest(model()) | changed, tmp_path / "manifest.json")


def test_a_module_gives_a_model_its_name() -> None:
    assert module_stem({"file": "src/earshot/encoders/raw_waveform.py", "class": "R"}) == "raw_waveform"
    with pytest.raises(ValueError, match="nothing below data/ is run"):
        module_stem({"file": "data/deliveries/x.py", "class": "R"})


def learned() -> dict[str, bytes]:
    """The files of a model in a space of learned listeners."""
    rng = np.random.default_rng(0)
    with TemporaryDirectory() as made:
        space = LearnedListeners(placed(ids("a", "b"), rng, FACTORS), placed(ids("1"), rng, FACTORS), WMF)
        space.save(Path(made))
        return model() | {f"cnn_checkpoint/{path.name}": path.read_bytes() for path in Path(made).iterdir()}


def test_a_model_in_another_space_travels_under_a_name_of_its_own(tmp_path: Path) -> None:
    root = empty_workspace(tmp_path / "workspace")
    plain = releases.import_release(root, pack(tmp_path / "plain.zip", members(model())))
    other = releases.import_release(root, pack(tmp_path / "learned.zip", members(learned())))
    assert other.release != plain.release
    assert other.encoder_key == plain.encoder_key  # the same network predicts the same
    assert [each.release for each in releases.list_imported(root)] == sorted([plain.release, other.release])


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("space.json", b'{"kind": "another"}', "kind='another'.*wanted a taste space"),
        (
            "space.json",
            b'{"kind": "fused", "scales": [0.5, 0.5]}',
            "space_songs.*wanted a taste space",
        ),
        ("space.json", b'{"kind": "learned_listeners", "alpha": "x"}', "alpha='x'"),
        ("space_songs.npy", b"x", "wanted a float32 matrix"),
        ("space_users.parquet", b"PAR1", "not a parquet file"),
        ("space_others.npy", b"x", "not of a release"),
    ],
)
def test_a_space_that_cannot_be_is_refused(name: str, content: bytes, words: str, tmp_path: Path) -> None:
    files = learned() | {f"cnn_checkpoint/{name}": content}
    root = empty_workspace(tmp_path / "workspace")
    with pytest.raises(UserError, match=words):
        releases.import_release(root, pack(tmp_path / "odd.zip", members(files)))
    assert releases.list_imported(root) == []


@pytest.mark.parametrize(
    ("space", "words"),
    [
        (
            {"kind": "fused", "scales": [0.5, 0.5]},
            "a part of the 3 outputs for each",
        ),
        ({"kind": "fused", "scales": [2.0]}, "wanted numbers between 0 and 1"),
        ({"kind": "fused", "scales": [0.2, 0.3, 0.5]}, "7 x 3 in .*; wanted 1 columns"),
        ({"kind": "fused", "scales": "all"}, "scales='all'"),
        ({"kind": "learned_listeners"}, "wanted a taste space"),
    ],
)
def test_scales_fit_the_outputs(space: dict, words: str, tmp_path: Path) -> None:
    files = model() | {"cnn_checkpoint/space.json": json.dumps(space).encode()}
    with pytest.raises(UserError, match=words):
        releases.import_release(
            empty_workspace(tmp_path / "workspace"), pack(tmp_path / "odd.zip", members(files))
        )


NUMBERS = {"factors": FACTORS, "alpha": 2.0, "epsilon": 1.0, "regularization": 10.0, "iterations": 15}


def with_numbers(content: object) -> dict[str, bytes]:
    """The files of a model whose factorization says what it was made with."""
    written = content if isinstance(content, bytes) else as_json(content).encode()
    return model() | {"wmf_factors/wmf.json": written}


def test_numbers_of_the_factorization_travel_and_the_name_stays(tmp_path: Path) -> None:
    root = empty_workspace(tmp_path / "workspace")
    auto = {"wmf_factors": dict.fromkeys(NUMBERS, "auto") | {"iterations": 15}}
    file = pack(tmp_path / "new.zip", members(with_numbers(NUMBERS), params=auto))
    taken = releases.import_release(root, file)
    assert taken.release == manifest(model())["release"]  # of one that does not say them: the same model
    releases.fetch(taken, root, tmp_path / "fetched")
    assert json.loads((tmp_path / "fetched" / "wmf_factors" / "wmf.json").read_text()) == NUMBERS


def test_a_release_of_before_has_the_numbers_of_its_parameters(tmp_path: Path) -> None:
    root, params = empty_workspace(tmp_path / "workspace"), {"wmf_factors": NUMBERS}
    taken = releases.import_release(root, pack(tmp_path / "old.zip", members(model(), params=params)))
    releases.fetch(taken, root, tmp_path / "fetched")
    space = read_space(tmp_path / "fetched" / "cnn_checkpoint", tmp_path / "fetched" / "wmf_factors")
    assert isinstance(space, WmfSpace)
    assert space.wmf == Wmf(2.0, 1.0, 10.0)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "wmf.json: not JSON"),
        (b"[]", "where a JSON object is wanted"),
        (b'{"alpha": NaN}', "wanted a finite number"),
        (NUMBERS | {"alpha": "auto"}, r"alpha='auto': Input should be a valid number"),
        (NUMBERS | {"alpha": -1.0}, r"alpha=-1.0: Input should be greater than 0"),
        (NUMBERS | {"beta": 1.0}, r"beta=1.0: unknown key"),
        ({"factors": FACTORS}, r"alpha: missing"),
        (NUMBERS | {"factors": 20}, r"factors=20: wanted 3"),
        (b" " * 5000, r"wmf.json: 5,000 bytes; wanted at most 4,096"),
    ],
)
def test_numbers_that_cannot_be_are_refused(content: object, words: str, tmp_path: Path) -> None:
    root = empty_workspace(tmp_path / "workspace")
    with pytest.raises(UserError, match=words):
        releases.import_release(root, pack(tmp_path / "odd.zip", members(with_numbers(content))))
    assert releases.list_imported(root) == []


def test_without_numbers_of_its_own_a_release_must_have_them_as_parameters(tmp_path: Path) -> None:
    file = pack(tmp_path / "odd.zip", members(model(), params={"wmf_factors": NUMBERS | {"alpha": "auto"}}))
    with pytest.raises(UserError, match=r"params\.wmf_factors: alpha='auto'"):
        releases.import_release(empty_workspace(tmp_path / "workspace"), file)


def test_families_of_the_manifest_are_those_of_the_encoder(tmp_path: Path) -> None:
    file = pack(tmp_path / "odd.zip", members(model(), format=2, families={"samples": "key"}))
    with pytest.raises(UserError, match=r"families of the encoder: \{\}, the manifest says \{'samples'"):
        releases.import_release(empty_workspace(tmp_path / "workspace"), file)
