"""Files that are made to cost memory, to open other files, or to raise what nobody expects."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from earshot.audio.probing import probe
from earshot.audio.streams import _checksum
from earshot.datasets.folder_tags import read_tags
from tests.audio.files import RATE, stereo
from tests.audio.hostile import encoded, with_number

WORKER = """
import sys
from pathlib import Path
from earshot.extraction.images import extract_image
from earshot.features.hyper_image import DEFAULTS, excerpt_of
from earshot.audio.probing import probe

for name in sys.argv[1:]:
    found = probe(Path(name))
    image = found.reason or extract_image(excerpt_of(Path(name), found, DEFAULTS), DEFAULTS)
    print(image if isinstance(image, str) else "heard")
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(status["VmHWM"].split()[0])
"""


def heard_by_a_worker(*paths: Path) -> tuple[list[str], int]:
    """What becomes of each file, and the largest memory of the process that tried, in MB."""
    command = [sys.executable, "-c", WORKER, *map(str, paths)]
    done = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": "src"}, capture_output=True, text=True, check=True
    )
    *outcomes, peak = done.stdout.splitlines()
    return outcomes, int(peak) // 1024


def many_channels(content: bytes, channels: int) -> bytes:
    """An Ogg Vorbis file whose first header says so, its checksum right."""
    content = with_number(content, b"\x01vorbis", 11, bytes([channels]))
    page = content[:22] + bytes(4) + content[26:58]
    return content[:22] + struct.pack("<I", _checksum(page)) + content[26:]


def test_absurd_formats_are_refused_in_words_and_in_little_memory(tmp_path: Path) -> None:
    ogg, wav = encoded("ogg", stereo()), encoded("wav", stereo())
    files = {
        "255.ogg": many_channels(ogg, 255),
        "hz.wav": with_number(wav, b"fmt ", 12, struct.pack("<I", 10**9)),
        "channels.wav": with_number(wav, b"fmt ", 10, b"\xff\xff"),
        "zero hz.wav": with_number(wav, b"fmt ", 12, bytes(4)),
        "zero channels.wav": with_number(wav, b"fmt ", 10, bytes(2)),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    wide = np.repeat(stereo(1.0)[:, :1], 8, axis=1)
    soundfile.write(tmp_path / "wide.wav", np.resize(wide, (3 * 192_000, 8)), 192_000, "PCM_32")
    outcomes, peak = heard_by_a_worker(*(tmp_path / name for name in files), tmp_path / "wide.wav")
    assert outcomes[0] == "not usable: 255 channels, wanted 1 to 64"
    assert outcomes[1] == "not usable: sample rate of 1000000000 Hz, wanted 1000 to 768000"
    assert all(outcome.startswith(("not ", "broken")) for outcome in outcomes[2:5]), outcomes
    assert outcomes[5] == "heard"
    assert peak < 400


def test_an_encoding_that_nothing_decodes_is_named(tmp_path: Path) -> None:
    files = {
        "wav (format tag 0x1234)": ("wav", b"fmt ", 8, b"\x34\x12"),
        "matroska,webm": ("mka", b"A_AAC", 0, b"A_ZZZ"),
        "caf": ("caf", b"lpcm", 0, b"zzzz"),
    }
    for found, (kind, *change) in files.items():
        path = tmp_path / f"song.{kind}"
        path.write_bytes(with_number(encoded(kind, stereo()), *change))
        name, _, tag = found.partition(" ")
        assert probe(path).reason == (
            f"not usable: {name} whose sound is in an encoding that is not known{tag and ' ' + tag}; "
            "wanted PCM, FLAC, ALAC, MP3, AAC, Vorbis, Opus, ..."
        )


def test_a_table_that_says_it_is_large_takes_little_memory(tmp_path: Path) -> None:
    """An MP4 whose tables (ISO 14496-12: stsz, stts, stsc) give one chunk 50 million samples of a byte."""
    content, many = encoded("m4a", stereo()), 50_000_000
    content = with_number(content, b"stsz", 8, struct.pack(">II", 1, many))
    content = with_number(content, b"stts", 8, struct.pack(">III", 1, many, 1024))
    content = with_number(content, b"stsc", 8, struct.pack(">IIII", 1, 1, many, 1))
    (tmp_path / "bomb.m4a").write_bytes(content)
    outcomes, peak = heard_by_a_worker(tmp_path / "bomb.m4a")
    assert outcomes != ["heard"]
    assert peak < 700


@pytest.mark.parametrize(
    "text",
    [
        "ffconcat version 1.0\nfile canary.wav\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\ncanary.wav\n#EXT-X-ENDLIST\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=audio 9 RTP/AVP 0\n",
        "<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011'><BaseURL>canary.wav</BaseURL></MPD>",
        "[playlist]\nFile1=canary.wav\n",
    ],
)
@pytest.mark.parametrize(
    "name", ["song.mp3", "song.m3u8", "song.ffconcat", "concat:canary.wav", "song%d.wav"]
)
def test_no_text_is_followed_to_another_file(tmp_path: Path, text: str, name: str) -> None:
    soundfile.write(tmp_path / "canary.wav", stereo(), RATE)
    (tmp_path / name).write_text(text)
    assert probe(tmp_path / name).reason == "not audio: its format is not recognised"
    assert read_tags(tmp_path / name).untagged


def test_a_stream_that_changes_midway_is_heard(tmp_path: Path) -> None:
    """Joined files of other channels and another rate become the first one's."""
    joined = {
        "mp3": encoded("mp3", stereo()) + encoded("mp3", stereo()[::2, :1], RATE // 2),
        "aac": encoded("aac", stereo()) + encoded("aac", stereo()[:, :1]),
    }
    for kind, content in joined.items():
        path = tmp_path / f"joined.{kind}"
        path.write_bytes(content)
        found = probe(path)
        assert found.reason is None, found
        assert (found.sample_rate, found.channels) == (RATE, 2)
        assert 3.9 < found.seconds < 4.2
