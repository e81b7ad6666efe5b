"""The served state as dvc.lock names it: immutable, whole, and of one release."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from earshot import versioning
from earshot.arrays import is_among, positions_of
from earshot.catalogue.play_counts import LEFT_OUT
from earshot.catalogue.plays import PLAYS as PLAYS_FILE
from earshot.catalogue.plays import is_plays, newest_play, read_plays
from earshot.columns import (
    ARTIST,
    ARTIST_ID,
    AUDIO,
    AUDIO_MD5,
    COLD,
    DECODER,
    DELIVERY,
    GENRES,
    HEARD,
    ITEM,
    LAST_PLAYED_AT,
    N_LISTENERS,
    RANK,
    SCORE,
    SECONDS,
    SONG_ID,
    TITLE,
    UNLIKE,
    USER,
    USER_ID,
    WITHDRAWN,
)
from earshot.datasets.importing.names import match_key
from earshot.errors import UserError
from earshot.queries.choice import Choice
from earshot.queries.screening import Asked, Screen
from earshot.queries.words import Words
from earshot.recommend.list_rules import number_artists
from earshot.recommend.similar import crowding, similar_songs, unit
from earshot.releases.manifest import REFIT
from earshot.spaces.space import TasteSpace, read_space

if TYPE_CHECKING:
    import pandas as pd
    from scipy.sparse import csr_array

SERVED, LISTS, PLAYS = "served_factors", "recommendations", "play_counts"
SOUND = "sound:"
"""With a feature key in place of a release: what is served was made of hyper-images alone."""
SPACE_FILE = "space.npz"

_PROBES = 200
_SECONDS_A_DAY = 86_400


@dataclass(frozen=True)
class Listed:
    """A list as it was made, best first.

    Attributes
    ----------
    rows
        Of the songs, `(n,)`.
    scores
        float32 (n,).
    cold
        (n,): songs that nobody had played.
    """

    rows: NDArray[np.int64]
    scores: NDArray[np.float32]
    cold: NDArray[np.bool_]


@dataclass(frozen=True)
class SearchIndex:
    """Songs, and what is searched in.

    Attributes
    ----------
    songs
        song_id, title, artist, artist_id, genres and n_listeners of each.
    texts
        song_id, title, artist and genres of each, each by its `match_key` in a line of its own.
    """

    songs: pd.DataFrame
    texts: list[str]


@dataclass(frozen=True)
class ServedState:
    """What is served.

    Attributes
    ----------
    release
        Name of the model behind all of it.
    outputs
        `served_factors`, `recommendations`, and the `play_counts`, `raw_audio` and `hyper_images` that these
        were made of.
    """

    songs_at: ClassVar[str] = "data/served_factors/items.parquet"
    root: Path
    release: str
    outputs: dict[str, versioning.PreviousOutput]

    def file(self, stage: str, name: str) -> Path:
        """A file of one of the outputs, in DVC's cache. Raises UserError where it is not there."""
        return file_of(self.outputs[stage], stage, name)

    def encoder_files(self) -> dict[str, Path]:
        """Those of the encoder that serves, in DVC's cache, by name. Raises UserError where one is lost."""
        return self._files(SERVED, f"{self.model}/cnn_checkpoint/encoder.")

    @property
    def model(self) -> str:
        """Folder, in served_factors, of the model that serves: of its refit on all songs, if it has one."""
        refit = f"release/{REFIT}"
        has_refit = any(name.startswith(f"{refit}/") for name in self.outputs[SERVED].files)
        return refit if has_refit else "release"

    @property
    def by_sound(self) -> bool:
        """Whether there is no model, and songs lie where their sound alone puts them."""
        return self.release.startswith(SOUND)

    @cached_property
    def space(self) -> TasteSpace:
        """Of the model that serves, or of sound. UserError where a file of it is not in DVC's cache."""
        from earshot.queries.links import model_folder
        from earshot.queries.sound_space import SoundSpace

        if self.by_sound:
            return SoundSpace.read(self.file(SERVED, SPACE_FILE))
        with model_folder(self) as folder:
            return read_space(folder / "cnn_checkpoint", folder / "wmf_factors")

    def _files(self, stage: str, prefix: str) -> dict[str, Path]:
        names = [name for name in self.outputs[stage].files if name.startswith(prefix)]
        names = names or [f"{prefix}json"]  # which is then told to be missing
        return {name.rpartition("/")[2]: self.file(stage, name) for name in names}

    def table(self, stage: str, name: str, **options: Any) -> pd.DataFrame:
        """A parquet file of one of the outputs. Raises UserError where it is not in DVC's cache.

        `options` are those of `pandas.read_parquet`.
        """
        import pandas as pd

        return pd.read_parquet(self.file(stage, name), **options)

    def play_files(self) -> list[Path]:
        """The files of the table of plays. Raises UserError where one is not in DVC's cache."""
        names = sorted(filter(is_plays, self.outputs[PLAYS].files))
        return [self.file(PLAYS, name) for name in names or [PLAYS_FILE]]

    def plays_of(self, *columns: str, **only: int) -> pd.DataFrame:
        """The table of plays, as of `earshot.catalogue.plays.read_plays`; UserError as of `play_files`."""
        return read_plays(self.play_files(), columns, **only)

    def vectors(self, name: str) -> NDArray[np.float32]:
        """`item_factors.npy` or `user_factors.npy`, float32 (n, factors)."""
        found: NDArray[np.float32] = np.load(self.file(SERVED, name), allow_pickle=False)
        return found

    def song_row(self, song: str) -> int | None:
        """Where a song stands among the item factors; None where it is not served."""
        return self._song_rows.get(song)

    def user_row(self, user: str) -> int | None:
        """Where a listener stands among the user factors; None for somebody without plays."""
        return self._user_rows.get(user)

    @cached_property
    def _song_rows(self) -> dict[str, int]:
        return {song: row for row, song in enumerate(self.song_ids.tolist())}

    @cached_property
    def _user_rows(self) -> dict[str, int]:
        return {user: row for row, user in enumerate(self.user_ids.tolist())}

    def list_of(self, user: str) -> Listed:
        """The list of a listener as it was made, best first; empty where there is none."""
        lists = self.table(LISTS, "recommendations.parquet", filters=[(USER_ID, "==", user)])
        best = lists.sort_values(RANK)
        return Listed(
            positions_of(self.song_ids, best[SONG_ID]), best[SCORE].to_numpy(), best[COLD].to_numpy()
        )

    def played_by(self, user: str) -> NDArray[np.int64]:
        """Rows of the served songs that a listener of `user_ids` has played, (n_played,)."""
        row = int(positions_of(self.table(PLAYS, "users.parquet")[USER_ID], [user])[0])
        plays = self.plays_of(ITEM, user=row)
        rows = self._rows_of_items[plays[ITEM]]
        return rows[rows >= 0]

    @cached_property
    def words(self) -> Words:
        """What listeners want in no list."""
        told = PLAYS in self.outputs and LEFT_OUT in self.outputs[PLAYS].files
        return Words.of(self.table(PLAYS, LEFT_OUT), self.user_ids, self.song_ids) if told else Words({}, {})

    def played_lately(self, user: str, days: int) -> NDArray[np.int64]:
        """As `played_by`, (n_late,), without what was played last so many days before the newest play of all.

        What is not dated counts as late. Raises UserError where no play is.
        """
        newest = self.newest_play
        if newest is None:
            raise UserError("no play in data/play_counts is dated: nothing is long ago")
        row = int(positions_of(self.table(PLAYS, "users.parquet")[USER_ID], [user])[0])
        plays = self.plays_of(ITEM, LAST_PLAYED_AT, user=row)
        since = newest - days * _SECONDS_A_DAY
        late = (plays[LAST_PLAYED_AT].isna() | (plays[LAST_PLAYED_AT] >= since)).to_numpy(bool)
        rows = self._rows_of_items[plays[ITEM][late]]
        return rows[rows >= 0]

    @cached_property
    def newest_play(self) -> int | None:
        """In seconds since 1970; None where no play is dated."""
        return newest_play(self.play_files())

    @cached_property
    def last_scores(self) -> NDArray[np.float32]:
        """(n_users,): score of the last place of every list; infinite where there is none."""
        lists = self.table(LISTS, "recommendations.parquet", columns=[USER_ID, SCORE])
        last = lists.groupby(USER_ID)[SCORE].min().reindex(self.user_ids).fillna(np.inf)
        return last.to_numpy(np.float32)

    @cached_property
    def plays(self) -> csr_array:
        """Which songs every listener has played, ones (n_users, n_songs)."""
        from scipy.sparse import csr_array

        plays = self.plays_of(USER, ITEM)
        users = positions_of(self.user_ids, self.table(PLAYS, "users.parquet")[USER_ID])[plays[USER]]
        songs = self._rows_of_items[plays[ITEM]]
        known = (users >= 0) & (songs >= 0)
        shape = (len(self.user_ids), len(self.song_ids))
        return csr_array((np.ones(known.sum(), np.int8), (users[known], songs[known])), shape=shape)

    def listeners_of(self, song: str) -> NDArray[np.int64]:
        """Rows of the listeners who have played a song, (n_listeners,)."""
        items = self.table(PLAYS, "items.parquet")[SONG_ID]
        (row,) = positions_of(items, [song])
        plays = self.plays_of(USER, item=int(row))
        return positions_of(self.user_ids, self.table(PLAYS, "users.parquet")[USER_ID][plays[USER]])

    @cached_property
    def _rows_of_items(self) -> NDArray[np.int64]:
        """(n_items,): rows among the item factors of the songs with plays; -1 where one is not served."""
        return positions_of(self.song_ids, self.table(PLAYS, "items.parquet")[SONG_ID])

    @cached_property
    def choice(self) -> Choice:
        """The songs that the lists were made of: not withdrawn, not held back."""
        listed = self.table(LISTS, "ranked/items.parquet")[SONG_ID]
        rows = np.sort(positions_of(self.song_ids, listed))
        users = self.vectors("user_factors.npy")
        probes = users[:: max(1, len(users) // _PROBES)][:_PROBES]
        return Choice(self.vectors("item_factors.npy"), self.artists, rows, probes)

    @cached_property
    def new_songs(self) -> Choice:
        """Those of `choice` that nobody has played."""
        return replace(self.choice, rows=self.choice.rows[self.is_new[self.choice.rows]])

    @cached_property
    def is_new(self) -> NDArray[np.bool_]:
        """(n_songs,): songs that nobody has played."""
        return ~is_among(self.song_ids, self.table(PLAYS, "items.parquet")[SONG_ID])

    @cached_property
    def artists(self) -> NDArray[np.int64]:
        """(n_songs,): a number an artist; a song without one has a number of its own."""
        return number_artists(self.columns[ARTIST_ID], self.song_ids)

    @cached_property
    def is_listed(self) -> NDArray[np.bool_]:
        """(n_songs,): those that are not withdrawn."""
        withdrawn = self.catalogue[WITHDRAWN].reindex(self.song_ids)
        return ~withdrawn.fillna(True).to_numpy(dtype=bool)

    @cached_property
    def columns(self) -> dict[str, NDArray[Any]]:
        """Of the songs, each (n_songs,): title, artist, artist_id and genres (`""` where nothing is known),
        n_listeners, heard and unlike."""
        known = self.catalogue.reindex(self.song_ids)
        texts = {name: known[name].fillna("") for name in (TITLE, ARTIST, ARTIST_ID, GENRES)}
        found = texts | {name: self.songs[name] for name in (N_LISTENERS, HEARD, UNLIKE)}
        return {
            name: column.to_numpy(dtype=object if name in texts else None) for name, column in found.items()
        }

    @cached_property
    def by_genre(self) -> dict[str, tuple[str, NDArray[np.int64]]]:
        """Every genre of a song that can be listed, and its songs' rows, (n,); by `match_key` of its name."""
        rows: dict[str, list[int]] = {}
        names: dict[str, str] = {}
        for row in self.choice.rows.tolist():
            for name in self.columns[GENRES][row].split(";"):
                key = match_key(name)
                if key:
                    names.setdefault(key, name.strip())
                    rows.setdefault(key, []).append(row)
        return {key: (names[key], np.array(some)) for key, some in rows.items()}

    @cached_property
    def everybody(self) -> Screen:
        """All listeners, to be compared with a song."""
        return Screen(self.vectors("user_factors.npy"))

    @cached_property
    def directions(self) -> Screen:
        """All songs with a length of 1, to be compared by cosine."""
        vectors = self.vectors("item_factors.npy")
        return Screen(unit(vectors).astype(np.float32), lambda rows: unit(vectors[rows]))

    @cached_property
    def _crowding(self) -> NDArray[np.float64]:
        """(n_songs,), of `earshot.recommend.similar`, among the songs that are listed; NaN for the others."""
        found, listed = np.full(len(self.song_ids), np.nan), np.flatnonzero(self.is_listed)
        found[listed] = crowding(self.vectors("item_factors.npy")[listed])
        return found

    @cached_property
    def search_index(self) -> SearchIndex:
        """The songs of the catalogue that are not withdrawn, played or not, served or not."""
        known = self.catalogue[~self.catalogue[WITHDRAWN]].drop(columns=WITHDRAWN).fillna("").reset_index()
        heard = self.songs[N_LISTENERS].reindex(known[SONG_ID]).fillna(0).astype(int)
        texts = known[[SONG_ID, TITLE, ARTIST, GENRES]].to_numpy()
        lines = ["\n".join(map(match_key, line)) for line in texts]
        return SearchIndex(known.assign(**{N_LISTENERS: heard.to_numpy()}), lines)

    @cached_property
    def listener_songs(self) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
        """Ids of all with plays, and how many songs each has played, (n_users,) both."""
        ids = self.table(PLAYS, "users.parquet")[USER_ID].to_numpy(dtype=object)
        return ids, np.bincount(self.plays_of(USER)[USER], minlength=len(ids))

    def nearest(
        self, vector: NDArray[np.floating[Any]], k: int, allowed: NDArray[np.bool_], csls: bool
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """As `similar_songs`, of songs that are `allowed`, (n_songs,); with `csls` all of them listed."""
        if csls:
            rows, vectors = np.flatnonzero(allowed), self.vectors("item_factors.npy")
            places, cosines = similar_songs(vectors[rows], vector, k, self._crowding[rows])
            return rows[places], cosines
        (best,) = self.directions.best([Asked(unit(vector), np.flatnonzero(~allowed), k)])
        return best.items, best.scores

    @cached_property
    def songs(self) -> pd.DataFrame:
        """n_listeners, heard and unlike by song_id, in the order of the item factors."""
        songs = self.table(SERVED, "items.parquet").set_index(SONG_ID)
        if UNLIKE in songs:
            return songs
        # What an older version served says less; of a candidate every song is where its sound puts it.
        return songs.assign(**{HEARD: True, UNLIKE: False, N_LISTENERS: songs.get(N_LISTENERS, 0)})

    @cached_property
    def song_ids(self) -> NDArray[np.object_]:
        """(n_songs,), in the order of the item factors."""
        return self.songs.index.to_numpy(dtype=object)

    @cached_property
    def user_ids(self) -> NDArray[np.object_]:
        """(n_users,), in the order of the user factors."""
        return self.table(SERVED, "users.parquet")[USER_ID].to_numpy(dtype=object)

    @cached_property
    def recordings(self) -> pd.DataFrame:
        """delivery, audio, audio_md5, seconds and decoder by song_id, of the last delivery of each song."""
        columns = [SONG_ID, DELIVERY, AUDIO, AUDIO_MD5, SECONDS, DECODER]
        found = self.table("raw_audio", "songs.parquet").reindex(columns=columns)
        return found.set_index(SONG_ID)

    @cached_property
    def catalogue(self) -> pd.DataFrame:
        """title, artist, artist_id, genres and withdrawn by song_id."""
        columns = [SONG_ID, TITLE, ARTIST, ARTIST_ID, GENRES, WITHDRAWN]
        return self.table("raw_audio", "songs.parquet", columns=columns).set_index(SONG_ID)


def file_of(output: versioning.PreviousOutput, stage: str, name: str) -> Path:
    """A file of an output, in DVC's cache. UserError where it is not there."""
    found = output.find(name)
    if found is None:
        raise UserError(f"data/{stage}/{name}: not in DVC's cache ({output.md5}); `dvc pull` fetches it")
    return found
