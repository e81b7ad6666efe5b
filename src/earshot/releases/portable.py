"""A release as one file: manifest, decision, and every file that the manifest names.

A plain zip archive. Nothing in it is unpickled, nothing is unpacked under a name
of its own: what is looked for is what the checked manifest names.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import BadZipFile, ZipFile

from earshot import terminal, versioning
from earshot.errors import UserError
from earshot.releases.candidate import MODEL, model_name
from earshot.releases.files import find_files
from earshot.releases.history import (
    archive,
    find_release,
    keep_candidate,
    list_releases,
    read_decision,
    write_decision,
)
from earshot.releases.manifest import Manifest, check_manifest

MANIFEST, DECISION, FILES = "manifest.json", "decision.json", "files/"
_BLOCK_BYTES = 1 << 20


def export_release(root: Path, name: str, file: Path) -> Manifest:
    """Write the release or refused candidate `name` to `file`, whole or not at all.

    Raises
    ------
    UserError
        No such release; a file of it that is not in DVC's cache; `file` is there or cannot be written.
    """
    release = find_release(root, name, refused=True)
    sources = find_files(release, root)
    if file.exists():
        raise UserError(f"{file}: is there already; wanted the name of a new file")
    beside = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        with ZipFile(beside, "x") as written:
            written.writestr(MANIFEST, json.dumps(asdict(release), indent=2))
            written.writestr(DECISION, json.dumps(read_decision(root, release.release) or {}, indent=2))
            for each, source in sources.items():
                written.write(source, FILES + each)
        beside.replace(file)
    except OSError as error:
        raise UserError(f"{file}: cannot be written: {error.strerror}") from None
    finally:
        beside.unlink(missing_ok=True)
    return release


def import_release(root: Path, file: Path, say: Callable[[str], object] = terminal.say) -> Manifest:
    """Bring the release in `file` into DVC's cache and among the earlier releases; it is not served yet.

    What was exported as a refused candidate stays one.

    Every hash is verified before anything is put in place.

    Raises
    ------
    UserError
        Not such an archive, or damaged; a name in it that the manifest does not
        know; content that is not what the manifest says.
    """
    with _opened(file) as read, TemporaryDirectory(prefix="earshot-import-") as folder:
        release, decision = _manifest(read, file), _json(read, DECISION, file)
        _refuse_others(read, release, file)
        found = {name: _unpack(read, name, Path(folder), release, file) for name in release.files}
        place = root / "releases" / f"{release.release}.json"
        with versioning.writing(root, place, say):
            for name, content in found.items():
                versioning.add_object(versioning.cache_folder(root), release.files[name], content)
            return _put(root, release, decision)


def _put(root: Path, release: Manifest, decision: dict[str, Any]) -> Manifest:
    known = {each.release: each for each in list_releases(root)}
    if release.release in known:
        return known[release.release]
    numbers = {each.number for each in known.values()}
    if release.number in numbers:
        release = replace(release, number=1 + max(numbers))
    if read_decision(root, release.release) is None:
        write_decision(root, release.release, decision)
    approved = decision.get("released") or decision.get("promoted")
    (archive if approved else keep_candidate)(root, release)
    return release


@contextmanager
def _opened(file: Path) -> Iterator[ZipFile]:
    try:
        with ZipFile(file) as read:
            yield read
    except FileNotFoundError:
        raise UserError(f"{file}: not there; wanted what `earshot release export` wrote") from None
    except (BadZipFile, RuntimeError, NotImplementedError, EOFError, zlib.error) as error:
        raise UserError(f"{file}: not a whole archive of a release: {error}") from None


def _manifest(read: ZipFile, file: Path) -> Manifest:
    release = check_manifest(_json(read, MANIFEST, file), file / MANIFEST)
    missing = set(MODEL) - release.files.keys()
    if missing:
        raise UserError(f"{file / MANIFEST}: files: {', '.join(sorted(missing))}: missing")
    wanted = model_name(release.files, release.n0)
    if wanted != release.release:
        raise UserError(f"{file / MANIFEST}: release={release.release!r}: its files make {wanted!r}")
    return release


def _json(read: ZipFile, name: str, file: Path) -> dict[str, Any]:
    try:
        content = json.loads(read.read(name))
    except KeyError:
        raise UserError(f"{file}: no {name} in it; wanted what `earshot release export` wrote") from None
    except ValueError as error:
        raise UserError(f"{file / name}: not JSON: {error}") from None
    if not isinstance(content, dict):
        raise UserError(f"{file / name}: {type(content).__name__}, where a JSON object is wanted")
    return content


def _refuse_others(read: ZipFile, release: Manifest, file: Path) -> None:
    wanted = sorted([MANIFEST, DECISION, *(FILES + name for name in release.files)])
    there = sorted(read.namelist())
    if there != wanted:
        odd = sorted({*there} ^ {*wanted}) or sorted({name for name in there if there.count(name) > 1})
        raise UserError(f"{file}: {odd[0]!r}: wanted exactly the files that its manifest names, once each")


def _unpack(read: ZipFile, name: str, folder: Path, release: Manifest, file: Path) -> Path:
    place, md5 = folder / release.files[name], hashlib.md5()
    with read.open(FILES + name) as source, place.open("wb") as written:
        while block := source.read(_BLOCK_BYTES):
            md5.update(block)
            written.write(block)
    if md5.hexdigest() != release.files[name]:
        raise UserError(f"{file}: {name}: md5 {md5.hexdigest()}, its manifest says {release.files[name]}")
    return place
