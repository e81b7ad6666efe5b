"""`earshot deliveries`: what was taken in, and taking it back; and `earshot onboard`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from earshot.terminal import AsJson, aligned, on_one_line, say, tell

app = typer.Typer(help="List what was taken in, or withdraw some of it.")

_SHOWN = ("delivery", "arrived", "songs", "audio", "hours", "plays", "feedback", "set aside", "state")


@app.callback(invoke_without_command=True)
def list_all(
    context: typer.Context,
    as_json: AsJson = False,
) -> None:
    """List every delivery: what it brought, what was set aside of it, and whether it counts."""
    if context.invoked_subcommand is not None:
        return
    from earshot.deliveries.listing import list_deliveries
    from earshot.workspace import not_yet

    listed = list_deliveries(Path.cwd())
    if not listed and not as_json:
        raise not_yet(Path.cwd(), "nothing is taken in yet")
    tell(json.dumps(listed, indent=2, ensure_ascii=False) if as_json else "\n".join(_table(listed)))


@app.command()
def withdraw(
    name: Annotated[str, typer.Argument(help="as `earshot deliveries` shows it")],
    reason: Annotated[str, typer.Option(help="why; it is kept in data/deliveries/withdrawn.json")],
) -> None:
    """Take a delivery back: it is kept, and everything after it is made without it."""
    from earshot.deliveries.withdrawing import withdraw as take_back

    if take_back(Path.cwd(), name, reason, say):
        tell(f"{name}: withdrawn; the next `earshot onboard` or `dvc repro` makes everything without it")
    else:
        tell(f"{name}: withdrawn already; nothing to do")


def _table(listed: list[dict[str, Any]]) -> list[str]:
    return aligned([list(_SHOWN), *([_cell(each, name) for name in _SHOWN] for each in listed)])


def _cell(each: dict[str, Any], name: str) -> str:
    if name == "set aside":
        counts = {"audio": each["audio_set_aside"], "plays": each["plays_set_aside"]}
        return ", ".join(f"{count:,} {kind}" for kind, count in counts.items() if count) or "-"
    if name == "state":
        return on_one_line(f"{each['state']}: {each['reason']}" if each["reason"] else each["state"])
    value = each[name]
    return "-" if value is None else f"{value:,}" if isinstance(value, int | float) else on_one_line(value)


def onboard(
    folder: Annotated[
        Path | None, typer.Argument(help="a delivery; by default what waits in data/inbox/")
    ] = None,
) -> None:
    """Take in new songs and recommend them with the released model; trains nothing.

    Without any plays, songs are served by their sound alone.
    """
    from earshot.cli.new_songs import show_new_songs
    from earshot.lanes import onboard as fast_lane
    from earshot.lanes.onboard import PAGE, any_plays

    arrivals = fast_lane.onboard(Path.cwd(), folder, say)
    if not any_plays(Path.cwd()):
        from earshot.queries.served import read_served

        served = read_served(Path.cwd())
        tell(
            f"{len(served.song_ids):,} songs are served by their sound alone, without plays: {served.release}"
        )
    for arrival in arrivals:
        tell(f"{arrival.delivery}: in the recommendations {arrival.seconds:.0f} s after it arrived")
    if arrivals:
        tell(f"all arrivals: {PAGE}")
        show_new_songs(Path.cwd())
