"""`earshot serve`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def serve(
    host: Annotated[
        str, typer.Option(help="the address; one that others reach needs a key (`earshot key add`)")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: one that is free")] = 8000,
    name: Annotated[
        list[str] | None, typer.Option(help="a host name by which it is reached, as behind a proxy")
    ] = None,
) -> None:
    """Answer people and programs from memory: pages to listen on, and an API."""
    from earshot.serve.run import serve as run

    run(Path.cwd(), host, port, name or ())
