"""Archives made to run code, or to be more than they seem: refused in words, and nothing is left of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from inspect import getmembers, isclass
from io import BytesIO
from pathlib import Path
from pkgutil import iter_modules
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_LZMA, ZipFile, ZipInfo

import numpy as np
import pandas as pd
import pytest
import torch

import earshot.encoders
from earshot import releases, trusted
from earshot.errors import UserError
from tests.deliveries.workspaces import empty_workspace
from tests.releases.archives import (
    DECISION,
    ENCODER,
    FACTORS,
    SMALL,
    USERS,
    WEIGHTS,
    members,
    model,
    of_another_encoder,
    pack,
    pack_zeros,
    saved,
)
from tests.releases.tiny_workspace import OWN_ENCODER

PROJECT = Path(__file__).parents[2]
RUNS = """
from pathlib import Path
Path(__file__).with_name("ran").touch()
import torch
class E(torch.nn.Module): pass
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return empty_workspace(tmp_path / "workspace")


def content_of(root: Path) -> set[str]:
    kept = (".dvc/tmp", ".git/", ".earshot/import.lock")
    names = {path.relative_to(root).as_posix() for path in root.rglob("*")} - {".earshot"}
    return {name for name in names if not name.startswith(kept)}


def test_the_allow_list_holds_all_encoders_of_earshot_and_nothing_else() -> None:
    found = {
        f"earshot.encoders.{module.name}:{name}"
        for module in iter_modules(earshot.encoders.__path__)
        for name, kind in getmembers(load_module(module.name), isclass)
        if "families" in vars(kind) and kind.__module__ == f"earshot.encoders.{module.name}"
    }
    assert found == trusted.own_classes()


def load_module(name: str) -> object:
    return sys.modules.get(f"earshot.encoders.{name}") or __import__(
        f"earshot.encoders.{name}", fromlist=["_"]
    )


ATTACKS: dict[str, dict[str, object]] = {
    "a file of a delivery": {"class_path": "data.deliveries.music.net:E", "init_args": {}},
    "nested": {
        "class_path": "earshot.encoders.time_shuffled:TimeShuffled",
        "init_args": {"encoder": {"class_path": "data.deliveries.music.net:E", "init_args": {}}},
    },
    "deep in init_args": {
        "init_args": SMALL | {"parts": [[{"also": {"class_path": "data.deliveries.music.net:E"}}]]}
    },
    "a package": {"class_path": "data.package.net:E", "init_args": {}},
    "a symlink": {"class_path": "linked.net:E", "init_args": {}},
    "a .pth": {"class_path": "net:E", "init_args": {}},
}


def plant(root: Path) -> None:
    """A module that leaves a file when it is imported, wherever one of the attacks looks for it."""
    for folder in ("deliveries/music", "package"):
        (root / "data" / folder).mkdir(parents=True)
        (root / "data" / folder / "net.py").write_text(RUNS)
    (root / "data" / "package" / "__init__.py").write_text(RUNS)
    (root / "data" / "deliveries" / "music" / "evil.pth").write_text(
        f"import sys; sys.path.append('{root}')\n"
    )
    (root / "src").mkdir()
    (root / "src" / "linked").symlink_to(root / "data" / "deliveries" / "music")


def start(root: Path, *arguments: str) -> subprocess.Popen[str]:
    """`python -m earshot`, from a workspace that is on PYTHONPATH under another name too."""
    link = root.with_name("link")
    if not link.is_symlink():
        link.symlink_to(root)
    paths = [PROJECT / "src", link, root, root / "src", PROJECT]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths))}
    command = [sys.executable, "-m", *arguments]
    return subprocess.Popen(
        command, cwd=root, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str], int]:
    """A workspace, what a process that could import all of it said of the archives, its peak in kB."""
    folder = tmp_path_factory.mktemp("hostile")
    root = empty_workspace(folder / "workspace")
    plant(root)
    paths = [PROJECT / "src", root, root / "src", root / "data" / "deliveries" / "music"]
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS, *map(str, [*attacks(folder), *bombs(folder)])],
        cwd=root,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths))},
        text=True,
        capture_output=True,
        check=True,
    )
    *told, peak = done.stdout.splitlines()
    return root, told, int(peak)


IMPORTS = """
import sys
from pathlib import Path
from earshot import releases
from earshot.errors import UserError
for file in sys.argv[1:]:
    try:
        releases.import_release(Path.cwd(), Path(file))
    except UserError as error:
        print(error)
print(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
"""


def attacks(folder: Path) -> list[Path]:
    return [
        pack(folder / f"attack-{number}.zip", of_another_encoder(changed))
        for number, changed in enumerate(ATTACKS.values())
    ]


def bombs(folder: Path) -> list[Path]:
    """3.2 GB of zeros, declared and not; a layer of 400 GB; a list of 200,000 members."""
    good, factors = members(model()), "files/wmf_factors/user_factors.npy"
    listed = (b"PK\x01\x02" + bytes(42)) * 200_000
    end = b"PK\x05\x06" + bytes(4) + b"\xff\xff" * 2 + len(listed).to_bytes(4, "little") + bytes(6)
    (folder / "many.zip").write_bytes(listed + end)
    return [
        pack_zeros(folder / "declared.zip", good, factors, 3200, 3200 << 20),
        pack_zeros(folder / "hidden.zip", good, factors, 3200, 500 << 10),
        pack_zeros(folder / "json.zip", good, "manifest.json", 3200, 7 << 20),
        pack(folder / "wide.zip", of_another_encoder({"init_args": SMALL | {"hidden": 10**10}})),
        folder / "many.zip",
    ]


def test_an_imported_release_runs_no_code_whatever_it_names(
    said: tuple[Path, list[str], int], tmp_path: Path
) -> None:
    root, told, _ = said
    file = pack(tmp_path / "evil.zip", of_another_encoder(ATTACKS["a file of a delivery"]))
    with start(root, "earshot", "release", "import", str(file)) as process:
        as_a_person, _ = process.communicate()
    assert process.returncode == 1
    for each in (as_a_person, *told[: len(ATTACKS)]):
        assert "cnn_checkpoint/encoder.json: class_path='" in each
        assert "its list `trusted`" in each
    assert not list(root.rglob("ran"))
    assert not (root / "releases").exists()


def test_a_bomb_is_refused_within_a_gigabyte(said: tuple[Path, list[str], int]) -> None:
    _, told, peak = said
    declared, hidden, manifest, wide, many = told[len(ATTACKS) :]
    assert "3,355,443,200 bytes packed into" in declared
    assert "not a whole archive" in hidden
    assert "not a whole archive" in manifest
    assert "not the weights of the encoder" in wide
    assert "a list of members of 9,200,000 bytes" in many
    assert peak < 1_000_000


def test_nothing_below_the_workspace_can_be_imported_not_even_by_name(
    workspace: Path, tmp_path: Path
) -> None:
    """Were it trusted, it would not be found; in worker processes neither."""
    plant(workspace)
    with start(workspace, "tests.releases.earshot_and_then") as process:
        told, _ = process.communicate()
    assert told.count("No module named 'data") == 2, told
    assert not list(workspace.rglob("ran"))


def test_what_params_yaml_trains_or_trusts_may_be_made_of_a_file(workspace: Path, tmp_path: Path) -> None:
    """A class of the user's own; nothing of another name, nothing that is no network."""
    toy = {"class_path": "tests.releases.toy_encoder:Means", "init_args": {}}
    files = model()
    files[ENCODER] = json.dumps(json.loads(files[ENCODER]) | toy).encode()
    line = {"weight": torch.ones(FACTORS, 2), "bias": torch.ones(FACTORS)}
    weights = {f"network.line.{name}": each for name, each in line.items()}
    shown = {"row_mean": torch.zeros(2), "row_scale": torch.ones(2), "output_mean": torch.zeros(FACTORS)}
    files[WEIGHTS] = saved({**shown, "output_scale": torch.ones(()), **weights})
    file = pack(tmp_path / "toy.zip", members(files))
    with pytest.raises(
        UserError, match=r"class_path='tests\.releases\.toy_encoder:Means': wanted an encoder of ear"
    ):
        releases.import_release(workspace, file)
    params = (workspace / "params.yaml").read_text()
    named = f"class_path: {toy['class_path']}"
    for old, new in (("trusted: []", f"trusted: ['{toy['class_path']}']"), (OWN_ENCODER, named)):
        assert params.count(old) == 1
        (workspace / "params.yaml").write_text(params.replace(old, str(new)))
        assert releases.import_release(workspace, file).number == 1
    (workspace / "params.yaml").write_text(params.replace("trusted: []", "trusted: ['subprocess:Popen']"))
    popen = pack(tmp_path / "popen.zip", of_another_encoder({"class_path": "subprocess:Popen"}))
    with pytest.raises(UserError, match=r"'subprocess:Popen': wanted an nn\.Module"):
        releases.import_release(workspace, popen)


def spoilt(folder: Path) -> Iterator[tuple[Path, str]]:
    """Archives, and what is said of them."""
    good = members(model())

    def changed(name: str, content: bytes) -> Path:
        return pack(folder / "changed.zip", good | {name: content})

    def told(**keys: object) -> Path:
        return pack(folder / "told.zip", members(model(), **keys))

    def of(name: str, content: bytes) -> Path:
        return pack(folder / "of.zip", members(model() | {name: content}))

    def vectors(array: object) -> Path:
        np.save(folder / "a.npy", array)  # type: ignore[arg-type]
        return of("wmf_factors/user_factors.npy", (folder / "a.npy").read_bytes())

    def table(rows: pd.DataFrame) -> Path:
        rows.to_parquet(folder / "t.parquet", index=False, compression="zstd")
        return of("wmf_factors/users.parquet", (folder / "t.parquet").read_bytes())

    def encoder(**keys: object) -> Path:
        return pack(folder / "encoder.zip", of_another_encoder(keys))

    whole = pack(folder / "whole.zip", good).read_bytes()

    def raw(content: bytes) -> Path:
        (folder / "raw.zip").write_bytes(content)
        return folder / "raw.zip"

    yield raw(whole + b"behind"), "something stands behind it"
    yield raw(b"before" + whole), "something stands before its first member"
    yield raw(whole[: len(whole) // 2]), "cut short"
    yield raw(b""), "does not end as a zip archive"
    yield folder, "not a file"
    yield folder / "nowhere.zip", "not there"
    for method in (ZIP_BZIP2, ZIP_LZMA):
        yield pack(folder / "packed.zip", good, method), "wanted stored or deflated"
    with ZipFile(folder / "link.zip", "w") as written:
        link = ZipInfo("manifest.json")
        link.external_attr = 0o120777 << 16
        written.writestr(link, "/etc/passwd")
    yield folder / "link.zip", "a link or folder"
    encrypted = bytearray(whole)
    encrypted[encrypted.rindex(b"PK\x01\x02") + 8] |= 1
    yield raw(bytes(encrypted)), "encrypted"
    yield pack(folder / "more.zip", good | {"/etc/passwd": b""}), "'/etc/passwd': wanted exactly the files"
    pack(folder / "twice.zip", good)
    with ZipFile(folder / "twice.zip", "a") as written, pytest.warns(UserWarning, match="Duplicate"):
        written.writestr("decision.json", b"{}")
    yield folder / "twice.zip", r"no decision\.json in it, or two"
    for content, problem in (
        (b"[1]", "list, where a JSON object"),
        (b'{"epsilon": NaN}', "NaN; wanted a finite number"),
        (b'{"epsilon": 1e999}', "too large; wanted a finite one"),
        (b'{"users": 1%s}' % (b"0" * 30), "more than 64 bits"),
        (b'{"users": 1%s}' % (b"0" * 5000), "not JSON"),
        (b'{"reason": "\\ud800"}', "not JSON: .*surrogates"),
        (b'{"reason": 3}', "reason=3: Input should be a valid string"),
        (b'{"metrics": {"candidate": 3}}', r"metrics\.candidate=3"),
        (b'{"reason": "a", "reason": "b"}', "'reason' stands there twice"),
        (b'{"other": %s}' % (b"[" * 40 + b"]" * 40), "more than 32 levels"),
        (b"[" * 500_000, "not JSON"),
        (b" " * (1 << 21), "2,097,152 bytes; wanted at most 1,048,576"),
        (b"\xff", "not JSON"),
    ):
        yield changed("decision.json", content), rf"decision\.json: .*{problem}"
    yield told(deliveries={"../../x": "0" * 32 + ".dir"}), r"deliveries\.\.\./\.\./x"
    yield told(outputs={"../x": "0" * 32 + ".dir"}), "outputs"
    yield told(metrics={"cnn_mse": {"auc": "high"}}), r"metrics\.candidate\.auc='high'"
    yield told(split={"by": "song"}), "split: folds: missing"
    yield told(params={}), r"params\.wmf_factors"
    yield told(feature_key="another"), "feature_key='a-key', the manifest says 'another'"
    yield told(n0=-1), "n0=-1"
    yield of("cnn_checkpoint/other.pt", b"x"), r"cnn_checkpoint/other\.pt: not of a release"
    yield vectors(np.ones((USERS, FACTORS + 1), np.float32)), "7 x 4 in 240 bytes; wanted 3 columns"
    yield vectors(np.ones((USERS, FACTORS))), "wanted a float32 matrix"
    yield vectors(np.full((USERS, FACTORS), np.inf, np.float32)), "not finite"
    yield vectors(np.array([{}], dtype=object)), "wanted a float32 matrix"
    yield (
        of("wmf_factors/user_factors.npy", model()["wmf_factors/user_factors.npy"] + b"behind"),
        "no more bytes",
    )
    yield table(pd.DataFrame({"user_id": ["a"]})), "1 rows; wanted 7"
    yield table(pd.DataFrame({"user_id": range(USERS)})), "wanted user_id"
    yield table(pd.DataFrame({"user_id": ["a"] * USERS})), "user_id: one stands there twice"
    yield table(pd.DataFrame({"user_id": [None, *"abcdef"]})), "user_id: empty ids"
    yield table(pd.DataFrame({"user_id": ["a" * 900_000] * USERS})), "user_id: too long"
    yield table(pd.DataFrame({"user_id": [bytes([n]) for n in b"abcdefg"]})), "user_id: not text"
    pd.DataFrame({"user_id": list("abcdefg")}).to_parquet(folder / "t.parquet", compression=None, index=False)
    other = (folder / "t.parquet").read_bytes().replace(b"\1\0\0\0d", b"\1\0\0\0\xff")
    yield of("wmf_factors/users.parquet", other), "[Ii]nvalid UTF8"
    pd.DataFrame({"song_id": ["a"]}).to_parquet(folder / "t.parquet")
    yield of("training_set/songs.parquet", (folder / "t.parquet").read_bytes()), "wanted song_id, cold"
    yield of("evaluation_report/metrics.json", b'{"auc": Infinity}'), r"metrics\.json: not JSON: Infinity"
    yield table(pd.DataFrame({"user_id": ["a"] * USERS, "more": 1})), "user_id, more"
    yield of("wmf_factors/users.parquet", b"PAR1" * 9), "not a parquet file"
    yield encoder(init_args=SMALL | {"channels": 10**9}), r"encoder\.json: init_args=.*overflowed"
    yield encoder(init_args=SMALL | {"channels": 10**18}), "init_args|not the weights"
    yield encoder(init_args=SMALL | {"channels": "wide"}), "init_args"
    notation = {"class_path": "earshot.encoders.notation:NotationEncoder"}
    of_a_window = {"n_frames": 40, "architecture": "IC(1,3,2)F(3)O"}  # and 4 in the description
    yield encoder(**notation, init_args=of_a_window), r"encoder\.json: init_args=.*reduction dim"
    yield encoder(n_frames=10**6), "n_frames=1000000: wanted at most 20000"
    yield encoder(rows=[-1, 0]), "rows"
    yield encoder(n_outputs=2.5), "n_outputs"
    yield encoder(more=1), "more"
    yield encoder(class_path=["a:B"]), r"class_path=\['a:B'\]"
    yield of(WEIGHTS, saved({"a": bytearray(9)})), "wanted nothing but tensors"
    yield of(WEIGHTS, saved([torch.ones(3)])), "not a dict of tensors"
    yield of(WEIGHTS, saved({"a": torch.ones(1).expand(10**9)})), "tensors of 4,000,000,000 bytes"
    yield of(WEIGHTS, saved({"a": torch.ones(1)})), "wanted"
    with ZipFile(BytesIO(model()[WEIGHTS])) as read:
        packed = pack(folder / "w.zip", {name: read.read(name) for name in read.namelist()}, ZIP_DEFLATED)
    yield of(WEIGHTS, packed.read_bytes()), "is packed; wanted as torch.save writes it"


def test_what_is_no_release_is_refused_in_words_and_nothing_is_left(workspace: Path, tmp_path: Path) -> None:
    before = content_of(workspace)
    for file, told in spoilt(tmp_path):
        with pytest.raises(UserError, match=rf"(?s){told}"):
            releases.import_release(workspace, file)
        assert content_of(workspace) == before, told
    whole = releases.import_release(workspace, pack(tmp_path / "good.zip", members(model())))
    assert releases.list_imported(workspace) == [whole]
    assert releases.show_release(workspace, whole.release)["imported"] == DECISION
