"""Pictures in audio files: only what is one, and nothing at all of broken files."""

from __future__ import annotations

import random
from pathlib import Path

from earshot.serve.rest.sounds import embedded_picture

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(64))


def with_picture(picture: bytes, says: bytes = b"image/png") -> bytes:
    """An mp3 file of an ID3 tag (2.3) alone, with a picture of which it says what it is."""
    content = b"\x00" + says + b"\x00\x03\x00" + picture
    frame = b"APIC" + len(content).to_bytes(4, "big") + b"\x00\x00" + content
    size = bytes(len(frame) >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\x00\x00" + size + frame + b"\xff\xfb\x90\x00" + bytes(500)


def test_a_picture_is_what_its_first_bytes_say(tmp_path: Path) -> None:
    file = tmp_path / "a.mp3"
    for picture, says, found in [
        (PNG, b"image/png", (PNG, "image/png")),
        (PNG, b"text/html", (PNG, "image/png")),
        (b"<html><script>alert(1)</script>", b"image/png", None),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"image/svg+xml", None),
        (b"\xff\xd8\xff\xe0jpeg", b"image/jpg", (b"\xff\xd8\xff\xe0jpeg", "image/jpeg")),
        (b"", b"image/png", None),
    ]:
        file.write_bytes(with_picture(picture, says))
        assert embedded_picture(file) == found
    assert embedded_picture(tmp_path / "gone.mp3") is None


def test_broken_files_have_none_or_a_picture_and_raise_nothing(tmp_path: Path) -> None:
    whole, chance = with_picture(PNG), random.Random(5)
    for trial in range(600):
        broken = bytearray(whole[: chance.randrange(len(whole) + 1)] if trial % 2 else whole)
        for _ in range(chance.randrange(6)):
            if broken:
                broken[chance.randrange(min(len(broken), 120))] = chance.randrange(256)
        file = tmp_path / f"a{chance.choice(['.mp3', '.flac', '.ogg', '.m4a', '.wav', '.aac', '.opus'])}"
        file.write_bytes(broken)
        found = embedded_picture(file)
        assert found is None or found[1].startswith("image/")
