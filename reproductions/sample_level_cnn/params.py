"""reproductions/sample_level_cnn/params.yaml, checked before any work."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from auto_tagging.params import Tagging
from earshot.params import CONFIG, Count, Positive

Source = Literal["made_words", "made_scenes", "magnatagatune", "speech_commands", "dcase_2017"]
MADE = ("made_words", "made_scenes")


@dataclass(frozen=True, config=CONFIG)
class Stages:
    """How every network is trained, as `sample_level_cnn.learning` says; `max_epochs` of a stage."""

    batch_size: Annotated[int, Field(ge=2)]
    learning_rate: Positive
    factor: Annotated[float, Field(gt=0, lt=1)]
    stages: Count
    patience: Count
    max_epochs: Count


@dataclass(frozen=True, config=CONFIG)
class SampleNetwork:
    """A sample-level network, `init_args` those of `SampleCnn`; `mel`: its twin on frames.

    `windows_a_cpu_second` are learned from, as `benchmarks/sample_cnn.py` or a run has measured once: with
    it the page tells minutes, which no output of a stage may hold.
    """

    init_args: dict[str, Any]
    windows_a_cpu_second: Positive
    mel: bool = False


@dataclass(frozen=True, config=CONFIG)
class Segments:
    """Every clip is cut into so many segments of so many samples at this rate (Hz)."""

    sample_rate: Count
    n_segments: Count
    n_samples: Count

    @property
    def seconds(self) -> float:
        """Of a whole clip."""
        return self.n_segments * self.n_samples / self.sample_rate


@dataclass(frozen=True, config=CONFIG)
class TagSettings:
    """Tags of the catalogue at hand.

    `candidate` is the network that stands out; `pictures` the one whose filters are drawn, of samples;
    `gates` the one whose gates are, of samples and with squeeze-and-excitation.
    """

    tagging: Tagging
    segments: Segments
    training: Stages
    networks: Annotated[dict[str, SampleNetwork], Field(min_length=1)]
    candidate: str
    pictures: str
    gates: str

    @model_validator(mode="after")
    def _drawn_are_there(self) -> TagSettings:
        raw = {name: each for name, each in self.networks.items() if not each.mel}
        excited = [name for name, each in raw.items() if "se" in str(each.init_args.get("block"))]
        for key, name, some, kind in (
            ("candidate", self.candidate, self.networks, "networks"),
            ("pictures", self.pictures, raw, "networks of samples"),
            ("gates", self.gates, excited, "networks of samples with squeeze-and-excitation"),
        ):
            if name not in some:
                raise ValueError(
                    f"{key}={name!r}: wanted one of the {kind}: {', '.join(some) or 'there is none'}"
                )
        return self


@dataclass(frozen=True, config=CONFIG)
class Domain:
    """A set of clips, out of a `folder` or made, `size` speakers or scenes of it; and what learns from it."""

    source: Source
    segments: Segments
    training: Stages
    networks: Annotated[dict[str, SampleNetwork], Field(min_length=1)]
    seed: Annotated[int, Field(ge=0, lt=2**31)]
    folder: str | None = None
    size: Count | None = None

    @model_validator(mode="after")
    def _comes_from_somewhere(self) -> Domain:
        if (self.source in MADE) != (self.folder is None) or (self.source in MADE) != (self.size is not None):
            raise ValueError(f"source={self.source!r}: wanted size where it is made, folder where it is not")
        return self


@dataclass(frozen=True, config=CONFIG)
class SampleLevelCnn:
    """The whole of the file."""

    tags: TagSettings
    domains: dict[str, Domain]
    threshold: Annotated[float, Field(gt=0, lt=1)]
    bootstraps: Annotated[int, Field(ge=100)]
