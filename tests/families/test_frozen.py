"""Networks of the user's own."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256 as sha256_of
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from earshot.audio.samples import AudioError
from earshot.errors import UserError
from earshot.families.frozen import Frozen
from earshot.features.families import SongSource, described
from earshot.features.hyper_image import DEFAULTS
from tests.families.onnx_models import matmul_model

NETWORK = '''
import torch


class Net(torch.nn.Module):
    """First and last sample of a window, each times a weight."""

    def __init__(self, double=False):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(2))
        self.double_ = double

    def forward(self, windows):
        made = windows[:, [0, -1]] * self.weight
        return made.double() if self.double_ else made
'''
SAMPLES = np.float32([1, 2, 3, 4, 5, 6, 7, 8, 9])
"""Windows of four are 1..4 and 5..8; the 9 is left out."""

Make = Callable[..., Frozen]


@pytest.fixture
def torch_family(tmp_path: Path) -> Make:
    """Weights 1 and 10."""
    (tmp_path / "net.py").write_text(NETWORK)
    torch.save({"weight": torch.tensor([1.0, 10.0])}, tmp_path / "net.pt")
    sha256 = hash_of(tmp_path / "net.pt")

    def make(**changed: Any) -> Frozen:
        network = {"file": str(tmp_path / "net.py"), "class": "Net", "init_args": {}}
        file = {"weights": str(tmp_path / "net.pt"), "sha256": sha256, "network": network}
        return Frozen(**{"name": "mine", "sample_rate": 8000, "window": 4, "width": 2, **file, **changed})

    return make


def hash_of(path: Path) -> str:
    return sha256_of(path.read_bytes()).hexdigest()


def vector(family: Frozen, samples: np.ndarray = SAMPLES) -> list[float]:
    song = SongSource(blocks=lambda rate: iter([samples[:3], samples[3:]]) if rate == 8000 else iter(()))
    made = family.compute(song, DEFAULTS)
    assert made.dtype == np.float32
    return made.tolist()


def test_a_network_in_torch_hears_windows_and_they_are_pooled(torch_family: Make) -> None:
    assert vector(torch_family()) == [3, 60]  # of 1 and 5, of 40 and 80
    both = torch_family(pooling=["mean", "std"])
    assert vector(both) == [3, 60, 2, 20]
    assert both.width(DEFAULTS) == 4
    assert vector(torch_family(window=12)) == [1, 0]  # 9 samples and silence
    many = np.arange(400, dtype=np.float32)  # more windows than go through it at once
    assert vector(torch_family(), many) == [198, 2010]


def test_the_key_hangs_on_all_that_is_said_and_on_no_file(torch_family: Make, tmp_path: Path) -> None:
    kinds = [
        torch_family(),
        torch_family(sha256="0" * 64),
        torch_family(pooling=["std"]),
        torch_family(window=8),
        torch_family(sample_rate=16000),
        torch_family(version=2),
        torch_family(name="other"),
        torch_family(network={"file": "other.py", "class": "Net", "init_args": {}}),
    ]
    (tmp_path / "net.pt").unlink()
    assert len({described(kind, DEFAULTS).key for kind in kinds}) == len(kinds)
    assert described(torch_family(sha256="1"), DEFAULTS) == described(torch_family(sha256="1"), DEFAULTS)


def test_a_file_that_is_another_is_named_with_its_hash(torch_family: Make, tmp_path: Path) -> None:
    found = hash_of(tmp_path / "net.pt")
    with pytest.raises(
        UserError, match=rf"net\.pt: sha256 {found}: hyper_images\.families says 'abc'; wanted"
    ):
        vector(torch_family(sha256="abc"))
    with pytest.raises(UserError, match=r"none\.pt: not there; hyper_images\.families names it"):
        vector(torch_family(weights=str(tmp_path / "none.pt")))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"width": 3}, r"net\.pt: the network made \(2, 2\) of \(2, 4\): wanted \(2, 3\)"),
        ({"network": {"init_args": {"double": True}}}, r"net\.pt: the network made float64: wanted float32"),
        ({"network": {"init_args": {"depth": 1}}}, r"net\.py:Net' with .*net\.pt: .*'depth'"),
        ({"network": {"class": "torch"}}, "wanted an nn.Module"),
        ({"network": {"class": "Nothing"}}, "cannot be imported"),
    ],
)
def test_what_is_no_such_network_is_named(
    changed: dict, words: str, torch_family: Make, tmp_path: Path
) -> None:
    if "network" in changed:
        whole = {"file": str(tmp_path / "net.py"), "class": "Net", "init_args": {}}
        changed = {"network": whole | changed["network"]}
    with pytest.raises(UserError, match=words):
        vector(torch_family(**changed))


def test_weights_that_are_a_pickle_of_something_else_are_refused(torch_family: Make, tmp_path: Path) -> None:
    torch.save({"weight": Path("/")}, tmp_path / "odd.pt")
    odd = torch_family(weights=str(tmp_path / "odd.pt"), sha256=hash_of(tmp_path / "odd.pt"))
    with pytest.raises(UserError, match=r"net\.py:Net' with .*odd\.pt: Weights only load failed"):
        vector(odd)


def test_samples_that_are_not_finite_are_a_reason(torch_family: Make) -> None:
    with pytest.raises(AudioError, match="not finite"):
        vector(torch_family(), np.float32([1, np.nan, 2, 3]))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"window": 0}, "window=0, width=2: wanted at least 1"),
        ({"pooling": ["max"]}, r"pooling=\['max'\]: wanted some of mean, std"),
        ({"network": None}, r"net\.pt', network=None: wanted a \.onnx file, or a network and its weights"),
        ({"weights": "net.onnx"}, r"wanted a \.onnx file, or a network and its weights"),
        ({"network": {"file": "data/net.py", "class": "Net", "init_args": {}}}, "nothing below data/ is run"),
    ],
)
def test_what_there_is_not_is_named(changed: dict, words: str, torch_family: Make) -> None:
    with pytest.raises((ValueError, UserError), match=words):
        torch_family(**changed)


def onnx_family(path: Path, **changed: Any) -> Frozen:
    given = {"name": "mine", "weights": str(path), "sha256": hash_of(path), "sample_rate": 8000}
    return Frozen(**{**given, "window": 4, "width": 2, **changed})


def test_a_network_as_onnx(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    matrix = np.zeros((4, 2), np.float32)
    matrix[0, 0], matrix[3, 1] = 1, 10
    path = tmp_path / "net.onnx"
    path.write_bytes(matmul_model(matrix))
    assert vector(onnx_family(path)) == [3, 60]
    with pytest.raises(UserError, match=r"net\.onnx: windows \(1, 5\): "):
        vector(onnx_family(path, window=5))
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(UserError, match=r"net\.onnx: not a network that onnxruntime can run: "):
        vector(onnx_family(path))


def test_the_extra_is_named_where_it_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(matmul_model(np.eye(4, 2)))
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)  # as where it is not installed
    with pytest.raises(UserError, match=r"net\.onnx: ONNX wants earshot's extra `onnx`: `pip install"):
        vector(onnx_family(path))
