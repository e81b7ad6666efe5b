"""A release as one file: manifest, decision, and every file that the manifest names.

A plain zip archive. Nothing in it is unpickled, nothing is unpacked under a name
of its own: what is looked for is what the checked manifest names.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from zipfile import ZipFile

from earshot import terminal, versioning
from earshot.errors import UserError
from earshot.files import replacing
from earshot.foreign import zips
from earshot.foreign.checked_json import parse_object
from earshot.locks import holding
from earshot.params import load_params
from earshot.predictors.artist_vectors import ARTISTS
from earshot.releases.candidate import MODEL, NUMBERS, REPORT, SONGS, model_name
from earshot.releases.contents import LARGEST, check_files, check_params_of
from earshot.releases.files import find_files
from earshot.releases.history import (
    find_release,
    imported_claim,
    list_candidates,
    list_releases,
    read_decision,
)
from earshot.releases.manifest import FOLD_MODELS, REFIT, Manifest, check_manifest
from earshot.releases.quarantine import Imported, check_claim, imported_path, write_imported
from earshot.spaces.space import SPACE_FILES
from earshot.trusted import trusted_in

MANIFEST, DECISION, FILES = "manifest.json", "decision.json", "files/"
_JSON_BYTES = {MANIFEST: 8 << 20, DECISION: 1 << 20}
"""A manifest names every delivery, in some 60 bytes."""
_ROOM_BYTES = 64 << 20
"""What an import leaves free on the volume."""


def export_release(root: Path, name: str, file: Path) -> Manifest:
    """Write the release, refused candidate or import `name` to `file`, whole or not at all.

    Raises
    ------
    UserError
        No such release; a file of it that is not in DVC's cache; `file` is there or cannot be written.
    """
    release = _without_folds(find_release(root, name, refused=True))
    decision = read_decision(root, release.release) or imported_claim(root, release.release) or {}
    sources = find_files(release, root)
    if file.exists():
        raise UserError(f"{file}: is there already; wanted the name of a new file")
    try:
        with replacing(file) as beside, ZipFile(beside, "x") as written:
            written.writestr(MANIFEST, json.dumps(asdict(release), indent=2))
            written.writestr(DECISION, json.dumps(decision, indent=2))
            for each, source in sources.items():
                written.write(source, FILES + each)
    except OSError as error:
        raise UserError(f"{file}: cannot be written: {error.strerror}") from None
    return release


def _without_folds(release: Manifest) -> Manifest:
    """What serves it and what it was made of: models of other folds are for judging it where it was made."""
    files = {name: md5 for name, md5 in release.files.items() if not name.startswith(f"{FOLD_MODELS}/")}
    return replace(release, files=files)


def import_release(root: Path, file: Path, say: Callable[[str], object] = terminal.say) -> Manifest:
    """Bring the release in `file` into DVC's cache, and its manifest among the imports (`quarantine`).

    It is no release until a person promotes it, whatever its decision says. A
    release or candidate of this workspace with the same name stays what it is.
    All is checked before anything is put in place: hashes, types, sizes, classes.

    Raises
    ------
    UserError
        Not such an archive, or a damaged one; a name in it that the manifest does not
        know; content that is not what the manifest says, or of another kind than it
        must be; a class that is not trusted; more than there is room for.
    """
    params = load_params(root / "params.yaml")
    with _no_disk_errors(file), _workplace(root) as folder:
        with zips.opened(file) as read:
            imported = Imported(_manifest(read, file), _claim(read, file))
            _refuse_others(read, imported.manifest, file)
            _refuse_large(read, root, file)
            found = {
                name: _unpack(read, name, folder, imported.manifest, file) for name in imported.manifest.files
            }
        check_files(folder, imported.manifest, trusted_in(params), file)
        release = imported.manifest
        with (
            versioning.writing(root, imported_path(root, release.release), say),
            _added(root, release, found),
        ):
            known = {each.release: each for each in [*list_releases(root), *list_candidates(root)]}
            if release.release not in known:
                write_imported(root, imported)
            return known.get(release.release, release)


@contextmanager
def _no_disk_errors(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(f"{file}: cannot be taken in: {error}") from None


@contextmanager
def _workplace(root: Path) -> Iterator[Path]:
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
def _added(root: Path, release: Manifest, found: dict[str, Path]) -> Iterator[None]:
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


def _manifest(read: ZipFile, file: Path) -> Manifest:
    release = check_manifest(parse_object(_json(read, MANIFEST, file), file / MANIFEST), file / MANIFEST)
    others = {*ARTISTS, *(name for kind in SPACE_FILES.values() for name in kind)}
    beside = {f"cnn_checkpoint/{name}" for name in others}
    refit = {f"{REFIT}/{name}" for name in (*MODEL, NUMBERS, *beside)}
    known = {*MODEL, NUMBERS, REPORT, SONGS, *beside} | refit
    needed = {*MODEL} | ({f"{REFIT}/{name}" for name in (*MODEL, NUMBERS)} if release.refit else set())
    missing, other = needed - release.files.keys(), release.files.keys() - known
    if missing or other:
        problem = (
            f"{', '.join(sorted(missing))}: missing" if missing else f"{sorted(other)[0]}: not of a release"
        )
        raise UserError(f"{file / MANIFEST}: files: {problem}")
    wanted = model_name(release.files, release.n0)
    if wanted != release.release:
        raise UserError(f"{file / MANIFEST}: release={release.release!r}: its files make {wanted!r}")
    check_params_of(release, file / MANIFEST)
    return release


def _claim(read: ZipFile, file: Path) -> dict[str, object]:
    return check_claim(parse_object(_json(read, DECISION, file), file / DECISION), file / DECISION)


def _json(read: ZipFile, name: str, file: Path) -> bytes:
    if read.namelist().count(name) != 1:
        raise UserError(f"{file}: no {name} in it, or two; wanted what `earshot release export` wrote")
    member = read.getinfo(name)
    if member.file_size > _JSON_BYTES[name]:
        raise UserError(f"{file / name}: {member.file_size:,} bytes; wanted at most {_JSON_BYTES[name]:,}")
    return b"".join(zips.blocks(read, member))


def _refuse_others(read: ZipFile, release: Manifest, file: Path) -> None:
    wanted = sorted([MANIFEST, DECISION, *(FILES + name for name in release.files)])
    there = sorted(read.namelist())
    if there != wanted:
        odd = sorted({*there} ^ {*wanted}) or sorted({name for name in there if there.count(name) > 1})
        raise UserError(
            f"{file}: {odd[0]!r:.200}: wanted exactly the files that its manifest names, once each"
        )


def _refuse_large(read: ZipFile, root: Path, file: Path) -> None:
    """By declared sizes, to which `zips.blocks` holds every member. All is there twice for a moment."""
    for name, most in (LARGEST | {f"{REFIT}/{name}": most for name, most in LARGEST.items()}).items():
        size = read.getinfo(FILES + name).file_size if FILES + name in read.namelist() else 0
        if size > most:
            raise UserError(f"{file}: {name}: {size:,} bytes; wanted at most {most:,}")
    wanted = 2 * sum(member.file_size for member in read.infolist())
    free = shutil.disk_usage(root).free - _ROOM_BYTES
    if wanted > free:
        raise UserError(
            f"{file}: takes {wanted:,} bytes on the volume of {root}, where {max(0, free):,} are free"
        )


def _unpack(read: ZipFile, name: str, folder: Path, release: Manifest, file: Path) -> Path:
    place, md5 = folder / name, hashlib.md5()
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("wb") as written:
        for block in zips.blocks(read, read.getinfo(FILES + name)):
            md5.update(block)
            written.write(block)
    if md5.hexdigest() != release.files[name]:
        raise UserError(f"{file}: {name}: md5 {md5.hexdigest()}, its manifest says {release.files[name]}")
    return place
