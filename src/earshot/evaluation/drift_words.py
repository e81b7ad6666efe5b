"""The measures of drift in words, for the page, the checks and the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from earshot.evaluation.drift import BANDWIDTH, HYPER_IMAGE, LOUDNESS, PREDICTED_NORM, SET_ASIDE


@dataclass(frozen=True)
class Measure:
    """How a measure is told: in a sentence, with `digits` after the point and a unit."""

    description: str
    digits: int
    unit: str = ""

    def write(self, value: float) -> str:
        """`value` with its digits, a real minus and its unit."""
        return f"{self.number(value)} {self.unit}".strip()

    def number(self, value: float) -> str:
        """`value` with its digits and a real minus."""
        return f"{value:.{self.digits}f}".replace("-", "−")


WORDS = {
    HYPER_IMAGE: Measure("distance of the mean hyper-image, in standard deviations between songs", 3),
    LOUDNESS: Measure("mean energy of the mel rows", 1, "dB"),
    BANDWIDTH: Measure("mean frequency below which 99 % of the energy lies", 0, "Hz"),
    PREDICTED_NORM: Measure("mean length of the factors that the encoder predicts", 3),
    SET_ASIDE: Measure("share of files that could not be used", 3),
}


def observed(line: Mapping[Any, Any]) -> str:
    """The observed value of `line`, a row of drift.parquet, with its unit."""
    return WORDS[line["measure"]].write(line["observed"])


def expected(line: Mapping[Any, Any]) -> str:
    """The range that chance allows in `line`, a row of drift.parquet, with its unit."""
    measure = WORDS[line["measure"]]
    return f"{measure.number(line['low'])} to {measure.write(line['high'])}"
