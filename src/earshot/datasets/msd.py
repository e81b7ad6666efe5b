"""The Million Song Dataset: plays of the Taste Profile, with titles, Last.fm tags and previews.

Source
    http://millionsongdataset.com: `train_triplets.txt` and `taste_profile_song_to_tracks.txt`
    (tasteprofile), `sid_mismatches.txt` (the mismatches that were found in these in 2012),
    `unique_tracks.txt` (additional files), `lastfm_tags.db` (lastfm). The previews came from
    7digital and have not been public since 2016: whoever has them has them from before.
Licence
    The Taste Profile and the Last.fm tags are for research; the tags not for commerce.
Citation
    T. Bertin-Mahieux, D. P. W. Ellis, B. Whitman, P. Lamere. The Million Song Dataset.
    ISMIR 2011.
Songs and tracks
    Plays are of songs (SO...), all else of tracks (TR...), of which a song may have several or
    none. A pair of song and track that `sid_mismatches.txt` names is left out; a song that has no
    other track keeps its plays, which shape the tastes, and has no title, tags or sound. Of
    several tracks the first with a preview is taken, else the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from earshot import columns
from earshot.datasets.importing.drafts import Draft, new_delivery, refuse_inside
from earshot.datasets.importing.names import artist_id, plain
from earshot.datasets.importing.play_columns import open_plays
from earshot.datasets.msd_files import (
    Triplets,
    find_previews,
    read_mismatches,
    read_song_tracks,
    read_tags,
    read_triplets,
    read_unique_tracks,
)
from earshot.errors import UserError
from earshot.processes import progress

_BATCH_ROWS = 1 << 20


@dataclass(frozen=True)
class MsdFiles:
    """Where the published files are; all but the triplets may be missing."""

    triplets: Path
    song_tracks: Path | None = None
    mismatches: Path | None = None
    unique_tracks: Path | None = None
    tags: Path | None = None
    previews: Path | None = None


@dataclass(frozen=True)
class MsdImport:
    """What was read and kept.

    Attributes
    ----------
    plays, listeners, songs
        Of the triplets; all songs are in the delivery.
    pairs_mismatched
        Pairs of song and track that were left out.
    with_track, with_title, with_tags, with_preview
        Songs.
    previews_unused
        Of tracks that no song has, or beside another preview of the same song.
    set_aside
        Lines, of all files.
    """

    plays: int
    listeners: int
    songs: int
    pairs_mismatched: int
    with_track: int
    with_title: int
    with_tags: int
    with_preview: int
    previews_unused: int
    set_aside: int


@dataclass(frozen=True)
class _Known:
    """What is known of tracks: those of each song, and by track names, tags and previews."""

    tracks: Mapping[str, list[str]]
    mismatched: int
    names: Mapping[str, tuple[str, str, str]]
    tags: Mapping[str, str]
    previews: Mapping[str, Path]


def import_msd(files: MsdFiles, output: Path) -> MsdImport:
    """Write the Taste Profile, with what else there is, as the delivery `output`.

    Raises
    ------
    UserError
        A file that is not there or of another format; tags or previews without
        a file that says which song a track is.
    """
    if (files.tags or files.previews) and not (files.song_tracks or files.unique_tracks):
        raise UserError(
            f"{files.tags or files.previews}: speaks of tracks; wanted also "
            "taste_profile_song_to_tracks.txt or unique_tracks.txt, which say whose they are"
        )
    if files.previews:
        refuse_inside(output, files.previews)
    with new_delivery(output, "msd", "total") as draft:
        triplets = read_triplets(files.triplets, draft.set_aside)
        _write_plays(draft, triplets)
        song_ids = sorted(triplets.song_ids.to_pylist())
        known = _read_known(files, song_ids, draft)
        songs = list(_songs(draft, song_ids, known))
        draft.write_songs(songs)
    return _summary(triplets, known, songs, draft.set_aside.count)


def _write_plays(draft: Draft, triplets: Triplets) -> None:
    import pyarrow

    names = (columns.USER_ID, columns.SONG_ID, columns.PLAY_COUNT)
    firsts = range(0, len(triplets.users), _BATCH_ROWS)
    with open_plays(draft.folder, names) as writer:
        for first in progress(firsts, description="Writing plays", unit="million rows"):
            rows = slice(first, first + _BATCH_ROWS)
            user_ids = triplets.user_ids.take(triplets.users[rows])
            song_ids = triplets.song_ids.take(triplets.songs[rows])
            table = [user_ids, song_ids, pyarrow.array(triplets.play_counts[rows])]
            writer.write_table(pyarrow.table(table, writer.schema))


def _read_known(files: MsdFiles, song_ids: list[str], draft: Draft) -> _Known:
    songs, set_aside = set(song_ids), draft.set_aside
    names = read_unique_tracks(files.unique_tracks, songs, set_aside) if files.unique_tracks else {}
    pairs = read_song_tracks(files.song_tracks, set_aside) if files.song_tracks else _by_song(names)
    wrong = read_mismatches(files.mismatches, set_aside) if files.mismatches else set()
    all_tracks = {song: pairs.get(song, []) for song in song_ids}
    tracks = {
        song: [track for track in found if (song, track) not in wrong] for song, found in all_tracks.items()
    }
    wanted = set(chain.from_iterable(tracks.values()))
    return _Known(
        tracks=tracks,
        mismatched=sum(map(len, all_tracks.values())) - sum(map(len, tracks.values())),
        names=names,
        tags=read_tags(files.tags, wanted, set_aside) if files.tags else {},
        previews=find_previews(files.previews) if files.previews else {},
    )


def _by_song(names: Mapping[str, tuple[str, str, str]]) -> dict[str, list[str]]:
    tracks: dict[str, list[str]] = {}
    for track, (song, _, _) in names.items():
        tracks.setdefault(song, []).append(track)
    return tracks


def _songs(draft: Draft, song_ids: list[str], known: _Known) -> Iterator[dict[str, str]]:
    for song in progress(song_ids, description="Writing songs", unit="songs"):
        tracks = known.tracks[song]
        track = next((track for track in tracks if track in known.previews), next(iter(tracks), ""))
        _, artist, title = known.names.get(track, ("", "", ""))
        preview = known.previews.get(track)
        yield {
            columns.SONG_ID: song,
            columns.ARTIST_ID: artist_id(artist),
            columns.ARTIST: plain(artist),
            columns.TITLE: plain(title),
            columns.TAGS: known.tags.get(track, ""),
            columns.AUDIO: draft.add_audio(song, preview) if preview else "",
        }


def _summary(triplets: Triplets, known: _Known, songs: list[dict[str, str]], set_aside: int) -> MsdImport:
    def with_some(column: str) -> int:
        return sum(bool(song[column]) for song in songs)

    return MsdImport(
        plays=len(triplets.users),
        listeners=len(triplets.user_ids),
        songs=len(songs),
        pairs_mismatched=known.mismatched,
        with_track=sum(map(bool, known.tracks.values())),
        with_title=with_some(columns.TITLE),
        with_tags=with_some(columns.TAGS),
        with_preview=with_some(columns.AUDIO),
        previews_unused=len(known.previews) - with_some(columns.AUDIO),
        set_aside=set_aside,
    )
