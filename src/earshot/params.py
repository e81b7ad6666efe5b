"""params.yaml as frozen dataclasses: a section a stage, checked before any work."""

from __future__ import annotations

import json
from dataclasses import field, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_type_hints

from pydantic import ConfigDict, Discriminator, Field, Tag, TypeAdapter, ValidationError, model_validator
from pydantic.dataclasses import dataclass

from earshot.classes import ClassPath, Component
from earshot.errors import UserError
from earshot.files import parse_yaml

CONFIG = ConfigDict(extra="forbid", strict=True)

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
Factorizer = Literal["exact", "spark_als"]
_OR_AUTO = "or 'auto'"


def _which(value: Any) -> str:
    """As which of two kinds a value is checked, so that one error is told, not one a kind."""
    return "auto" if value == "auto" else _OR_AUTO


Auto = Annotated[Literal["auto"], Tag("auto")]
CountOrAuto = Annotated[Annotated[Count, Tag(_OR_AUTO)] | Auto, Discriminator(_which)]
PositiveOrAuto = Annotated[Annotated[Positive, Tag(_OR_AUTO)] | Auto, Discriminator(_which)]
NotNegativeOrAuto = Annotated[Annotated[NotNegative, Tag(_OR_AUTO)] | Auto, Discriminator(_which)]


@dataclass(frozen=True, config=CONFIG)
class RawAudio:
    min_seconds: NotNegative
    silence_dbfs: Annotated[float, Field(le=0)]
    max_set_aside_share: Share


@dataclass(frozen=True, config=CONFIG)
class PlayCountSettings:
    chunk_rows: Count
    max_play_count: Count
    max_invalid_share: Share
    max_unknown_share: Share
    min_users: Count
    min_songs: Count
    min_plays: Count
    half_life_days: Positive | None = None
    like_plays: Annotated[int, Field(ge=0)] = 10


@dataclass(frozen=True, config=CONFIG)
class HyperImages:
    sample_rate: Annotated[int, Field(ge=8000, le=96000)]
    n_fft: Annotated[int, Field(ge=256, le=16384)]
    hop_length: Annotated[int, Field(ge=64, le=8192)]
    n_mels: Annotated[int, Field(ge=16, le=512)]
    n_mfcc: Annotated[int, Field(ge=2, le=128)]
    excerpt_seconds: Positive
    shard_songs: Count
    families: list[Component] = field(default_factory=list)


@dataclass(frozen=True, config=CONFIG)
class Split:
    """Which songs are cold; see `earshot.catalogue.split`."""

    by: Literal["song", "artist", "mixed"]
    folds: Annotated[int, Field(ge=2)]
    fold: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def _fold_exists(self) -> Split:
        if self.fold >= self.folds:
            raise ValueError(f"fold={self.fold} must be below folds={self.folds}")
        return self


@dataclass(frozen=True, config=CONFIG)
class TrainingSet:
    split: Split
    validation_share: Annotated[float, Field(gt=0, lt=1)]


@dataclass(frozen=True, config=CONFIG)
class WmfFactors:
    """What a factorization is made with; see `earshot.factors.wmf` and `earshot.factors.spark_als`."""

    factors: Count
    alpha: Positive
    epsilon: Positive
    regularization: NotNegative
    iterations: Count
    factorizer: Factorizer = "exact"


@dataclass(frozen=True, config=CONFIG)
class WmfSettings:
    """The same, where numbers may be left to the stage wmf_search."""

    factors: CountOrAuto
    alpha: PositiveOrAuto
    epsilon: PositiveOrAuto
    regularization: NotNegativeOrAuto
    iterations: Count
    factorizer: Factorizer = "exact"

    @model_validator(mode="after")
    def _searched_by_what_is_used(self) -> WmfSettings:
        if self.factorizer != "exact" and "auto" in vars(self).values():
            raise ValueError(
                f"factorizer={self.factorizer!r} wants numbers: auto tries those of the exact one"
            )
        return self


@dataclass(frozen=True, config=CONFIG)
class Learning:
    """How a network is trained, whatever it is, on windows that are drawn somehow."""

    window_seconds: Positive
    batch_size: Count
    max_epochs: Count
    patience: Count
    learning_rate: Positive
    weight_decay: NotNegative
    ema_decay: Annotated[float, Field(ge=0, lt=1)]


@dataclass(frozen=True, config=CONFIG)
class Training(Learning):
    """The same, with windows drawn at random from every song."""

    windows_per_song: Count


@dataclass(frozen=True, config=CONFIG)
class Augment:
    """Other channels that training hears; see `earshot.training.windows`."""

    share: Share
    gain_db: NotNegative
    eq_db: NotNegative
    low_pass_hz: Annotated[float, Field(ge=500)]


@dataclass(frozen=True, config=CONFIG)
class CnnCheckpoint(Training):
    encoder: Component
    objective: Component
    optimizer: Literal["adamw", "sgd"] = "adamw"
    min_steps: Annotated[int, Field(ge=0)] = 0
    augment: Augment | None = None
    seeds: Annotated[int, Field(ge=1, le=100)] = 1
    processes: Annotated[int, Field(ge=1, le=64)] = 1


@dataclass(frozen=True, config=CONFIG)
class WarmUp:
    listeners: Annotated[list[Count], Field(min_length=1)]
    n0_multiples: Annotated[list[Positive], Field(min_length=1)]
    draws: Count
    max_songs: Count
    max_listeners: Count
    bootstraps: Annotated[int, Field(ge=100)]


@dataclass(frozen=True, config=CONFIG)
class ServedQuality:
    held_out_share: Annotated[float, Field(gt=0, lt=1)]
    max_listeners: Count


@dataclass(frozen=True, config=CONFIG)
class EvaluationReport:
    k: Count
    report_songs: Annotated[int, Field(ge=1, le=50)]
    max_listeners: Count = 10_000


@dataclass(frozen=True, config=CONFIG)
class Release:
    epsilon: NotNegative
    min_genre_share: Share
    git_commit: bool
    folds: Literal["auto", "one", "all"] = "auto"
    refit: bool = False


@dataclass(frozen=True, config=CONFIG)
class NewSongs:
    """What a list must hold of songs that nobody has played."""

    share: Annotated[float, Field(gt=0, le=1)] | None = None


@dataclass(frozen=True, config=CONFIG)
class Recommendations:
    """Length and rules of a list; see `earshot.recommend.list_rules`. None: no rule."""

    k: Annotated[int, Field(ge=1, le=100)]
    new_songs: NewSongs = field(default_factory=NewSongs)
    max_per_artist: Count | None = None


@dataclass(frozen=True, config=CONFIG)
class Drift:
    songs: Annotated[int, Field(ge=2)]
    draws: Annotated[int, Field(ge=100)]
    false_alarms: Annotated[float, Field(gt=0, lt=1)]
    hold_back: Literal["never", "far"] = "never"


@dataclass(frozen=True, config=CONFIG)
class Retraining:
    """When a model is trained unasked; see `earshot.lanes.retrain`. None: never by this."""

    new_songs: Count | None
    new_songs_share: Positive | None
    new_plays_share: Positive | None
    days: Positive | None
    drift: Literal[True] | None
    retry_hours: Positive


@dataclass(frozen=True, config=CONFIG)
class Tracking:
    project: str
    media: list[str]


@dataclass(frozen=True, config=CONFIG)
class Alerts:
    """Days after which the newest release, and the newest plays, are called old."""

    release_days: Positive
    play_counts_days: Positive


@dataclass(frozen=True, config=CONFIG)
class WeeklyLists:
    """Where the playlists of every week go.

    Attributes
    ----------
    folder
        The music folder, from the workspace; None: nowhere, no schedule writes any.
    songs
        On a playlist, at most.
    """

    folder: str | None = None
    songs: Count = 30


@dataclass(frozen=True, config=CONFIG)
class ExecutorSettings:
    """Where work in parallel runs (`earshot.executors`); it changes no byte, so that no stage depends on it.

    Attributes
    ----------
    workers
        Of one core each; None: as many as there are cores.
    address
        Of a Ray cluster, `auto` or `ray://<host>:<port>`; None: one on this machine.
    spark
        The master of Spark, where `wmf_factors.factorizer` is `spark_als`; by default this machine.
    """

    kind: Literal["local", "ray"] = "local"
    workers: Count | None = None
    address: str | None = None
    spark: str = "local[*]"


@dataclass(frozen=True, config=CONFIG)
class Params:
    """The whole of params.yaml.

    Attributes
    ----------
    trusted
        Classes that an imported release may be made of, beside earshot's own; see `earshot.trusted`.
    """

    seed: Annotated[int, Field(ge=0, lt=2**31)]
    raw_audio: RawAudio
    play_counts: PlayCountSettings
    hyper_images: HyperImages
    training_set: TrainingSet
    wmf_factors: WmfSettings
    cnn_checkpoint: CnnCheckpoint
    warm_up: WarmUp
    evaluation_report: EvaluationReport
    served_quality: ServedQuality
    release: Release
    recommendations: Recommendations
    drift: Drift
    retraining: Retraining
    tracking: Tracking
    alerts: Alerts
    weekly_lists: WeeklyLists = field(default_factory=WeeklyLists)
    executor: ExecutorSettings = field(default_factory=ExecutorSettings)
    trusted: list[ClassPath] = field(default_factory=list)


Kind = TypeVar("Kind")


def load_params(path: Path) -> Params:
    """Read and check the params.yaml of the workspace; errors as in `read_params`."""
    return read_params(path, Params)


def read_params(path: Path, kind: type[Kind]) -> Kind:
    """Read and check a params.yaml whose sections are the fields of `kind`.

    Raises
    ------
    UserError
        A file that cannot be read, an unknown, missing or out-of-range key; all
        such keys are named, each with its value and what is allowed.
    """
    return check_params(_content(path), str(path), kind)


def _content(path: Path) -> Any:
    from ruamel.yaml.error import YAMLError

    try:
        return parse_yaml(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: not there; earshot runs from the folder that holds params.yaml") from None
    except YAMLError as error:
        raise UserError(f"{path}: not YAML: {error}") from None


def read_executor(path: Path) -> ExecutorSettings:
    """The section `executor` of the workspace's params.yaml alone, which the papers' stages obey too.

    Errors as in `read_params`.
    """
    content = _content(path)
    section = content.get("executor") if isinstance(content, dict) else None
    return check_params(section or {}, f"{path}: executor", ExecutorSettings)


def check_params(content: Any, where: str, kind: type[Kind]) -> Kind:
    """`content` (of a params.yaml) as `kind`; errors as in `read_params`."""
    try:
        return TypeAdapter(kind).validate_json(json.dumps(content, default=str))
    except ValidationError as error:
        problems = [_explain(problem, kind) for problem in error.errors()]
        raise UserError("\n".join(f"{where}: {problem}" for problem in problems)) from None


def _explain(problem: Any, whole: type) -> str:
    location = [str(part) for part in problem["loc"] if part != _OR_AUTO]
    key = ".".join(location)
    wanted = problem["msg"] + (f", {_OR_AUTO}" if _OR_AUTO in problem["loc"] else "")
    if problem["type"] == "unexpected_keyword_argument":
        allowed = ", ".join(_allowed(whole, location[:-1]))
        return f"{key}={problem['input']!r:.1000}: unknown key; allowed here: {allowed}"
    if problem["type"] in ("missing", "missing_argument"):
        return f"{key}: missing"
    return f"{key}={problem['input']!r:.1000}: {wanted}"


def _allowed(kind: Any, location: list[str]) -> list[str]:
    for part in location:
        kind = get_type_hints(kind)[part]
    return [each.name for each in fields(kind)] if is_dataclass(kind) else []
