"""A release without its listeners: what is in the file, who may share it, and what an import refuses."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest

from earshot import releases
from earshot.cli.main import app
from earshot.errors import UserError
from earshot.lanes.reproduce import stand_in
from earshot.lanes.retrain import due
from earshot.lanes.share import SharedBy, share_release
from earshot.releases import Manifest
from earshot.releases.shared import FORMAT, SHARED_FILES, SONGS, X_X, shared_name
from earshot.shared_files import CARD
from earshot.spaces.shared import SharedWmf
from tests.releases.archives import pack
from tests.releases.homes import ids_in, importing_workspace, md5, write_home
from tests.releases.tiny_workspace import FACTORS

WORDS = SharedBy("songs of a tiny world", "CC0", songs=True)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    root = tmp_path_factory.mktemp("home") / "workspace"
    return root, write_home(root)


@pytest.fixture(scope="module")
def shared(home: tuple[Path, Manifest], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file with songs."""
    file = tmp_path_factory.mktemp("shared") / "tiny.earshot"
    share_release(home[0], home[1].release, file, WORDS)
    return file


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return importing_workspace(tmp_path / "workspace")


def members(file: Path) -> dict[str, bytes]:
    with ZipFile(file) as read:
        return {name: read.read(name) for name in read.namelist()}


def test_what_was_shared_is_served_elsewhere_under_its_own_name(
    home: tuple[Path, Manifest], shared: Path, workspace: Path
) -> None:
    card = releases.read_card(shared)
    assert (card.data, card.licence, card.listeners, card.songs, card.shared_songs) == (
        "songs of a tiny world", "CC0", 120, 42, 96,
    )  # fmt: skip
    assert (card.sounds, card.set_aside, card.derived_from) == (100, 4, home[1].release)
    assert 0.3 < card.figures["auc"].low < card.figures["auc"].value < 0.7, "it has learned next to nothing"
    taken = releases.import_shared(shared, workspace)
    assert taken == releases.read_pointer(workspace) == releases.import_shared(shared, workspace)
    assert taken.derived_from == home[1].release != taken.release
    assert "without listeners" in str(releases.why_unpaired(home[1], taken, {}))
    assert (taken.n0, taken.feature_key, taken.number) == (home[1].n0, "key-1", 1)
    releases.fetch(taken, workspace, workspace / "fetched")
    space = SharedWmf.read(workspace / "fetched" / "wmf_factors")
    assert len(space.songs.ids) == 96
    trained = np.isin(space.songs.ids, pd.read_parquet(home[0] / "data/wmf_factors/items.parquet")["song_id"])
    vectors = space.songs.vectors[trained]
    np.testing.assert_allclose(space.gram, vectors.T @ vectors, rtol=1e-4)


def test_no_listener_is_in_the_file_and_songs_only_where_they_were_asked_for(
    home: tuple[Path, Manifest], shared: Path, tmp_path: Path
) -> None:
    """Ids are looked for in the tables as they are read, since what is packed shows none.

    Shared again it is the same encoder: noise drawn anew could be averaged out.
    """
    share_release(home[0], home[1].release, tmp_path / "bare", SharedBy("x", "y"))
    for file, with_songs in ((shared, True), (tmp_path / "bare", False)):
        found = members(file)
        files = {name.removeprefix("files/") for name in found if name.startswith("files/")}
        assert files == {*SHARED_FILES, *(SONGS if with_songs else ())}
        tables = [pd.read_parquet(BytesIO(found[name])) for name in found if name.endswith(".parquet")]
        text = " ".join(table.to_csv() for table in tables)
        text += " ".join(found[name].decode() for name in found if name.endswith((".json", ".html")))
        assert not any(user in text for user in ids_in(home[0]))
        assert ("s007" in text) == with_songs
    share_release(home[0], home[1].release, tmp_path / "again", SharedBy("x", "y"))
    assert (tmp_path / "again").read_bytes() == (tmp_path / "bare").read_bytes()


def test_a_release_of_few_listeners_is_not_shared(tmp_path: Path) -> None:
    release = write_home(tmp_path / "home", n_users=99)
    with pytest.raises(UserError, match=r": 99 listeners: wanted at least 100"):
        share_release(tmp_path / "home", release.release, tmp_path / "file", WORDS)
    assert not (tmp_path / "file").exists()


def test_somebody_elses_class_is_not_shared_and_a_shared_release_is_passed_on_as_it_came(
    shared: Path, workspace: Path, tmp_path: Path
) -> None:
    release = write_home(tmp_path / "home", own=False)
    with pytest.raises(UserError, match="toy_encoder:Means"):
        share_release(tmp_path / "home", release.release, tmp_path / "file", WORDS)
    taken = releases.import_shared(shared, workspace)
    for give in (
        lambda: share_release(workspace, taken.release, tmp_path / "file", WORDS),
        lambda: releases.export_release(workspace, taken.release, tmp_path / "file"),
    ):
        with pytest.raises(UserError, match="pass on the file"):
            give()


def test_the_command_tells_both_formats_apart_shows_the_card_and_asks(
    shared: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from typer.testing import CliRunner

    monkeypatch.chdir(workspace)
    declined = CliRunner().invoke(app, ["release", "import", str(shared)], input="n\n")
    assert "songs of a tiny world" in declined.stdout
    assert not (workspace / "releases").exists()
    CliRunner().invoke(app, ["release", "import", "--yes", str(shared)], catch_exceptions=False)
    assert isinstance(releases.read_pointer(workspace), Manifest)
    with pytest.raises(UserError, match=r"user_factors.npy"):
        releases.import_release(workspace, shared)


def with_manifest(content: dict[str, bytes], **changed: object) -> dict[str, bytes]:
    return content | {"manifest.json": json.dumps(json.loads(content["manifest.json"]) | changed).encode()}


def with_file(content: dict[str, bytes], name: str, changed: bytes) -> dict[str, bytes]:
    """Named truly, as somebody who makes a file of his own would."""
    manifest = json.loads(content["manifest.json"])
    files = manifest["files"] | {name: hashlib.md5(changed).hexdigest()}
    named = shared_name(files, manifest["n0"], manifest["derived_from"])
    return with_manifest(content | {f"files/{name}": changed}, files=files, release=named)


def array(values: np.ndarray) -> bytes:
    written = BytesIO()
    np.save(written, values.astype(np.float32))
    return written.getvalue()


def encoder_of(content: dict[str, bytes], class_path: str) -> bytes:
    encoder = json.loads(content["files/cnn_checkpoint/encoder.json"])
    return json.dumps(encoder | {"class_path": class_path}).encode()


def other_card(content: dict[str, bytes]) -> dict[str, bytes]:
    card = json.loads(content[f"files/{CARD}"]) | {"licence": ""}
    return with_file(content, CARD, json.dumps(card).encode())


DAMAGES: dict[str, tuple[Callable[[dict[str, bytes]], dict[str, bytes]], str]] = {
    "another byte": (
        lambda c: c | {f"files/{X_X}": c[f"files/{X_X}"][:-1] + b"x"},
        "md5 .* its manifest says",
    ),
    "another version": (
        lambda c: c | {FORMAT: b'{"format": "earshot shared release", "version": 2}'},
        "'version': 2.: wanted .*'version': 1",
    ),
    "another name": (lambda c: with_manifest(c, release="0" * 12), "its files make"),
    "nothing it came from": (lambda c: with_manifest(c, derived_from=None), "derived_from=None"),
    "listeners": (
        lambda c: with_file(c, "wmf_factors/user_factors.npy", array(np.zeros((2, FACTORS)))),
        "user_factors.npy: not of a shared release",
    ),
    "no X'X": (lambda c: with_file(c, X_X, array(-np.eye(FACTORS))), "gram.npy: wanted X'X"),
    "half of it": (lambda c: with_file(c, X_X, array(np.eye(FACTORS)[:2])), "gram.npy: wanted 4 rows"),
    "somebody's class": (
        lambda c: with_file(c, "cnn_checkpoint/encoder.json", encoder_of(c, "os:system")),
        "class_path='os:system'",
    ),
    "a card without a licence": (other_card, "licence=''"),
    "another file": (lambda c: c | {"evil.py": b"1"}, "evil.py"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_file_is_refused_in_words_and_leaves_nothing(
    name: str, shared: Path, workspace: Path, tmp_path: Path
) -> None:
    damage, words = DAMAGES[name]
    file = pack(tmp_path / "damaged", damage(members(shared)))
    with pytest.raises(UserError, match=words):
        releases.import_shared(file, workspace)
    left = {path.name for path in workspace.rglob("*") if path.is_file() and ".git/" not in str(path)}
    assert not left & {"current.json", "encoder.pt"}
    assert not (workspace / ".dvc" / "cache").exists()


def test_a_file_that_was_cut_short_is_no_release(shared: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut"
    cut.write_bytes(shared.read_bytes()[:-30])
    with pytest.raises(UserError, match="not a whole archive"):
        releases.read_card(cut)


def test_other_hyper_images_are_named_with_the_parameter(shared: Path, workspace: Path) -> None:
    params = workspace / "params.yaml"
    params.write_text(params.read_text().replace("n_mels: 128", "n_mels: 64"))
    with pytest.raises(UserError, match=r"hyper_images.n_mels=64.0: .* hears hyper-images made with 128"):
        releases.import_shared(shared, workspace)


def test_shared_songs_go_by_the_id_that_their_sound_has_here(shared: Path, tmp_path: Path) -> None:
    for name, content in members(shared).items():
        if name.startswith("files/wmf_factors/"):
            (tmp_path / Path(name).name).write_bytes(content)
    here = {"s001": "s001", "mine": "s002", "twice": "s002", "s003": "s004"}
    sounds = pd.DataFrame({"song_id": here.keys(), "audio_md5": [md5(name) for name in here.values()]})
    before = SharedWmf.read(tmp_path).songs
    SharedWmf.name_songs(tmp_path, sounds)
    after = SharedWmf.read(tmp_path).songs
    changed = {old: new for old, new in zip(before.ids, after.ids, strict=True) if old != new}
    # s004's sound is here as s003, which is a shared song of its own: an id wins over a sound
    assert changed == {"s002": "mine"}
    np.testing.assert_array_equal(before.vectors, after.vectors)


@pytest.mark.filterwarnings("ignore:_NoneStep:DeprecationWarning")  # DVC's pygtrie
def test_where_only_a_shared_release_is_no_training_is_due_and_stages_find_what_they_read(
    shared: Path, workspace: Path
) -> None:
    for stage in ("hyper_images", "play_counts"):
        (workspace / "data" / stage).mkdir(parents=True)
        (workspace / "data" / stage / "summary.json").write_text("{}")
    assert due(workspace).due
    releases.import_shared(shared, workspace)
    assert "a shared release serves" in str(due(workspace))
    assert not due(workspace).due
    stand_in(workspace, "raw_audio")
    assert not (workspace / "data" / "training_set").exists()
    stand_in(workspace, "drift")
    assert [path.name for path in (workspace / "data" / "training_set").iterdir()] == ["not_made_here.json"]
    assert not (workspace / "data" / "served_factors").exists(), "that is for the stage itself to make"
    assert not due(workspace).due
