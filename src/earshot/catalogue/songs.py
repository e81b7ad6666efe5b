"""The song table as it stands after a row of deliveries.

Also which delivered files are good, and what each delivery brought.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from earshot.arrays import is_among
from earshot.audio.probing import Probe
from earshot.columns import (
    ARTIST_ID,
    AUDIO,
    AUDIO_MD5,
    CHANNEL,
    DAMAGE,
    DECODER,
    DELIVERY,
    FIRST_FRAME,
    REASON,
    SECONDS,
    SHARD,
    SILENCES,
    SONG_ID,
    SOURCE,
)
from earshot.params import RawAudio
from earshot.store.reader import newer_images

if TYPE_CHECKING:
    import pandas as pd


PROBED = [field.name for field in fields(Probe) if field.name != REASON]
"""Columns that a probe fills, as `Probe` says."""


def delivered(songs: pd.DataFrame, folder: str, source: str, delivery: str) -> pd.DataFrame:
    """`songs` as `earshot.deliveries.read_songs` gives them, each with its delivery and source.

    `audio` starts with `folder`, the delivery's below the workspace, instead of inside it.
    """
    placed = songs.copy()
    placed[AUDIO] = songs[AUDIO].where(songs[AUDIO] == "", folder + "/" + songs[AUDIO])
    placed[SOURCE], placed[DELIVERY] = source, delivery
    return placed


def with_probes(songs: pd.DataFrame, probes: Mapping[str, Probe]) -> pd.DataFrame:
    """The part of one delivery: its songs in their order, each with what its file was found to hold.

    Parameters
    ----------
    songs
        As `earshot.deliveries.read_songs` gives them; `audio` is a key of `probes`, or `""`.
    probes
        By audio file.

    Returns
    -------
    `songs`, `audio` null instead of `""`, and the fields of `Probe` as columns,
    null where there is no audio.
    """
    import pandas as pd

    columns = [field.name for field in fields(Probe)]
    rows = [asdict(probes[audio]) if audio else dict.fromkeys(columns) for audio in songs[AUDIO]]
    types = {
        **dict.fromkeys([AUDIO_MD5, DECODER, DAMAGE, SILENCES, REASON], "str"),
        **dict.fromkeys(["sample_rate", "channels", CHANNEL], "Int32"),
        **dict.fromkeys([SECONDS, "peak_dbfs", "clipped_share", "heard_dbfs"], "float64"),
    }
    found = pd.DataFrame(rows, columns=columns, index=songs.index).astype(types)
    return songs.assign(**{AUDIO: songs[AUDIO].where(songs[AUDIO] != "")}).join(found)


def judge(rows: pd.DataFrame, limits: RawAudio) -> pd.DataFrame:
    """`rows` of parts with the `reason` of files that decode, but are too short or silent."""
    silent = rows[REASON].isna() & (rows["heard_dbfs"] < limits.silence_dbfs)
    short = rows[REASON].isna() & (rows[SECONDS] < limits.min_seconds)
    reasons = rows[REASON].astype(object)
    for row in rows.index[silent]:
        peak = rows["heard_dbfs"][row]
        reasons[row] = f"silent: peak {peak:.1f} dBFS, raw_audio.silence_dbfs is {limits.silence_dbfs:g}"
    for row in rows.index[short]:
        seconds = rows[SECONDS][row]
        reasons[row] = f"too short: {seconds:.2f} s, raw_audio.min_seconds is {limits.min_seconds:g}"
    return rows.assign(**{REASON: reasons.astype("str")})


def current_songs(rows: pd.DataFrame) -> pd.DataFrame:
    """One line a song, sorted by song_id: what its last row says, with the last good audio of any row.

    So a row without audio, or with a file that was set aside, keeps the audio of
    an earlier one; a row that says withdrawn withdraws, a later one that does not
    brings the song back.

    Parameters
    ----------
    rows
        Of all parts, judged, in order of arrival.
    """
    audio = [AUDIO, *PROBED]
    latest = rows.drop_duplicates(SONG_ID, keep="last").drop(columns=[*audio, REASON])
    latest_audio = good_rows(rows).drop_duplicates(SONG_ID, keep="last")[[SONG_ID, *audio]]
    return latest.merge(latest_audio, how="left", on=SONG_ID).sort_values(SONG_ID, ignore_index=True)


def good_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows whose file can be used."""
    return rows[rows[AUDIO].notna() & rows[REASON].isna()]


def good_files(rows: pd.DataFrame) -> pd.DataFrame:
    """Every file ever delivered that can be used, in order of arrival; a song's same content once.

    delivery, song_id, audio, audio_md5, seconds, and what `Probe` says of how it is decoded:
    decoder, damage, channel, silences.
    """
    columns = [DELIVERY, SONG_ID, AUDIO, AUDIO_MD5, SECONDS, DECODER, DAMAGE, CHANNEL, SILENCES]
    return good_rows(rows).drop_duplicates([SONG_ID, AUDIO_MD5])[columns].reset_index(drop=True)


def set_aside(rows: pd.DataFrame) -> pd.DataFrame:
    """Every delivered file that cannot be used: delivery, song_id, audio, reason."""
    return rows.loc[rows[REASON].notna(), [DELIVERY, SONG_ID, AUDIO, REASON]].reset_index(drop=True)


def too_many_bad(rows: pd.DataFrame, max_share: float) -> str | None:
    """Why the judged `rows` of one delivery are no good as a whole: too many files; None where they are not.

    The share is of rows that name a file: one that two songs name counts twice.
    """
    delivered = rows[rows[AUDIO].notna()]
    bad = delivered[delivered[REASON].notna()]
    if len(bad) <= max_share * len(delivered):
        return None
    kinds = ", ".join(f"{count} {kind}" for kind, count in count_reasons(bad[REASON]).items())
    first = "; ".join(
        f"{audio}: {reason}" for audio, reason in zip(bad[AUDIO][:3], bad[REASON], strict=False)
    )
    return (
        f"{len(bad)} of {len(delivered)} audio files cannot be used ({kinds}), "
        f"raw_audio.max_set_aside_share={max_share:g} allows {max_share:.0%}; the first: {first}"
    )


def count_reasons(reasons: Sequence[str] | pd.Series) -> dict[str, int]:
    """How many of each kind: the word before the colon."""
    kinds = sorted(str(reason).split(":")[0] for reason in reasons)
    return {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}


NEW = "new"


class FileCount(NamedTuple):
    """How many files there were, and how many of them were set aside."""

    all: int
    bad: int


def delivered_songs(raw_audio: Path, images: Path, trained: Path | None) -> pd.DataFrame:
    """The songs of the store `images`, each under the delivery that brought its sound, in order of arrival.

    Returns
    -------
    delivery, song_id, artist_id, shard, first_frame, and new: whether the store `trained` lacks that image,
    as None lacks all.
    """
    import pandas as pd

    files = pd.read_parquet(raw_audio / "files.parquet", columns=[DELIVERY, SONG_ID, AUDIO_MD5])
    current = pd.read_parquet(raw_audio / "songs.parquet", columns=[SONG_ID, ARTIST_ID, AUDIO_MD5])
    index = pd.read_parquet(images / "index.parquet", columns=[SONG_ID, SHARD, FIRST_FRAME])
    # of all files of a song the one that is its sound now
    songs = files.merge(current, on=[SONG_ID, AUDIO_MD5]).merge(index, on=SONG_ID).drop(columns=AUDIO_MD5)
    if trained is None:
        return songs.assign(**{NEW: True})
    return songs.assign(**{NEW: is_among(songs[SONG_ID], newer_images(images, trained))})


def delivered_files(raw_audio: Path, images: Path) -> dict[str, FileCount]:
    """By delivery, its files; bad ones were set aside by one stage or the other."""
    good, undecoded, failed = (
        Counter(_deliveries(path))
        for path in (
            raw_audio / "files.parquet",
            raw_audio / "set_aside.parquet",
            images / "set_aside.parquet",
        )
    )
    # `failed` have decoded: they are among the n
    return {name: FileCount(n + undecoded[name], undecoded[name] + failed[name]) for name, n in good.items()}


def _deliveries(path: Path) -> list[str]:
    import pandas as pd

    return pd.read_parquet(path, columns=[DELIVERY])[DELIVERY].tolist()
