"""Several predictions of one place, side by side: late fusion by z-scores.

Scores of a listener for all songs are added over the blocks, each divided by how far its scores spread.
A sum of products is a product of longer vectors, so that whatever ranks songs by products goes on to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from earshot.files import write_json
from earshot.spaces.explaining import Explainer, explainer_of
from earshot.spaces.placing import Ids, Placed, Vectors
from earshot.spaces.wmf import WmfSpace

if TYPE_CHECKING:
    from earshot.catalogue.play_counts import PlayCounts


def save_scales(folder: Path, scales: Sequence[float]) -> None:
    """Write the space.json of a fused space into `folder`; its inner space is that of the factorization."""
    write_json(folder / "space.json", {"kind": Fused.kind, "scales": list(scales)})


@dataclass(frozen=True)
class Fused:
    """The same space once a block; score = sum over blocks of scale * (listener . song).

    A song's vector is its places in all blocks, each times its scale; a listener's their places in all
    blocks. A predictor's outputs are scaled already.

    Attributes
    ----------
    inner
        The space of every block.
    scales
        One a block, positive; they add up to 1, so that a song that its listeners alone place has the
        same scores as in `inner`.
    """

    kind: ClassVar[str] = "fused"
    inner: WmfSpace
    scales: tuple[float, ...]

    def training_listeners(self) -> Placed:
        """Those of `inner`, once a block."""
        inner = self.inner.training_listeners()
        return Placed(inner.ids, np.tile(inner.vectors, len(self.scales)))

    def training_songs(self) -> Placed:
        """Those of `inner`, scaled, once a block."""
        songs = self.inner.training_songs()
        return self._joined(songs.ids, lambda _: songs)

    def place_songs(
        self, ids: Ids, predicted: Vectors | None, plays: PlayCounts | None, n0: float | None
    ) -> Placed:
        """As `TasteSpace.place_songs`: every block by its own prediction."""
        if predicted is not None and n0 is None:
            return Placed(ids, predicted)
        blocks = None if predicted is None else self._blocks(predicted)
        return self._joined(
            ids, lambda n: self.inner.place_songs(ids, None if blocks is None else blocks[n], plays, n0)
        )

    def place_listeners(self, plays: PlayCounts, songs: Placed) -> Placed:
        """In every block as `inner` places them against that block of the songs."""
        placed = [
            self.inner.place_listeners(plays, Placed(songs.ids, block)).vectors
            for block in self._blocks(songs.vectors)
        ]
        return Placed(plays.user_ids, np.hstack(placed))

    def explainer(self, songs: Placed) -> Explainer:
        """Of every listener: what a block says of a score is added up, as the score is."""
        return explainer_of(songs, self._blocks(songs.vectors), self.inner.wmf)

    def _blocks(self, vectors: Vectors) -> list[Vectors]:
        """Vectors (n, n_blocks * d) as the places (n, d) of each block."""
        parts = np.split(vectors, len(self.scales), axis=1)
        return [part / np.float32(scale) for part, scale in zip(parts, self.scales, strict=True)]

    def _joined(self, ids: Ids, place: Callable[[int], Placed]) -> Placed:
        blocks = [place(n).vectors * np.float32(scale) for n, scale in enumerate(self.scales)]
        return Placed(ids, np.hstack(blocks))
