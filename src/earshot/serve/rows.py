"""What the API answers, for its OpenAPI document. Rows are those of `earshot.queries`."""

from __future__ import annotations

from typing import Annotated, Generic, Literal, TypeVar

from pydantic import BaseModel, Field

Row = TypeVar("Row")

SongId = Annotated[str, Field(description="as deliveries name it")]
Release = Annotated[str, Field(description="name of the model behind the answer")]
Note = Annotated[str, Field(description="`unlike anything trained on`, or empty")]


class Song(BaseModel):
    """A song by its names; null where no delivery gave them."""

    song_id: SongId
    title: str | None
    artist: str | None


class RecommendedSong(Song):
    """A place of a list."""

    rank: Annotated[int, Field(ge=1)]
    cold: Annotated[bool, Field(description="nobody has played it")]
    score: float
    note: Note
    release: Release


class SimilarSong(Song):
    """A neighbour."""

    cosine: float
    by: Annotated[str, Field(description="what its place is made of: sound, plays, sound and plays")]
    note: Note
    release: Release


class LikelyListener(BaseModel):
    """Somebody who would like a song."""

    user_id: str
    score: float
    release: Release


class FoundSong(BaseModel):
    """A song that a search found; texts are empty where no delivery gave them."""

    song_id: SongId
    title: str
    artist: str
    genres: Annotated[str, Field(description="`;`-separated")]
    n_listeners: int


class FoundListener(BaseModel):
    """A listener that a search found."""

    user_id: str
    songs: Annotated[int, Field(description="that he or she has played")]


class Answer(BaseModel, Generic[Row]):
    """Rows, best first, all of one state."""

    release: Release
    state: Annotated[str, Field(description="another after every delivery and every release")]
    next: Annotated[int | None, Field(description="`offset` of the rows behind these; null: there are none")]
    rows: list[Row]


class Play(Song):
    """A song that a listener has played, and what that has to do with the score of another."""

    play_count: Annotated[float, Field(description="less for old plays where these count for less")]
    share: Annotated[float, Field(description="of the score, to which all add up; below 0: speaks against")]
    score_without: Annotated[float, Field(description="for the listener without this play, solved anew")]
    release: Release


class ExplainedScore(Answer[Play]):
    """Why a song has its score for a listener: the plays, that with the greatest share first."""

    user_id: str
    song_id: SongId
    title: str | None
    artist: str | None
    score: float
    n_plays: Annotated[int, Field(description="that have a part in the score")]


class Window(BaseModel):
    """A window of a song's sound."""

    start: Annotated[float, Field(description="in the recording, seconds; windows may overlap")]
    end: float
    score_without: Annotated[float, Field(description="of the song without this window, heard anew")]
    score: float


class Windows(BaseModel):
    """The windows of a song's sound, in their order."""

    release: Release
    state: str
    user_id: str
    song_id: SongId
    rows: list[Window]


class Problem(BaseModel):
    """Why there is no answer (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str


class Health(BaseModel):
    """Whether the server answers, and of what."""

    status: Annotated[str, Field(description="`ok`, `stale` (an earlier state answers), `nothing served`")]
    release: str | None
    state: str | None


class ReleaseRow(BaseModel):
    """A model that was judged here."""

    name: str
    number: Annotated[int | None, Field(description="counts releases; null: was never released")]
    serves: bool
    released: bool | None
    reason: str | None
    auc: float | None
    map_at_500: float | None


class VersusRow(BaseModel):
    """What people said in blind comparisons of two releases."""

    one: Release
    other: Release
    for_one: Annotated[int, Field(description="votes for lists of `one`")]
    for_other: int
    same: Annotated[int, Field(description="votes for no difference")]
    voters: Annotated[int, Field(description="of how many people all these votes are")]
    share: Annotated[
        float | None, Field(description="of the votes with a preference those for `one`; null: there is none")
    ]
    low: Annotated[float | None, Field(description="of its 95 % interval, by Wilson")]
    high: float | None
    p: Annotated[float | None, Field(description="of the sign test, two-sided and exact")]


class Vector(BaseModel):
    """A place in the taste space."""

    vector: Annotated[list[float], Field(min_length=1, max_length=4096)]
    k: Annotated[int, Field(ge=1, le=1000)] = 10


class Feedback(BaseModel):
    """What a listener says of a song; the newest word counts."""

    song: SongId
    kind: Annotated[
        Literal["like", "unlike", "dislike", "skip", "exclude"],
        Field(description="`unlike` takes back; `exclude`: not this one, and no play of it counts"),
    ]
    user: Annotated[str | None, Field(description="a user_id; not with a listener's key")] = None


class Favourites(BaseModel):
    """Songs that somebody likes."""

    songs: Annotated[list[SongId], Field(min_length=1, max_length=100)]
    k: Annotated[int, Field(ge=1, le=1000)] = 10
