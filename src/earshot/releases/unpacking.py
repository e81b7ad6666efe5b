"""What is in the archive of a release, checked before it is read and put in place whole or not at all.

A plain zip archive. Nothing in it is unpickled, nothing is unpacked under a name
of its own: what is looked for is what the checked manifest names.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from zipfile import ZipFile

from earshot import terminal, versioning
from earshot.errors import UserError
from earshot.foreign import zips
from earshot.locks import holding
from earshot.releases.manifest import Manifest

MANIFEST, FILES = "manifest.json", "files/"
_ROOM_BYTES = 64 << 20
"""What an import leaves free on the volume."""


@contextmanager
def no_disk_errors(file: Path) -> Iterator[None]:
    """UserError that names `file` for every OSError."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{file}: cannot be taken in: {error}") from None


@contextmanager
def workplace(root: Path) -> Iterator[Path]:
    """An empty folder on the volume of the workspace, for one import at a time; gone at the end.

    What a killed import left there goes with the next one.
    """
    folder = root / ".earshot" / "import"
    folder.parent.mkdir(exist_ok=True)
    with holding(root / ".earshot" / "import.lock", lambda _: terminal.say("waiting for another import")):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder)


@contextmanager
def added(root: Path, release: Manifest, found: dict[str, Path]) -> Iterator[None]:
    """The files in DVC's cache; those that are new there go again if what follows fails."""
    cache, new = versioning.cache_folder(root), list[Path]()
    try:
        for name, content in found.items():
            place = versioning.cache_path(cache, release.files[name])
            new += [] if place.exists() else [place]
            versioning.add_object(cache, release.files[name], content)
        yield
    except BaseException:
        for place in new:
            place.unlink(missing_ok=True)
        raise


def read_small(read: ZipFile, name: str, most: int, file: Path) -> bytes:
    """The member `name`, which stands there once and has at most so many bytes; else UserError."""
    if read.namelist().count(name) != 1:
        wanted = "wanted what `earshot release export` or `earshot release share` wrote"
        raise UserError(f"{file}: no {name} in it, or two; {wanted}")
    member = read.getinfo(name)
    if member.file_size > most:
        raise UserError(f"{file / name}: {member.file_size:,} bytes; wanted at most {most:,}")
    return b"".join(zips.blocks(read, member))


def refuse_others(read: ZipFile, beside: Collection[str], release: Manifest, file: Path) -> None:
    """UserError unless the members are exactly `beside` and the files that `release` names, once each."""
    wanted = sorted([*beside, *(FILES + name for name in release.files)])
    there = sorted(read.namelist())
    if there != wanted:
        odd = sorted({*there} ^ {*wanted}) or sorted({name for name in there if there.count(name) > 1})
        raise UserError(
            f"{file}: {odd[0]!r:.200}: wanted exactly the files that its manifest names, once each"
        )


def refuse_large(read: ZipFile, largest: Mapping[str, int], root: Path, file: Path) -> None:
    """UserError where a file is larger than `largest` says, in bytes, or there is no room for all.

    By declared sizes, to which `zips.blocks` holds every member. All is there twice for a moment.
    """
    for name, most in largest.items():
        size = read.getinfo(FILES + name).file_size if FILES + name in read.namelist() else 0
        if size > most:
            raise UserError(f"{file}: {name}: {size:,} bytes; wanted at most {most:,}")
    wanted = 2 * sum(member.file_size for member in read.infolist())
    free = shutil.disk_usage(root).free - _ROOM_BYTES
    if wanted > free:
        raise UserError(
            f"{file}: takes {wanted:,} bytes on the volume of {root}, where {max(0, free):,} are free"
        )


def unpack(read: ZipFile, name: str, folder: Path, release: Manifest, file: Path) -> Path:
    """`folder`/`name` with the content of that file. UserError where its md5 is not the manifest's."""
    place, md5 = folder / name, hashlib.md5()
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("wb") as written:
        for block in zips.blocks(read, read.getinfo(FILES + name)):
            md5.update(block)
            written.write(block)
    if md5.hexdigest() != release.files[name]:
        raise UserError(f"{file}: {name}: md5 {md5.hexdigest()}, its manifest says {release.files[name]}")
    return place
