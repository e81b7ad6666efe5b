"""Plays in tables that name songs as people do: by artist and title, some by a MusicBrainz id too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from earshot.columns import ARTIST, PLAY_COUNT, PLAYED_AT, RECORDING_MBID, TITLE, USER_ID
from earshot.datasets.importing.delimited import Layout
from earshot.datasets.importing.drafts import SetAside
from earshot.datasets.importing.rows import Column, read_rows
from earshot.datasets.importing.sources import SourceFile
from earshot.datasets.matching import Play


def read_named_plays(
    file: SourceFile, columns: Mapping[str, Column], layout: Layout, user: str, set_aside: SetAside
) -> Iterator[Play]:
    """The good rows of a table as plays.

    Parameters
    ----------
    columns
        Those of user_id, artist, title, recording_mbid, played_at and play_count that the table has.
    user
        Who listened, where it has no user_id.

    Raises
    ------
    UserError
        As `read_rows`.
    """
    for _, rows in read_rows(file, list(columns.values()), layout, set_aside):
        texts = [values.to_pylist() for values in rows.columns]
        for values in zip(*texts, strict=True):
            said = dict(zip(columns, values, strict=True))
            mbid = said.get(RECORDING_MBID, "")
            yield Play(
                said.get(USER_ID, user),
                said.get(ARTIST, ""),
                said.get(TITLE, ""),
                said.get(PLAYED_AT, ""),
                int(float(said.get(PLAY_COUNT, "1"))),
                (mbid,) if mbid else (),
            )
