"""`earshot forget`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from earshot.errors import UserError
from earshot.terminal import AsJson, say, tell


def forget(
    user: Annotated[str | None, typer.Option(help="a listener, by the user_id of deliveries")] = None,
    song: Annotated[str | None, typer.Option(help="a song, by its song_id")] = None,
    as_json: AsJson = False,
) -> None:
    """Take a listener or a song out of all that the workspace keeps; says what was removed where."""
    from earshot.forgetting import forget as take_out

    if (user is None) == (song is None):
        raise UserError("wanted --user ID or --song ID, one of them")
    report = (
        take_out(Path.cwd(), "user", user, say)
        if user is not None
        else take_out(Path.cwd(), "song", str(song), say)
    )
    tell(json.dumps(report.as_json(), indent=2) if as_json else "\n".join(report.lines()))
