"""Claims: a frozen encoder hears a song once, for some hyper-images' worth; an onboarding hardly notices.

    earshot features musicnn && python benchmarks/frozen.py [CLIPS] [ROUNDS] [ONBOARDINGS]

Clips of 29 s, stereo, 44.1 kHz, mp3 at 256 kbit/s, rendered here. Each way has a long-lived process of
one thread to itself, which treats memory as earshot's workers do; they take turns, all clips a round; CPU
time, from the file to what is stored:

- image: the hyper-image;
- samples: the sound itself (`families/samples.py`), which is decoding and little else;
- musicnn: MusiCNN's vector (`families/musicnn.py`), of weights in `pretrained/`.

The peak is the largest memory that a way's process ever had.

With ONBOARDINGS, `earshot onboard` of ten new songs as in benchmarks/onboarding.py, in two clones with the
embedded catalogue that serve the same model, one of which stores MusiCNN's vectors too: wall-clock seconds,
medians of so many rounds, in turn. This takes a quarter of an hour.

The last line is JSON: clips, rounds, image_ms, samples_ms, musicnn_ms (a clip), x_samples and x_musicnn (the
way / the image), image_peak_mb, samples_peak_mb, musicnn_peak_mb; with ONBOARDINGS also onboarding_seconds,
onboarding_musicnn_seconds, onboarding_ratio.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from functools import partial
from multiprocessing import get_context
from pathlib import Path

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

from clips import write_clip
from turns import median_seconds, timed

from earshot.classes import Component
from earshot.extraction.beside import lines_of
from earshot.extraction.images import extract_image
from earshot.families.musicnn import weights_file
from earshot.features.hyper_image import Excerpt
from earshot.params import load_params
from earshot.processes import keep_freed_memory

PROJECT = Path(__file__).parents[1]
SETTINGS = load_params(PROJECT / "params.yaml").hyper_images
SAMPLES = Component("earshot.families.samples:Samples16", {})
MUSICNN = Component("earshot.families.musicnn:MusiCNN", {"weights": "MSD"})
LINE = "{file: src/earshot/families/musicnn.py, class: MusiCNN, init_args: {weights: MSD}}"

Way = Callable[[Sequence[Path]], object]


def main(n_clips: int = 8, rounds: int = 5, onboardings: int = 0) -> None:
    """Render the clips, measure, print."""
    if not weights_file("MSD").is_file():
        raise SystemExit(f"{weights_file('MSD')}: not there: `earshot features musicnn` brings it")
    with tempfile.TemporaryDirectory() as folder:
        clips = [write_clip(Path(folder) / f"{number}.mp3", seed=number) for number in range(n_clips)]
        result = {"clips": n_clips, "rounds": rounds} | compare(clips, rounds)
        if onboardings:
            result |= onboarding(Path(folder), onboardings)
    print(json.dumps(result))


def compare(clips: Sequence[Path], rounds: int) -> dict[str, float]:
    """Milliseconds a clip of each way, the ratios, and the memory of its process."""
    with ExitStack() as stack:
        pools = {way.__name__: stack.enter_context(worker()) for way in (image, samples, musicnn)}
        ways = dict(zip(pools, (image, samples, musicnn), strict=True))
        turns = {name: partial(cpu_seconds, pools[name], ways[name], clips) for name in pools}
        seconds = median_seconds(turns, rounds)
        peaks = {name: round(pool.submit(peak_mb).result()) for name, pool in pools.items()}
    for name, median in seconds.items():
        print(f"{name:8} {1e3 * median / len(clips):8.1f} ms a clip {peaks[name]:6} MB at most")
    milliseconds = {f"{name}_ms": round(1e3 * median / len(clips), 1) for name, median in seconds.items()}
    ratios = {f"x_{name}": round(seconds[name] / seconds["image"], 2) for name in ("samples", "musicnn")}
    return milliseconds | ratios | {f"{name}_peak_mb": peak for name, peak in peaks.items()}


def worker() -> ProcessPoolExecutor:
    """One process that treats memory as earshot's workers do."""
    return ProcessPoolExecutor(1, get_context("spawn"), initializer=keep_freed_memory)


def cpu_seconds(pool: ProcessPoolExecutor, way: Way, clips: Sequence[Path]) -> float:
    """Of the worker, going the way once."""
    return pool.submit(timed, time.process_time, way, clips).result()


def peak_mb() -> float:
    """The largest memory that this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def image(clips: Sequence[Path]) -> None:
    for clip in clips:
        extract_image(Excerpt(clip, 0.0), SETTINGS)


def samples(clips: Sequence[Path]) -> None:
    for clip in clips:
        n_frames = 1 + round(29.0 * SETTINGS.sample_rate) // SETTINGS.hop_length
        lines_of(Excerpt(clip, 0.0), n_frames, SAMPLES, SETTINGS)


def musicnn(clips: Sequence[Path]) -> None:
    for clip in clips:
        lines_of(Excerpt(clip, 0.0), 1, MUSICNN, SETTINGS)


def onboarding(folder: Path, rounds: int) -> dict[str, float]:
    """Seconds of ten new songs without and with the vectors."""
    from onboarding import FEW, deliveries, make_small, onboard, run

    plain, heard, demo = folder / "plain", folder / "heard", folder / "demo"
    make_small(plain, demo)
    shutil.copytree(plain, heard, symlinks=True)
    params = heard / "params.yaml"
    params.write_text(params.read_text().replace("families: []", f"families: [{LINE}]"))
    shutil.copytree(weights_file("MSD").parent, heard / weights_file("MSD").parent)
    run(heard, "earshot", "onboard")  # hears the songs that are there
    fresh = deliveries(demo / "new-songs", folder / "fresh")
    seconds = median_seconds(
        {root.name: partial(onboard, root, fresh, FEW) for root in (plain, heard)}, rounds
    )
    return {
        "onboarding_seconds": round(seconds["plain"], 2),
        "onboarding_musicnn_seconds": round(seconds["heard"], 2),
        "onboarding_ratio": round(seconds["heard"] / seconds["plain"], 3),
    }


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
