"""A release without its listeners as one file, for whoever has songs and plays of their own.

A zip archive of the files that `SHARED_FILES` names, their manifest, and what says that it is one. Importing
it is promoting it: the model card is what a person goes by.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import asdict
from hashlib import blake2b
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import numpy as np

from earshot import terminal, versioning
from earshot.columns import AUDIO_MD5, SONG_ID
from earshot.errors import UserError
from earshot.files import replacing
from earshot.foreign import zips
from earshot.foreign.checked_json import parse_object
from earshot.params import load_params
from earshot.predictors.artist_vectors import ARTISTS
from earshot.releases.by_hand import promote
from earshot.releases.candidate import NUMBERS
from earshot.releases.contents import (
    LARGEST,
    check_encoder,
    check_ids,
    check_numbers,
    check_params_of,
    check_placed,
    check_table,
    check_vectors,
)
from earshot.releases.history import list_candidates, list_releases
from earshot.releases.manifest import WMF_FACTORS, Manifest, check_manifest
from earshot.releases.model_card import ModelCard, check_card, refuse_other_framing
from earshot.releases.quarantine import Imported, imported_path, write_imported
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
from earshot.shared_files import CARD, PAGE, REFERENCE, REFERENCE_COLUMNS, REFERENCE_STATISTICS
from earshot.spaces.shared import GRAM, RECORDINGS

LEAST_LISTENERS = 100
"""A release of fewer is not shared: each of them is more than a hundredth of it."""
FORMAT = "format.json"
THIS_FORMAT = {"format": "earshot shared release", "version": 1}
ENCODER = ("cnn_checkpoint/encoder.json", "cnn_checkpoint/encoder.pt")
X_X = f"{WMF_FACTORS}/{GRAM}"
SONGS = (f"{WMF_FACTORS}/item_factors.npy", f"{WMF_FACTORS}/items.parquet", f"{WMF_FACTORS}/{RECORDINGS}")
"""Where songs of the home catalogue are, their ids, and the md5 of their sounds: all of them or none."""
SHARED_FILES = (*ENCODER, NUMBERS, X_X, REFERENCE, REFERENCE_STATISTICS, CARD, PAGE)
_ARTISTS = tuple(f"cnn_checkpoint/{name}" for name in ARTISTS)
_JSON_BYTES = {FORMAT: 1 << 10, MANIFEST: 1 << 20}
_LARGEST = {name: most for name, most in LARGEST.items() if name in SHARED_FILES} | {
    X_X: 1 << 26,
    CARD: 1 << 18,
    PAGE: 1 << 20,
    REFERENCE: 1 << 24,
    REFERENCE_STATISTICS: 1 << 28,
}


def is_shared(file: Path) -> bool:
    """Whether `file` is an archive of a shared release, by what it says of itself; errors as of `opened`."""
    with zips.opened(file) as read:
        return FORMAT in read.namelist()


def shared_name(files: dict[str, str], n0: float, derived_from: str) -> str:
    """Name of the shared release whose files have these md5s."""
    parts = [sorted(files.items()), n0, derived_from]
    return blake2b(json.dumps(parts).encode(), digest_size=6).hexdigest()


def write_shared(folder: Path, release: Manifest, file: Path) -> None:
    """Write `release`, whose files lie in `folder`/<stage>/<file>, to `file`, whole or not at all.

    The same files make the same bytes. UserError where `file` is there or cannot be written.
    """
    if file.exists():
        raise UserError(f"{file}: is there already; wanted the name of a new file")
    texts = {FORMAT: json.dumps(THIS_FORMAT), MANIFEST: json.dumps(asdict(release), indent=2)}
    try:
        with replacing(file) as beside, ZipFile(beside, "x") as written:
            for name, text in texts.items():
                written.writestr(ZipInfo(name), text)
            for name in sorted(release.files):
                written.writestr(ZipInfo(FILES + name), (folder / name).read_bytes(), ZIP_DEFLATED)
    except OSError as error:
        raise UserError(f"{file}: cannot be written: {error.strerror}") from None


def read_card(file: Path) -> ModelCard:
    """The model card in the archive `file`.

    Raises
    ------
    UserError
        Not a shared release, of another version, or damaged.
    """
    with zips.opened(file) as read:
        _manifest(read, file)
        return check_card(
            parse_object(read_small(read, FILES + CARD, _LARGEST[CARD], file), file / CARD), file
        )


def import_shared(file: Path, root: Path, say: Callable[[str], object] = terminal.say) -> Manifest:
    """Bring the shared release in `file` into DVC's cache of the workspace `root`, and serve it from now on.

    All is checked before anything is put in place. Imported twice it is the same release.

    Raises
    ------
    UserError
        As of `read_card`; content that is not what the manifest says, or of another kind than it must be; a
        class that is not earshot's own; a workspace that makes other hyper-images; no room for it.
    """
    settings = load_params(root / "params.yaml").hyper_images
    with no_disk_errors(file), workplace(root) as folder:
        with zips.opened(file) as read:
            release = _manifest(read, file)
            refuse_others(read, (FORMAT, MANIFEST), release, file)
            refuse_large(read, _LARGEST, root, file)
            found = {name: unpack(read, name, folder, release, file) for name in release.files}
        card = check_shared(folder, release, file)
        refuse_other_framing(card, settings, file)
        with (
            versioning.writing(root, imported_path(root, release.release), say),
            added(root, release, found),
        ):
            known = {each.release for each in [*list_releases(root), *list_candidates(root)]}
            if release.release not in known:
                write_imported(root, Imported(release, _claim(release, card)))
    return promote(root, release.release, f"its model card was accepted: {card.data}", say)


def _claim(release: Manifest, card: ModelCard) -> dict[str, object]:
    """What `release show` says of where it came from."""
    reason = f"a shared release, derived from {release.derived_from}: {card.data} ({card.licence})"
    return {"candidate": release.release, "reason": reason}


def _manifest(read: ZipFile, file: Path) -> Manifest:
    said = parse_object(read_small(read, FORMAT, _JSON_BYTES[FORMAT], file), file / FORMAT)
    if said != THIS_FORMAT:
        raise UserError(f"{file / FORMAT}: {said!r:.200}: wanted {THIS_FORMAT}, which this version reads")
    content = parse_object(read_small(read, MANIFEST, _JSON_BYTES[MANIFEST], file), file / MANIFEST)
    release = check_manifest(content, file / MANIFEST)
    missing, other = {*SHARED_FILES} - release.files.keys(), release.files.keys() - _known(release.files)
    if missing or other:
        problem = f"{min(missing)}: missing" if missing else f"{min(other)}: not of a shared release"
        raise UserError(f"{file / MANIFEST}: files: {problem}")
    if release.derived_from is None:
        raise UserError(f"{file / MANIFEST}: derived_from=None: wanted the release that it was shared from")
    wanted = shared_name(release.files, release.n0, release.derived_from)
    if wanted != release.release:
        raise UserError(f"{file / MANIFEST}: release={release.release!r}: its files make {wanted!r}")
    check_params_of(release, file / MANIFEST)
    return release


def _known(names: Collection[str]) -> set[str]:
    """`SHARED_FILES`, and whole groups of those that need not be there."""
    groups = [group for group in (SONGS, _ARTISTS) if {*group} <= {*names}]
    return {*SHARED_FILES}.union(*groups)


def check_shared(folder: Path, release: Manifest, file: Path) -> ModelCard:
    """Check the files of `release`, which lie in `folder`/<stage>/<file> and came in `file`; its model card.

    UserError: what differs, named with the archive and the file in it.
    """
    try:
        encoder, factors = folder / "cnn_checkpoint", folder / WMF_FACTORS
        # no class but earshot's own: this file is for people who know nothing of whoever made it
        n_outputs = check_encoder(encoder, release, trusted=())
        _check_gram(folder / X_X, n_outputs)
        check_numbers(factors, n_outputs)
        if {*SONGS} <= release.files.keys():
            check_placed(factors, "item_factors.npy", "items.parquet", SONG_ID, n_outputs)
            check_table(factors / RECORDINGS, {SONG_ID: "BYTE_ARRAY", AUDIO_MD5: "BYTE_ARRAY"})
            check_ids(factors / RECORDINGS, SONG_ID)
            check_ids(factors / RECORDINGS, AUDIO_MD5)
        n_songs = check_vectors(folder / REFERENCE_STATISTICS, None)
        check_table(folder / REFERENCE, REFERENCE_COLUMNS, n_songs)
        if not n_songs:
            raise UserError(f"{folder / REFERENCE}: no rows; wanted songs that were trained on")
        return check_card(parse_object((folder / CARD).read_bytes(), folder / CARD), folder / CARD)
    except UserError as error:
        raise UserError(str(error).replace(str(folder), str(file))) from None


def _check_gram(path: Path, n_factors: int) -> None:
    """Symmetric and, but for rounding, without a negative eigenvalue: with others a row solve is nonsense."""
    if check_vectors(path, n_factors) != n_factors:
        raise UserError(f"{path}: wanted {n_factors} rows, as the encoder has outputs")
    gram = np.load(path, allow_pickle=False).astype(np.float64)
    least, most = np.linalg.eigvalsh(gram)[[0, -1]] if np.allclose(gram, gram.T, rtol=1e-4) else (-1.0, 0.0)
    if least < -1e-5 * abs(most):
        raise UserError(f"{path}: wanted X'X: a symmetric matrix without negative eigenvalues")
