"""`earshot scrobbles deliver`."""

from __future__ import annotations

from pathlib import Path

import typer

from earshot.terminal import tell

app = typer.Typer(help="What listeners did in their players.", no_args_is_help=True)


@app.callback()
def scrobbles() -> None:
    """What listeners did in their players."""


@app.command()
def deliver() -> None:
    """Put what was gathered since the last time into data/inbox/, as one delivery."""
    from earshot.lanes.scrobbles import deliver as make

    made = make(Path.cwd())
    if made is None:
        tell("nothing new in the journal of plays")
    else:
        tell(f"data/inbox/{made[0]}: {made[1]:,} plays and stars; `earshot onboard` takes it in")
