"""Folders under DVC written anew: in its cache, in their place, and their md5 wherever it is named."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from earshot import terminal, versioning
from earshot.deliveries.dropping import drop_rows
from earshot.errors import UserError
from earshot.files import exchange, link, replace_bytes, replace_text
from earshot.forgetting.rows import judged_by, without
from earshot.forgetting.searching import WantedId, file_holds
from earshot.versioning import PreviousOutput, add_object, cache_path, file_md5
from earshot.versioning.kept_lock import cut_aside, kept_copy, lockfiles
from earshot.versioning.lockfile import read_outs

_TABLES = (".csv", ".parquet")


@dataclass(frozen=True)
class Rewritten:
    """A folder written anew: its place below the workspace, its md5 before and now."""

    place: str
    before: str
    now: str


def rewrite_delivery(root: Path, cache: Path, name: str, md5: str, wanted: WantedId) -> Rewritten | None:
    """The delivery `name` without the id, in DVC's cache and in its place; None where it holds nothing of it.

    Raises
    ------
    UserError
        A file of it is nowhere to be had, or holds the id in a way that nobody can take out; named.
    """
    place = f"data/deliveries/{name}"
    files = _files(root, cache, place, md5)
    work = _workplace(root)
    for each, path in files.items():
        if "/" not in each and each.endswith((*_TABLES, ".npy")):
            shutil.copyfile(path, work / each)

    dropped = drop_rows(work, wanted.among)
    made: dict[str, Path | None] = {
        path.name: path for path in work.iterdir() if file_md5(path) != _md5_of(files[path.name], cache)
    }
    made |= {sound: None for sound in dropped.sounds if sound in files}
    for each in files.keys() - made.keys() - dropped.kept:
        if file_holds(files[each], wanted):  # delivery.json, notes, words of a song
            made[each] = _as_text(files[each], work / each, wanted)
    return _store(root, cache, place, md5, files, made, wanted)


def _as_text(path: Path, place: Path, wanted: WantedId) -> Path | None:
    """A text with `(forgotten)` in the place of the id, at `place`; None for a file of another kind."""
    content = path.read_bytes()
    if b"\0" in content:
        return None
    place.parent.mkdir(parents=True, exist_ok=True)
    text = content.decode("utf-8", "surrogateescape")
    place.write_bytes(wanted.replaced(text).encode("utf-8", "surrogateescape"))
    return place


def rewrite_outputs(root: Path, cache: Path, md5s: Mapping[str, str], wanted: WantedId) -> list[Rewritten]:
    """The outputs of these md5s by place, as `rewrite_delivery`; those that changed.

    Where one does, what others hold to judge a model by, a line a listener, goes whole (`rows.judged_by`).
    """
    found = {}
    for place, md5 in md5s.items():
        with suppress(UserError):  # what is nowhere to be had is not here, and not to be rewritten
            found[place] = _files(root, cache, place, md5)
    holding = [
        place for place, files in found.items() if any(file_holds(path, wanted) for path in files.values())
    ]
    rewritten = []
    for place, files in found.items() if holding else ():
        made = without(files, _workplace(root), wanted) if place in holding else {}
        made |= judged_by(files)
        rewritten.append(_store(root, cache, place, md5s[place], files, made, wanted))
    return [each for each in rewritten if each is not None]


def _workplace(root: Path) -> Path:
    folder = root / ".earshot" / "forgetting"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _md5_of(path: Path, cache: Path) -> str:
    """Of an object, which is its address."""
    return "".join(path.relative_to(cache).parts)


def _files(root: Path, cache: Path, place: str, md5: str) -> dict[str, Path]:
    """Every file of a folder in DVC's cache, by its path inside; what is missing there is fetched first."""
    lost = versioning.bring_back(root, {f"{place}, its list of files": md5}, terminal.say)
    if not lost:
        inside = PreviousOutput(cache, md5).files
        missing = {name: each for name, each in inside.items() if not cache_path(cache, each).is_file()}
        for name, each in missing.items():
            if versioning.is_whole(root / place / name, each):
                add_object(cache, each, root / place / name)
        lost = versioning.bring_back(
            root, {f"{place}/{name}": each for name, each in missing.items()}, terminal.say
        )
        if not lost:
            return {name: cache_path(cache, each) for name, each in inside.items()}
    told = "\n".join(f"{name}: {why}" for name, why in lost.items())
    raise UserError(f"{told}\nwhat is not there cannot be rewritten; a clone that has it can `dvc push`")


def _store(
    root: Path,
    cache: Path,
    place: str,
    md5: str,
    files: Mapping[str, Path],
    made: Mapping[str, Path | None],
    wanted: WantedId,
) -> Rewritten | None:
    """Put what was `made` into the cache with a list of files, and the whole into its place."""
    if not made:
        return None
    left = {name: path for name, path in files.items() if name not in made}
    new = {name: path for name, path in made.items() if path is not None}
    for name, path in new.items():
        if file_holds(path, wanted):
            raise UserError(f"{place}/{name}: holds the id outside tables and JSON: cannot be taken out")
    objects = {name: _md5_of(path, cache) for name, path in left.items()}
    for name, path in new.items():
        objects[name] = file_md5(path)
        if not cache_path(cache, objects[name]).exists():
            add_object(cache, objects[name], path)
    listed = json.dumps([{"md5": objects[name], "relpath": name} for name in sorted(objects)], sort_keys=True)
    now = versioning.folder_md5(objects)
    cache_path(cache, now).parent.mkdir(exist_ok=True)
    replace_bytes(cache_path(cache, now), listed.encode())
    cache_path(cache, now).chmod(0o444)
    if (root / place).is_dir():
        _put(root, cache, place, objects)
    return Rewritten(place, md5, now)


def _put(root: Path, cache: Path, place: str, objects: Mapping[str, str]) -> None:
    """Links to `objects` in the place of the folder, in one step where the volume can."""
    beside = root / ".earshot" / "forgetting.put"
    shutil.rmtree(beside, ignore_errors=True)
    for name, md5 in objects.items():
        (beside / name).parent.mkdir(parents=True, exist_ok=True)
        link(cache_path(cache, md5), beside / name)
    exchange(beside, root / place)
    shutil.rmtree(beside)


def delivered(root: Path) -> dict[str, str]:
    """md5 of every delivery by its name, withdrawn ones too, as their .dvc files say."""
    names = [path.stem for path in (root / "data" / "deliveries").glob("?*.dvc")]
    return versioning.delivery_md5s(root, names)


def outputs(root: Path, lanes: Iterable[str]) -> dict[str, str]:
    """md5 of every output folder by its place; of the main pipeline those of `lanes`."""
    asked = {stage.output: stage.lane for stage in versioning.read_pipeline(root)}
    found = {}
    for lock in lockfiles(root):
        for place, md5 in read_outs(lock, (root / lock).read_text(encoding="utf-8")):
            # `../../data/x` of a reproduction
            place = Path(re.sub(r"^(?:reproductions/\w+/)?(?:\.\./)*", "", place)).as_posix()
            if md5.endswith(".dir") and asked.get(place, "training") in lanes:
                found[place] = md5
    return found


def rename_everywhere(root: Path, cache: Path, names: Mapping[str, str]) -> None:
    """Put the new md5 or name in the place of the old one in all texts that name one; may be done twice."""
    words = re.compile("|".join(sorted(map(re.escape, names)))) if names else None
    for path in _texts(root) if words else ():
        text = path.read_text(encoding="utf-8")
        new = words.sub(lambda match: names[match[0]], text) if words else text
        if new != text:
            replace_text(path, _with_sizes(cache, new) if path.suffix in (".dvc", ".lock") else new)


def _texts(root: Path) -> Iterator[Path]:
    yield from sorted((root / "data" / "deliveries").glob("?*.dvc"))
    for lock in lockfiles(root):
        yield from (
            each for each in (root / lock, kept_copy(root, lock), cut_aside(root, lock)) if each.is_file()
        )
    for kind in ("made", "used", "provenance"):
        yield from sorted((root / ".earshot" / kind).rglob("*.json"))
    yield from (each for each in [root / "data" / "provenance.js"] if each.is_file())
    yield from sorted((root / "releases").rglob("*.json"))
    index = root / "data" / "deliveries" / "index.csv"
    if index.is_file():
        yield index


def _with_sizes(cache: Path, text: str) -> str:
    """`size` and `nfiles` behind each folder's md5 as its list of files has them."""

    def counted(match: re.Match[str]) -> str:
        files = PreviousOutput(cache, match["md5"]).files
        paths = [cache_path(cache, each) for each in files.values()]
        if not files or not all(path.is_file() for path in paths):
            return match[0]
        size = sum(path.stat().st_size for path in paths)
        return f"{match['before']}{match['md5']}{match['between']}{size}{match['and']}{len(files)}"

    folder = r"(?P<before>md5: )(?P<md5>[0-9a-f]{32}\.dir)(?P<between>\s+size: )\d+(?P<and>\s+nfiles: )\d+"
    return re.sub(folder, counted, text)
