"""`earshot quickstart`: from a folder of music to pages and players, in one command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earshot.errors import UserError
from earshot.terminal import say, tell


def quickstart(
    folder: Annotated[Path, typer.Argument(help="music; it is only read")],
    listens: Annotated[
        Path | None, typer.Option(help="a listening history: of ListenBrainz, Last.fm, or navidrome.db")
    ] = None,
    release: Annotated[
        Path | None, typer.Option(help="what `earshot release share` wrote; places a few listeners")
    ] = None,
    user: Annotated[str, typer.Option(help="who listened, where the history does not say it")] = "me",
    yes: Annotated[bool, typer.Option("--yes", help="do not ask whether the release is to serve")] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: one that is free")] = 8000,
) -> None:
    """Take in a folder of music, learn what its plays allow, and serve it; run again, it goes on."""
    from earshot import releases
    from earshot.lanes import quickstart as way
    from earshot.queries.served import read_served
    from earshot.serve.run import serve

    root = Path.cwd()
    music = way.look_at(folder)
    way.announce(root, music, listens, release, say)
    if release is not None:
        way.refuse_without_plays(root, release, listens)
        _accept(release, yes)
    way.take_in(root, music, listens, user, say)
    if release is not None:
        releases.import_shared(release, root, say)
    tell(way.make(root, say))
    served = read_served(root)
    n_songs, n_listeners = len(served.song_ids), len(served.user_ids)
    tell(f"served by {served.release}: songs {n_songs:,}, listeners {n_listeners:,}")
    serve(root, "127.0.0.1", port, ())


def _accept(release: Path, yes: bool) -> None:
    """Show the model card and ask. UserError where it is not wanted, or no shared release."""
    from earshot import releases

    tell("\n".join(releases.read_card(release).lines()))
    if not yes and not typer.confirm("serve it from now on?", err=True):
        raise UserError(f"{release}: not taken in")
