"""Claims: a new song costs at most 1 s, and the same in a catalogue of 1,000 songs and of 100,000.

    python benchmarks/onboarding.py [SONGS] [ROUNDS]

`earshot onboard DELIVERY` as a person types it, DVC included, in two clones that serve the same model:
one with the embedded catalogue (1,000 songs), one with as many deliveries of 1,000 songs after it as
SONGS takes (noise of a second and a half in bands of its own, twenty plays a song by the same
listeners). Each round both take in ten new songs, then thirty, in turn; every delivery is new.

catalogue_ratio is the time of ten songs in the large catalogue over that in the small one;
seconds_per_song and seconds_fixed are slope and rest of the line through ten and thirty songs, in the
small one. Wall-clock seconds, medians over ROUNDS. Between the rounds nothing is put back: the
catalogues grow by forty songs a round.

The last line is JSON: songs, rounds, seconds_small, seconds_large, seconds_per_song, seconds_fixed,
catalogue_ratio.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
from turns import median_seconds, timed

from earshot.processes import progress

PROJECT = Path(__file__).parents[1]
RATE = 22_050
A_DELIVERY = 1_000
FEW, MORE = 10, 30
PLAYS_A_SONG = 20


def main(songs: int = 100_000, rounds: int = 3) -> None:
    """Make the two catalogues, onboard, print."""
    with tempfile.TemporaryDirectory() as folder:
        small, large, demo = Path(folder, "small"), Path(folder, "large"), Path(folder, "demo")
        make_small(small, demo)
        shutil.copytree(small, large, symlinks=True)
        grow(large, songs, Path(folder))
        fresh = deliveries(demo / "new-songs", Path(folder, "fresh"))
        ways = {
            (root.name, n): partial(onboard, root, fresh, n) for n in (FEW, MORE) for root in (small, large)
        }
        seconds = median_seconds(ways, rounds)
    few, more, many = seconds["small", FEW], seconds["small", MORE], seconds["large", FEW]
    a_song = (more - few) / (MORE - FEW)
    measured = {"seconds_small": few, "seconds_large": many, "seconds_per_song": a_song}
    measured |= {"seconds_fixed": few - FEW * a_song, "catalogue_ratio": many / few}
    print(
        json.dumps(
            {"songs": songs, "rounds": rounds} | {name: round(value, 3) for name, value in measured.items()}
        )
    )


def make_small(root: Path, demo: Path) -> None:
    """A clone that serves a model of the embedded catalogue, trained for an epoch or two."""
    subprocess.run(["git", "clone", "--quiet", str(PROJECT), str(root)], check=True)
    params = (root / "params.yaml").read_text()
    few = re.sub(r"max_epochs: \d+", "max_epochs: 4", params)
    (root / "params.yaml").write_text(re.sub(r"min_steps: \d+", "min_steps: 0", few))
    run(root, "earshot", "demo", str(demo))
    run(root, "earshot", "ingest", str(demo / "catalogue"))
    run(root, "dvc", "repro", "--quiet")
    if json.loads((root / "releases" / "current.json").read_text())["release"] is None:
        raise SystemExit("the model was refused: nothing is served")


def grow(root: Path, songs: int, folder: Path) -> None:
    """Deliver look-alikes until there are `songs`; then catalogue and serving lanes once."""
    there = len(pd.read_parquet(root / "data" / "raw_audio" / "songs.parquet"))
    listeners = pd.read_parquet(root / "data" / "play_counts" / "users.parquet")["user_id"].to_numpy()
    firsts = range(there, songs, A_DELIVERY)
    for first in progress(firsts, description="Delivering look-alikes", unit="thousand songs"):
        delivery = folder / f"look-alike-{first}"
        write_look_alike(delivery, first, min(A_DELIVERY, songs - first), listeners)
        run(root, "earshot", "ingest", str(delivery))
        shutil.rmtree(delivery)
    run(root, "earshot", "onboard")


def write_look_alike(folder: Path, first: int, n_songs: int, listeners: np.ndarray) -> None:
    """A delivery of songs numbered from `first`: sound and plays drawn at random."""
    (folder / "audio").mkdir(parents=True)
    draw = np.random.default_rng(first)
    ids = [f"look-alike-{number:06d}" for number in range(first, first + n_songs)]
    for song_id in ids:
        soundfile.write(folder / "audio" / f"{song_id}.wav", noise(draw), RATE, subtype="PCM_16")
    songs = {"song_id": ids, "artist_id": [f"artist-{n // 10}" for n in range(first, first + n_songs)]}
    songs["audio"] = [f"audio/{song_id}.wav" for song_id in ids]
    pd.DataFrame(songs).to_csv(folder / "songs.csv", index=False)
    plays = {
        "user_id": draw.choice(listeners, n_songs * PLAYS_A_SONG),
        "song_id": np.repeat(ids, PLAYS_A_SONG),
    }
    pd.DataFrame(plays).to_csv(folder / "plays.csv", index=False)


def noise(draw: np.random.Generator) -> np.ndarray:
    """A second and a half of noise, each band as loud as chance has it."""
    spectrum = np.fft.rfft(draw.normal(0, 0.05, RATE * 3 // 2))
    bands = np.repeat(draw.random(32), -(-len(spectrum) // 32))[: len(spectrum)]
    return np.fft.irfft(spectrum * bands)


def deliveries(source: Path, folder: Path) -> Iterator[Path]:
    """An empty folder for the next delivery, again and again; `source` has the songs."""
    for number in range(sys.maxsize):
        delivery = folder / f"new-{number}"
        shutil.copytree(source, delivery)
        yield delivery


def onboard(root: Path, fresh: Iterator[Path], n_songs: int) -> float:
    """Seconds of taking in the first `n_songs` of the next delivery, under ids of its own."""
    delivery = next(fresh)
    songs = pd.read_csv(delivery / "songs.csv", dtype=str).head(n_songs)
    songs["song_id"] = [f"{delivery.name}-{song_id}" for song_id in songs["song_id"]]
    songs.to_csv(delivery / "songs.csv", index=False)
    for path in (delivery / "audio").iterdir():
        if f"audio/{path.name}" not in set(songs["audio"]):
            path.unlink()
    seconds = timed(time.perf_counter, run, root, "earshot", "onboard", str(delivery))
    listed = pd.read_parquet(root / "data" / "served_factors" / "items.parquet")["song_id"]
    if not set(songs["song_id"]) <= set(listed):
        raise SystemExit(f"{root.name}: {delivery.name} is not served")
    shutil.rmtree(delivery)
    return seconds


def run(root: Path, *command: str) -> None:
    """A command in the clone `root`."""
    if command[0] == "earshot":
        command = ("python", "-m", *command)
    environment = os.environ | {
        "PYTHONPATH": "src",
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "WANDB_MODE": "disabled",
    }
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{root.name}: {' '.join(command)}: {done.stdout}{done.stderr}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
