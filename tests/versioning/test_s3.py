"""A remote in S3, of moto: pushed, fetched back, asked; credentials stand in the environment alone."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from earshot import releases
from earshot.errors import UserError
from earshot.versioning import add_folder, bring_back, cache_folder, cache_path, file_md5
from earshot.versioning.remote import default_remote, in_remote, why
from tests.s3_server import KEY_ID, SECRET, Bucket, bucket

CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
REMOTE = """
[core]
    analytics = false
    remote = store
['remote "store"']
    url = {url}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    with bucket(tmp_path_factory.mktemp("s3")) as bucket_of_module:
        yield bucket_of_module


@pytest.fixture
def environment(made: Bucket, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return made


def repository(root: Path, url: str, endpoint: str = "") -> Path:
    """A folder `data/deliveries/one` under DVC in a commit, and as it was changed since."""
    from dvc.repo import Repo

    root.mkdir()
    git(root, "init", "--quiet")
    Repo.init(str(root)).close()
    more = f"    endpointurl = {endpoint}\n" if endpoint else ""
    (root / ".dvc" / "config").write_text(REMOTE.format(url=url) + more)
    (root / "releases").mkdir()
    folder = root / "data" / "deliveries" / "one"
    folder.mkdir(parents=True)
    (folder / "songs.csv").write_text("song_id\ns1\n")
    (folder / "kept.csv").write_text("the same in both\n")
    add_folder(root, folder, print)
    git(root, "add", "--all")
    git(
        root, "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "--quiet", "--message", "first"
    )
    push(root)
    (folder / "songs.csv").unlink()  # a link into the cache
    (folder / "songs.csv").write_text("song_id\ns1\ns2\n")
    add_folder(root, folder, print)
    return root


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=root, check=True)


def push(root: Path) -> None:
    from dvc.repo import Repo

    if default_remote(root).startswith("gs"):  # type: ignore[union-attr]
        return
    with Repo(str(root)) as repo:
        repo.push()


def objects(root: Path) -> dict[str, str]:
    """Content of every file in DVC's cache, by md5; not of lists of files."""
    found = cache_folder(root).glob("??/*")
    return {p.parent.name + p.name: p.read_text() for p in found if p.suffix != ".dir"}


def test_only_what_the_remote_has_and_nothing_needs_now_leaves_the_cache(
    environment: Bucket, tmp_path: Path
) -> None:
    root = repository(tmp_path / "clone", "s3://shards/first", environment.endpoint)
    then, now, both = "song_id\ns1\n", "song_id\ns1\ns2\n", "the same in both\n"
    assert set(objects(root).values()) == {then, now, both}
    first = next(md5 for md5, content in objects(root).items() if content == then)
    assert in_remote(root, objects(root).keys()) == {
        md5 for md5, text in objects(root).items() if text != now
    }

    everything = releases.clean_cache(root, remove=True, most_bytes=1e9)
    assert (everything.pushed, everything.objects) == (0, 0)
    counted = releases.clean_cache(root, remove=False, most_bytes=0)
    assert (counted.pushed, counted.pushed_bytes) == (1, len(then))
    assert first in objects(root)
    assert releases.clean_cache(root, remove=True, most_bytes=0) == counted
    assert set(objects(root).values()) == {now, both}
    assert releases.clean_cache(root, remove=True, most_bytes=0).pushed == 0

    assert bring_back(root, {"songs.csv": first}, print) == {}
    assert objects(root)[first] == then
    assert file_md5(cache_path(cache_folder(root), first)) == first


def test_another_clone_has_it_all_and_no_credential_is_written_down(
    environment: Bucket, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from dvc.repo import Repo

    root = repository(tmp_path / "clone", "s3://shards/second", environment.endpoint)
    push(root)
    shutil.rmtree(root / ".dvc" / "cache")
    shutil.rmtree(root / "data" / "deliveries" / "one")
    with Repo(str(root)) as repo:
        repo.pull()
    assert (root / "data" / "deliveries" / "one" / "songs.csv").read_text() == "song_id\ns1\ns2\n"
    said = capfd.readouterr()
    places = [path for path in root.rglob("*") if path.is_file()]
    for secret in (KEY_ID, SECRET):
        assert secret not in said.out + said.err
        assert not [path for path in places if secret.encode() in path.read_bytes()]


def test_a_remote_that_cannot_be_asked_is_told_with_what_to_do(
    environment: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    google = repository(tmp_path / "google", "gs://shards/first")  # whose library nobody installs here
    md5s = objects(google).keys()
    with pytest.raises(UserError, match=r"gs://shards/first: cannot be asked.*'dvc-gs' to be installed"):
        in_remote(google, md5s)
    (lost,) = bring_back(google, {"x": "1" * 32}, print).values()
    assert "the remote cannot be asked (gs is supported, but requires 'dvc-gs' to be installed)" in lost
    of_s3 = ImportError("s3 is supported, but requires 'dvc-s3' to be installed")
    assert why(of_s3).endswith("type: pip install 'earshot[s3]'")
    with pytest.raises(UserError, match="cannot be asked"):
        releases.clean_cache(google, remove=True, most_bytes=0)
    assert objects(google).keys() == md5s
    config = google / ".dvc" / "config"
    config.write_text("[core]\n    analytics = false\n")
    with pytest.raises(UserError, match="names no default remote"):
        in_remote(google, md5s)
    config.write_text(REMOTE.format(url="s3://shards/third") + f"    endpointurl = {environment.endpoint}\n")
    for name in CREDENTIALS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with pytest.raises(UserError, match=r"s3://shards/third: cannot be asked: .*[Cc]redentials"):
        in_remote(google, md5s)
