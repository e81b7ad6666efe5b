"""The page of what was composed: a table of the ways, and pieces to hear and to see beside a real song."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from comparison.claims import Claim
from earshot.pages.claims import draw_claims
from earshot.pages.hyper_images import hyper_image_png, in_dark
from earshot.pages.render import data_uri, number, render
from earshot.pages.results import Cell, TableRow, draw_table
from earshot.store.rows import LEVELS, ImageFormat
from earshot.store.shards import Stored
from hyper_image.judged import ALL, BOTH, IMAGE, NETWORK, OWN
from hyper_image.judges import JUDGES, STATISTICS, WORDS
from hyper_image.pieces import CONTROLS, DESCRIPTIONS, FREE, INVERTED, OF_OTHERS, PLAYED, STRETCHES

HEADINGS = {
    IMAGE: "Image, network",
    NETWORK: "Sound, network",
    WORDS: "Words",
    STATISTICS: "Statistics",
    BOTH: "Both",
    ALL: "All three",
    OWN: "Of its own",
}
HEARD = {
    INVERTED: "real song, inverted",
    FREE: "free levels",
    STRETCHES: "stretches",
    OF_OTHERS: "of others alone",
    PLAYED: "played",
}
"""Ways whose pieces are to be heard, the control first."""
SEEN = (INVERTED, FREE, STRETCHES)
"""Those whose images are to be seen, of the first labels."""
LABELS_SEEN = 3


@dataclass(frozen=True)
class ShownPiece:
    """A piece of a way: the wanted label, whether both judges call it so, its MP3, a PNG of how it is heard.

    Either is empty where it is not to be heard or seen.
    """

    way: str
    label: str
    both: bool
    sound: bytes
    picture: bytes


def picture_of(image: Stored, image_format: ImageFormat) -> bytes:
    """A hyper-image as it is stored, (n_frames, n_rows), as PNG."""
    levels = np.ascontiguousarray(image.T, dtype=np.float32) / np.float32(LEVELS)
    return hyper_image_png(levels, image_format.rows, image_format.frames_per_second)


def draw_page(
    metrics: Mapping[str, Any],
    claims: Sequence[Claim],
    shown: Sequence[ShownPiece],
    word: str,
    foot: str = "",
) -> str:
    """One HTML document that loads nothing; `metrics` as in metrics.json, `foot` is drawn below."""
    pieces = {(piece.label, piece.way): piece for piece in shown if piece.sound}
    ways = [way for way in HEARD if any(way == piece.way for piece in shown)]
    labels = metrics["labels"]
    return render(
        "composing.html",
        Path(__file__).parent,
        foot=foot,
        word=word,
        found=metrics["ways"],
        chance=metrics["chance"],
        left_out=metrics["left_out"],
        stretches=STRETCHES,
        free=FREE,
        inverted=INVERTED,
        claims=draw_claims([vars(claim) for claim in claims]),
        table=_table(metrics["ways"]),
        headings=[HEARD[way] for way in ways],
        judges=JUDGES,
        rows=[(label, [_heard(pieces.get((label, way)), label, way) for way in ways]) for label in labels],
        pictures=[picture for label in labels for picture in _pictures(pieces, label)],
    )


def _table(ways: Mapping[str, Any]) -> Markup:
    rows = [
        TableRow(
            way,
            [_cell(found, name, heading) for name, heading in HEADINGS.items()],
            [DESCRIPTIONS[way], f"{found['pieces']} pieces" + (", a control" if way in CONTROLS else "")],
            stands_out=way == STRETCHES,
        )
        for way, found in ways.items()
    ]
    return draw_table(["Way", *HEADINGS.values()], rows)


def _cell(found: Mapping[str, Any], name: str, heading: str) -> Cell:
    words = [number(found[name], 2)]
    if name == BOTH:
        low, high = found["both_ci95"]
        words.append(f"{number(low, 2)} to {number(high, 2)}")
    return Cell(heading, words=words)


def _heard(piece: ShownPiece | None, label: str, way: str) -> dict[str, Any] | None:
    if piece is None:
        return None
    key = f"{label}/{way}"
    return {
        "key": key,
        "both": piece.both,
        "title": f"{label}, {HEARD[way]}",
        "sound": data_uri(piece.sound, "audio/mpeg"),
    }


def _pictures(pieces: Mapping[tuple[str, str], ShownPiece], label: str) -> list[tuple[str, bytes, bytes]]:
    """Title and picture, for light and for dark screens, of what is to be seen of a label."""
    there = [piece for way in SEEN if (piece := pieces.get((label, way))) is not None and piece.picture]
    return [(f"{label}, {HEARD[each.way]}", each.picture, in_dark(each.picture)) for each in there]
