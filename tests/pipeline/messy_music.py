"""A folder of music as people have them, and what was listened to in it; made by the program.

    python -m tests.pipeline.messy_music FOLDER [SONGS [LISTENERS]]

writes FOLDER/music and FOLDER/listens.jsonl, of as many listeners.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import av
import numpy as np

from earshot.columns import PLAY_COUNT, SONG_ID, USER_ID
from earshot.datasets.embedded.catalogue import MadeSong, catalogue_songs, play_table
from earshot.datasets.embedded.instruments import SAMPLE_RATE
from earshot.datasets.embedded.names import artist_name, title
from earshot.datasets.embedded.synthesis import render
from earshot.executors import parallel_map

_FORMATS = {
    ".mp3": ("mp3", "libmp3lame"),
    ".flac": ("flac", "flac"),
    ".m4a": ("ipod", "aac"),
    ".opus": ("ogg", "libopus"),
    ".wav": ("wav", "pcm_s16le"),
}
_RATE = 48_000
_FIRST_PLAY = 1_600_000_000


def write_messy_folder(folder: Path, n_songs: int = 60) -> list[MadeSong]:
    """Write music in five formats, some of it without tags, twice, cut short or no music at all.

    Artist and title of each song stand in its tags or in its path; genres in some tags.

    Returns
    -------
    The songs, without those that are in the folder twice.
    """
    songs = catalogue_songs(n_songs)
    for _ in parallel_map(partial(_write, folder), songs, description="Rendering songs", unit="songs"):
        pass
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    (folder / "to sort").mkdir()
    for number, path in enumerate(files[:: max(1, n_songs // 5)]):
        shutil.copy(path, folder / "to sort" / f"copy {number}{path.suffix}")  # the same bytes once more
    whole = files[1].read_bytes()
    (folder / "to sort" / f"download{files[1].suffix}").write_bytes(whole[: len(whole) // 20])
    (folder / "to sort" / "not music.mp3").write_text("<html>404</html>")
    (folder / "to sort" / "empty.flac").touch()
    (folder / "cover.jpg").write_bytes(b"\xff\xd8\xff")
    (folder / "notes.txt").write_text("to buy\n")
    return songs


def write_listens(file: Path, songs: Sequence[MadeSong], n_listeners: int) -> None:
    """What listeners of the embedded catalogue play of `songs`, as lines of ListenBrainz's."""
    numbers = {song.song_id: song.number for song in songs}
    artists = {song.song_id: song.artist.number for song in songs}
    with file.open("w", encoding="utf-8") as lines:
        for row in play_table(songs, n_listeners).to_dict("records"):
            song = row[SONG_ID]
            track = {"artist_name": artist_name(artists[song]), "track_name": title(numbers[song])}
            for n in range(row[PLAY_COUNT]):
                listen = {
                    "user_name": row[USER_ID],
                    "listened_at": _FIRST_PLAY + 3600 * n,
                    "track_metadata": track,
                }
                lines.write(json.dumps(listen) + "\n")


def _write(folder: Path, song: MadeSong) -> None:
    artist, name, kind = artist_name(song.artist.number), title(song.number), song.number % 6
    genre = song.artist.style.genre
    tags = {"artist": artist, "title": name}
    path, said = (
        (f"{artist}/01 - {name}.mp3", {**tags, "genre": genre}),
        (f"{genre}/{artist}/Best of/track{song.number:02d} (final) [HQ].flac", tags),
        (f"Downloads/{artist} - {name}.m4a", {}),
        (f"{artist}/Ünïcode & co/{name.upper()}!!.opus", {**tags, "genre": genre.upper()}),
        (f"{artist}/Live/{song.number % 30 + 1:02d} {name}.wav", {}),
        (f"{artist}/{name}.mp3", {"title": name, "genre": f"{genre};Other"}),
    )[kind]
    _encode(folder / path, render(song.number, song.traits), said)


def _encode(path: Path, samples: np.ndarray, tags: dict[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    form, codec = _FORMATS[path.suffix]
    with av.open(str(path), "w", format=form) as container:
        container.metadata.update(tags)
        stream = container.add_stream(codec, rate=_RATE)
        stream.layout = "mono"
        sound = np.ascontiguousarray(samples[None].astype(np.float32))
        frame = av.AudioFrame.from_ndarray(sound, format="fltp", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        fitting = av.AudioResampler(
            format=stream.codec_context.format.name,
            layout="mono",
            rate=_RATE,
            frame_size=stream.codec_context.frame_size or 1024,
        )
        for part in [*fitting.resample(frame), *fitting.resample(None), None]:
            for packet in stream.encode(part):
                container.mux(packet)


if __name__ == "__main__":
    place, n_songs, n_listeners = Path(sys.argv[1]), *map(int, [*sys.argv[2:4], "60", "1"][:2])
    if len(sys.argv) == 3:
        n_listeners = 1
    write_listens(place / "listens.jsonl", write_messy_folder(place / "music", n_songs), n_listeners)
