"""data/.gitignore hides what DVC keeps, and hides nothing from DVC."""

import shutil
import subprocess
from pathlib import Path

import pytest
from dvc.repo import Repo

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.filterwarnings("ignore:_NoneStep:DeprecationWarning")  # DVC's pygtrie
def test_git_sees_records_and_dvc_sees_deliveries(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    delivery = tmp_path / "data" / "deliveries" / "a"
    for folder in (delivery, tmp_path / "data" / "raw_audio", tmp_path / "data" / "inbox"):
        folder.mkdir(parents=True)
        (folder / "songs.csv").write_text("song_id\n1\n")
    for folder in (tmp_path / "data" / "inbox" / "d", tmp_path / "data" / "rejected" / "d"):
        folder.mkdir(parents=True)
        (folder / "dvc.yaml").write_text("stages: {harm: {cmd: rm -rf /}}\n")
    ignore = tmp_path / "data" / ".gitignore"
    shutil.copyfile(ROOT / "data" / ".gitignore", ignore)
    with Repo.init(str(tmp_path)) as repo:
        repo.add(str(delivery))
        # DVC passes over a .dvc file whose folder counts as ignored.
        assert [Path(stage.path) for stage in repo.index.stages] == [delivery.with_suffix(".dvc")]
    seen = subprocess.run(
        ["git", "ls-files", "--others", "--exclude-standard", "data"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert seen.stdout.split() == ["data/.gitignore", "data/deliveries/a.dvc"]
    assert ignore.read_bytes() == (ROOT / "data" / ".gitignore").read_bytes()
