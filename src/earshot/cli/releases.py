"""`earshot release ...`, and where releases come from: `trace`, `verify`, `gc`. Every command is one call."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from earshot.errors import UserError
from earshot.terminal import AsJson, on_one_line, tell, tell_json
from earshot.workspace import not_yet

if TYPE_CHECKING:
    from earshot.releases import Manifest, NothingReleased

app = typer.Typer(help="What is served, and what it was judged by.", no_args_is_help=True)
beside = typer.Typer()

Name = Annotated[str, typer.Argument(help="its first letters are enough")]


@app.command("list")
def list_all(as_json: AsJson = False) -> None:
    """List every release, the oldest first, then what was refused or imported; what is served is marked."""
    from earshot import releases

    root = Path.cwd()
    current = releases.read_pointer(root)
    if as_json:
        tell_json(_all(root, current))
        return
    for each in releases.list_releases(root):
        served = "  served" if each == current else ""
        imported = (
            "  imported: its own claim" if releases.imported_claim(root, each.release) is not None else ""
        )
        refit = "  with a refit" if each.refit else ""
        tell(f"{each.number:4d}  {each.release}  {_figures(each.metrics)}{served}{refit}{imported}")
    for each in releases.list_candidates(root):
        tell(f"   -  {each.release}  {_figures(each.metrics)}  refused")
    for each in releases.list_imported(root):
        tell(f"   -  {each.release}  {_figures(each.metrics)}  imported: its own claim, not promoted")
    if isinstance(current, releases.NothingReleased):
        nobody_yet = not_yet(root, f"nothing released yet: {current.reason}")
        tell(releases.nothing_released(root, current) if releases.list_candidates(root) else str(nobody_yet))


def _all(root: Path, current: Manifest | NothingReleased) -> list[dict[str, Any]]:
    """In the order of the list: name, number (null of what was never released), kind, whether it is served
    and by its refit, and the figures that it was judged by; an import's are its own claim."""
    from earshot import releases

    kinds = {"released": releases.list_releases, "refused": releases.list_candidates}
    kinds["imported"] = releases.list_imported
    return [
        {
            "release": each.release,
            "number": each.number if kind == "released" else None,
            "kind": kind,
            "served": each == current,
            "refit": bool(each.refit),
            "claimed": releases.imported_claim(root, each.release) is not None,
            "metrics": each.metrics,
        }
        for kind, listed in kinds.items()
        for each in listed(root)
    ]


def _figures(metrics: dict[str, dict[str, float]]) -> str:
    candidate = metrics.get("candidate", {})
    return on_one_line("  ".join(f"{name} {value:.3f}" for name, value in candidate.items()))


@app.command()
def show(name: Name) -> None:
    """Show the manifest of a release, refused candidate or import and the decision on it, as JSON."""
    from earshot import releases

    tell_json(releases.show_release(Path.cwd(), name))


@app.command()
def rollback(name: Annotated[str | None, typer.Argument(help="by default the one before")] = None) -> None:
    """Serve an earlier release again; the next `onboard` or `dvc repro` serves it."""
    from earshot import releases

    releases.roll_back(Path.cwd(), name)
    _commit()


@app.command()
def promote(
    name: Name,
    force: Annotated[bool, typer.Option("--force", help="whatever the gate said")] = False,
    reason: Annotated[str, typer.Option(help="why; it is kept in the decision")] = "",
) -> None:
    """Serve a refused candidate, import or earlier release; without --force, say what the gate said of it."""
    from earshot import releases

    verdict = releases.gate_said(Path.cwd(), name)
    if not force:
        raise UserError(f"{verdict}; `--force --reason TEXT` serves it all the same")
    if not reason.strip():
        raise UserError(f"{verdict}; wanted with --force: --reason TEXT")
    releases.promote(Path.cwd(), name, reason)
    _commit()


def _commit() -> None:
    """Commit what the pointer names where release.git_commit asks for that."""
    from earshot import releases
    from earshot.params import load_params

    if load_params(Path.cwd() / "params.yaml").release.git_commit:
        tell(f"committed: {releases.commit_release(Path.cwd())}")


@app.command("export")
def export(name: Name, file: Annotated[Path, typer.Argument(help="a new file")]) -> None:
    """Write a release as one file: manifest, decision and model."""
    from earshot import releases

    tell(f"{releases.export_release(Path.cwd(), name, file).release}: written to {file}")


@app.command()
def share(
    name: Name,
    file: Annotated[Path, typer.Argument(help="a new file")],
    data: Annotated[str, typer.Option(help="what music and whose plays it was trained on, in words")],
    licence: Annotated[str, typer.Option(help="what may be done with it, in words")],
    songs: Annotated[
        bool, typer.Option("--songs", help="with ids and places of songs and artists, and hashes of sounds")
    ] = False,
) -> None:
    """Write a release for others as one file, with a model card: encoder and taste space, and no listener."""
    from earshot.lanes.share import SharedBy, share_release

    shared = share_release(Path.cwd(), name, file, SharedBy(data, licence, songs))
    tell(f"{shared.release}: shared from {shared.derived_from}, written to {file}")


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="what `release export` or `release share` wrote")],
    yes: Annotated[bool, typer.Option("--yes", help="of a shared release: do not ask, it is served")] = False,
) -> None:
    """Take in a release from elsewhere, all of it checked.

    A shared one is served once its model card is accepted; another stands apart until a person promotes it.
    """
    from earshot import releases

    if releases.is_shared(file):
        tell("\n".join(releases.read_card(file).lines()))
        if not yes and not typer.confirm("serve it from now on?", err=True):
            raise UserError(f"{file}: not taken in")
        name = releases.import_shared(file, Path.cwd()).release
        _commit()
        tell(f"{name}: taken in and served from the next `earshot onboard` on")
        return
    name = releases.import_release(Path.cwd(), file).release
    tell(f"{name}: taken in; `earshot release promote {name} --force --reason TEXT` serves it")


@beside.command()
def trace(
    release: Name,
    song: Annotated[str | None, typer.Argument(help="a song_id")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what a release was made of, back to the deliveries, and where a song's sound came from."""
    from earshot import releases

    found = releases.trace(Path.cwd(), release, song)
    if as_json:
        tell_json(found)
    else:
        tell("\n".join(_lines(found)))


_TRACED = ("release", "number", "previous", "served", "feature_key", "split", "inputs", "outputs", "files")


def _lines(found: dict[str, Any]) -> list[str]:
    decision = found["decision"] or {}
    rows = {key: found[key] for key in _TRACED} | {"decision": decision.get("reason")}
    rows |= {"refit": decision["refit"]["told"]} if decision.get("refit") else {}
    rows |= {"promoted": decision["promoted"]} if "promoted" in decision else {}
    rows |= {"imported": (found["imported"]).get("reason")} if found["imported"] is not None else {}
    rows |= {"deliveries": found["deliveries"]} | ({"song": found["song"]} if "song" in found else {})
    return [on_one_line(line) for key, value in rows.items() for line in _described(key, value)]


def _described(key: str, value: Any) -> list[str]:
    if not isinstance(value, dict):
        return [f"{key:12s} {'-' if value is None else value}"]
    width = max(map(len, value), default=0)
    return [key, *(f"  {name:{width}s}  {'-' if each is None else each}" for name, each in value.items())]


@beside.command()
def verify(release: Name, as_json: AsJson = False) -> None:
    """Hash anew all that a release names, model and deliveries; exit status 1 where something differs."""
    from earshot import releases

    files, problems = releases.verify(Path.cwd(), release)
    if as_json:
        tell_json({"files": files, "problems": problems})
    for problem in problems if not as_json else ():
        tell(problem)
    if problems:
        raise UserError(f"{len(problems)} differences in {files} files; `dvc pull` or an export brings back")
    if not as_json:
        tell(f"{files} files, all as they were")


@beside.command()
def gc(
    really: Annotated[bool, typer.Option("--really", help="remove them")] = False,
    local_gb: Annotated[
        float | None,
        typer.Option(min=0, help="as much as is to lie here, as far as the remote has the rest"),
    ] = None,
) -> None:
    """Count, or with --really remove, what no release, commit at hand or tag needs of DVC's cache."""
    from earshot import releases

    most_bytes = None if local_gb is None else local_gb * 1e9
    found = releases.clean_cache(Path.cwd(), really, most_bytes=most_bytes)
    outcome = "removed" if really else "not needed (`--really` removes them)"
    tell(f"{found.objects:,} objects, {found.bytes / 1e6:,.1f} MB: {outcome}; {found.kept:,} kept")
    if most_bytes is None:
        return
    outcome = "removed here" if really else "needed by earlier states alone (`--really` removes them here)"
    tell(f"{found.pushed:,} objects, {found.pushed_bytes / 1e6:,.1f} MB: in the remote, {outcome}")
    if found.kept_bytes > most_bytes:
        tell(f"{found.kept_bytes / 1e9:,.3f} GB stay: of the workspace and the releases, or not pushed yet")
