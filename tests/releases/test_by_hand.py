"""Candidates put in place by a person, and releases carried from one clone to another."""

from __future__ import annotations

import json
import re
from pathlib import Path
from zipfile import ZipFile

import pytest

from earshot import releases
from earshot.errors import UserError
from earshot.versioning import cache_folder, cache_path
from tests.releases.tiny_workspace import Repository, write_model


def candidate_of(repository: Repository) -> str:
    (name,) = (path.stem for path in (repository.root / "releases" / "candidates").iterdir())
    return name


def test_a_refused_candidate_is_promoted_with_force_and_a_reason_alone(refused: Repository) -> None:
    name, before = candidate_of(refused), refused.pointer()
    assert f"{name}  map_at_500 0.250  auc 0.750  refused" in refused.earshot("release", "list")
    for options, told in (((), "`--force --reason TEXT`"), (("--force",), "wanted with --force")):
        with pytest.raises(UserError, match=f"{name} was refused: is clearly worse than .*; .*{told}"):
            refused.earshot("release", "promote", name, *options)
    assert refused.pointer() == before
    refused.set_param("git_commit: false", "git_commit: true")
    refused.earshot("release", "promote", name[:5], "--force", "--reason", "to listen to it")
    pointer, decision = refused.pointer(), refused.decisions()[name]
    assert (pointer["release"], pointer["number"], pointer["previous"]) == (name, 2, before["release"])
    assert not decision["released"]
    assert decision["promoted"]["by"] == "tester@example.org"
    assert decision["promoted"]["reason"] == "to listen to it"
    assert refused.decisions()[before["release"]]["rolled_back_to"] == name
    assert refused.run("git", "tag", "--list").split() == [f"release/{name}"]
    assert json.loads(refused.run("git", "show", "HEAD:releases/current.json")) == pointer
    assert "served_factors" in json.loads(refused.run("dvc", "status", "--json").splitlines()[-1])


def test_a_promotion_names_the_object_that_is_gone(refused: Repository) -> None:
    name, before = candidate_of(refused), refused.pointer()
    md5 = releases.show_release(refused.root, name)["files"]["cnn_checkpoint/encoder.pt"]
    lost = cache_path(cache_folder(refused.root), md5)
    lost.unlink()
    gone = re.escape(f"cnn_checkpoint/encoder.pt of release {name}: object {lost} was missing")
    with pytest.raises(UserError, match=gone):
        releases.promote(refused.root, name, "to try")
    assert refused.pointer() == before
    assert "promoted" not in refused.decisions()[name]


def test_an_exported_release_serves_the_same_lists_in_another_clone(
    second_release: Repository, repository: Repository, tmp_path: Path
) -> None:
    file, name = tmp_path / "release.zip", second_release.pointer()["release"]
    assert name in second_release.earshot("release", "export", name, str(file))
    with pytest.raises(UserError, match="is there already"):
        second_release.earshot("release", "export", name, str(file))
    for each in second_release.pointer()["files"].values():
        assert not cache_path(cache_folder(repository.root), each).is_file() or each in str(
            repository.pointer()
        )
    repository.earshot("release", "import", str(file))
    assert [release.number for release in releases.list_releases(repository.root)] == [1]
    repository.earshot("release", "promote", name, "--force", "--reason", "it is better elsewhere")
    assert [release.number for release in releases.list_releases(repository.root)] == [1, 2]
    repository.repro("--single-item", "served_factors", "recommendations")
    table = "recommendations/recommendations.parquet"
    assert repository.read(table).equals(second_release.read(table))


def test_an_import_stands_apart_until_a_person_promotes_it(
    second_release: Repository, repository: Repository, tmp_path: Path
) -> None:
    """Its archive claims a mAP of 1; that ranks it nowhere, before and after."""
    file, name, first = (
        tmp_path / "x.zip",
        second_release.pointer()["release"],
        repository.pointer()["release"],
    )
    releases.export_release(second_release.root, name, file)
    claim = second_release.decisions()[name] | {"metrics": {"candidate": {"map_at_500": 1.0, "auc": 1.0}}}
    rewritten(file, tmp_path / "claims.zip", {"decision.json": json.dumps(claim).encode()})
    repository.earshot("release", "import", str(tmp_path / "claims.zip"))
    assert (
        f"{name}  map_at_500 0.250  auc 0.750  imported: its own claim, not promoted"
        in repository.earshot("release", "list")
    )
    assert set(repository.decisions()) == {first}
    assert [
        each.release for each in releases.alike(repository.root, releases.read_pointer(repository.root), {})
    ] == [first]
    shown = json.loads(repository.earshot("release", "show", name))
    assert (shown["served"], shown["decision"], shown["imported"]) == (False, None, claim)
    assert "imported     is not worse than" in repository.earshot("trace", name)
    assert repository.earshot("verify", name).endswith("all as they were\n")
    assert repository.earshot("gc", "--really").startswith("0 objects")
    with pytest.raises(UserError, match="no such release"):
        releases.roll_back(repository.root, name)
    with pytest.raises(
        UserError, match="was imported and never judged here; its archive claims 'is not worse"
    ):
        repository.earshot("release", "promote", name)
    releases.promote(repository.root, name, "heard it")
    decision = repository.decisions()[name]
    assert set(decision) == {"candidate", "imported", "promoted"}
    assert decision["imported"] == claim
    assert releases.list_imported(repository.root) == []
    assert "served  imported: its own claim" in repository.earshot("release", "list")
    ranked = releases.alike(repository.root, releases.read_pointer(repository.root), {})
    assert [each.release for each in ranked] == [first, name]
    write_model(repository.root / "made", seed=3)
    repository.repro("release")  # scores it anew, as what is served
    judged = repository.decisions()[repository.pointer()["release"]]
    assert name in judged["differences"]
    assert judged["metrics"][name]["map_at_500"] < 1


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory, refused_candidate: Repository) -> Path:
    file = tmp_path_factory.mktemp("exported") / "release.zip"
    releases.export_release(refused_candidate.root, candidate_of(refused_candidate), file)
    return file


def rewritten(exported: Path, file: Path, changes: dict[str, bytes]) -> Path:
    """The archive with some files changed or added."""
    with ZipFile(exported) as read, ZipFile(file, "w") as written:
        content = {name: read.read(name) for name in read.namelist()} | changes
        for name, each in content.items():
            written.writestr(name, each)
    return file


def files_of(root: Path) -> set[Path]:
    return {path for folder in ("releases", ".dvc/cache/files") for path in (root / folder).rglob("*")}


def test_an_archive_that_is_not_what_its_manifest_says_is_refused(
    exported: Path, first_release: Repository, tmp_path: Path
) -> None:
    encoder = "files/cnn_checkpoint/encoder.pt"
    with ZipFile(exported) as read:
        weights, manifest = read.read(encoder), json.loads(read.read("manifest.json"))
    flipped = bytes([weights[0] ^ 1]) + weights[1:]
    outside = manifest | {"files": manifest["files"] | {"../../.bashrc": "0" * 32}}
    renamed = manifest | {"release": "0" * 12}
    before = files_of(first_release.root)
    for changes, told in (
        ({encoder: flipped}, "cnn_checkpoint/encoder.pt: md5 .*, its manifest says"),
        ({"../escaped.txt": b"x"}, r"'\.\./escaped.txt': wanted exactly the files that its manifest names"),
        ({"manifest.json": json.dumps(outside).encode()}, r"files\.\.\./\.\./\.bashrc"),
        ({"manifest.json": json.dumps(renamed).encode()}, "release='000000000000': its files make"),
        ({"decision.json": b"{"}, "decision.json: not JSON"),
    ):
        with pytest.raises(UserError, match=told):
            releases.import_release(first_release.root, rewritten(exported, tmp_path / "bad.zip", changes))
    (tmp_path / "cut.zip").write_bytes(exported.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"cut\.zip: (not a whole archive|no manifest)"):
        releases.import_release(first_release.root, tmp_path / "cut.zip")
    assert files_of(first_release.root) == before
    assert not (tmp_path / "escaped.txt").exists()
