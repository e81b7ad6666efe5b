"""A release as one file: manifest, decision, and every file that the manifest names.

A plain zip archive. Nothing in it is unpickled, nothing is unpacked under a name
of its own: what is looked for is what the checked manifest names.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from zipfile import ZipFile

from earshot import terminal, versioning
from earshot.errors import UserError
from earshot.files import replacing
from earshot.foreign import zips
from earshot.foreign.checked_json import parse_object
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
from earshot.releases.unpacking import (
    FILES,
    MANIFEST,
    added,
    no_disk_errors,
    read_small,
    refuse_large,
    refuse_others,
    unpack,
    workplace,
)
from earshot.spaces.space import SPACE_FILES
from earshot.trusted import trusted_in

DECISION = "decision.json"
_JSON_BYTES = {MANIFEST: 8 << 20, DECISION: 1 << 20}
"""A manifest names every delivery, in some 60 bytes."""
_LARGEST = LARGEST | {f"{REFIT}/{name}": most for name, most in LARGEST.items()}


def export_release(root: Path, name: str, file: Path) -> Manifest:
    """Write the release, refused candidate or import `name` to `file`, whole or not at all.

    Raises
    ------
    UserError
        No such release, or one that was shared (`shared`); a file of it that is not in DVC's cache; `file`
        is there or cannot be written.
    """
    release = _without_folds(find_release(root, name, refused=True))
    if release.derived_from is not None:
        raise UserError(
            f"release {release.release}: was shared without listeners; pass on the file it came in"
        )
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
    with no_disk_errors(file), workplace(root) as folder:
        with zips.opened(file) as read:
            imported = Imported(_manifest(read, file), _claim(read, file))
            refuse_others(read, (MANIFEST, DECISION), imported.manifest, file)
            refuse_large(read, _LARGEST, root, file)
            found = {
                name: unpack(read, name, folder, imported.manifest, file) for name in imported.manifest.files
            }
        check_files(folder, imported.manifest, trusted_in(params), file)
        release = imported.manifest
        with (
            versioning.writing(root, imported_path(root, release.release), say),
            added(root, release, found),
        ):
            known = {each.release: each for each in [*list_releases(root), *list_candidates(root)]}
            if release.release not in known:
                write_imported(root, imported)
            return known.get(release.release, release)


def _manifest(read: ZipFile, file: Path) -> Manifest:
    release = check_manifest(
        parse_object(read_small(read, MANIFEST, _JSON_BYTES[MANIFEST], file), file / MANIFEST),
        file / MANIFEST,
    )
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
    return check_claim(
        parse_object(read_small(read, DECISION, _JSON_BYTES[DECISION], file), file / DECISION),
        file / DECISION,
    )
