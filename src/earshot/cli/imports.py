"""`earshot import SOURCE ...`: every command is one call into the module of its source."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from earshot.columns import ARTIST, PLAY_COUNT, PLAYED_AT, RECORDING_MBID, SONG_ID, TITLE, USER_ID
from earshot.errors import UserError
from earshot.processes import keep_freed_memory
from earshot.terminal import tell

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

app = typer.Typer(
    help="Turn what others have written into a delivery, which `earshot ingest` takes in.",
    no_args_is_help=True,
)


class Meaning(StrEnum):
    """Whether counts add to earlier ones of the source, or replace them."""

    INCREMENT = "increment"
    TOTAL = "total"


@app.callback()
def prepare() -> None:
    """Called before each command."""
    keep_freed_memory()


Output = Annotated[Path, typer.Option(help="the delivery, a folder that is not there yet")]
Songs = Annotated[Path, typer.Option(help="the delivery whose songs the plays are matched to")]
Plays = Annotated[Meaning, typer.Option(help="add to this source's earlier counts, or replace them")]


@app.command("table")
def import_table(
    files: Annotated[list[str], typer.Argument(help="text or parquet: files, folders, 'pattern*'")],
    output: Output,
    user: Annotated[str | None, typer.Option(help="the column of listeners' ids")] = None,
    listener: Annotated[str, typer.Option(help="instead of --user: who listened")] = "",
    song: Annotated[str | None, typer.Option(help="the column of songs' ids")] = None,
    match_songs: Annotated[
        Path | None, typer.Option(help="instead of --song: the delivery whose songs are found by name")
    ] = None,
    artist: Annotated[str | None, typer.Option(help="for --match-songs: the column of artists")] = None,
    title: Annotated[str | None, typer.Option(help="for --match-songs: the column of titles")] = None,
    mbid: Annotated[str | None, typer.Option(help="for --match-songs: the column of recording MBIDs")] = None,
    count: Annotated[str | None, typer.Option(help="the column of play counts")] = None,
    time: Annotated[str | None, typer.Option(help="the column of times")] = None,
    separator: Annotated[str, typer.Option(help="between columns: one or more characters, or tab")] = ",",
    header: Annotated[bool, typer.Option(help="without: columns are called 1, 2, ...")] = True,
    songs: Annotated[Path | None, typer.Option(help="a table of songs, laid out the same way")] = None,
    song_columns: Annotated[str, typer.Option(help="such as song_id=id,title=Title")] = "",
    source: Annotated[str, typer.Option(help="who delivers")] = "table",
    plays: Plays = Meaning.INCREMENT,
) -> None:
    """Import plays from any table of listeners and songs."""
    from earshot.datasets import table
    from earshot.datasets.importing.delimited import Layout
    from earshot.datasets.importing.names import plain

    listener = plain(listener)
    if (user is None) == (not listener):
        raise UserError(
            f"--user {user!r}, --listener {listener!r}: wanted either --user COLUMN or --listener NAME"
        )
    by_name = {ARTIST: artist, TITLE: title, RECORDING_MBID: mbid}
    _check_matching(song, match_songs, by_name)
    named = {USER_ID: user, SONG_ID: song, PLAY_COUNT: count, PLAYED_AT: time} | by_name
    imported = table.import_table(
        files,
        output,
        {column: name for column, name in named.items() if name is not None},
        Layout("\t" if separator in ("tab", "\\t") else separator, header),
        songs=songs,
        song_columns=_mapping(song_columns),
        source=source,
        plays=plays,
        listener=listener,
        match_songs=match_songs,
    )
    _tell(output, imported)


def _check_matching(song: str | None, match_songs: Path | None, by_name: dict[str, str | None]) -> None:
    """UserError where it is not clear how a row names its song."""
    artist, title, mbid = by_name.values()
    if match_songs is None and (song is None or any(by_name.values())):
        raise UserError(
            f"--song {song!r}, --artist {artist!r}, --title {title!r}, --mbid {mbid!r}: "
            "wanted --song COLUMN, or --match-songs DELIVERY with --artist and --title, or --mbid"
        )
    if match_songs and (song or (artist is None) != (title is None) or not (artist or mbid)):
        raise UserError(
            f"--match-songs with --song {song!r}, --artist {artist!r}, --title {title!r}, --mbid {mbid!r}: "
            "wanted --artist and --title, or --mbid, or all three, and no --song"
        )


@app.command("spark")
def import_spark(
    table: Annotated[str, typer.Argument(help="a path or URL that Spark reads; with --format table a name")],
    output: Output,
    user: Annotated[str, typer.Option(help="the column of listeners' ids")],
    song: Annotated[str, typer.Option(help="the column of songs' ids")],
    count: Annotated[str | None, typer.Option(help="the column of play counts")] = None,
    time: Annotated[str | None, typer.Option(help="the column of times")] = None,
    form: Annotated[
        str, typer.Option("--format", help="parquet, orc, delta, ..., or table: one of Spark's catalogue")
    ] = "parquet",
    master: Annotated[str, typer.Option(help="of Spark: this machine, spark://HOST:7077, yarn")] = "local[*]",
    source: Annotated[str, typer.Option(help="who delivers")] = "spark",
    plays: Plays = Meaning.INCREMENT,
) -> None:
    """Import plays from a table of a warehouse, counted by Spark."""
    from earshot.datasets import spark_table

    named = {USER_ID: user, SONG_ID: song, PLAY_COUNT: count, PLAYED_AT: time}
    imported = spark_table.import_spark(
        table,
        output,
        {column: name for column, name in named.items() if name is not None},
        form=form,
        master=master,
        source=source,
        plays=plays,
    )
    _tell(output, imported)


@app.command("folder")
def import_folder(
    folder: Annotated[Path, typer.Argument(help="music; it is only read")],
    output: Output,
    genres_from_folders: Annotated[
        bool, typer.Option("--genres-from-folders", help="the topmost folder is the genre")
    ] = False,
) -> None:
    """Import songs and sound from a folder of tagged music files."""
    from earshot.datasets import folder as music

    _tell(output, music.import_folder(folder, output, genres_from_folders=genres_from_folders))


@app.command("listenbrainz")
def import_listenbrainz(
    files: Annotated[
        list[str], typer.Argument(help="a dump or an export, as downloaded: files, folders, 'pattern*'")
    ],
    output: Output,
    songs: Songs,
    user: Annotated[str, typer.Option(help="who listened, where the files do not say it")] = "",
    plays: Plays = Meaning.INCREMENT,
) -> None:
    """Import ListenBrainz listens to the songs of a delivery."""
    from earshot.datasets import listenbrainz

    _tell(output, listenbrainz.import_listenbrainz(files, output, songs=songs, user=user, plays=plays))


@app.command("lastfm")
def import_lastfm(
    files: Annotated[list[str], typer.Argument(help="exported CSV or JSON, or lastfm-1K: files, 'pattern*'")],
    output: Output,
    songs: Songs,
    user: Annotated[str, typer.Option(help="who listened, where the files do not say it")] = "",
    plays: Plays = Meaning.INCREMENT,
) -> None:
    """Import Last.fm scrobbles of the songs of a delivery."""
    from earshot.datasets import lastfm

    _tell(output, lastfm.import_lastfm(files, output, songs=songs, user=user, plays=plays))


@app.command("navidrome")
def import_navidrome(
    database: Annotated[Path, typer.Argument(help="navidrome.db; it is only read")],
    output: Output,
    songs: Songs,
) -> None:
    """Import the plays that a Navidrome server has counted of the songs of a delivery."""
    from earshot.datasets import navidrome

    _tell(output, navidrome.import_navidrome(database, output, songs=songs))


@app.command("msd")
def import_msd(
    triplets: Annotated[Path, typer.Argument(help="train_triplets.txt")],
    output: Output,
    song_tracks: Annotated[Path | None, typer.Option(help="taste_profile_song_to_tracks.txt")] = None,
    mismatches: Annotated[Path | None, typer.Option(help="sid_mismatches.txt")] = None,
    unique_tracks: Annotated[Path | None, typer.Option(help="unique_tracks.txt")] = None,
    tags: Annotated[Path | None, typer.Option(help="lastfm_tags.db")] = None,
    previews: Annotated[Path | None, typer.Option(help="a folder with TR....mp3, at any depth")] = None,
) -> None:
    """Import the Million Song Dataset's Taste Profile, with what else there is of it."""
    from earshot.datasets import msd

    files = msd.MsdFiles(triplets, song_tracks, mismatches, unique_tracks, tags, previews)
    _tell(output, msd.import_msd(files, output))


def _mapping(text: str) -> dict[str, str]:
    """`a=x,b=y` as a mapping."""
    pairs = [pair.partition("=") for pair in text.split(",") if pair]
    for column, equals, name in pairs:
        if not (column and equals and name):
            raise UserError(f"--song-columns {text!r}: wanted such as song_id=id,title=Title")
    return {column: name for column, _, name in pairs}


def _tell(output: Path, imported: DataclassInstance) -> None:
    from earshot.datasets.importing.drafts import SET_ASIDE
    from earshot.datasets.matching import UNMATCHED

    for name, figure in asdict(imported).items():
        shown = f"{figure:.1%}" if isinstance(figure, float) else f"{figure:,}"
        tell(f"{name.replace('_', ' '):20s} {shown:>12s}")
    if (output / SET_ASIDE).exists():
        tell(f"set aside: {output / SET_ASIDE} says which lines, and what was wanted")
    if (output / UNMATCHED).exists():
        tell(f"without a song: {output / UNMATCHED} says which names, the most played first")
    tell(f"written: {output}; take it in with `earshot ingest {output}`")
