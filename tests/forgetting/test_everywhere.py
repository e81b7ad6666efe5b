"""The whole pipeline, and all that keeps something: a listener and a song of 32 random letters taken out."""

from __future__ import annotations

import csv
import secrets
import shutil
import string
from dataclasses import dataclass
from pathlib import Path

import pytest

from earshot.lanes.journal import Journal, Mark
from earshot.serve.keys import KeyStore
from earshot.serve.playlist_store import Playlists
from earshot.serve.votes import Vote, Votes
from tests.forgetting.searching import places
from tests.pipeline.workspace import Workspace, clone

pytestmark = pytest.mark.soak

SERVE = """
from pathlib import Path
from earshot.releases import candidate
print(candidate(Path.cwd()).release)
"""


@dataclass(frozen=True)
class Kept:
    """A workspace in which everything ran, and the ids that are looked for in it."""

    workspace: Workspace
    user: str
    song: str
    sound: bytes

    def holding(self, name: str) -> list[str]:
        return places(self.workspace.root, name) + places(remote_of(self.workspace), name)

    def copy(self, root: Path) -> Kept:
        copied = self.workspace.copy(root)
        shutil.copytree(remote_of(self.workspace), remote_of(copied))
        copied.run("dvc", "remote", "modify", "store", "url", str(remote_of(copied)))
        return Kept(copied, self.user, self.song, self.sound)


def remote_of(workspace: Workspace) -> Path:
    return workspace.root.with_name(f"{workspace.root.name}-remote")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """Copy before changing it."""
    from earshot.datasets.embedded import write_catalogue

    folder = tmp_path_factory.mktemp("kept")
    user, song = ("".join(secrets.choice(string.ascii_letters) for _ in range(32)) for _ in range(2))
    write_catalogue(folder / "catalogue", n_songs=120, n_listeners=150)
    sound = rename(folder / "catalogue", user, song)
    workspace = clone(folder / "workspace")
    workspace.run("dvc", "remote", "add", "-d", "store", str(remote_of(workspace)))
    workspace.earshot("ingest", str(folder / "catalogue"))
    workspace.run("python", "-m", "orchestration.run", "everything", WANDB_MODE="offline")
    serve_newest(workspace)
    keep_more(workspace.root, user, song)
    workspace.earshot("scrobbles", "deliver")
    workspace.run("git", "add", "-A")
    workspace.run("git", "commit", "-qm", "all")
    push(workspace)
    return Kept(workspace, user, song, sound)


def rename(catalogue: Path, user: str, song: str) -> bytes:
    """Give the first listener and a song of theirs these ids, in names of files too; the song's sound."""
    with (catalogue / "plays.csv").open() as file:
        first = next(iter(csv.DictReader(file)))
    new = {
        first["user_id"]: user,
        first["song_id"]: song,
        f"audio/{first['song_id']}.mp3": f"audio/{song}.mp3",
    }
    for name in ("plays.csv", "songs.csv"):
        lines = (catalogue / name).read_text().splitlines()
        renamed = [",".join(new.get(field, field) for field in line.split(",")) for line in lines]
        (catalogue / name).write_text("\n".join(renamed) + "\n")
    sound = catalogue / "audio" / f"{first['song_id']}.mp3"
    sound.rename(sound.with_stem(song))
    return sound.with_stem(song).read_bytes()


def serve_newest(workspace: Workspace) -> None:
    name = workspace.run("python", "-c", SERVE).split()[-1]
    workspace.earshot("release", "promote", name, "--force", "--reason", "a test")
    workspace.earshot("onboard")


def keep_more(root: Path, user: str, song: str) -> None:
    """What a server, a player and a bad delivery leave."""
    Votes(root).add(Vote("ballot", "r1", "r2", "r1", user, user))
    Playlists(root).write(user, None, "mine", [song])
    Playlists(root).write("another", None, "theirs", [song])
    KeyStore(root).add("phone", "listener", user)
    marks = [Mark(user, song, "play", 1_700_000_000_000), Mark("another", song, "play", 1_700_000_001_000)]
    Journal(root).add("phone", marks)
    for kind in ("inbox", "rejected"):
        folder = root / "data" / kind / "waiting"
        folder.mkdir(parents=True)
        (folder / "plays.csv").write_text(f"user_id,song_id,play_count\n{user},{song},3\nanother,s9,2\n")
    reason = root / "data" / "rejected" / "waiting.reason.json"
    error = f"plays.csv: row 1: user_id='{user}': bad"
    reason.write_text(
        f'{{"delivery": "waiting", "error": "{error}", "rejected": "2026-01-01", "source": ""}}'
    )
    log = root / ".dagster" / "storage" / "run" / "compute_logs" / "step.err"
    log.parent.mkdir(parents=True)
    log.write_text(f"{user} played {song}\n")


def push(workspace: Workspace) -> None:
    workspace.run("dvc", "push", "-q")
    workspace.run("dvc", "push", "-q", "--run-cache")


def test_nothing_is_left_and_the_pipeline_runs(kept: Kept, tmp_path: Path) -> None:
    made = kept.copy(tmp_path / "workspace")
    for kind, name in (("user", made.user), ("song", made.song)):
        before = made.holding(name)
        assert "data/deliveries/catalogue/plays.csv" in before
        assert any(each.startswith("data/training_set/") for each in before)
        told = made.workspace.earshot("forget", f"--{kind}", name)
        assert made.holding(name) == []
        assert name not in told.replace(f"--{kind} {name}", "")
    everything = [made.workspace.root, remote_of(made.workspace)]
    files = [
        path for root in everything for path in root.rglob("*") if path.is_file() and ".git/" not in str(path)
    ]
    assert not any(
        path.read_bytes() == made.sound for path in files if path.stat().st_size == len(made.sound)
    )
    push(made.workspace)
    made.workspace.earshot("onboard", succeeds=False)  # what lay in the inbox is of songs nobody knows
    made.workspace.run("dvc", "repro", "-q")
    assert made.holding(made.user) == made.holding(made.song) == []
