"""Claim: what the network predicts for a song does not hang on the channel that the song came through.

    python benchmarks/elsewhere.py [WORKSPACE] [SONGS]

WORKSPACE (.) is one in which everything ran on the embedded catalogue. Its cold songs (the first SONGS
of them, or all) are made anew in the forms of `FORMS` and heard by the encoder in data/cnn_checkpoint,
beside the songs as they are. Beside them, sounds that are no music; they are put among all songs
that are served, and every listener's ten best are counted.

A line for every form: cosine between a song's predictions (median and 5 % quantile), AUC lost against the
songs as they are with its paired 95 % interval over artists, and the share of songs told to be unlike
those trained on. A line for every kind of other sound: norms before and after shrinking, in lengths of
the longest prediction of a song trained on, and its share of all places by its share in number.

The last line is JSON: songs, other_songs_cosine (the control: of different songs), median_cosine and
low_cosine (of the worst form that must hold), auc_lost_64k (mp3 at 64 kbit/s), auc_lost (of the worst
form that must hold), shrunk (share of all songs in forms), worst_norm_ratio (after shrinking),
worst_share_ratio, by_form, by_sound.
"""

from __future__ import annotations

import json
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import soundfile
from forms import WAVE, Samples, Write, changed, encoded, louder, low_pass, tilt
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from earshot.audio.probing import probe
from earshot.columns import FIRST_FRAME, N_FRAMES, SHARD, SONG_ID, USER_ID
from earshot.datasets.embedded.instruments import SAMPLE_RATE
from earshot.evaluation.cold_start import ColdStart, read_cold_start, read_vectors
from earshot.evaluation.protocol import Result, System, difference, evaluate
from earshot.executors import parallel_map
from earshot.extraction.images import extract_image
from earshot.features.hyper_image import excerpt_of, format_of
from earshot.params import HyperImages, load_params
from earshot.predictors.load import hear, load_encoder
from earshot.predictors.song_encoder import SongEncoder
from earshot.store.reader import HyperImageStore, write_store
from earshot.store.shards import write_shard

Vectors = NDArray[np.float32]

MUST_HOLD: dict[str, Write] = {
    "mp3 320": encoded("libmp3lame", 320, 44100),
    "mp3 128": encoded("libmp3lame", 128, 44100),
    "mp3 64": encoded("libmp3lame", 64),
    "+12 dB": louder(12),
    "-12 dB": louder(-12),
    "wave": WAVE,
    "from 0.5 s on": changed(lambda samples: samples[SAMPLE_RATE // 2 :]),
    "0.51 s later": changed(lambda samples: np.pad(samples, (round(0.51 * SAMPLE_RATE), 0))),
    "low-pass 11 kHz": low_pass(10_999),
}
FORMS = MUST_HOLD | {
    "mp3 32": encoded("libmp3lame", 32),
    "mp3 16 kHz": encoded("libmp3lame", 32, 16000),
    "mp3 11 kHz": encoded("libmp3lame", 24, 11025),
    "low-pass 8 kHz": low_pass(8000),
    "low-pass 3.5 kHz": low_pass(3500),
    "equalized": changed(tilt),
    "+12 dB, cut off": changed(lambda samples: 4 * samples),
}
TIME = np.arange(10 * SAMPLE_RATE) / SAMPLE_RATE


def main(workspace: str = ".", n_songs: int = 0) -> None:
    """Make, hear, compare, print."""
    data, settings = Path(workspace) / "data", load_params(Path(workspace) / "params.yaml").hyper_images
    encoder, cold = load_encoder(data / "cnn_checkpoint"), read_cold_start(data / "training_set")
    if n_songs:
        cold = cold.only(np.arange(len(cold.song_ids)) < n_songs)
    audio = pd.read_parquet(data / "raw_audio" / "songs.parquet").set_index(SONG_ID)["audio"]
    paths = [Path(workspace) / audio[song] for song in cold.song_ids]
    as_they_are, _ = heard(encoder, images("as they are", None, paths, settings), settings)
    judged = judge(data, cold, as_they_are)
    by_form = {}
    for form in FORMS:
        vectors, unlike = heard(encoder, images(form, form, paths, settings), settings)
        by_form[form] = compared(as_they_are, vectors) | {"shrunk": float((unlike > 1).mean())}
        lost = difference(judged, judge(data, cold, vectors), "auc")
        by_form[form] |= {"auc_lost": lost.value, "auc_lost_ci95": [lost.low, lost.high]}
        print(form, json.dumps(rounded(by_form[form])), flush=True)
    by_sound = no_music(data, encoder, settings)
    holding = [by_form[form] for form in MUST_HOLD]
    result = {
        "songs": len(paths),
        "other_songs_cosine": compared(as_they_are, np.roll(as_they_are, 1, axis=0))["median_cosine"],
        "median_cosine": min(form["median_cosine"] for form in holding),
        "low_cosine": min(form["low_cosine"] for form in holding),
        "auc_lost_64k": by_form["mp3 64"]["auc_lost"],
        "auc_lost": max(form["auc_lost"] for form in holding),
        "shrunk": float(np.mean([form["shrunk"] for form in by_form.values()])),
        "worst_norm_ratio": max(sound["norm_after"] for sound in by_sound.values()),
        "worst_share_ratio": max(sound["share_ratio"] for sound in by_sound.values()),
    }
    print(json.dumps(rounded(result | {"by_form": by_form, "by_sound": by_sound})))


def images(
    description: str, form: str | None, paths: list[Path], settings: HyperImages
) -> list[NDArray[np.uint8]]:
    """Hyper-image of each song, from the file as it is (None) or made anew in a form."""
    made = parallel_map(partial(_image, form, settings), paths, description=description, unit="songs")
    return list(made)


def _image(form: str | None, settings: HyperImages, path: Path) -> NDArray[np.uint8]:
    if form is None:
        return _extracted(path, settings)
    samples, rate = soundfile.read(path, dtype="float32")
    if rate != SAMPLE_RATE or samples.ndim > 1:
        raise SystemExit(f"{path}: wanted mono at {SAMPLE_RATE} Hz, as the embedded catalogue is")
    with tempfile.TemporaryDirectory() as folder:
        FORMS[form](Path(folder) / "file", samples)
        return _extracted(Path(folder) / "file", settings)


def _extracted(path: Path, settings: HyperImages) -> NDArray[np.uint8]:
    found = probe(path)
    image = found.reason or extract_image(excerpt_of(path, found, settings), settings)
    if isinstance(image, str):
        raise SystemExit(f"{path}: {image}")
    return image


def heard(
    encoder: SongEncoder, made: list[NDArray[np.uint8]], settings: HyperImages
) -> tuple[Vectors, NDArray[np.float32]]:
    """Predictions (n, factors), and how far outside of what was trained on each song is (n,)."""
    with tempfile.TemporaryDirectory() as place:
        folder, lengths = Path(place), [len(image) for image in made]
        (folder / "shards").mkdir()
        write_shard(folder / "shards" / "one.npy", made, made[0].shape[1])
        songs = pd.DataFrame({SONG_ID: [f"{n:06}" for n in range(len(made))], SHARD: "one"})
        songs[FIRST_FRAME] = np.cumsum(lengths) - lengths
        write_store(folder, format_of(settings), songs.assign(**{N_FRAMES: lengths}))
        found = hear(encoder, HyperImageStore.open(folder), range(len(made)))
        return found.vectors, found.unlike


def judge(data: Path, cold: ColdStart, items: Vectors) -> Result:
    """How predictions of the cold songs rank them for the listeners they were played by."""
    user_ids = pd.read_parquet(data / "training_set" / "users.parquet")[USER_ID]
    wmf = data / "wmf_factors"
    users = read_vectors(wmf / "user_factors.npy", wmf / "users.parquet", USER_ID, user_ids)
    return evaluate(System(users, items), cold)


def compared(ones: Vectors, others: Vectors) -> dict[str, Any]:
    lengths = np.linalg.norm(ones, axis=1) * np.linalg.norm(others, axis=1)
    cosines = (ones * others).sum(axis=1) / lengths
    return {"median_cosine": float(np.median(cosines)), "low_cosine": float(np.quantile(cosines, 0.05))}


def no_music(data: Path, encoder: SongEncoder, settings: HyperImages) -> dict[str, dict[str, float]]:
    """What becomes of sounds that are none, by kind."""
    served = data / "served_factors"
    users, songs = (np.load(served / f"{name}_factors.npy") for name in ("user", "item"))
    told = {}
    for kind, sounds in other_sounds().items():
        made = []
        with tempfile.TemporaryDirectory() as folder:
            for samples in sounds:
                WAVE(Path(folder) / "file", samples.astype(np.float32))
                made.append(_extracted(Path(folder) / "file", settings))
        after, unlike = heard(encoder, made, settings)
        familiar, encoder.familiar = encoder.familiar, None
        before, _ = heard(encoder, made, settings)
        encoder.familiar = familiar
        scores = users @ np.concatenate([songs, after]).T
        places = np.argpartition(-scores, 10, axis=1)[:, :10] >= len(songs)
        longest = familiar.longest if familiar else float(np.linalg.norm(songs, axis=1).max())
        told[kind] = {
            "norm_before": float(np.linalg.norm(before, axis=1).max()) / longest,
            "norm_after": float(np.linalg.norm(after, axis=1).max()) / longest,
            "least_unlike": float(unlike.min()),
            "share_ratio": float(places.mean()) * (len(songs) + len(made)) / len(made),
        }
        print(kind, json.dumps(rounded(told[kind])), flush=True)
    return told


def other_sounds() -> dict[str, list[Samples]]:
    """Ten seconds each, some of every kind."""
    rng = np.random.default_rng(0)
    return {
        "white noise": [level * rng.standard_normal(len(TIME)) for level in (0.02, 0.1, 0.3)],
        "siren": [_siren(turns) for turns in (0.3, 1, 4)],
        "clicks in silence": [_clicks(a_second) for a_second in (1, 3, 8)],
        "speech": [_speech(rng) for _ in range(3)],
    }


def _siren(turns: float) -> Samples:
    pitch = 900 + 500 * np.sin(2 * np.pi * turns * TIME)
    return 0.5 * np.sin(2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE)


def _clicks(a_second: int) -> Samples:
    return np.where(np.arange(len(TIME)) % (SAMPLE_RATE // a_second) == 7, 0.8, 0.0)


def _speech(rng: np.random.Generator) -> Samples:
    """Glottal pulses of a wandering pitch through three formants, in syllables and pauses."""
    pitch = 120 + 30 * np.sin(np.pi * TIME) + rng.standard_normal(len(TIME)).cumsum() / 30
    pulses = (np.sin(2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE) > 0.9).astype(float)
    voice = np.zeros_like(TIME)
    for formant in (500, 1500, 2500):
        band = butter(2, [formant * 0.85, formant * 1.15], "bandpass", fs=SAMPLE_RATE, output="sos")
        voice += sosfilt(band, pulses)
    spoken = np.sin(2 * np.pi * 3.5 * TIME + 6 * rng.random()) > -0.3
    voice *= spoken & (np.sin(2 * np.pi * 0.7 * TIME) > -0.8)
    return 0.5 * voice / np.abs(voice).max()


def rounded(value: Any) -> Any:
    """To four digits, however deep; what is not finite as None."""
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [rounded(each) for each in value]
    if isinstance(value, float):
        return round(value, 4) if np.isfinite(value) else None
    return value


if __name__ == "__main__":
    main(*sys.argv[1:2], *map(int, sys.argv[2:3]))
