"""Whether plays, sound and vectors of a delivery can be used, judged before they are taken in."""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from earshot.audio.probing import intake_journal, probe_all
from earshot.catalogue.songs import judge, too_many_bad, with_probes
from earshot.columns import AUDIO, COLUMN, FILE, PLAYED_AT, REASON, ROW, SONG_ID, VALUE
from earshot.deliveries.check import RefusedDelivery
from earshot.deliveries.index import read_lines
from earshot.deliveries.reading import first_named, play_files, read_plays, read_song_ids, read_songs
from earshot.deliveries.tables import refuse_open_quotes
from earshot.errors import UserError
from earshot.features.families import ChecksDeliveries, SongSource, file_in, load_family
from earshot.files import read_batches
from earshot.params import PlayCountSettings, load_params
from earshot.validation.arrivals import read_ids
from earshot.validation.merging import Share, invalid_share, unknown_share
from earshot.validation.parts import INVALID_FILE, ITEMS_FILE, write_part
from earshot.validation.plain_suite import PlainSuite
from earshot.validation.plays import delivered_row_checks

if TYPE_CHECKING:
    import pandas as pd


_EXAMPLES = 3
_MOST_INVALID = 1_000_000


def check_plays(folder: Path, copy: Path, root: Path) -> str:
    """Judge the plays of the delivery `folder` in its `copy`, as the stage judges each delivery, alone.

    No more is read once a million rows are invalid and their share of those read is more than
    half, and more than is allowed.

    A song is known where this delivery names it, or one that was taken in. Plays of other songs
    wait until a delivery names them.

    Returns
    -------
    How many plays wait, for people; "" where none does.

    Raises
    ------
    Refused
        A table that cannot be read to its end, or a quote in it that is never closed. More of its rows
        than `play_counts.max_invalid_share` are invalid, or more of the valid ones than `max_unknown_share`
        say `12.0` of a song `12`, or the other way: how many, and the first of them.
    UserError
        params.yaml is wrong.
    """
    if not play_files(copy):
        return ""
    params = load_params(root / "params.yaml").play_counts
    part = copy.parent / "plays"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    try:
        suite = PlainSuite(delivered_row_checks(params.max_play_count))
        write_part(part, folder.name, _chunks(folder, copy, params), suite, partial(_hopeless, params))
        problem = _too_many_invalid(part, params)
        if not problem:
            songs = set(read_ids(part / ITEMS_FILE, SONG_ID))
            known = _known(songs | set(map(_respelled, songs)), copy, root)
            problem = _too_many_misspelled(part, songs, known, params)
            waiting, examples = unknown_share("", part, known)
    finally:
        shutil.rmtree(part)
    if problem:
        raise RefusedDelivery(f"{folder}: {problem}")
    if not waiting.bad:
        return ""
    shown = ", ".join(f"{SONG_ID}={song[:80]!r}" for song in examples[:_EXAMPLES])
    return f"{waiting.bad:,} of {waiting.rows:,} rows of plays wait for their song: {shown}"


def _hopeless(params: PlayCountSettings, bad: int, rows: int) -> bool:
    """Whether to read no more: each invalid row costs time, and 600 MB of text hold 150 million.

    Rows that would follow might lower the share of the invalid ones again; that is not waited for.
    """
    return bad >= _MOST_INVALID and bad > max(0.5, params.max_invalid_share) * rows


def _chunks(folder: Path, copy: Path, params: PlayCountSettings) -> Iterator[tuple[str, pd.DataFrame]]:
    for path in play_files(copy):
        try:
            refuse_open_quotes(path)
            for rows in read_plays(path, params.chunk_rows):
                yield path.name, rows
        except UserError as error:
            raise RefusedDelivery(str(error).replace(str(copy), str(folder))) from None


def _too_many_invalid(part: Path, params: PlayCountSettings) -> str:
    share = invalid_share("", part)
    if share.value <= params.max_invalid_share:
        return ""
    first = next(read_batches(part / INVALID_FILE, rows=_EXAMPLES)).to_pylist()
    shown = "; ".join(
        f"{row[FILE]}: row {row[ROW]}: {row[COLUMN]}={row[VALUE][:80]!r}: {_reason(row)}" for row in first
    )
    what = "rows of plays are invalid"
    if _hopeless(params, share.bad, share.rows):
        what += " (no more were read)"
    return _says(share, what, "max_invalid_share", params.max_invalid_share, shown)


def _reason(row: dict[str, str]) -> str:
    if row[COLUMN] == PLAYED_AT and re.fullmatch(r"[0-9]{12,14}", row[VALUE]):
        return f"looks like milliseconds; {row[REASON]}"
    return row[REASON]


def _known(songs: Collection[str], copy: Path, root: Path) -> set[str]:
    import pandas as pd

    deliveries = root / "data" / "deliveries"
    taken_in = (deliveries / line.name for line in read_lines(deliveries) if not line.withdrawn)
    asked = pd.Series(sorted(songs), dtype=str)
    return set(asked[first_named(asked, [copy, *filter(Path.is_dir, taken_in)]) >= 0])


def _respelled(song: str) -> str:
    """As a table of floats would say it, or would have been told."""
    return song.removesuffix(".0") if song.endswith(".0") else f"{song}.0"


def _too_many_misspelled(
    part: Path, songs: Collection[str], known: set[str], params: PlayCountSettings
) -> str:
    misspelled = {song for song in songs if song not in known and _respelled(song) in known}
    if not misspelled:
        return ""
    share, examples = unknown_share("", part, set(songs) - misspelled)
    if share.value <= params.max_unknown_share:
        return ""
    shown = ", ".join(
        f"{SONG_ID}={song[:80]!r} (there is a song {_respelled(song)[:80]!r})"
        for song in examples[:_EXAMPLES]
    )
    what = "valid rows of plays are of songs that no delivery names so"
    return _says(share, what, "max_unknown_share", params.max_unknown_share, shown)


def _says(share: Share, what: str, name: str, most: float, shown: str) -> str:
    return (
        f"{share.bad:,} of {share.rows:,} {what}, play_counts.{name}={most:g} allows {most:.0%}; "
        f"the first: {shown}"
    )


def check_vectors(folder: Path, copy: Path, root: Path) -> None:
    """Have the families of params.yaml that read files of a delivery look at those in the `copy` of `folder`.

    Raises
    ------
    Refused
        A file that a family cannot use: the stage would stop at it, and all other deliveries with it.
    UserError
        params.yaml is wrong.
    """
    settings = load_params(root / "params.yaml").hyper_images
    for family in map(load_family, settings.families):
        if isinstance(family, ChecksDeliveries):
            delivery = SongSource(file=partial(file_in, copy), song_ids=partial(read_song_ids, copy))
            try:
                family.check(delivery)
            except UserError as error:
                raise RefusedDelivery(str(error).replace(str(copy), str(folder))) from None


def check_sound(folder: Path, copy: Path, root: Path, md5: str) -> None:
    """Probe the audio files of the delivery `folder`, of content `md5`, in its `copy`.

    What is found stays in `intake_journal`: the stage does not probe them again,
    nor does the next ingest of the same content after a kill.

    Raises
    ------
    Refused
        More of its files than `raw_audio.max_set_aside_share` cannot be used, how
        many, and the first of them. The stage would stop at it, and all others with it.
    UserError
        params.yaml is wrong.
    """
    songs = read_songs(copy)
    if not songs[AUDIO].any():
        return
    limits = load_params(root / "params.yaml").raw_audio
    journal = intake_journal(root, md5)
    probes = probe_all(copy, filter(None, songs[AUDIO]), journal, {}, "Listening")
    problem = too_many_bad(judge(with_probes(songs, probes), limits), limits.max_set_aside_share)
    if problem is not None:
        journal.unlink()
        raise RefusedDelivery(f"{folder}: {problem}")
