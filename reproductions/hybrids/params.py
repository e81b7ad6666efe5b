"""reproductions/hybrids/params.yaml, checked before any work."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from comparison.params import Comparison
from earshot.params import CONFIG, Count, Positive, ServedQuality, Share

Grid = Annotated[list[Count], Field(min_length=1)]
OpenShare = Annotated[float, Field(gt=0, le=1)]


@dataclass(frozen=True, config=CONFIG)
class FirstListeners:
    """How many listeners songs have had, how often these are drawn, and how many others are asked at most."""

    listeners: Grid
    draws: Count
    max_listeners: Count


@dataclass(frozen=True, config=CONFIG)
class Choices:
    """What is tried, on one half of the artists.

    `n0_multiples` of the mean listeners of a song; `neighbours` of a song; `shares` of a list that a cascade
    orders anew; `least_played` songs of a listener whose list is that of the plays.
    """

    n0_multiples: Annotated[list[Positive], Field(min_length=1)]
    neighbours: Grid
    shares: Annotated[list[OpenShare], Field(min_length=1)]
    least_played: Grid


@dataclass(frozen=True, config=CONFIG)
class MadeCatalogue:
    """Listeners who hear songs in sessions, each of a mood that the hour decides in part."""

    listeners: Annotated[int, Field(ge=20)]
    songs: Annotated[int, Field(ge=40)]
    artists: Annotated[int, Field(ge=20)]
    sessions: Annotated[int, Field(ge=3)]
    session_songs: Annotated[int, Field(ge=2)]
    mood_by_hour: Share
    neighbours: Count
    seeds: Annotated[list[Annotated[int, Field(ge=0, lt=2**31)]], Field(min_length=1)]


@dataclass(frozen=True, config=CONFIG)
class Hybrids(Comparison):
    """The whole of the file."""

    first_listeners: FirstListeners
    choices: Choices
    served_quality: ServedQuality
    made_catalogue: MadeCatalogue
