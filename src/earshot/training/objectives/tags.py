"""The tags of a song: a sigmoid each and binary cross-entropy, as in Lee et al. 2017 (arXiv:1703.01789)."""

from __future__ import annotations

from collections import Counter

import torch
from torch import Tensor, nn

from earshot.columns import TAGS, split_names
from earshot.errors import UserError
from earshot.store.families import multi_hot
from earshot.training.examples import Examples


class Tags(nn.Module):
    """Binary cross-entropy of sigmoid(outputs) with the tags of a song, the mean over tags.

    A song without any of the tags takes no part, since nobody may have tagged it: its loss is 0, and it is
    counted.

    Parameters
    ----------
    examples
        Songs with the column `tags`, `;`-separated.
    n_tags
        The most frequent ones that some of the songs to learn from have and others lack; of equals the first
        by name.

    Attributes
    ----------
    tags
        Names of the outputs.
    left_out
        How many songs take no part.

    Raises
    ------
    UserError
        No such tag, or no song for early stopping has one.
    """

    targets: Tensor
    tagged: Tensor
    output_mean: Tensor
    output_scale: Tensor

    def __init__(self, examples: Examples, n_tags: int = 50) -> None:
        super().__init__()
        names = [split_names(text) for text in examples.songs[TAGS].fillna("")]
        self.tags = _most_frequent(names[: examples.n_training], n_tags)
        targets = torch.from_numpy(multi_hot([sorted(some) for some in names], self.tags))
        tagged = targets.any(dim=1)
        self.left_out = int((~tagged).sum())
        if not self.tags or not tagged[examples.n_training :].any():
            raise UserError(
                f"tags={self.tags} of the {examples.n_training} songs to learn from, {self.left_out} songs "
                "without any of them: a tag that some have and others lack is wanted, and a song of one for "
                "early stopping"
            )
        self.register_buffer("targets", targets)
        self.register_buffer("tagged", tagged)
        self.register_buffer("output_mean", torch.zeros(len(self.tags)))
        self.register_buffer("output_scale", torch.ones(()))

    @property
    def n_outputs(self) -> int:
        """Number of tags."""
        return len(self.tags)

    def forward(self, outputs: Tensor, songs: Tensor) -> Tensor:
        """Cross-entropy of each song, float32 `(n,)`; 0 for a song that takes no part.

        Parameters
        ----------
        outputs
            Logits in the order of `tags`, float32 `(n, n_tags)`.
        songs
            Rows of the examples, int64 `(n,)`.
        """
        losses = nn.functional.binary_cross_entropy_with_logits(
            outputs, self.targets[songs].to(outputs.dtype), reduction="none"
        )
        return losses.mean(dim=1) * self.tagged[songs]


def _most_frequent(names: list[set[str]], n_tags: int) -> list[str]:
    counted = Counter(name for song in names for name in song)
    telling = [name for name, count in counted.items() if count < len(names)]
    return sorted(telling, key=lambda name: (-counted[name], name))[:n_tags]
