"""`earshot features ...`: weights of published networks, for families of `hyper_images.families`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earshot.terminal import tell

app = typer.Typer(
    help="Bring the weights of a published network, for a feature family made of it.",
    no_args_is_help=True,
)


@app.callback()
def prepare() -> None:
    """Called before each command; with it, one command alone keeps its name."""


@app.command()
def musicnn(
    wheel: Annotated[
        Path | None, typer.Option(help="musicnn-0.1.0-py3-none-any.whl; downloaded from PyPI unless given")
    ] = None,
    weights: Annotated[
        str, typer.Option(help="MSD (Million Song Dataset) or MTT (MagnaTagATune), what it was trained on")
    ] = "MSD",
) -> None:
    """Bring MusiCNN's weights (Pons and Serra 2019, ISC licence) into pretrained/."""
    from earshot.pretrained.musicnn import bring
    from earshot.workspace import require_workspace

    require_workspace(Path.cwd())
    path = bring(Path.cwd(), weights, wheel)
    tell(f"{path.relative_to(Path.cwd())}: written. In params.yaml:\n")
    family = f"file: src/earshot/families/musicnn.py, class: MusiCNN, init_args: {{weights: {weights}}}"
    tell(f"hyper_images:\n  families:\n    - {{{family}}}")
