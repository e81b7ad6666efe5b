"""reproductions/hyper_image/params.yaml, checked before any work."""

from __future__ import annotations

from dataclasses import field, replace
from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from comparison.params import Comparison
from earshot.classes import Component
from earshot.params import CONFIG, CnnCheckpoint, Count, Learning, NotNegative, Positive, Split

Way = Literal["snippet", "song", "artist"]
"""What is kept on one side whole."""

LABEL = "label"
"""Column of the one name that is told of a song."""
_OBJECTIVE = Component("earshot.training.objectives.genre:Genre", {"column": LABEL})


@dataclass(frozen=True, config=CONFIG)
class Labels:
    """What is told of a song: the one name that it has in `column` of the song table, `;`-separated.

    `word` is what such a name is called on pages and in tables; names that are not in `among` do not count.
    """

    word: Annotated[str, Field(pattern=r"^[a-z]+$")]
    column: str
    among: Annotated[list[str], Field(min_length=2)] | None


@dataclass(frozen=True, config=CONFIG)
class SnippetFolds:
    """How many folds, and those that are held out, one after the other, in every way of splitting in `by`."""

    folds: Annotated[int, Field(ge=2)]
    held_out: Annotated[list[int], Field(min_length=1)]
    validation_share: Annotated[float, Field(gt=0, lt=1)]
    seed: Annotated[int, Field(ge=0, lt=2**31)]
    by: Annotated[list[Way], Field(min_length=1)] = field(
        default_factory=lambda: ["snippet", "song", "artist"]
    )

    @model_validator(mode="after")
    def _folds_exist(self) -> SnippetFolds:
        for fold in self.held_out:
            self.split(fold)
        return self

    def split(self, fold: int) -> Split:
        """By the hash of whatever is kept together."""
        return Split(by="song", folds=self.folds, fold=fold)


@dataclass(frozen=True, config=CONFIG)
class Moods:
    """Other labels for the first network, and their folds."""

    labels: Labels
    least_songs: Count
    folds: SnippetFolds


@dataclass(frozen=True, config=CONFIG)
class SnippetTraining(Learning):
    """How every network is trained, by stochastic gradient descent."""

    def of(self, encoder: Component) -> CnnCheckpoint:
        """Parameters that train `encoder` to tell labels, with one window a snippet."""
        return CnnCheckpoint(
            encoder=encoder, objective=_OBJECTIVE, windows_per_song=1, optimizer="sgd", **vars(self)
        )


@dataclass(frozen=True, config=CONFIG)
class SideFeatures:
    """Iterations of the factorization with side features, and what its map weighs beside the free parts."""

    penalty: Positive
    iterations: Count


@dataclass(frozen=True, config=CONFIG)
class MachineSettings:
    """How the factorization machine learns; batches are of songs, with all listeners."""

    factors: Count
    epochs: Count
    batch_size: Count
    learning_rate: Positive
    weight_decay: NotNegative
    played_weight: Positive


@dataclass(frozen=True, config=CONFIG)
class Recommendation(Comparison):
    """What new songs are ranked by, with the embedding as their features."""

    side_features: SideFeatures
    machine: MachineSettings


@dataclass(frozen=True, config=CONFIG)
class Ascent:
    """Steps of gradient ascent, how images are disturbed in each, and what is taken off.

    `jitter`: images begin elsewhere at each step. `noise` is in deviations of each row. `smoothness` weighs
    the mean step between neighbours in time and in rows, in levels; `in_range` how far beyond two deviations
    of its row a level lies, squared.
    """

    steps: Count
    jitter: bool
    noise: NotNegative
    smoothness: NotNegative
    in_range: NotNegative


@dataclass(frozen=True, config=CONFIG)
class Stretches:
    """Stretches of real songs that images are made of: how many to choose from, and how long."""

    number: Annotated[int, Field(ge=10)]
    seconds: Positive


@dataclass(frozen=True, config=CONFIG)
class Disturbance:
    """What a network is trained to bear: noise, in deviations of a row, and a share of time stretch."""

    noise: NotNegative
    stretch: Annotated[float, Field(ge=0, lt=1)]


@dataclass(frozen=True, config=CONFIG)
class Composing:
    """How hyper-images are composed, turned into sound and judged.

    Attributes
    ----------
    pieces
        Of each label in each way.
    windows_of_longer
        How many windows of the network longer pieces last.
    ascent
        Of steady levels; of free ones only its steps count, of stretches jitter and noise too.
    trials
        Pieces that the synthesizer plays for one.
    phase_iterations
        Of the inversion to sound.
    words
        Of the dictionary of one of the judges.
    disturbed
        Also compose for a network trained so, and for it and the first together; null: not.
    seed
        Of all that is drawn.
    """

    pieces: Count
    windows_of_longer: Count
    ascent: Ascent
    stretches: Stretches
    trials: Count
    phase_iterations: Count
    words: Count
    disturbed: Disturbance | None
    seed: Annotated[int, Field(ge=0, lt=2**31)]


@dataclass(frozen=True, config=CONFIG)
class HyperImageParams:
    """The whole of the file; the first of `networks` is the paper's, and gives the embedding."""

    labels: Labels
    folds: SnippetFolds
    least_songs: Count
    training: SnippetTraining
    networks: Annotated[dict[str, Component], Field(min_length=1)]
    bootstraps: Annotated[int, Field(ge=100)]
    moods: Moods
    recommendation: Recommendation
    composing: Composing

    def of_moods(self) -> HyperImageParams:
        """The same, with labels and folds of `moods`, and the first network alone."""
        networks = {self.candidate: self.networks[self.candidate]}
        return replace(self, **vars(self.moods), networks=networks)

    @property
    def candidate(self) -> str:
        """Name of the first network."""
        return next(iter(self.networks))
