"""Nothing that could be a pickle is ever unpickled: loading one runs whatever it says."""

import ast
import pickle
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from earshot.errors import UserError
from earshot.evaluation.cold_start import read_vectors
from earshot.predictors.load import load_encoder, save_encoder
from earshot.predictors.song_encoder import EncoderDescription, build

ROOT = Path(__file__).resolve().parents[1]
PICKLING = {"pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}


class Bomb:
    """Unpickled, it writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.path,))


def sources() -> Iterator[tuple[str, ast.AST]]:
    for folder in ("src", "orchestration", "benchmarks"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                yield f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}", node


def test_no_module_unpickles() -> None:
    for where, node in sources():
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {alias.name.split(".")[0] for alias in node.names}
            assert not names & PICKLING, where
            assert getattr(node, "module", None) not in PICKLING, where
        if isinstance(node, ast.Call):
            name, given = (
                ast.unparse(node.func),
                {word.arg: ast.unparse(word.value) for word in node.keywords},
            )
            assert not name.endswith("_pickle"), where
            assert name != "torch.load" or given.get("weights_only") == "True", where
            assert given.get("allow_pickle", "False") == "False", where  # numpy's own default
            assert given.get("weights_only", "True") == "True", where


def test_a_pickle_called_npy_is_refused(tmp_path: Path) -> None:
    exploded = tmp_path / "exploded"
    (tmp_path / "raw.npy").write_bytes(pickle.dumps(Bomb(exploded)))
    np.save(tmp_path / "objects.npy", np.array([Bomb(exploded)], dtype=object), allow_pickle=True)
    for name in ("raw.npy", "objects.npy"):
        with pytest.raises(ValueError, match=r"pickle|Python objects"):
            read_vectors(tmp_path / name, tmp_path / "ids.parquet", "song_id", [])
    assert not exploded.exists()


def test_a_pickle_called_pt_is_refused(tmp_path: Path) -> None:
    import torch

    description = EncoderDescription("tests.releases.toy_encoder:Means", {}, [0, 1], 2, 4, "key")
    save_encoder(tmp_path, build(description), description)
    load_encoder(tmp_path, [description.class_path])
    torch.save(Bomb(tmp_path / "exploded"), tmp_path / "encoder.pt")
    with pytest.raises(UserError, match="not the weights of the encoder"):
        load_encoder(tmp_path, [description.class_path])
    assert not (tmp_path / "exploded").exists()
