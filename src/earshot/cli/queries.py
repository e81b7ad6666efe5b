"""`earshot recommend`, `similar`, `listeners`: every command is one question to what is served."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from earshot.terminal import AsJson, aligned, on_one_line, say, tell

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from earshot.queries.state import ServedState

app = typer.Typer()

K = Annotated[int, typer.Option("-k", min=1, help="how many")]
OfCandidate = Annotated[bool, typer.Option("--candidate", help="of the newest model, refused or not")]


@app.command()
def recommend(
    user: Annotated[str, typer.Argument(help="a user_id")],
    k: K = 10,
    new: Annotated[bool, typer.Option("--new", help="only songs that nobody has played")] = False,
    genre: Annotated[str | None, typer.Option(help="only songs of this genre")] = None,
    max_per_artist: Annotated[int | None, typer.Option(min=1, help="songs of an artist at most")] = None,
    beside: Annotated[
        list[str] | None, typer.Option("--with", help="a user_id who listens too; may be said again")
    ] = None,
    less_famous: Annotated[
        bool, typer.Option("--less-famous", help="only songs that fewer know than those they played")
    ] = False,
    again_after: Annotated[
        int | None, typer.Option(min=1, help="songs not played for so many days may come again")
    ] = None,
    as_json: AsJson = False,
    playlist: Annotated[
        Path | None,
        typer.Option(help="write it here instead: .m3u8, .jspf or .xspf, to lie in the music folder"),
    ] = None,
) -> None:
    """List what a listener should hear next: the served list, or the best of the songs asked for."""
    wanted = {
        "user": user,
        "new": new,
        "genre": genre,
        "max_per_artist": max_per_artist,
        "with": beside,
        "less_famous": less_famous,
        "again_after": again_after,
    }
    if playlist is None and _told_by_server("recommend", wanted, user, k, as_json):
        return
    from earshot.queries import answers
    from earshot.queries.wishes import ANYTHING, Wish

    wish = Wish(new, genre, max_per_artist, tuple(beside or ()), less_famous, again_after)
    among = partial(answers.recommend_among, wish=wish)
    question = answers.recommend if wish == ANYTHING else among
    if playlist is None:
        _answer(question, user, k, as_json)
    else:
        _write_playlist(playlist, user, partial(question, user=user, k=k))


def _write_playlist(file: Path, user: str, question: Callable[..., list[dict[str, Any]]]) -> None:
    from earshot.queries.playlist_files import write_playlist
    from earshot.queries.served import read_served

    served = read_served(Path.cwd())
    songs = [row["song_id"] for row in question(served)]
    n_left_out = write_playlist(file, served, user, songs)
    left_out = f"; {n_left_out:,} left out, without a path in the music folder" if n_left_out else ""
    tell(f"{file}: {len(songs) - n_left_out:,} songs{left_out}")


@app.command()
def songs(
    text: Annotated[str, typer.Argument(help="words of an id, a title, an artist or a genre")],
    k: K = 20,
    as_json: AsJson = False,
) -> None:
    """Find songs of what is served, those with most listeners first."""
    if _told_by_server("songs", {"q": text}, text, k, as_json):
        return
    from earshot.queries import search

    _answer(search.songs, text, k, as_json)


@app.command()
def users(
    text: Annotated[str, typer.Argument(help="a part of a user_id")],
    k: K = 20,
    as_json: AsJson = False,
) -> None:
    """Find listeners of what is served, those with most songs first."""
    if _told_by_server("users", {"q": text}, text, k, as_json):
        return
    from earshot.queries import search

    _answer(search.users, text, k, as_json)


@app.command()
def similar(
    song: Annotated[str, typer.Argument(help="a song_id, or an audio file")],
    k: K = 10,
    candidate: OfCandidate = False,
    csls: Annotated[bool, typer.Option("--csls", help="songs near to everything come later")] = False,
    as_json: AsJson = False,
) -> None:
    """List the songs nearest in taste to a song, or to any audio file."""
    file = Path(song) if Path(song).is_file() else None
    if not candidate and _told_by_server("similar", {"song": song, "csls": csls}, song, k, as_json, file):
        return
    from earshot.queries import answers

    _answer(partial(answers.similar, csls=csls), song, k, as_json, candidate)


@app.command()
def listeners(
    song: Annotated[str, typer.Argument(help="a song_id")],
    k: K = 10,
    candidate: OfCandidate = False,
    as_json: AsJson = False,
) -> None:
    """List who would like a song best and has not played it."""
    if not candidate and _told_by_server("listeners", {"song": song}, song, k, as_json):
        return
    from earshot.queries import answers

    _answer(answers.listeners, song, k, as_json, candidate)


@app.command()
def explain(
    user: Annotated[str, typer.Argument(help="a user_id")],
    song: Annotated[str, typer.Argument(help="a song_id")],
    k: K = 10,
    windows: Annotated[bool, typer.Option("--windows", help="by which parts of its sound, too")] = False,
    as_json: AsJson = False,
) -> None:
    """Say why a song has its score for a listener: the share of each play, and the score without it."""
    found = _explained_by_server(user, song, k, windows) or _explained(user, song, k, windows)
    if as_json:
        tell(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        tell("\n".join(_lines(found)))
        if windows:
            tell("\n".join(["", *_table(found["windows"])]))


def _explained_by_server(user: str, song: str, k: int, windows: bool) -> dict[str, Any] | None:
    """As `_explained`; None where no server answers, or one of two states meanwhile."""
    from earshot.serve.client import ask_server

    about = {"user": user, "song": song}
    found = ask_server(Path.cwd(), "explain", {**about, "k": k})
    heard = ask_server(Path.cwd(), "explain/windows", about) if found and windows else None
    if found is None or (windows and (heard is None or heard["state"] != found["state"])):
        return None
    names = ("release", "user_id", "song_id", "title", "artist", "score")
    told = {name: found[name] for name in names} | {"plays": found["rows"], "n_plays": found["n_plays"]}
    return told if heard is None else told | {"windows": heard["rows"]}


def _explained(user: str, song: str, k: int, windows: bool) -> dict[str, Any]:
    """What `Explaining.explain` finds, of its plays the first k, and, if wanted, the windows."""
    from earshot.queries.explain import Explaining
    from earshot.queries.served import read_served

    served = read_served(Path.cwd())
    explaining = Explaining.of(served)
    found = explaining.explain(user, song)
    told = asdict(found) | {"plays": found.plays[:k], "n_plays": len(found.plays)}
    if windows:
        told["windows"] = [asdict(window) for window in explaining.windows(user, song)]
    _tell_of_another(served)
    return told


def _lines(found: dict[str, Any]) -> list[str]:
    """The score, the plays with the greatest shares, and what the others add up to."""
    named = f"{found['title'] or found['song_id']}, {found['artist'] or '-'}"
    plays, score = found["plays"], found["score"]
    lines = [f"{named}: score {score:.3f} for {found['user_id']}, to which the shares of plays add up"]
    lines += _table([{**play, "play_count": f"{play['play_count']:g}"} for play in plays])
    if others := found["n_plays"] - len(plays):
        lines.append(f"{others:,} more: share {score - sum(play['share'] for play in plays):.3f}")
    return lines


def _told_by_server(
    question: str, wanted: Mapping[str, object], about: str, k: int, as_json: bool, file: Path | None = None
) -> bool:
    """Whether a server of this workspace ran and answered; errors as of `ask_server`."""
    from earshot.serve.client import ask_server

    answer = ask_server(Path.cwd(), question, {**wanted, "k": k}, file)
    if answer is None:
        return False
    _tell(answer["rows"], about, as_json)
    return True


def _answer(
    question: Callable[..., list[dict[str, Any]]],
    about: str,
    k: int,
    as_json: bool,
    candidate: bool = False,
) -> None:
    from earshot.queries.candidate import read_candidate
    from earshot.queries.served import read_served

    served = read_candidate(Path.cwd()) if candidate else read_served(Path.cwd())
    _tell(question(served, about, k), about, as_json)
    if not candidate:
        _tell_of_another(served)


def _tell_of_another(served: ServedState) -> None:
    """Where the pointer names another release than the one that answered."""
    from earshot.releases import Manifest, read_pointer

    current = read_pointer(served.root)
    if isinstance(current, Manifest) and current.release != served.release:
        say(f"releases/current.json names {current.release}: `dvc repro` or the job onboard serves it")


def _tell(rows: list[dict[str, Any]], about: str, as_json: bool) -> None:
    tell(json.dumps(rows, indent=2, ensure_ascii=False) if as_json else "\n".join(_table(rows)))
    if not rows:
        say(f"nothing found for {about!r}")


def _table(rows: list[dict[str, Any]]) -> list[str]:
    """A line a row under the names of the columns; figures to the right."""
    lines = [list(rows[0]), *([_shown(value) for value in row.values()] for row in rows)] if rows else []
    return aligned(lines)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "cold" if value else ""
    if isinstance(value, float):
        return f"{value:.3f}"
    return "-" if value is None else on_one_line(str(value))
