"""`earshot key ...`: who may ask the server of this workspace."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from earshot.terminal import AsJson, aligned, on_one_line, say, tell, tell_json

app = typer.Typer(help="Keys to `earshot serve`: an operator's, or a listener's.", no_args_is_help=True)


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="whose it is, or what for")],
    user: Annotated[
        str | None, typer.Option(help="a listener's: it reaches the list of this user_id alone")
    ] = None,
) -> None:
    """Make a key and print its secret, once; without --user it is an operator's."""
    from earshot.serve.keys import KeyStore
    from earshot.workspace import require_workspace

    require_workspace(Path.cwd())
    secret = KeyStore(Path.cwd()).add(name, "operator" if user is None else "listener", user)
    whose = "an operator" if user is None else f"the listener {on_one_line(user)}"
    say(f"key {name}, for {whose}; it is not shown again:")
    tell(secret)


@app.command("list")
def list_all(as_json: AsJson = False) -> None:
    """List the keys: name, role, listener, when it was added."""
    from earshot.serve.keys import KeyStore
    from earshot.workspace import require_workspace

    require_workspace(Path.cwd())
    keys = [{**asdict(key.identity), "added": key.added} for key in KeyStore(Path.cwd()).list()]
    if as_json:
        tell_json(keys)
        return
    rows = [[on_one_line(part or "-") for part in key.values()] for key in keys]
    tell("\n".join(aligned([list(keys[0]), *rows])) if keys else "no key yet")


@app.command()
def revoke(name: Annotated[str, typer.Argument(help="as `earshot key list` shows it")]) -> None:
    """Take a key away; a running server refuses it from now on."""
    from earshot.serve.keys import KeyStore
    from earshot.workspace import require_workspace

    require_workspace(Path.cwd())
    KeyStore(Path.cwd()).revoke(name)
    tell(f"{name}: revoked")
