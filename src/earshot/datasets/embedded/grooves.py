"""What drums and bass play in every groove: one bar of sixteenths, `x` a note, `o` a soft one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Groove:
    """One bar; every line has 16 places."""

    kick: str
    snare: str
    hat: str
    bass: str
    comping: str


GROOVES = {
    "four on the floor": Groove(
        kick="x...x...x...x...",
        snare="....x.......x...",
        hat="..x...x...x...x.",
        bass="..x...x...x...x.",
        comping="..x..x....x..x..",
    ),
    "backbeat": Groove(
        kick="x.......x.x.....",
        snare="....x.......x...",
        hat="x.o.x.o.x.o.x.o.",
        bass="x.x.x.x.x.x.x.x.",
        comping="x...x.x.x...x.x.",
    ),
    "shuffle": Groove(
        kick="x.....x.x.......",
        snare="....x.......x.o.",
        hat="x...x.x.x...x.x.",
        bass="x...x...x...x.x.",
        comping="x.....x.....x...",
    ),
    "break": Groove(
        kick="x.x.......xx....",
        snare="....x..o.o..x..o",
        hat="x.x.x.x.x.x.x.x.",
        bass="x.....x...x.....",
        comping="x..x..x.........",
    ),
    "half time": Groove(
        kick="x.....x.........",
        snare="........x.......",
        hat="x.o.x.o.x.o.x.oo",
        bass="x.........x.....",
        comping="x.......x.......",
    ),
    "bossa": Groove(
        kick="x.....xox.....xo",
        snare="x..x..x...x..x..",
        hat="xoxoxoxoxoxoxoxo",
        bass="x.....x.x.....x.",
        comping="x..x..x...x..x..",
    ),
    "sparse": Groove(
        kick="x.......o.......",
        snare="................",
        hat="..o...o...o...o.",
        bass="x...............",
        comping="x.......x.......",
    ),
}


def velocities(line: str) -> list[tuple[int, float]]:
    """The sixteenths of a line that sound, and how hard.

    >>> velocities("x..o")
    [(0, 1.0), (3, 0.4)]
    """
    return [(place, 1.0 if mark == "x" else 0.4) for place, mark in enumerate(line) if mark != "."]
