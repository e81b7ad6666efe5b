"""Clips inside the page, as many as fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from earshot.evaluation.report.elements import data_uri, text

MEDIA_TYPES = {
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".oga": "audio/ogg",
    ".opus": "audio/ogg",
    ".flac": "audio/flac",
    ".wav": "audio/wav",
    ".m4a": "audio/mp4",
    ".mp4": "audio/mp4",
    ".aac": "audio/aac",
}
"""What a browser plays; a clip of another kind stays silent."""

MAX_BYTES = 9_000_000
"""Of audio in one page (a third more as text)."""


def choose_sounds(
    clips: Mapping[str, Path], wanted: Iterable[str], most_bytes: int = MAX_BYTES
) -> dict[str, Path]:
    """The clips of `wanted` songs, first come first served, that browsers play and that fit into the page."""
    chosen: dict[str, Path] = {}
    left = most_bytes
    for song_id in wanted:
        clip = clips.get(song_id)
        if song_id in chosen or clip is None or clip.suffix.lower() not in MEDIA_TYPES:
            continue
        if (size := clip.stat().st_size) <= left:
            chosen[song_id] = clip
            left -= size
    return chosen


def audio_elements(sounds: Mapping[str, Path]) -> str:
    """Every clip once; buttons and dots name it by its song."""
    return "\n".join(
        f'<audio preload="none" data-song="{text(song_id)}" '
        f'src="{data_uri(clip.read_bytes(), MEDIA_TYPES[clip.suffix.lower()])}"></audio>'
        for song_id, clip in sounds.items()
    )
