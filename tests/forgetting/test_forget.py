"""A real repository with two releases: a listener taken out, asked again, killed, asked of older commits."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from earshot import releases, versioning
from earshot.deliveries import read_index
from earshot.deliveries.ingest import ingest
from earshot.errors import UserError
from tests.forgetting.searching import places
from tests.forgetting.tiny import LISTENER, copy, write_two_releases
from tests.killable import Killable
from tests.releases.tiny_workspace import Repository

pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep:DeprecationWarning")  # pygtrie, which DVC uses

FORGET = f"""
from earshot.forgetting import forget
def call(root):
    os.chdir(root)
    forget(root, "user", "{LISTENER}", lambda line: None)
"""


@pytest.fixture(scope="module")
def two_releases(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Copy before changing it."""
    return write_two_releases(tmp_path_factory.mktemp("two") / "workspace")


@pytest.fixture(scope="module")
def forgotten(tmp_path_factory: pytest.TempPathFactory, two_releases: Repository) -> tuple[Repository, str]:
    """Without the listener, and what was told. Copy before changing it."""
    repository = copy(two_releases, tmp_path_factory.mktemp("forgotten"))
    return repository, repository.earshot("forget", "--user", LISTENER)


def still_there(repository: Repository) -> list[str]:
    """Places of earshot's and of the remote that hold the listener; made/ is what is not earshot's."""
    found = places(repository.root, LISTENER) + places(Path(f"{repository.root}-remote"), LISTENER)
    return [each for each in found if not each.startswith("made/")]


def test_nothing_of_the_listener_is_left_and_all_is_told(
    two_releases: Repository, forgotten: tuple[Repository, str]
) -> None:
    repository, told = forgotten
    assert len(still_there(two_releases)) >= 15
    assert still_there(repository) == []
    before, now = two_releases.pointer(), repository.pointer()
    for release in (before["release"], before["previous"]):
        assert f"release {release}: revoked; now " in told
    assert now["release"] not in (before["release"], before["previous"])
    assert now["files"]["cnn_checkpoint/encoder.pt"] == before["files"]["cnn_checkpoint/encoder.pt"]
    assert "playlists: 1 playlists" in told
    assert "the remote store: " in told
    assert "NOT EARSHOT'S, and still holds it: made/wmf_factors/users.parquet" in told
    assert LISTENER not in told
    assert (repository.root / "data/inbox/more/plays.csv").read_text().splitlines()[1:] == ["u001,s002,2"]


def test_the_release_serves_on_and_nothing_is_judged_again(
    two_releases: Repository, forgotten: tuple[Repository, str]
) -> None:
    repository, _ = forgotten
    status = json.loads(repository.run("dvc", "status", "--json").splitlines()[-1])
    assert not {"release", "served_factors", "recommendations"} & status.keys()
    users = repository.read("served_factors/users.parquet")["user_id"].tolist()
    old = two_releases.read("served_factors/users.parquet")["user_id"].tolist()
    assert users == [each for each in old if each != LISTENER]
    scores = [
        np.load(each.root / "data/served_factors/user_factors.npy")
        @ np.load(each.root / "data/served_factors/item_factors.npy").T
        for each in (repository, two_releases)
    ]
    others = scores[1][[each != LISTENER for each in old]]
    apart = np.sqrt(np.mean((scores[0] - others) ** 2)) / others.std()
    assert apart < 0.05  # 1 of 120 listeners: places of songs go by those who played them
    for manifest in releases.list_releases(repository.root):
        assert releases.verify(repository.root, manifest.release)[1] == []


def test_asked_twice_it_does_nothing(forgotten: tuple[Repository, str]) -> None:
    repository, _ = forgotten

    def content() -> dict[str, tuple[int, int]]:
        found = [path for path in repository.root.rglob("*") if path.is_file()]
        return {str(path): (path.stat().st_ino, path.stat().st_mtime_ns) for path in found}

    repository.earshot("status")
    before = content()
    told = repository.earshot("forget", "--user", LISTENER)
    assert told.startswith("forgotten on ")
    assert told.endswith(" already: nothing to do\n")
    changed = {path for path, state in content().items() if before.get(path) != state}
    assert all("/.dvc/tmp/" in path or "/locks/" in path for path in changed), changed


def test_older_releases_and_commits_say_when_it_was_forgotten(
    two_releases: Repository, forgotten: tuple[Repository, str], tmp_path: Path
) -> None:
    repository, before = copy(forgotten[0], tmp_path), two_releases.pointer()
    repository.commit()
    on = "forgotten on [0-9]{4}-[0-9]{2}-[0-9]{2}"
    commands = (("release", "rollback"), ("verify",), ("trace",))
    for command in commands:
        with pytest.raises(
            UserError, match=f"release '{before['previous'][:6]}': {on}, .*; [0-9a-f]{{12}} is"
        ):
            repository.earshot(*command, before["previous"][:6])
    served = repository.pointer()
    repository.earshot("release", "rollback")
    assert repository.pointer()["release"] == served["previous"]
    repository.repro("-s", "served_factors", "recommendations")
    repository.commit()
    repository.run("git", "checkout", "-q", "HEAD~2", "--", "releases", "dvc.lock", "data/deliveries")
    for command in commands:
        with pytest.raises(UserError, match=f"release '{before['release']}': {on}"):
            repository.earshot(*command, before["release"])
    with pytest.raises(UserError, match=f"object [0-9a-f]{{32}}.dir was {on}"):
        repository.earshot("repair")


def test_an_ingest_leaves_the_rows_out_and_says_how_many(
    forgotten: tuple[Repository, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    repository = copy(forgotten[0], tmp_path)
    folder = tmp_path / "totals"
    folder.mkdir()
    (folder / "delivery.json").write_text('{"source": "shop", "plays": "total"}')
    (folder / "plays.csv").write_text(
        f"user_id,song_id,play_count\nu001,s001,3\n{LISTENER},s001,5\n{LISTENER},s002,1\n"
    )
    ingested = ingest(folder, repository.root)
    told = capsys.readouterr().err
    assert "totals: 2 rows left out" in told
    assert LISTENER not in told
    assert ingested.new
    assert read_index(repository.root / "data/deliveries")[-1].md5 == ingested.md5
    assert not ingest(folder, repository.root).new
    assert still_there(repository) == []


def test_another_clone_forgets_by_the_same_command(
    two_releases: Repository, forgotten: tuple[Repository, str], tmp_path: Path
) -> None:
    here, there = copy(forgotten[0], tmp_path / "here"), copy(two_releases, tmp_path / "there")
    here.commit()
    here.run("dvc", "push", "-q")
    there.run("git", "fetch", "-q", str(here.root), "HEAD")
    there.run("git", "reset", "-q", "--hard", "FETCH_HEAD")
    there.run("dvc", "remote", "modify", "--local", "store", "url", f"{here.root}-remote")
    there.run("dvc", "pull", "-q", "--force")
    assert any(each.startswith(".dvc/cache/") for each in still_there(there))
    told = there.earshot("forget", "--user", LISTENER)
    assert "DVC's cache: " in told
    assert [each for each in places(there.root, LISTENER) if not each.startswith("made/")] == []
    assert there.pointer() == here.pointer()
    assert there.earshot("forget", "--user", LISTENER).endswith("nothing to do\n")


def test_what_nobody_can_do_is_told(two_releases: Repository, tmp_path: Path) -> None:
    repository = copy(two_releases, tmp_path)
    for options in ((), ("--user", "a", "--song", "b")):
        with pytest.raises(UserError, match="wanted --user ID or --song ID, one of them"):
            repository.earshot("forget", *options)
    with pytest.raises(UserError, match="user ' ': wanted the id as deliveries have it"):
        repository.earshot("forget", "--user", " ")
    shutil.rmtree(f"{repository.root}-remote")
    repository.run("dvc", "remote", "add", "away", "ssh://nowhere.invalid/store")
    told = repository.earshot("forget", "--user", "u005x")
    assert "NOT REACHED: the remote away: " in told
    assert not told.startswith("forgotten on ")
    assert "NOT REACHED" in repository.earshot("forget", "--user", "u005x")  # it is not done
    book = repository.root / "data" / "deliveries" / "forgotten.json"
    book.write_text("{")
    more = tmp_path / "more"
    more.mkdir()
    (more / "plays.csv").write_text("user_id,song_id\nu001,s001\n")
    with pytest.raises(UserError, match=r"forgotten.json: cannot be read .*what must stay forgotten"):
        ingest(more, repository.root)


def killed_and_gone_on(two_releases: Repository, folder: Path, seeds: range) -> None:
    whole = copy(two_releases, folder / "whole")
    with Killable(FORGET, whole.root) as killable:
        events = killable.events(copy(two_releases, folder / "counted").root)
        for seed in seeds:
            repository = copy(two_releases, folder / str(seed))
            moment = random.Random(seed).randrange(1, events)
            killable.kill(moment, repository.root)
            repository.earshot("forget", "--user", LISTENER)
            assert still_there(repository) == [], (seed, moment)
            assert repository.pointer()["release"] == whole.pointer()["release"], (seed, moment)
            assert (
                versioning.read_lock(repository.root)["served_factors"]["outs"]
                == (versioning.read_lock(whole.root)["served_factors"]["outs"])
            ), (seed, moment)
            shutil.rmtree(folder / str(seed))


@pytest.mark.soak
def test_killed_once_it_goes_on(two_releases: Repository, tmp_path: Path) -> None:
    killed_and_gone_on(two_releases, tmp_path, range(1))


@pytest.mark.soak
def test_killed_at_twenty_moments_it_goes_on(two_releases: Repository, tmp_path: Path) -> None:
    killed_and_gone_on(two_releases, tmp_path, range(1, 21))
