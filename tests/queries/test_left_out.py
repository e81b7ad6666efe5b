"""A song without a window, against a store in which the song is really without it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from earshot.predictors.familiar import Gain
from earshot.predictors.inputs import Beside, consecutive
from earshot.predictors.load import familiarize_with, hear
from earshot.predictors.song_encoder import SongEncoder
from earshot.queries.left_out import hears_windows, leave_out
from earshot.store.reader import HyperImageStore, write_store
from earshot.store.rows import ImageFormat, Row
from earshot.store.shards import write_shard

WINDOW, N_ROWS, N_OUTPUTS = 4, 5, 3
FORMAT = ImageFormat("key", 22050, 512, tuple(Row(f"mel_{n}", "mel", 0.0, 1.0) for n in range(N_ROWS)))


class Curved(nn.Module):
    """No window's answer is a line in what it hears."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(N_ROWS, 8), nn.Tanh(), nn.Linear(8, N_OUTPUTS))

    def forward(self, windows: Tensor) -> Tensor:
        vectors: Tensor = self.layers(windows.amax(dim=2))
        return vectors


def store_of(folder: Path, images: list[np.ndarray]) -> HyperImageStore:
    (folder / "shards").mkdir(parents=True)
    write_shard(folder / "shards" / "one.npy", images, N_ROWS)
    lengths = np.array([len(image) for image in images])
    songs = pd.DataFrame({"song_id": [f"s{n}" for n in range(len(images))], "shard": "one"})
    write_store(folder, FORMAT, songs.assign(n_frames=lengths, first_frame=np.cumsum(lengths) - lengths))
    return HyperImageStore.open(folder)


def make_encoder(store: HyperImageStore, farthest: float) -> SongEncoder:
    """Standardized, with gain, its outputs on a scale; songs beyond a share are drawn to the mean."""
    torch.manual_seed(0)
    encoder = SongEncoder(Curved(), range(N_ROWS), WINDOW, N_OUTPUTS)
    encoder.gain = Gain(list(range(N_ROWS)), most=20.0)
    encoder.standardize_rows(np.full(N_ROWS, 120.0), np.full(N_ROWS, 40.0))
    encoder.scale_outputs(torch.tensor([0.5, -1.0, 2.0]), torch.tensor([3.0, 1.0, 0.5]))
    known = familiarize_with(encoder.eval(), store, range(len(store.songs)))
    encoder.familiar = replace(known, farthest=farthest * known.farthest)
    return encoder


@pytest.mark.parametrize("farthest", [1.0, 0.6, 0.3])
@pytest.mark.parametrize("n_frames", [9, 16, 22])
def test_without_a_window_a_song_is_what_is_left_of_it(
    n_frames: int, farthest: float, tmp_path: Path
) -> None:
    rng = np.random.default_rng(n_frames)
    levels = rng.uniform(40, 200, (4, N_ROWS))
    images = [
        np.clip(level + 30 * rng.standard_normal((n_frames, N_ROWS)), 0, 255).astype(np.uint8)
        for level in levels
    ]
    store = store_of(tmp_path / "whole", images)
    encoder = make_encoder(store, farthest)
    firsts = consecutive(n_frames, WINDOW)
    windows = [images[2][first : first + WINDOW] for first in firsts]
    left = [np.concatenate([*windows[:n], *windows[n + 1 :]]) for n in range(len(windows))]
    wanted = hear(encoder, store_of(tmp_path / "left", left), range(len(left)))
    found = leave_out(encoder, store, 2)
    assert found.first_frames.tolist() == firsts.tolist()
    np.testing.assert_allclose(found.whole, hear(encoder, store, [2]).vectors[0], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(found.without, wanted.vectors, rtol=1e-5, atol=1e-5)
    assert np.ptp(found.without, axis=0).min() > 1e-3, "no window is like another"
    assert (wanted.unlike > 1).all() or farthest > 0.3, "drawn to the mean"


def test_nothing_is_left_of_a_single_window(tmp_path: Path) -> None:
    store = store_of(tmp_path, [np.full((3, N_ROWS), 100, np.uint8)])
    encoder = make_encoder(store, 1.0)
    found = leave_out(encoder, store, 0)
    np.testing.assert_array_equal(found.whole, hear(encoder, store, [0]).vectors[0])
    assert (found.first_frames.tolist(), found.without.shape) == ([0], (0, N_OUTPUTS))


def test_what_is_said_of_a_whole_song_is_no_window() -> None:
    words = Beside("genres", "key", "song", 2, ["jazz", "rock"])
    lines = replace(words, name="pitch", unit="frame", words=[])
    for others, hears_image, wanted in (
        ([words], False, False),
        ([words], True, True),
        ([words, lines], False, True),
    ):
        encoder = SongEncoder(nn.Identity(), [0], WINDOW, N_OUTPUTS, others, hears_image)
        assert hears_windows(encoder) == wanted
