"""Late fusion: a network of its own for every family of rows, joined before the output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from earshot.encoders.notation import up_to_last_f
from earshot.store.rows import FAMILIES


class LateFusion(nn.Module):
    """The network of `earshot.encoders.notation`, once a family; the last F of all side by side before O.

    Parameters
    ----------
    n_rows
        Rows of all families.
    n_outputs
        Length of the output vector.
    n_frames, family_rows
        Frames of a window, and rows of each family in stored order;
        `earshot.predictors.song_encoder.describe` fills them in.
    architecture
        In the notation; the same for every family, weights apart.
    families
        Families of rows, as `earshot.encoders` describes.

    Attributes
    ----------
    embedding, n_embedding
        As of `NotationEncoder`; as wide as the last F of all families.
    """

    families: ClassVar[tuple[str, ...]] = FAMILIES

    def __init__(
        self,
        n_rows: int,
        n_outputs: int,
        n_frames: int,
        family_rows: Sequence[int],
        architecture: str,
        families: Sequence[str] = families,
    ) -> None:
        super().__init__()
        if sum(family_rows) != n_rows:
            raise ValueError(f"family_rows={list(family_rows)} must add up to the {n_rows} rows")
        self.embedding = Branches(architecture, family_rows, n_frames)
        self.n_embedding = self.embedding.width
        self.output = nn.Linear(self.n_embedding, n_outputs)

    def forward(self, windows: Tensor) -> Tensor:
        """(batch, n_rows, n_frames) to (batch, n_outputs)."""
        vectors: Tensor = self.output(self.embedding(windows))
        return vectors


class Branches(nn.Module):
    """One network a family, each on its own rows."""

    def __init__(self, architecture: str, family_rows: Sequence[int], n_frames: int) -> None:
        super().__init__()
        made = [up_to_last_f(architecture, n_rows, n_frames) for n_rows in family_rows]
        self.branches = nn.ModuleList(branch for branch, _ in made)
        self.width = sum(width for _, width in made)
        self._family_rows = list(family_rows)

    def forward(self, windows: Tensor) -> Tensor:
        """(batch, n_rows, n_frames) to (batch, width)."""
        parts = torch.split(windows, self._family_rows, dim=1)  # (batch, rows of a family, n_frames) each
        return torch.cat([branch(part) for branch, part in zip(self.branches, parts, strict=True)], dim=1)
