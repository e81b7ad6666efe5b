"""The model card of a shared release: what it was made of, its licence, how good it is, and its limits.

After Mitchell et al. 2019, "Model Cards for Model Reporting".
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from earshot.errors import UserError
from earshot.params import HyperImages
from earshot.releases.manifest import Label, Name, check_content
from earshot.terminal import on_one_line

_STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
Words = Annotated[str, Field(min_length=1, max_length=2000)]
Count = Annotated[int, Field(ge=0, le=10**12)]
FRAMING = ("sample_rate", "n_fft", "hop_length", "n_mels", "n_mfcc", "excerpt_seconds")
"""Of `hyper_images` in params.yaml: what a sound must be made into so that the encoder hears it rightly."""


@dataclass(frozen=True, config=_STRICT)
class Figure:
    """A mean over listeners and its 95 % interval over artists; None where the report has none."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, config=_STRICT)
class ModelCard:
    """What a person should know before a shared release serves.

    Attributes
    ----------
    derived_from
        The release that it was shared from.
    data, licence
        In the words of whoever shares it: what music and whose plays it was trained on; what may be done
        with it.
    listeners, songs, artists
        How many the factorization was made of; `songs` have plays.
    sounds, set_aside
        Files delivered for that training, and those of them that could not be used.
    shared_songs
        Songs whose ids and places are in the file; 0 where none is.
    model
        `<encoder>+<objective>`.
    factors, n0
        Numbers of its taste space.
    features
        `FRAMING`, by name.
    families
        Names of what the encoder hears beside the rows of the hyper-image.
    figures
        By name of the metric, of songs that were cold to it, with the home catalogue's listeners.
    limits
        In sentences.
    """

    derived_from: Name
    data: Words
    licence: Words
    listeners: Count
    songs: Count
    artists: Count
    sounds: Count
    set_aside: Count
    shared_songs: Count
    model: Label
    factors: Count
    n0: float
    features: dict[Label, float]
    families: list[Label]
    figures: dict[Label, Figure]
    limits: list[Words]
    format: Literal[1] = 1

    def lines(self) -> list[str]:
        """It as lines for a terminal."""
        rows = {
            "data": self.data,
            "licence": self.licence,
            "made of": f"{self.listeners:,} listeners, {self.songs:,} songs, {self.artists:,} artists",
            "model": f"{self.model}, {self.factors} factors",
            "derived from": f"release {self.derived_from}",
            "songs in it": f"{self.shared_songs:,}" if self.shared_songs else "none: ids were not shared",
            **{name: _told(figure) for name, figure in self.figures.items()},
        }
        told = [f"{name:14s} {on_one_line(text)}" for name, text in rows.items()]
        return told + [f"- {on_one_line(limit)}" for limit in self.limits]


def _told(figure: Figure) -> str:
    interval = "" if figure.low is None or figure.high is None else f" [{figure.low:.3f}, {figure.high:.3f}]"
    return f"{figure.value:.3f}{interval}"


def check_card(content: dict[str, Any], path: Path) -> ModelCard:
    """`content`, which comes from `path`, as a model card; UserError that names every wrong key."""
    return check_content(content, path, ModelCard)


def framing(settings: HyperImages) -> dict[str, float]:
    """`FRAMING` of these settings."""
    content = asdict(settings)
    return {name: float(content[name]) for name in FRAMING}


def refuse_other_framing(card: ModelCard, settings: HyperImages, file: Path) -> None:
    """UserError where songs of here are made into other hyper-images than the encoder hears."""
    here = framing(settings)
    for name, wanted in card.features.items():
        if here.get(name) != wanted:
            raise UserError(
                f"params.yaml: hyper_images.{name}={here.get(name)!r}: the release in {file} hears "
                f"hyper-images made with {wanted:g}; wanted that, which computes those of here anew"
            )
