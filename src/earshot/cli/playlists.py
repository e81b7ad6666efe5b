"""`earshot playlists`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earshot.errors import UserError
from earshot.terminal import tell


def playlists(
    folder: Annotated[
        Path | None, typer.Argument(help="of the music; by default weekly_lists.folder of params.yaml")
    ] = None,
) -> None:
    """Write playlists of new songs and of forgotten ones for every listener into the music folder."""
    from earshot.params import load_params
    from earshot.queries.served import read_served
    from earshot.queries.weekly_lists import INDEX, write_weekly_lists

    root = Path.cwd()
    settings = load_params(root / "params.yaml").weekly_lists
    if folder is None and settings.folder is None:
        raise UserError(
            "params.yaml: weekly_lists.folder: null; wanted the folder of the music, here or there"
        )
    into = folder or root / str(settings.folder)
    written, amiss = write_weekly_lists(read_served(root), into, settings.songs)
    tell(f"{into}: {written:,} playlists, in {INDEX} whose each is{f'; {amiss}' if amiss else ''}")
