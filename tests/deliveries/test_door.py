"""What is looked at before anything is copied: the place, the room, names, delivery.json."""

import json
import os
import resource
import shutil
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from earshot.deliveries import read_index
from earshot.deliveries.check import RefusedDelivery, check
from earshot.deliveries.ingest import ingest
from earshot.deliveries.intake import take_in
from earshot.errors import UserError
from earshot.lanes.onboard import onboard
from tests.deliveries.workspaces import empty_workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return empty_workspace(tmp_path / "workspace")


def delivery(folder: Path, description: str | None = None) -> Path:
    folder.mkdir(parents=True)
    (folder / "songs.csv").write_text("song_id\n1\n")
    if description is not None:
        (folder / "delivery.json").write_text(description)
    return folder


@pytest.mark.parametrize(
    ("description", "reason"),
    [
        (r'{"source": "\ud800"}', r"source='\\ud800': wanted one line of text, without '\\ud800'"),
        (r'{"source": "a\nb"}', r"source='a\\nb': wanted one line of text"),
        (r'{"source": "a\u2028b"}', "wanted one line of text"),
        (r'{"source": "\u001b[2J"}', "wanted one line of text"),
        (json.dumps({"source": "x" * 1_000_000}), "source of 1000000 letters: wanted at most 200"),
        ('{"source": "a", "source": "b"}', "not JSON: 'source' is there more than once"),
        ('{"source": NaN}', "source=nan: wanted text"),
        ('{"source": 1e999}', "source=inf: wanted text"),
        ('{"source": ' + "9" * 5000 + "}", "not JSON: "),
        ('{"source": ' + "9" * 4000 + "}", r"source=9+\.\.\.9+: wanted text"),
        ('{"plays": ' + "[" * 300 + "]" * 300 + "}", r"plays=\[\[\[.*: wanted increment or total"),
        ('{"a' + "b" * 900_000 + '": 1}', r"ab+\.\.\.b+=1: unknown key"),
    ],
)
def test_a_delivery_json_that_a_stage_could_not_use_is_refused(
    tmp_path: Path, description: str, reason: str
) -> None:
    with pytest.raises(RefusedDelivery, match=reason) as refused:
        check(delivery(tmp_path / "d", description))
    assert len(str(refused.value)) < 500


def test_what_was_taken_in_before_is_still_read(tmp_path: Path) -> None:
    delivery(tmp_path / "d", r'{"source": "\ud800\n", "source": "old \ud800\n"}')
    (tmp_path / "index.csv").write_text("delivery,md5\nd,1.dir\n")
    assert [each.source for each in read_index(tmp_path)] == ["old ?\n"]


def test_outside_a_workspace_nothing_is_made(tmp_path: Path) -> None:
    source, plain = delivery(tmp_path / "d"), tmp_path / "plain"
    plain.mkdir()
    for attempt in (
        lambda: ingest(source, plain),
        lambda: take_in(plain, print),
        lambda: onboard(plain, source, print),
    ):
        with pytest.raises(UserError, match=r"plain: no workspace of earshot: params\.yaml, dvc"):
            attempt()
    assert list(plain.iterdir()) == []


COMMANDS = (
    "recommend u",
    "similar s",
    "listeners s",
    "onboard",
    "results",
    "release list",
    "release show x",
    "release rollback",
    "trace x",
    "verify x",
    "plot s",
    "retrain",
    "deliveries",
)
RUN = (
    "import contextlib, os, sys; from earshot.cli.main import main\n"
    "for place in ('workspace', 'plain'):\n"
    "    os.chdir(f'{sys.path[-1]}/{place}')\n"
    "    for command in COMMANDS:\n"
    "        sys.argv = ['earshot', *command.split()]\n"
    "        print('==', command, flush=True)\n"
    "        with contextlib.suppress(SystemExit): main()\n"
    "        sys.stdout.flush()"
)


def test_with_nothing_there_every_command_says_what_to_do(workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    code = f"import sys; sys.path.append({str(tmp_path)!r}); COMMANDS = {COMMANDS!r}; {RUN}"
    run = subprocess.run(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    said = run.stdout.split("== ")[1:]
    assert [answer.splitlines()[0] for answer in said] == 2 * list(COMMANDS)
    for answer in said[: len(COMMANDS)]:
        assert "`make run` alone takes in the embedded catalogue" in answer
    for answer in said[len(COMMANDS) :]:
        assert "earshot runs " in answer
    assert "Traceback" not in run.stdout


def test_a_workspace_is_no_delivery(workspace: Path, tmp_path: Path) -> None:
    taken = ingest(delivery(tmp_path / "d"), workspace).name
    for folder, reason in {
        workspace: "holds this workspace itself",
        tmp_path: "holds this workspace itself",
        workspace / "data" / "deliveries" / taken: "inside data/deliveries/ of this workspace",
        workspace / ".dvc" / "cache": r"inside \.dvc/ of this workspace",
    }.items():
        with pytest.raises(RefusedDelivery, match=reason):
            ingest(folder, workspace)


def test_room_is_looked_for_before_anything_is_copied(workspace: Path, tmp_path: Path) -> None:
    source = delivery(tmp_path / "d")
    (source / "big.wav").touch()
    os.truncate(source / "big.wav", shutil.disk_usage(tmp_path).free + (1 << 30))  # a hole, no bytes
    with pytest.raises(UserError, match=r"d: no room for it: it takes [\d,.]+ MB, and .* [\d,.]+ MB left"):
        ingest(source, workspace)
    assert not (workspace / ".earshot" / "work" / "ingest").exists()


def test_a_copy_that_fails_is_removed_at_once(workspace: Path, tmp_path: Path) -> None:
    source = delivery(tmp_path / "d")
    (source / "a.bin").write_bytes(bytes(1 << 20))
    (source / "b.bin").write_bytes(bytes(3 << 20))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, limits[1]))
    try:
        with pytest.raises(UserError, match=r"b\.bin: cannot be copied: File too large"):
            ingest(source, workspace)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not (workspace / ".earshot" / "work" / "ingest").exists()
    assert ingest(source, workspace).new


def test_odd_names_are_kept_as_they_are_and_come_back(workspace: Path, tmp_path: Path) -> None:
    names = ["a.", "b ", "c\n", "d\\e", "-h", "Thumbs.db", "desktop.ini", "CON", "A", "a"]
    names += ["x" * 255, "é" * 127, *(unicodedata.normalize(form, "é.mp3") for form in ("NFC", "NFD"))]
    source = delivery(tmp_path / "d")
    for name in names:
        (source / name).write_text(name)
    for hidden in (".DS_Store", ".git"):
        (source / hidden).touch()
    name = ingest(source, workspace).name
    taken = workspace / "data" / "deliveries" / name
    shutil.rmtree(taken)
    subprocess.run([sys.executable, "-m", "dvc", "checkout", "-q"], cwd=workspace, check=True)
    assert {path.name: path.read_text() for path in taken.iterdir() if path.name != "songs.csv"} == dict(
        zip(names, names, strict=True)
    )


def test_a_path_that_no_workspace_could_hold_is_refused(tmp_path: Path) -> None:
    source = delivery(tmp_path / "d")
    long = "/".join(["d" * 200] * 11)
    (source / long).mkdir(parents=True)
    (source / long / "s.mp3").touch()
    with pytest.raises(RefusedDelivery, match="a path of 2216 bytes; wanted at most 2048"):
        check(source)
