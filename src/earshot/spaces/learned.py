"""A taste space whose listeners were learned together with the network, as in two-tower models."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from earshot.columns import SONG_ID, USER_ID
from earshot.files import write_json, write_table
from earshot.spaces.explaining import Explainer, explainer_of
from earshot.spaces.placing import Ids, Placed, Vectors, rows_of
from earshot.spaces.wmf import Wmf, place_by_solving, read_placed, solve_listeners

if TYPE_CHECKING:
    from earshot.catalogue.play_counts import PlayCounts


@dataclass(frozen=True)
class LearnedListeners:
    """Listeners that were trained on stay where they were learned; others are solved against the songs.

    Its scores are those of a regression (1 for a play, 0 for none, weighted by confidence), so the row
    solves of eq. 3 hold in it.

    Attributes
    ----------
    listeners, songs
        As learned: the listeners, and what the network predicted for the songs that it learned from.
    wmf
        Confidence and regularization that they were learned with.
    """

    kind: ClassVar[str] = "learned_listeners"
    listeners: Placed
    songs: Placed
    wmf: Wmf

    @classmethod
    def read(cls, folder: Path, content: dict[str, Any]) -> LearnedListeners:
        """What `save` wrote; `content` of space.json."""
        return cls(
            read_placed(folder / "space_listeners.npy", folder / "space_users.parquet", USER_ID),
            read_placed(folder / "space_songs.npy", folder / "space_items.parquet", SONG_ID),
            Wmf.of(content),
        )

    def save(self, folder: Path) -> None:
        """Write space.json and the vectors with their id tables into `folder`."""
        import pandas as pd

        for names, placed, column in (
            (("space_listeners.npy", "space_users.parquet"), self.listeners, USER_ID),
            (("space_songs.npy", "space_items.parquet"), self.songs, SONG_ID),
        ):
            np.save(folder / names[0], placed.vectors)
            write_table(folder / names[1], pd.DataFrame({column: placed.ids}, dtype=str))
        write_json(folder / "space.json", {"kind": self.kind, **asdict(self.wmf)})

    def training_listeners(self) -> Placed:
        """As learned."""
        return self.listeners

    def training_songs(self) -> Placed:
        """Where the network put the songs that it learned from."""
        return self.songs

    def place_songs(
        self, ids: Ids, predicted: Vectors | None, plays: PlayCounts | None, n0: float | None
    ) -> Placed:
        """As `TasteSpace.place_songs`, solved against the learned listeners."""
        return place_by_solving(ids, predicted, plays, n0, self.training_listeners, self.wmf)

    def place_listeners(self, plays: PlayCounts, songs: Placed) -> Placed:
        """Learned ones as they are; the row solve of the others, zeros without a play of `songs`."""
        vectors = solve_listeners(plays, songs, self.wmf)
        learned = np.isin(plays.user_ids, self.listeners.ids)
        vectors[learned] = rows_of(self.listeners.ids, self.listeners.vectors, plays.user_ids[learned])
        return Placed(plays.user_ids, vectors)

    def explainer(self, songs: Placed) -> Explainer:
        """Of listeners that are solved, and of none that was learned."""
        return explainer_of(songs, [songs.vectors], self.wmf, self.listeners.ids)
