"""The command's steps, each of which may be done twice: who is killed says the same again, and it goes on.

1. The tombstone: from here on no delivery brings the id back.
2. Under DVC's locks: deliveries, the snapshot with what was trained on it, and releases are rewritten row by
   row, in the cache and then in their place; what became of which md5 is noted, and only then are the texts
   that name them changed. Nothing is trained.
3. Catalogue and serving lanes run as after any delivery.
4. What the server, runs and logs keep.
5. Last the old objects, here and at the remotes: until then all of the above can be made again out of them.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from earshot import versioning
from earshot.deliveries.ingest import alone, settle
from earshot.deliveries.rejecting import REJECTED
from earshot.errors import UserError
from earshot.files import read_json, replace_json
from earshot.forgetting import places, stores
from earshot.forgetting.folders import (
    delivered,
    outputs,
    rename_everywhere,
    rewrite_delivery,
    rewrite_outputs,
)
from earshot.forgetting.objects import Verdicts, purge, refill
from earshot.forgetting.objects import stores as object_stores
from earshot.forgetting.releases import move_manifests, record_pointer, rewrite_releases
from earshot.forgetting.report import ForgetReport
from earshot.forgetting.searching import WantedId, file_holds
from earshot.forgotten import Book, Kind, is_done, note_done, open_book
from earshot.lanes.onboard import LANES
from earshot.lanes.reproduce import reproduce_saying
from earshot.releases import list_candidates, list_releases
from earshot.releases.quarantine import list_all_imported
from earshot.versioning.garbage import named_now
from earshot.workspace import require_workspace

Say = Callable[[str], object]

_INBOX = "data/inbox"
_REPORT = Path(".earshot", "forgetting.json")
_NOT_LOOKED_AT = (".git", ".venv", "node_modules")
_OURS = ("data/", ".earshot/", ".dvc/", ".dagster/", "releases/", "dvc.lock")


def forget(root: Path, kind: Kind, name: str, say: Say) -> ForgetReport:
    """Take the user or song of the id `name` out of all that the workspace `root` keeps, and keep it out.

    Waits while an ingest or a stage runs. An id that is nowhere is kept out of later deliveries all the same.

    Returns
    -------
    What was removed where, and what could not be.

    Raises
    ------
    UserError
        No workspace; an empty id; an object that is to be rewritten and nowhere to be had; a stage
        that fails on what is left. What was done until then stays, and saying it again goes on.
    """
    require_workspace(root)
    root = root.resolve()
    if not name.strip():
        raise UserError(f"{kind} {name!r}: wanted the id as deliveries have it")
    # DVC's locks, and who waits for them, name the command that holds them: it is to say no id
    sys.argv[:] = [word.replace(name, "ID") if word.endswith(name) else word for word in sys.argv]
    versioning.repair(root, say)
    wanted, book = WantedId(kind, name), open_book(root)
    known, stone = book.stone(kind, name) is not None, book.bury(kind, name)
    if known and is_done(root, stone):
        return ForgetReport(new=False, on=stone.on)
    book.write(root)
    report = ForgetReport(new=True, on=stone.on, **_noted(root))
    with alone(root, "forget", say):
        with alone(root, "ingest", say):
            settle(root, say)
            with versioning.writing(root, root, say):
                _rewrite(root, wanted, book, stone.on, report)
        _note(root, report)
        _from_stores(root, wanted, report)
        _note(root, report)
        _run_lanes(root, say)
        _from_places(root, wanted, report)
        _note(root, report)
        with versioning.writing(root, root, say):
            _purge(root, wanted, book, report)
        _check(root, wanted, report)
        book.write(root)
        if not report.unreached:
            note_done(root, stone)
        (root / _REPORT).unlink()
    return report


def _noted(root: Path) -> dict[str, Any]:
    """What was done before a kill, for the report of who goes on."""
    return dict(read_json(root / _REPORT)) if (root / _REPORT).is_file() else {}


def _note(root: Path, report: ForgetReport) -> None:
    replace_json(root / _REPORT, {"removed": report.removed, "releases": report.releases})


def _rewrite(root: Path, wanted: WantedId, book: Book, on: str, report: ForgetReport) -> None:
    cache = versioning.cache_folder(root)
    _rename(root, cache, book)  # what was noted before a kill
    found = [rewrite_delivery(root, cache, name, md5, wanted) for name, md5 in delivered(root).items()]
    deliveries = [each for each in found if each is not None]
    snapshots = rewrite_outputs(root, cache, outputs(root, ("training",)), wanted)
    renamed = rewrite_releases(root, cache, wanted)
    report.note("deliveries", len(deliveries), "rewritten")
    report.note("the snapshot and what was trained on it", len(snapshots), "outputs rewritten")
    report.releases |= renamed.names
    if not (deliveries or snapshots or renamed.objects or renamed.names):
        return
    for each in (*deliveries, *snapshots):
        book.objects[each.before] = (on, each.now)
    book.objects |= {old: (on, new) for old, new in renamed.objects.items()}
    book.releases |= {old: (on, new) for old, new in renamed.names.items()}
    made = [*outputs(root, LANES).values()] if deliveries or renamed.names else []
    texts = [root / "releases" / "current.json", root / "data" / "deliveries" / "index.csv"]
    made += [versioning.file_md5(path) for path in texts if path.is_file()]
    book.objects |= dict.fromkeys(made, (on, None))
    book.write(root)
    _rename(root, cache, book)


def _rename(root: Path, cache: Path, book: Book) -> None:
    objects = {old: new for old, (_, new) in book.objects.items() if new}
    names = {old: new for old, (_, new) in book.releases.items() if new}
    rename_everywhere(root, cache, objects | names)
    move_manifests(root, names)
    record_pointer(root, book.objects)
    versioning.keep_lockfile(root)


def _run_lanes(root: Path, say: Say) -> None:
    known = versioning.read_lock(root)
    for stage in versioning.read_pipeline(root):
        if stage.lane in LANES and stage.target in known:
            try:
                reproduce_saying(root, stage.target, say)
            except UserError as error:
                again = "what held it is not removed yet: mend this, then say the same again"
                raise UserError(f"{error}\n{again}") from error


def _from_stores(root: Path, wanted: WantedId, report: ForgetReport) -> None:
    report.note("the journal of plays", stores.from_journal(root, wanted), "lines")
    report.note("votes", stores.from_votes(root, wanted), "votes")
    report.note(
        "playlists", stores.from_playlists(root, wanted), "playlists" if wanted.kind == "user" else "places"
    )
    report.note("keys", stores.from_keys(root, wanted), "keys revoked")


def _from_places(root: Path, wanted: WantedId, report: ForgetReport) -> None:
    report.note(_INBOX, places.from_waiting(root / _INBOX, wanted), "files changed")
    report.note(REJECTED, places.from_waiting(root / REJECTED, wanted), "files changed")
    report.note("work in .earshot", places.from_work(root, wanted), "pieces")
    report.note("runs of W&B kept here", len(places.from_runs(root, wanted)), "runs")
    report.note("notes and logs in .earshot", places.sweep(root / ".earshot", wanted), "files changed")
    report.note("decisions on releases", places.sweep(root / "releases", wanted), "files changed")
    report.note("Dagster's runs and logs", places.sweep(places.dagster_home(root), wanted), "files changed")


def _purge(root: Path, wanted: WantedId, book: Book, report: ForgetReport) -> None:
    cache = versioning.cache_folder(root)
    manifests = [*list_releases(root), *list_candidates(root), *list_all_imported(root)]
    kept = [each for each in manifests if each.release not in book.releases]
    named = named_now(root, cache) | {md5 for each in kept for md5 in each.files.values()}
    verdicts: Verdicts = {}
    superseded = set(book.objects) - named
    found, failed = object_stores(root)
    report.unreached = failed
    for store in found:
        try:
            refill(store, cache, {old: new for old, (_, new) in book.objects.items() if new})
            objects, runs = purge(store, wanted, superseded, named, verdicts)
        except OSError as error:
            if store is found[0]:
                raise
            report.unreached[store.name] = str(error)
            continue
        report.note(store.name, objects + runs, f"files, {runs:,} of them of the run cache")
    if holding := sorted(md5 for md5 in named if verdicts.get(md5)):
        raise UserError(f"{', '.join(holding)}: objects of DVC's cache that are in use still hold the id")
    for md5 in named & book.objects.keys():  # made again, to the byte
        del book.objects[md5]
    versioning.forget_hashes(root)


def _check(root: Path, wanted: WantedId, report: ForgetReport) -> None:
    """Look through the workspace once more; a file of earshot's that still holds the id is an error."""
    shutil.rmtree(root / ".earshot" / "forgetting", ignore_errors=True)
    still = []
    for folder, folders, files in os.walk(root):
        here = Path(folder)
        folders[:] = [
            each for each in folders if each not in _NOT_LOOKED_AT and here / each != root / ".dvc" / "cache"
        ]
        paths = [here / each for each in files]
        still += [
            path for path in paths if path.is_file() and not path.is_symlink() and file_holds(path, wanted)
        ]
    names = sorted(path.relative_to(root).as_posix() for path in still)
    report.left = [each for each in names if not each.startswith(_OURS)]
    if ours := [each for each in names if each.startswith(_OURS)]:
        raise UserError(f"{', '.join(ours)}: still hold the id; say the same again when nobody writes there")
