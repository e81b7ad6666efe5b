"""Deliveries made to harm: refused with the reason, in bounded time and memory, nothing outside touched."""

import contextlib
import os
import resource
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from earshot.audio import probing
from earshot.deliveries import inbox, read_songs
from earshot.deliveries.copying import copy_files
from earshot.deliveries.inbox import INBOX
from earshot.deliveries.intake import take_in
from earshot.errors import UserError
from tests.deliveries.workspaces import empty_workspace

CHECK = (
    "import sys; from pathlib import Path; from earshot.deliveries.check import RefusedDelivery, check\n"
    "try: check(Path(sys.argv[1]))\n"
    "except RefusedDelivery as error: print(error)\n"
    "lines = Path('/proc/self/status').read_text().splitlines()\n"  # ru_maxrss is the starter's too
    "print(next(int(line.split()[1]) >> 10 for line in lines if line.startswith('VmHWM')))"
)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    root = empty_workspace(tmp_path / "workspace", max_set_aside_share=1.0)  # nothing here sounds
    (root / INBOX).mkdir(parents=True)
    return root


@pytest.fixture
def delivery(workspace: Path) -> Path:
    folder = workspace / INBOX / "d"
    (folder / "audio").mkdir(parents=True)
    (folder / "audio" / "s.mp3").write_bytes(b"sound")
    (folder / "songs.csv").write_text("song_id,audio\ns,audio/s.mp3\n")
    (folder / "_SUCCESS").touch()
    return folder


def song(audio: str) -> Callable[[Path], object]:
    return lambda folder: (folder / "songs.csv").write_text(f"song_id,audio\ns,{audio}\n")


def link(name: str, target: str) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target)

    return make


def bind_socket(folder: Path) -> None:
    # A socket's address holds 107 bytes: bound from inside, its folder may be as deep as it likes.
    with contextlib.chdir(folder / "audio"), socket.socket(socket.AF_UNIX) as made:
        made.bind("s.sock")


def pipe_instead_of(name: str) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        os.mkfifo(folder / name)

    return make


def nested(folder: Path) -> None:
    inner = folder
    for _ in range(300):
        inner = inner / "f"
        inner.mkdir()


def link_instead(folder: Path) -> None:
    shutil.copytree(folder, folder.parents[3] / "outside")
    shutil.rmtree(folder)
    folder.symlink_to(folder.parents[3] / "outside")


def file_instead(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("no folder")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (song("../../../secret.mp3"), "leads out of the delivery"),
        (song("audio/../../../secret.mp3"), "leads out of the delivery"),
        (song("/etc/passwd"), "leads out of the delivery"),
        (link("audio/s.mp3", "/etc/passwd"), "a link to /etc/passwd, out of the delivery"),
        (link("more", "/etc"), "a link to /etc, out of the delivery"),
        (link("songs.csv", "/etc/passwd"), "a link to /etc/passwd, out of the delivery"),
        (link("delivery.json", "/dev/zero"), "out of the delivery"),
        (link("audio/loop", "loop"), "which is not there"),
        (link_instead, "a link; wanted a folder"),
        (file_instead, "not a folder"),
        (pipe_instead_of("audio/s.mp3"), "s.mp3: not a file"),
        (pipe_instead_of("songs.csv"), "songs.csv: not a file"),
        (pipe_instead_of("delivery.json"), "delivery.json: not a file"),
        (bind_socket, "s.sock: not a file"),
        (nested, "folders in more than 32 others"),
        (lambda folder: (folder / "delivery.json").write_text("[" * 200_000), "delivery.json: not JSON"),
        (lambda folder: (folder / "delivery.json").write_text(" " * (2 << 20)), "wanted at most 1048576"),
    ],
)
def test_refused_and_put_aside(
    workspace: Path,
    delivery: Path,
    spoil: Callable[[Path], object],
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spoil(delivery)
    monkeypatch.setattr(inbox, "QUIET_SECONDS", 0.0)  # for what cannot hold a `_SUCCESS`
    intake = take_in(workspace, print)
    assert [reason in each.error for each in intake.rejected] == [True], intake
    assert os.path.lexists(workspace / "data" / "rejected" / "d")
    assert not list((workspace / "data" / "deliveries").glob("*"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
def test_a_device_is_refused(workspace: Path, delivery: Path) -> None:
    try:
        os.mknod(delivery / "audio" / "zero", 0o600 | 0o020000, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("not even root may here")
    assert "zero: not a file" in take_in(workspace, print).rejected[0].error


def test_odd_names_are_mended(workspace: Path, delivery: Path) -> None:
    names = ["index.csv", "n" * 250, "ü" * 120, "=1+1", "a b,c\n"]
    for name in names:
        folder = shutil.copytree(delivery, delivery.with_name(name))
        (folder / "audio" / "s.mp3").write_text(name)
    not_utf8 = os.fsencode(delivery.parent) + b"/\xff"
    shutil.move(delivery, os.fsdecode(not_utf8))
    intake = take_in(workspace, print)
    assert sorted(intake.taken) == sorted(["index.csv-2", "n" * 180, "ü" * 90, "1-1", "a-b-c"])
    assert [each.delivery for each in intake.rejected] == ["delivery"]
    assert "is not UTF-8" in intake.rejected[0].error
    assert list((workspace / INBOX).iterdir()) == []


def test_formulas_are_text(workspace: Path, delivery: Path) -> None:
    formula = "=cmd|' /C calc'!A0"
    (delivery / "songs.csv").write_text(f'song_id,title\n"{formula}",@SUM(1)\n')
    assert take_in(workspace, print).taken == ["d"]
    songs = read_songs(workspace / "data" / "deliveries" / "d")
    assert songs[["song_id", "title"]].to_numpy().tolist() == [[formula, "@SUM(1)"]]


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ("csv", "line 2 is longer than 4 MiB"),
        ("short.csv", "column title has a field of 2000000 bytes: wanted at most 1048576"),
        ("header.csv", "line 1 is longer than 4 MiB"),
        ("parquet", "column title has a field of 20000000 bytes"),
    ],
)
def test_a_field_of_100_mb_is_refused_in_bounded_memory(delivery: Path, table: str, reason: str) -> None:
    (delivery / "songs.csv").unlink()
    if table == "parquet":
        pd.DataFrame({"song_id": ["s"], "title": ["x" * 20_000_000]}).to_parquet(delivery / "songs.parquet")
    else:
        length = 2_000_000 if table == "short.csv" else 100_000_000
        header, row = ("x" * length, "t") if table == "header.csv" else ("title", "x" * length)
        (delivery / "songs.csv").write_text(f"song_id,{header}\ns,{row}\n")
    done = subprocess.run([sys.executable, "-c", CHECK, delivery], capture_output=True, text=True, check=True)
    *said, megabytes = done.stdout.splitlines()
    assert reason in said[0]
    assert int(megabytes) < 1000


def test_a_link_put_in_after_the_check_is_not_followed(delivery: Path, tmp_path: Path) -> None:
    """Between listing and copying, here by hand; the names are as they were."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "s.mp3").write_text("secret")
    listed = copy_files(delivery, tmp_path / "copy")
    assert sorted(listed) == ["audio/s.mp3", "songs.csv"]
    for place, target in [("audio/s.mp3", tmp_path / "secret" / "s.mp3"), ("audio", tmp_path / "secret")]:
        swapped = shutil.copytree(delivery, tmp_path / f"swapped-{place.replace('/', '-')}")
        swap = swap_when(swapped, place, target)
        with pytest.raises(UserError, match="out of the delivery"):
            copy_files(swap, tmp_path / f"copied-{place.replace('/', '-')}")
    assert "secret" not in "".join(path.read_text() for path in tmp_path.glob("copied-*/**/*.mp3"))


def swap_when(folder: Path, place: str, target: Path) -> Path:
    """`folder`, whose `place` becomes a link as soon as a file of it is opened for the copy."""

    def swap(event: str, arguments: tuple[object, ...]) -> None:
        if event == "os.mkdir" and f"copied-{place.replace('/', '-')}" in str(arguments[0]):
            there = folder / place
            if not there.is_symlink():
                shutil.rmtree(there) if there.is_dir() else there.unlink()
                there.symlink_to(target)

    sys.addaudithook(swap)
    return folder


def test_a_delivery_that_grows_while_it_is_read_waits(workspace: Path, delivery: Path) -> None:
    audio, size = delivery / "audio" / "s.mp3", 64 << 20
    audio.write_bytes(bytes(size))
    grow = f"while True: open({str(audio)!r}, 'ab').write(b'x')"
    growing = subprocess.Popen([sys.executable, "-c", grow])
    while audio.stat().st_size == size:
        assert growing.poll() is None
    said: list[str] = []
    try:
        intake = take_in(workspace, said.append)
    finally:
        growing.kill()
        growing.wait()
    assert intake.taken == intake.rejected == intake.failed == []
    assert "d: changed while it was read; it waits" in said
    assert not (workspace / "data" / "deliveries" / "d").exists()
    assert take_in(workspace, print).taken == ["d"]


def flac_of_silence(path: Path, hours: int) -> None:
    """Some KB that decode to `hours` of silence."""
    import soundfile

    with soundfile.SoundFile(path, "w", 8000, 1, format="FLAC") as file:
        for _ in range(hours):
            file.write(np.zeros(8000 * 3600, np.int16))


def test_sound_that_lasts_for_days_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "MAX_HOURS", 1)
    path = tmp_path / "bomb.flac"
    flac_of_silence(path, 2)
    assert path.stat().st_size < 1 << 20
    assert probing.probe(path).reason == "too long: more than 1 h"


def test_a_header_that_lies_of_days_costs_nothing(tmp_path: Path) -> None:
    import soundfile

    path = tmp_path / "lie.flac"
    soundfile.write(path, np.zeros(8000, np.int16), 8000)
    content = bytearray(path.read_bytes())
    content[22:26] = b"\xff\xff\xff\xff"  # of STREAMINFO: the low 32 bits of the number of samples
    path.write_bytes(content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    probed = probing.probe(path)
    assert probed.seconds <= 1.0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 << 10
