"""`earshot`: the command line. Every command is a thin call into one function."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from earshot.cli.deliveries import app as delivering
from earshot.cli.deliveries import onboard
from earshot.cli.features import app as featuring
from earshot.cli.forget import forget
from earshot.cli.imports import app as importing
from earshot.cli.keys import app as keying
from earshot.cli.papers import paper
from earshot.cli.plan import plan
from earshot.cli.playlists import playlists
from earshot.cli.queries import app as asking
from earshot.cli.quickstart import quickstart
from earshot.cli.releases import app as releasing
from earshot.cli.releases import beside as beside_releases
from earshot.cli.scrobbles import app as scrobbling
from earshot.cli.serve import serve
from earshot.cli.status import doctor, status
from earshot.errors import UserError
from earshot.signals import hear_signals
from earshot.terminal import AsJson, say_error, tell

app = typer.Typer(
    help="Recommends songs nobody has played yet, from how they sound.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    epilog="Exit status: 0 done; 1 an error, told in one message, or something to do (status, doctor); 2 a "
    "command line that cannot be understood; 130 ended by Ctrl-C.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        tell(f"earshot {version('earshot')}")
        raise typer.Exit


@app.callback()
def settle(
    folder: Annotated[
        Path | None, typer.Option("-C", help="the workspace, instead of the current folder", metavar="DIR")
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", help="and no more", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    """Called before each command."""
    if folder is not None:
        try:
            os.chdir(folder)
        except OSError as error:
            raise UserError(f"-C {folder}: {error.strerror}; wanted a clone of earshot") from None


def main() -> None:
    """Run the command line; a `UserError` is one message and exit status 1."""
    hear_signals()
    try:
        app()
    except UserError as error:
        say_error(error)
        sys.exit(1)


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="where the three deliveries are written")] = Path("demo"),
    artists: Annotated[
        int | None,
        typer.Option(min=1, help="instead, one delivery by so many artists, songs and listeners to match"),
    ] = None,
) -> None:
    """Write the embedded catalogue, a later delivery of new songs, and one of the first plays of these."""
    from earshot.datasets.embedded import (
        write_catalogue,
        write_first_plays,
        write_larger_catalogue,
        write_new_songs,
    )

    if artists is not None:
        write_larger_catalogue(folder / "catalogue", artists)
        tell(f"written: {folder}/catalogue, of {artists:,} artists; `earshot ingest` takes it in")
        return
    write_catalogue(folder / "catalogue")
    write_new_songs(folder / "new-songs")
    write_first_plays(folder / "first-plays")
    names = ", ".join(f"{folder}/{name}" for name in ("catalogue", "new-songs", "first-plays"))
    tell(f"written: {names}; `earshot ingest` takes one in")


@app.command()
def ingest(folder: Annotated[Path, typer.Argument(help="the delivery")]) -> None:
    """Check a delivery and take it in whole, into data/deliveries/."""
    from earshot.deliveries.ingest import ingest as take_in

    ingested = take_in(folder, Path.cwd())
    tell(
        f"{ingested.name}: taken in ({ingested.md5})"
        if ingested.new
        else f"{ingested.name}: already taken in with the same content; nothing to do"
    )


@app.command()
def stage(name: Annotated[str, typer.Argument(help="as DVC names it")]) -> None:
    """Run one stage; what `dvc repro` and Dagster call."""
    from earshot.stages.runner import run_stage

    run_stage(Path.cwd(), name)


@app.command()
def retrain(
    if_due: Annotated[
        bool, typer.Option("--if-due", help="only if the policy in params.yaml says so")
    ] = False,
) -> None:
    """Train a new candidate and serve it if it is released; says first whether a training is due, and why."""
    from earshot.lanes import retrain as retraining

    verdict = retraining.due(Path.cwd())
    tell(str(verdict))
    if verdict.due or not if_due:
        tell(retraining.retrain(Path.cwd(), tell))


@app.command()
def results(as_json: AsJson = False) -> None:
    """Show the result table, what was released, and where the pages and the runs are."""
    from earshot.cli.results import show_results

    show_results(Path.cwd(), as_json)


@app.command()
def boards() -> None:
    """Save a workspace and a report for this project's runs into your account of Weights & Biases."""
    from earshot.params import load_params
    from earshot.tracking.boards import make_boards
    from earshot.workspace import require_workspace

    require_workspace(Path.cwd())
    for address in make_boards(Path.cwd(), load_params(Path("params.yaml")).tracking.project):
        tell(address)


@app.command()
def advise(as_json: AsJson = False) -> None:
    """Try what is known of songs beside their sound, and say which of it is worth telling the encoder."""
    from earshot.cli.results import show_advice

    show_advice(Path.cwd(), as_json)


@app.command()
def plot(
    song: Annotated[str, typer.Argument(help="a song_id of the catalogue, or an audio file")],
    output: Annotated[Path | None, typer.Option(help="by default SONG.png, here")] = None,
) -> None:
    """Draw a song as one PNG: waveform, spectra, every family of its hyper-image, and these stacked."""
    from earshot.queries.plot import plot_song

    tell(str(plot_song(Path.cwd(), song, output)))


@app.command()
def repair() -> None:
    """Mend what kills left in DVC's files, and put back what is lost or damaged of the stages' outputs."""
    from earshot import versioning
    from earshot.workspace import require_workspace

    require_workspace(Path.cwd())
    versioning.repair(Path.cwd(), tell)
    versioning.mend_all(Path.cwd(), tell)


app.command()(quickstart)
app.command()(onboard)
app.command()(forget)
app.command()(playlists)
app.command()(paper)
app.command()(plan)
app.command()(status)
app.command()(doctor)
app.command()(serve)
app.add_typer(delivering, name="deliveries")
app.add_typer(importing, name="import")
app.add_typer(featuring, name="features")
app.add_typer(releasing, name="release")
app.add_typer(keying, name="key")
app.add_typer(scrobbling, name="scrobbles")
app.add_typer(beside_releases)
app.add_typer(asking)
