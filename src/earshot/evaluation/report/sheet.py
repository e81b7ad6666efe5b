"""From sound to image: the sheet of one song (`earshot.audio.song_sheet`), row by row."""

from __future__ import annotations

from earshot.evaluation.report.elements import data_uri, text
from earshot.evaluation.report.songs import Song

ROWS = {
    "Waveform": "The sound itself: the swing of the membrane over time.",
    "Power spectrum": "How strong each frequency is at each moment; on the logarithmic axis every octave "
    "has the same room, as in the ear.",
    "Constant-Q": "The same with filters that widen with their pitch, so that notes lie evenly spaced.",
    "Chroma": "The twelve pitch classes, whatever their octave: the harmony. Grey is silence.",
    "Tempogram": "The tempi at which a passage repeats itself, a tempo and its double being one.",
    "Log mel": "Power in bands as wide as hearing is coarse.",
    "MFCC": "The outline of the mel bands in a few numbers, the timbre; Δ and ΔΔ are how it changes.",
    "Contrast": "How far peaks stand above valleys, octave by octave: tone against noise.",
    "Tonnetz": "The harmony as a point on the circles of fifths, minor and major thirds.",
    "Hyper-image": "The rows of the six before it and of the changes of MFCC, each on a scale that is the "
    "same for every song.",
}


def draw_sheet(song: Song, sheet: bytes) -> str:
    """The sheet (PNG) of `song`, folded, with a sentence a row."""
    rows = "".join(f"<dt>{text(name)}</dt><dd>{text(said)}</dd>" for name, said in ROWS.items())
    return (
        f"<details><summary>{text(song.title)}, step by step</summary>"
        f'<dl class="steps">{rows}</dl><div class="seen">'
        f'<img alt="Sheet of {text(song.title)}" src="{data_uri(sheet, "image/png")}"></div></details>'
    )
