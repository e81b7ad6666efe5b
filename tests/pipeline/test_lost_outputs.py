"""What a stage reads was lost or damaged: brought back where it can be had, else named."""

import json
import re
from pathlib import Path

import pytest

from earshot.versioning import cache_folder, cache_path, file_md5, previous_output, read_definition
from tests.pipeline.workspace import Workspace

SNAPSHOT = "data/training_set"
"""The stage drift reads it, and no stage of a delivery makes it."""


OWN = "summary.json"
"""A file of it whose bytes no other output has."""


def stale_drift(workspace: Workspace) -> None:
    """`drift` and `pages` have to run; data/ and DVC's cache share their bytes, as they do but for a copy."""
    workspace.run("dvc", "checkout", "--relink")
    workspace.set_param("false_alarms", 0.02)


def objects(workspace: Workspace) -> dict[str, Path]:
    """Of every file of the snapshot, and of its list of files (`""`)."""
    previous = previous_output(workspace.root, read_definition(workspace.root, "training_set"))
    cache = cache_folder(workspace.root)
    return {name: cache_path(cache, md5) for name, md5 in {**previous.files, "": previous.md5 or ""}.items()}


def flip(path: Path) -> None:
    """Change one byte in place, as nobody should; it stays read-only."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.chmod(0o644)
    path.write_bytes(content)
    path.chmod(0o444)


def spoil(workspace: Workspace) -> None:
    """A link, a link and its object, a byte that both share, and the list of files."""
    there, folder = objects(workspace), workspace.root / SNAPSHOT
    for lost in (folder / "users.parquet", folder / "items.parquet", there["items.parquet"], there[""]):
        lost.unlink()
    flip(there[OWN])
    assert file_md5(folder / OWN) == file_md5(there[OWN])


@pytest.mark.soak
@pytest.mark.parametrize("was", ["missing", "damaged"])
def test_what_is_nowhere_to_be_had_is_named(workspace: Workspace, was: str) -> None:
    stale_drift(workspace)
    lost = objects(workspace)[OWN]
    if was == "missing":
        lost.unlink()
        (workspace.root / SNAPSHOT / OWN).unlink()
    else:
        flip(lost)
    said = workspace.earshot("onboard", succeeds=False)
    assert "Traceback" not in said
    assert f"error: {SNAPSHOT}/{OWN}: object {lost} was {was}, and there is no remote" in said
    assert "`dvc repro --force --single-item training_set` makes it anew" in said
    workspace.run("dvc", "repro", "--force", "--single-item", "training_set")
    assert "drift: done" in workspace.earshot("onboard")


@pytest.mark.soak
@pytest.mark.parametrize("front_end", ["earshot", "orchestration.run"])
def test_what_the_remote_has_is_fetched_and_the_run_goes_on(
    workspace: Workspace, tmp_path: Path, front_end: str
) -> None:
    stale_drift(workspace)
    workspace.run("dvc", "remote", "add", "--default", "store", str(tmp_path / "store"))
    workspace.run("dvc", "push", "training_set")
    before = workspace.versions()
    spoil(workspace)
    said = workspace.run("python", "-m", front_end, "onboard")
    for name, was in ((f"{SNAPSHOT}/{OWN}", "damaged"), (f"{SNAPSHOT}, its list of files", "missing")):
        assert re.search(f"{name}: object [0-9a-f]+(.dir)? of DVC's cache was {was}: fetched", said), said
    assert "drift: done" in said
    after = workspace.versions()
    assert {name for name in after if after[name] != before[name]} == {"drift", "pages"}
    assert workspace.stale_in_dvc() == set()
    for path in objects(workspace).values():
        assert file_md5(path) == path.parent.name + path.stem


def test_repair_puts_back_what_a_bare_dvc_repro_would_take_for_whole(workspace: Workspace) -> None:
    """The object alone is lost, or the link: the other has it."""
    stale_drift(workspace)
    there = objects(workspace)
    there["plays.parquet"].unlink()
    (workspace.root / SNAPSHOT / "items.parquet").unlink()
    shard = next(name for name in there if name.endswith(".npy"))
    flip(there[shard])
    said = workspace.earshot("repair", succeeds=False)
    assert f"{shard}: object {there[shard]} was damaged, and there is no remote" in said
    assert there["plays.parquet"].is_file()
    assert json.loads((workspace.root / SNAPSHOT / "summary.json").read_text())
