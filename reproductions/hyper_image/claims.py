"""What the paper claims of labels, and whether it holds here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from comparison.claims import Claim, verdict
from hyper_image.params import HyperImageParams
from hyper_image.snippets import ways

UNMET = {"snippet": "other snippets of songs it has met", "song": "new songs", "artist": "new artists"}
OWN = "not in the paper"
GENRES = "precision@1 0.567, precision@3 0.829: the mean of ten folds, nine genres"

Content = Mapping[str, Any]


def claims_of(metrics: Content, neighbours: Content, params: HyperImageParams) -> list[Claim]:
    """Out of the contents of metrics.json and neighbours.json."""
    name, word, by = params.candidate, params.labels.word, ways(params.folds)[-1]
    system = metrics["splits"][by]["systems"][name]
    better = metrics["minus_majority"][by][name]
    found = [
        Claim(
            f"A network on the hyper-image tells the {word} of {UNMET[by]} better than the most frequent one",
            GENRES if word == "genre" else OWN,
            f"precision@1 {system['precision_at_1']:.3f}, "
            + _difference(better["precision_at_1"], better["precision_at_1_ci95_artists"]),
            verdict(*better["precision_at_1_ci95_artists"]),
        )
    ]
    if "snippet_minus_artist" in metrics:
        flattery = metrics["snippet_minus_artist"][name]
        ends = flattery["precision_at_1_ci95_artists"]
        found.append(
            Claim(
                "Snippets split at random flatter: a split by artist gives less",
                "both ways are reported alike",
                f"precision@1 {_difference(flattery['precision_at_1'], ends)}",
                verdict(*ends),
            )
        )
    return [*found, _of_neighbours(neighbours, word)]


def _of_neighbours(neighbours: Content, word: str) -> Claim:
    claim = (
        "Songs that the embedding puts side by side, of different artists, "
        f"share a {word} more often than by chance"
    )
    ends = neighbours["difference_ci95_artists"]
    if ends is None:
        return Claim(claim, OWN, "too few held-out songs with such neighbours", "cannot be told")
    share, chance = neighbours["share"], neighbours["by_chance"]
    here = f"{share:.3f} of neighbours, by chance {chance:.3f}: {_difference(neighbours['difference'], ends)}"
    return Claim(claim, OWN, here, verdict(*ends))


def _difference(value: float, ends: Sequence[float]) -> str:
    return f"{value:+.3f} ({ends[0]:+.3f} to {ends[1]:+.3f})"
