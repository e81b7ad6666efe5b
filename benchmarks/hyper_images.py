"""Claim: all rows of a hyper-image cost little more than reading the file and one spectrum of it.

    python benchmarks/hyper_images.py [CLIPS] [ROUNDS]

Clips of 29 s, stereo, 44.1 kHz, mp3 at 256 kbit/s, rendered here. Each way has a long-lived process
of one thread to itself; ours and the floor treat memory as earshot's workers do (a tenth of the time),
librosa has Python as it comes. They take turns, all clips a round; CPU time:

- ours: from the file to the bytes of the hyper-image in a shard on disk;
- the floor: decode, mono, resample, one windowed spectrum in single precision;
- the rivals: librosa's functions for the same families as each of them stands (naive), and with
  one spectrum and all that can be shared shared (careful). They write nothing, and their
  tempogram is librosa's, not the cyclic one.

`scaling_2` is the throughput of two long-lived processes over that of one, wall time.
`parity_max` is the largest distance of our values, before they are rounded, from careful librosa's,
as a share of the row's range, over all families but the tempogram.

The last line is JSON: clips, rounds, kbit_s, floor_ms, ours_ms, careful_ms, naive_ms (a clip), x_floor
(ours / floor), x_careful and x_naive (rival / ours), scaling_2, scaling_2_floor, parity_max.
"""

from __future__ import annotations

import json
import os
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

import librosa
import numpy as np
import soundfile
import soxr
from clips import SECONDS, write_clip
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.fft import rfft
from turns import median_seconds, timed

import earshot
from earshot.extraction.images import extract_image
from earshot.features.hyper_image import Excerpt
from earshot.params import load_params
from earshot.processes import keep_freed_memory
from earshot.store.rows import Row
from earshot.store.shards import write_shard

SETTINGS = load_params(Path(__file__).parents[1] / "params.yaml").hyper_images
N_FFT, HOP, SR = SETTINGS.n_fft, SETTINGS.hop_length, SETTINGS.sample_rate
FRAMES_IN_CACHE = 128
PASSES = 3
"""Over the clips, for one figure of a process's throughput."""

Samples = NDArray[np.float32]
Way = Callable[[Sequence[Path]], object]


def main(n_clips: int = 8, rounds: int = 9) -> None:
    """Render the clips, measure, print."""
    with tempfile.TemporaryDirectory() as folder:
        clips = [write_clip(Path(folder) / f"{number}.mp3", seed=number) for number in range(n_clips)]
        bits = 8 * sum(clip.stat().st_size for clip in clips)
        result = {"clips": n_clips, "rounds": rounds, "kbit_s": round(bits / n_clips / SECONDS / 1000)}
        result |= compare(clips, rounds)
        result |= scaling({"scaling_2": ours, "scaling_2_floor": floor}, clips, rounds)
        result["parity_max"] = max(parity(clip) for clip in clips)
    print(json.dumps(result))


def compare(clips: Sequence[Path], rounds: int) -> dict[str, float]:
    """Milliseconds a clip of each way, and the ratios."""
    with ExitStack() as workers:
        turns = {
            way.__name__: partial(cpu_seconds, workers.enter_context(worker(initializer)), way, clips)
            for way, initializer in WAYS.items()
        }
        seconds = median_seconds(turns, rounds)
    for name, median in seconds.items():
        print(f"{name:8} {1e3 * median / len(clips):8.1f} ms a clip {median / seconds['ours']:8.2f} x ours")
    milliseconds = {f"{name}_ms": round(1e3 * median / len(clips), 2) for name, median in seconds.items()}
    return milliseconds | {
        "x_floor": round(seconds["ours"] / seconds["floor"], 3),
        "x_careful": round(seconds["careful"] / seconds["ours"], 2),
        "x_naive": round(seconds["naive"] / seconds["ours"], 2),
    }


def worker(initializer: Callable[[], None] | None = keep_freed_memory) -> ProcessPoolExecutor:
    """One process; by default it treats memory as earshot's workers do."""
    return ProcessPoolExecutor(1, get_context("spawn"), initializer=initializer)


def cpu_seconds(worker: ProcessPoolExecutor, way: Way, clips: Sequence[Path]) -> float:
    """Of the worker, going the way once."""
    return worker.submit(timed, time.process_time, way, clips).result()


def floor(clips: Sequence[Path]) -> None:
    """The least anything can do that looks at the whole spectrum: nothing is kept."""
    window = np.hanning(N_FFT + 1)[:-1].astype(np.float32)
    for clip in clips:
        stereo, rate = soundfile.read(clip, dtype="float32")
        mono = (stereo[:, 0] + stereo[:, 1]) * np.float32(0.5)
        samples = soxr.resample(mono, rate, SR, quality="HQ")
        frames = sliding_window_view(np.pad(samples, N_FFT // 2), N_FFT)[::HOP]
        for first in range(0, len(frames), FRAMES_IN_CACHE):
            rfft(frames[first : first + FRAMES_IN_CACHE] * window, axis=1, overwrite_x=True)


def ours(clips: Sequence[Path]) -> None:
    """From files to a shard."""
    images = [extract_image(Excerpt(clip, 0.0), SETTINGS) for clip in clips]
    shard = clips[0].with_name(f"{os.getpid()}.npy")
    write_shard(shard, images, images[0].shape[1])
    shard.unlink()


def careful(clips: Sequence[Path]) -> None:
    for clip in clips:
        librosa_rows(librosa.load(clip, sr=SR)[0])


def librosa_rows(samples: Samples) -> dict[str, Samples]:
    """Each family, `(n_rows, n_frames)`, from one spectrum, by the definition that earshot's rows have."""
    magnitudes = np.abs(librosa.stft(samples, n_fft=N_FFT, hop_length=HOP))
    power = magnitudes**2
    mel = librosa.feature.melspectrogram(S=power, sr=SR, n_mels=SETTINGS.n_mels)
    log_mel = librosa.power_to_db(mel, ref=1, top_db=None)
    chroma = librosa.feature.chroma_stft(S=power, sr=SR)
    mfcc = librosa.feature.mfcc(S=log_mel, n_mfcc=SETTINGS.n_mfcc)
    frequencies = librosa.fft_frequencies(sr=SR, n_fft=N_FFT)
    used = frequencies <= 0.92 * SR / 2
    onsets = librosa.onset.onset_strength(S=log_mel, sr=SR)
    return {
        "chroma": chroma,
        "tempogram": librosa.feature.tempogram(onset_envelope=onsets, sr=SR, hop_length=HOP),
        "mel": log_mel,
        "mfcc": mfcc,
        "mfcc_delta": librosa.feature.delta(mfcc),
        "mfcc_delta2": librosa.feature.delta(mfcc, order=2),
        "contrast": librosa.feature.spectral_contrast(S=magnitudes[used], freq=frequencies[used], sr=SR),
        "tonnetz": librosa.feature.tonnetz(chroma=chroma),
    }


def naive(clips: Sequence[Path]) -> None:
    """librosa's six features with a spectrum each, and the differences of one."""
    for clip in clips:
        samples, _ = librosa.load(clip, sr=SR)
        of_samples = {"y": samples, "sr": SR, "hop_length": HOP}
        librosa.feature.chroma_stft(**of_samples, n_fft=N_FFT)
        librosa.feature.tempogram(**of_samples)
        librosa.power_to_db(librosa.feature.melspectrogram(**of_samples, n_fft=N_FFT, n_mels=SETTINGS.n_mels))
        mfcc = librosa.feature.mfcc(**of_samples, n_fft=N_FFT, n_mfcc=SETTINGS.n_mfcc)
        librosa.feature.delta(mfcc)
        librosa.feature.delta(mfcc, order=2)
        librosa.feature.spectral_contrast(**of_samples, n_fft=N_FFT)
        librosa.feature.tonnetz(**of_samples)


WAYS: dict[Way, Callable[[], None] | None] = {
    floor: keep_freed_memory,
    ours: keep_freed_memory,
    careful: None,
    naive: None,
}


def parity(clip: Path) -> float:
    """Largest distance from librosa's rows, as a share of the row's range; both cut off at its ends."""
    image = earshot.hyper_image(clip)
    families = np.array([row.family for row in image.rows])
    wanted = librosa_rows(librosa.load(clip, sr=SR)[0])
    del wanted["tempogram"]
    return max(
        float(np.abs(image.values[families == family] - shares(values, family, image.rows)).max())
        for family, values in wanted.items()
    )


def shares(values: Samples, family: str, rows: Sequence[Row]) -> Samples:
    """`(n_rows, n_frames)` of a family, 0 and 1 being the ends of each row's range."""
    lows, steps = np.array([(row.offset, row.scale) for row in rows if row.family == family]).T[:, :, None]
    return np.clip((values - lows) / (255 * steps), 0, 1)


def scaling(ways: dict[str, Way], clips: Sequence[Path], rounds: int) -> dict[str, float]:
    """Throughput of two processes over that of one."""
    work = [clip for _ in range(PASSES) for clip in clips]
    with worker() as first, worker() as second:
        turns = {
            (name, len(workers)): partial(timed, time.perf_counter, work_together, workers, way, work)
            for name, way in ways.items()
            for workers in ([first], [first, second])
        }
        seconds = median_seconds(turns, rounds)
    ratios = {name: round(2 * seconds[name, 1] / seconds[name, 2], 2) for name in ways}
    for name, ratio in ratios.items():
        print(f"{name:15} {ratio:6.2f}")
    return ratios


def work_together(workers: Sequence[ProcessPoolExecutor], way: Way, work: Sequence[Path]) -> None:
    """Have each worker do all of the work."""
    for done in [worker.submit(way, work) for worker in workers]:
        done.result()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
