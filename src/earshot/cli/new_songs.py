"""What it is all for, on the terminal: a new song, who would like it, and new songs for a listener."""

from __future__ import annotations

from pathlib import Path

from earshot.columns import ARTIST, SONG_ID, TITLE, USER_ID, WITHDRAWN
from earshot.errors import UserError
from earshot.queries import answers
from earshot.queries.served import read_served
from earshot.queries.state import ServedState
from earshot.queries.wishes import Wish
from earshot.terminal import on_one_line, tell

DEMO = "demo/new-songs"
"""The delivery of new songs that `make run` leaves beside the catalogue it takes in."""

_SHOWN = 3


def show_new_songs(root: Path) -> None:
    """Print a song that nobody has played, who would like it, and new songs for the first of these.

    Where no song is new, the line that takes in the demo's; nothing where nothing is served, or not all of it
    is there: this comes after what was asked for, and makes no error of it.
    """
    try:
        served = read_served(root)
        new = _new_songs(served)
        about = _about(served, new[0], len(new)) if new else []
    except UserError:
        return
    if about:
        tell("\n".join(["", *about]))
    elif (root / DEMO).is_dir() and not (root / "data" / "deliveries" / Path(DEMO).name).is_dir():
        tell(f"\nnext: songs that nobody has played, and who would like them: `earshot onboard {DEMO}`")


def _new_songs(served: ServedState) -> list[str]:
    """Ids of the songs that lists are made of and nobody has played."""
    listed = served.table("recommendations", "ranked/items.parquet")[SONG_ID]
    played = served.table("play_counts", "items.parquet")[SONG_ID]
    withdrawn = served.catalogue.index[served.catalogue[WITHDRAWN]]
    found: list[str] = listed[~listed.isin(played) & ~listed.isin(withdrawn)].tolist()
    return found


def _about(served: ServedState, song: str, n_new: int) -> list[str]:
    users = [row[USER_ID] for row in answers.listeners(served, song, _SHOWN)]
    title, artist = (served.catalogue[column][song] for column in (TITLE, ARTIST))
    lines = [
        f"{n_new} songs that nobody has played are recommended by their sound; one of them:",
        f"  {_title(song, title, artist)}",
        f"  would please {', '.join(map(on_one_line, users))} (`earshot listeners {song}`)",
    ]
    if users:
        found = answers.recommend_among(served, users[0], _SHOWN, Wish(new=True))
        titles = "; ".join(_title(row[SONG_ID], row[TITLE], row[ARTIST]) for row in found)
        lines.append(f"  new for {on_one_line(users[0])}: {titles} (`earshot recommend {users[0]} --new`)")
    return lines


def _title(song: str, title: str | None, artist: str | None) -> str:
    named = f"{title} by {artist}" if title and artist else title
    return on_one_line(f"{song}, {named}" if named else song)
