"""What listeners said of songs that bears on what counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from earshot.catalogue.counting import PairCounts
from earshot.catalogue.numbering import Numbering
from earshot.code import key_of
from earshot.validation.arrivals import LAST, Pair
from earshot.validation.parts import write_counted


@dataclass(frozen=True)
class LastWords:
    """The last word of each listener about a song: pairs of user_id and song_id, sorted.

    Attributes
    ----------
    liked
        They count `play_counts.like_plays` plays more, or so many where there is none; of songs that no
        delivery names nothing.
    excluded
        Their plays do not count, however they came.
    """

    liked: Sequence[Pair] = ()
    excluded: Sequence[Pair] = ()


def like_part(words: LastWords, plays: int, work: Path) -> list[tuple[Path, int]]:
    """Likes as a part, the last of all, each of so many `plays`; no part where they count nothing.

    No row stands behind them, and none is dated, as none ages.
    """
    import pandas as pd

    if not words.liked or not plays:
        return []
    users, items = Numbering(), Numbering()
    of_users, of_songs = (
        each.numbers(pd.Series([pair[side] for pair in words.liked], dtype=str))
        for side, each in enumerate((users, items))
    )
    folder = work / f"likes-{key_of([words.liked, plays])}"
    folder.mkdir(exist_ok=True)
    with PairCounts(work / "spilled", len(words.liked)) as counts:
        counts.add(of_users, of_songs, plays, rows=0)
        write_counted(folder, users.ids(), items.ids(), counts)
    return [(folder, LAST)]
