"""Where the numbers on a page come from, as far as no output may hold it: data/provenance.js.

An output holds only what follows from its inputs. When and at which commit it was made, its run in Weights &
Biases and what the gate said lie beside it, by output and md5. A page knows the md5s of what it was drawn
from and looks them up: what stands on it is of these numbers, or `unknown`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from earshot import __version__, versioning
from earshot.errors import UserError
from earshot.files import parse_yaml, read_json, replace_json, replace_text

FILE, ADVICE = Path("data", "provenance.js"), Path("data", "advice.js")
DRAWN_BY = "pages"
"""The stage whose pages read the file."""
SHIPPED = Path(__file__).parents[1] / "shipped_params.yaml"
"""params.yaml as earshot comes with it; a test holds the two together."""
_BEFORE, _AFTER = "const provenance = ", ";\n"
_CODE = ("src", "params.yaml", "dvc.yaml")
_MOST = 50
"""Versions of an output that are remembered, the newest."""
_CANDIDATE, _SERVED = "cnn_checkpoint", "served_factors"

Facts = dict[str, str]


def note(root: Path, definition: versioning.Definition, used: versioning.Inputs) -> None:
    """Note when and at which commit a stage has made its output of the inputs `used`."""
    path = _note(root, definition.target)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_json(path, {"used": used, "made": _now(), "commit": _commit(root)})


def write(root: Path) -> None:
    """Add to data/provenance.js what is known of the outputs that dvc.lock names."""
    lock, file = versioning.read_lock(root), root / FILE
    provenance = _read(file)
    for name, stage in lock.items():
        out = stage["outs"][0]
        facts = _facts(root, lock, name)
        versions = {**provenance.get(out["path"], {})}
        # of one that was restored, when it was made is known from before
        versions[out["md5"]] = versions.pop(out["md5"], {}) | facts
        provenance[out["path"]] = dict(list(versions.items())[-_MOST:])
    replace_text(file, f"{_BEFORE}{json.dumps(provenance, indent=1)}{_AFTER}")
    if not (root / ADVICE).is_file():
        write_advice(root, None)


def write_advice(root: Path, section: str | None) -> None:
    """Write data/advice.js: what the report shows of `earshot advise`, in HTML; None: nothing yet."""
    replace_text(root / ADVICE, f"const advice = {json.dumps(section)};\n")


def _facts(root: Path, lock: Mapping[str, Any], name: str) -> Facts:
    """What is known of the newest output of the stage `name`; its keys are those of templates/foot.html."""
    from earshot import tracking

    facts: Facts = {}
    path = _note(root, name)
    if path.is_file() and (noted := read_json(path))["used"] == _used(lock[name]):
        facts |= {key: noted[key] for key in ("made", "commit") if noted[key]}
    behind = [name, *_behind(lock, name)]
    changed = _changed(lock, behind)
    facts["params"] = ", ".join(f"{key}={value}" for key, value in changed.items()) or "none"
    with suppress(UserError, OSError):  # nothing was trained or judged yet
        if _CANDIDATE in behind:
            facts["release"] = _verdict(root)
            facts["run"] = tracking.run_of(root, root / "data" / _CANDIDATE / "encoder.pt") or ""
        elif _SERVED in behind:
            facts["release"] = _served(root)
    return {key: value for key, value in facts.items() if value}


def _served(root: Path) -> str:
    from earshot.releases import Manifest, read_pointer

    pointer = read_pointer(root)
    return pointer.release if isinstance(pointer, Manifest) else "nothing is released"


def _verdict(root: Path) -> str:
    """The candidate's name and what the gate decided."""
    from earshot.releases import candidate, read_decision

    name = candidate(root).release
    decision = read_decision(root, name)
    if decision is None:
        return f"candidate {name}, not judged yet"
    return f"{name}, {'released' if decision['released'] else 'refused'}"


def _used(stage: Mapping[str, Any]) -> dict[str, Any]:
    used = {dep["path"]: dep.get("md5") for dep in stage.get("deps", ())}
    for values in stage.get("params", {}).values():
        used |= values
    return used


def _behind(lock: Mapping[str, Any], name: str) -> list[str]:
    """The stages that `name` hangs on by what lies in data/; not through the release."""
    makers = {out["path"]: maker for maker, stage in lock.items() for out in stage["outs"]}
    found = [name]
    for stage in found:  # it grows meanwhile: breadth first
        paths = [dep["path"] for dep in lock[stage].get("deps", ()) if dep["path"].startswith("data/")]
        found += [
            makers[path] for path in dict.fromkeys(paths) if path in makers and makers[path] not in found
        ]
    return found[1:]


def _changed(lock: Mapping[str, Any], stages: list[str]) -> dict[str, str]:
    """Parameters that `stages` used and that are not as earshot comes with them, by dotted key."""
    shipped = dict(_flat(parse_yaml(SHIPPED.read_text(encoding="utf-8"))))
    used: dict[str, Any] = {}
    for stage in stages:
        used |= _flat(lock[stage].get("params", {}).get("params.yaml", {}))
    return {key: json.dumps(value) for key, value in sorted(used.items()) if shipped.get(key) != value}


def _flat(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def drawn_now(root: Path, source: str) -> Facts:
    """What the foot says of a page that no stage makes: drawn when, at which commit, by what, of what."""
    return {
        "Drawn": _now(),
        "at commit": _commit(root) or "unknown",
        "Drawn by": f"earshot {__version__}",
        "Drawn from": source,
    }


def made(root: Path, target: str) -> str | None:
    """When and at which commit the stage `target` ran last; None where that was not noted."""
    path = _note(root, target)
    if not path.is_file():
        return None
    noted: dict[str, str] = read_json(path)
    return noted["made"] + (f" at commit {noted['commit']}" if noted["commit"] else "")


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _commit(root: Path) -> str | None:
    """The commit that is checked out, and whether code or parameters are edited; None outside git."""
    head = versioning.git_or_none(root, "rev-parse", "--short", "HEAD")
    if head is None:
        return None
    edits = versioning.git_or_none(root, "status", "--porcelain", "--untracked-files=no", "--", *_CODE)
    return head.decode().strip() + (", with edits" if edits else "")


def _read(file: Path) -> dict[str, dict[str, Facts]]:
    """What the file says; nothing where it is not there or was changed by hand."""
    try:
        text = file.read_text(encoding="utf-8")
        content: dict[str, dict[str, Facts]] = json.loads(text.removeprefix(_BEFORE).removesuffix(_AFTER))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _note(root: Path, target: str) -> Path:
    folder, name = versioning.split_target(target)
    return root / ".earshot" / "provenance" / folder / f"{name}.json"
