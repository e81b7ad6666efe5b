"""What network and judges call composed pieces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from comparison.claims import Claim, Verdict
from earshot.store.shards import Stored
from hyper_image.judges import JUDGES
from hyper_image.params import LABEL
from hyper_image.pieces import FREE, OF_OTHERS, PLAYED, STRETCHES, Made, named
from hyper_image.sound import heard_again
from hyper_image.studio import Studio

WAY, PIECE, IMAGE, NETWORK, BOTH, ALL, OWN = "way", "piece", "image", "network", "both", "all", "own"
NAMED = (IMAGE, NETWORK, *JUDGES, BOTH, ALL)
GOAL = 0.5
"""Share of pieces that both judges call as is wanted."""
_NO_FIGURE = "no figure is known"
_SENTENCES = {
    FREE: "of images of which ascent changed every level",
    STRETCHES: "of stretches of real songs that ascent chose",
    OF_OTHERS: "of stretches of songs of other {word}s alone that ascent chose",
    PLAYED: "that the synthesizer plays with a timbre of another style",
}


def judge(studio: Studio, way: str, made: Made) -> tuple[pd.DataFrame, list[Stored]]:
    """What each piece is called, and how it is heard.

    Returns
    -------
    table
        way, piece, label (the wanted one), own as of `Made`, and whether it is called so: image (by the
        network, as it was composed), and of its sound network, words, statistics, both (of the judges) and
        all (three).
    heard
        The hyper-images of the sounds; where there is no sound, as they were composed.
    """
    heard, rows = [], []
    for number, wanted in enumerate(made.wanted):
        image = made.images[number]
        sound = heard_again(made.samples[number], studio.settings) if made.samples.shape[1] else image
        told = {name: label == wanted for name, label in studio.judges.labels(sound).items()}
        told[NETWORK] = named(studio, sound, studio.encoder).argmax() == wanted
        both = all(told[name] for name in JUDGES)
        rows.append(
            {
                WAY: way,
                PIECE: number,
                LABEL: studio.labels[wanted],
                OWN: float(made.own[number]),
                IMAGE: named(studio, image, studio.encoder).argmax() == wanted,
                **told,
                BOTH: both,
                ALL: both and told[NETWORK],
            }
        )
        heard.append(sound)
    return pd.DataFrame(rows), heard


def describe(table: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """By way: pieces, shares of each column of `NAMED`, and of `own` where there is one.

    `both_ci95` are the ends of the exact binomial interval of the share, as if pieces were drawn apart.
    """
    described = {}
    for way, pieces in table.groupby(WAY, sort=False):
        ends = binomtest(int(pieces[BOTH].sum()), len(pieces)).proportion_ci(0.95)
        own = pieces[OWN].mean()
        described[str(way)] = {
            "pieces": len(pieces),
            **{name: round(float(pieces[name].mean()), 6) for name in NAMED},
            "both_ci95": [round(float(ends.low), 6), round(float(ends.high), 6)],
            OWN: None if np.isnan(own) else round(float(own), 6),
        }
    return described


def claims_of(ways: Mapping[str, Any], word: str) -> list[Claim]:
    """Out of `ways` of metrics.json; `word` is what labels are called."""
    return [_claim(ways.get(way), sentence.format(word=word), word) for way, sentence in _SENTENCES.items()]


def _claim(found: Mapping[str, Any] | None, what: str, word: str) -> Claim:
    claim = f"Half of the sounds {what} are called the wanted {word} by two classifiers that it never met"
    if found is None:
        return Claim(claim, _NO_FIGURE, f"the {word}s are not styles of the synthesizer", "cannot be told")
    low, high = found["both_ci95"]
    answer: Verdict = "holds" if found[BOTH] >= GOAL else "does not hold"
    if low < GOAL <= high:
        answer = "cannot be told"
    here = f"{found[BOTH]:.3f} of {found['pieces']} pieces ({low:.3f} to {high:.3f})"
    return Claim(claim, _NO_FIGURE, here, answer)
