"""The map of what is served: laid out once for a state, in a thread of its own, and kept on the disk."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from earshot.columns import GENRES
from earshot.files import replacing
from earshot.queries.map_names import Name, name_regions
from earshot.queries.song_map import SongMap, lay_out_served, listed_rows, make_map
from earshot.serve.problems import Refused
from earshot.serve.snapshot import Snapshot
from earshot.terminal import say

KEPT = Path(".earshot", "work", "map")


@dataclass(frozen=True)
class Drawn:
    """The map of a state, and the names on it."""

    state: str
    songs: SongMap
    names: list[Name]


class Maps:
    """Gives the map of the state that is served; the one before is forgotten."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._drawn: Drawn | None = None
        self._begun: str | None = None
        self._failed: str | None = None

    def of(self, snapshot: Snapshot) -> Drawn | None:
        """The map of a state; None while it is being laid out, which begins when it is first asked for.

        Raises Refused (503) where that failed; the log says why.
        """
        with self._lock:
            if self._drawn is not None and self._drawn.state == snapshot.name:
                return self._drawn
            if self._failed == snapshot.name:
                raise Refused(503, "No map", "the map could not be laid out; the server's log says why")
            if self._begun != snapshot.name:
                self._begun = snapshot.name
                threading.Thread(target=self._draw, args=[snapshot], name="map", daemon=True).start()
        return None

    def _draw(self, snapshot: Snapshot) -> None:
        try:
            songs = make_map(snapshot, _places(snapshot))
            genres = snapshot.columns[GENRES][songs.rows].tolist()
            drawn = Drawn(snapshot.name, songs, name_regions(songs.places, genres))
            songs.load()
        except Exception as error:  # whatever a library raises: the page says that there is no map
            say(f"no map of state {snapshot.name}: {type(error).__name__}: {error}")
            with self._lock:
                self._failed = snapshot.name
            return
        with self._lock:
            if self._begun == snapshot.name:  # else another state is served by now
                self._drawn = drawn


def _places(snapshot: Snapshot) -> NDArray[np.uint16]:
    """As `lay_out_served`, of the disk where they were worked out before."""
    file = snapshot.root / KEPT / f"{snapshot.name}.npy"
    wanted = (len(listed_rows(snapshot)), 2)
    try:
        kept: NDArray[np.uint16] = np.load(file, allow_pickle=False)
        if kept.shape == wanted and kept.dtype == np.uint16:
            return kept
    except (OSError, ValueError, EOFError):
        pass
    made = lay_out_served(snapshot)
    try:
        _keep(file, made)
    except OSError as error:  # a full disk: the map is there all the same, until the server ends
        say(f"the map of state {snapshot.name} is not kept: {os.strerror(error.errno or 0)}")
    return made


def _keep(file: Path, places: NDArray[np.uint16]) -> None:
    """In place of all that were kept before."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with replacing(file) as beside, beside.open("wb") as opened:
        np.save(opened, places)
    for other in file.parent.iterdir():
        if other != file:
            other.unlink(missing_ok=True)
