"""Sound unlike anything trained on: no row of it explodes, and what is predicted for it is not trusted."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.testing import assert_allclose
from torch import Tensor, nn

from earshot.audio.probing import probe
from earshot.classes import Component
from earshot.errors import UserError
from earshot.extraction.images import extract_image
from earshot.features.hyper_image import excerpt_of, format_of
from earshot.params import load_params
from earshot.predictors.familiar import (
    MAX_DEVIATIONS,
    Familiar,
    Gain,
    familiarize,
    floored,
    gain_of,
    song_sound,
)
from earshot.predictors.load import familiarize_with, hear, load_encoder, save_encoder
from earshot.predictors.song_encoder import EncoderDescription, SongEncoder, build, describe
from earshot.store.reader import HyperImageStore, write_store
from earshot.store.rows import ImageFormat, Row
from earshot.store.shards import write_shard

CONVOLUTIONAL = "earshot.encoders.convolutional:ConvolutionalEncoder"
RATE = 22050


class LargestInput(nn.Module):
    """The largest and the smallest value of a window."""

    def forward(self, windows: Tensor) -> Tensor:
        return torch.stack([windows.amax(dim=(1, 2)), windows.amin(dim=(1, 2))], dim=1)


def _encoder(mean: np.ndarray, scale: np.ndarray) -> SongEncoder:
    encoder = SongEncoder(LargestInput(), range(len(mean)), n_frames=1, n_outputs=2)
    encoder.standardize_rows(mean, scale)
    return encoder


def _heard(encoder: SongEncoder, *levels: int) -> list[float]:
    """The largest and the smallest value that reach the network of a frame of these `levels`."""
    found: list[float] = encoder(torch.tensor([[levels]], dtype=torch.uint8))[0].tolist()
    return found


def test_a_row_is_divided_by_a_quarter_of_the_median_rows_deviation_at_least() -> None:
    assert floored(torch.tensor([0.41, 28, 32, 40, 2])).tolist() == [7, 28, 32, 40, 7]  # of 2, 28, 32, 40
    assert floored(torch.tensor([0.0, 0, 0, 0, 0.5, 20])).tolist() == [5, 5, 5, 5, 5, 20]
    assert floored(torch.tensor([0.0, 0.3])).tolist() == [1, 1]  # a step, where nothing varies


def test_full_band_music_after_low_pass_previews_is_heard_within_six_deviations() -> None:
    encoder = _encoder(np.array([0.1, 100, 100, 100]), np.array([0.41, 32, 32, 32]))
    assert_allclose(_heard(encoder, 20, 116, 100, 84), [19.9 / 8, -0.5], rtol=1e-6)
    assert_allclose(_heard(encoder, 58, 100, 100, 100), [MAX_DEVIATIONS, 0])  # 7.2 of 8; 141 of 0.41
    assert _heard(encoder, 0, 100, 100, 255)[0] == 155 / 32  # music that is loud stays as it is


@settings(max_examples=40)
@given(
    scale=arrays.arrays(np.float64, st.integers(1, 8), elements=st.floats(0, 128)),
    level=st.integers(0, 255),
)
def test_no_row_explodes_and_no_row_that_varies_like_the_others_changes(
    scale: np.ndarray, level: int
) -> None:
    encoder = _encoder(np.zeros(len(scale)), scale)
    assert max(map(abs, _heard(encoder, *[level] * len(scale)))) <= MAX_DEVIATIONS
    used = encoder.row_scale.numpy()
    assert (used >= 1).all()
    assert_allclose(used[scale >= 32], scale[scale >= 32], rtol=1e-6)  # a quarter of 128, the largest
    assert torch.equal(floored(encoder.row_scale), encoder.row_scale)


@settings(max_examples=40)
@given(
    levels=arrays.arrays(np.uint8, (6, 4), elements=st.integers(100, 140)),
    scale=arrays.arrays(np.float64, 4, elements=st.floats(8, 60)),
    gain=st.integers(-60, 60),
)
def test_a_louder_copy_is_heard_as_the_song_itself(levels: np.ndarray, scale: np.ndarray, gain: int) -> None:
    """Of four rows the first three are decibels; the fourth is none, and changes nothing of them."""
    rows = tuple(Row(f"{family}_0", family, -70.0, 0.1) for family in ("mel", "mel", "mel", "chroma"))
    encoder = SongEncoder(nn.Flatten(), range(4), n_frames=6, n_outputs=24)
    encoder.standardize_rows(np.full(4, 120.0), scale)
    encoder.gain = gain_of(ImageFormat("key", 22050, 512, rows), list(range(4)))
    assert encoder.gain == Gain([0, 1, 2], most=180)
    louder = levels.copy()
    louder[:, :3] += np.array(gain).astype(np.uint8)
    songs = torch.from_numpy(np.stack([levels, louder]))
    heard = encoder(songs).numpy()
    assert_allclose(heard[0], heard[1], atol=1e-4)
    assert_allclose(heard[0, 18:], (levels[:, 3] - 120.0) / float(encoder.row_scale[3]), atol=1e-4)
    sounds = song_sound(songs.numpy(), np.arange(2))
    known = familiarize(np.ones((1, 2), np.float32), sounds[:1] + 3 * np.arange(8), encoder.gain)
    assert_allclose(*known.distances(sounds), rtol=1e-6)


def test_gain_ends_at_18_decibels() -> None:
    gain, scale = Gain([0, 1], most=46.0), torch.tensor([10.0, 20.0])
    assert_allclose(gain.correction(torch.tensor([[6.0, 3.0], [0, 0]]), scale), [[-4.6, -2.3], [0, 0]])


SONGS = Familiar(mean=[1.0, 0.0], longest=2.0, sound=[0.0, 0.0], spread=[1.0, 1.0], farthest=1.0)


def test_a_prediction_outside_is_taken_towards_the_mean_and_far_out_becomes_it() -> None:
    vectors = np.array([[0, 2], [0, 2], [5, 0], [0, 4], [3e4, 4e4]], np.float32)
    still = np.zeros((5, 2))
    unlike = SONGS.unlike(vectors, still)
    assert unlike.tolist() == [1, 1, 2.5, 2, 25000]  # lengths, of 2
    assert_allclose(
        SONGS.shrink(vectors, unlike),
        [[0, 2], [0, 2], [1 + 4 / 2.5**2, 0], [0.75, 1], [1, 0]],
        atol=1e-4,
    )
    far = SONGS.unlike(vectors[:1], np.array([[3.0, 4.0]]))
    assert_allclose(far, 5 / 2**0.5)  # root of (9 + 16) / 2
    assert_allclose(SONGS.shrink(vectors[:1], far), [[1 - 2 / 25, 4 / 25]], rtol=1e-6)


@settings(max_examples=40)
@given(
    vectors=arrays.arrays(np.float32, (5, 2), elements=st.floats(-1e6, 1e6, width=32)),
    sounds=arrays.arrays(np.float64, (5, 2), elements=st.floats(-300, 300)),
)
def test_shrinking_never_enlarges_and_leaves_what_is_inside_alone(
    vectors: np.ndarray, sounds: np.ndarray
) -> None:
    unlike = SONGS.unlike(vectors, sounds)
    shrunk = SONGS.shrink(vectors, unlike)
    assert (np.linalg.norm(shrunk, axis=1) <= np.linalg.norm(vectors, axis=1) * (1 + 1e-6)).all()
    assert (np.linalg.norm(shrunk[unlike > 1], axis=1) <= np.maximum(2, unlike[unlike > 1])).all()
    inside = (np.linalg.norm(vectors, axis=1) <= 2) & (np.linalg.norm(sounds, axis=1) <= 2**0.5)
    assert_allclose(unlike <= 1, inside)
    assert shrunk[inside].tobytes() == vectors[inside].tobytes()


def test_the_sound_of_a_song_is_mean_and_deviation_of_its_rows() -> None:
    windows = np.array([[[1, 9], [3, 9]], [[5, 9], [7, 9]], [[2, 0], [2, 4]]], np.uint8)
    assert_allclose(song_sound(windows, np.array([0, 0, 1])), [[4, 9, 5**0.5, 0], [2, 2, 0, 2]])


def test_what_is_known_of_the_songs_is_kept_with_the_encoder(tmp_path: Path) -> None:
    described = EncoderDescription(CONVOLUTIONAL, {"channels": 4, "hidden": 4}, [0, 1, 2], 2, 8, "key")
    encoder = build(described)
    save_encoder(tmp_path, encoder, described)
    assert load_encoder(tmp_path).familiar is None  # as in a release older than this
    encoder.familiar = familiarize(np.ones((4, 2), np.float32), np.arange(24.0).reshape(4, 6))
    save_encoder(tmp_path, encoder, described)
    assert load_encoder(tmp_path).familiar == encoder.familiar
    description = json.loads((tmp_path / "encoder.json").read_text())
    description["familiar"]["sound"] = [0.0, 0.0]
    (tmp_path / "encoder.json").write_text(json.dumps(description))
    with pytest.raises(UserError, match=r"mean, sound, spread of \[2, 2, 6\] numbers, wanted \[2, 6, 6\]"):
        load_encoder(tmp_path)


def _music(rng: np.random.Generator) -> np.ndarray:
    """A second of chords that swell and fade, over a little noise."""
    time = np.arange(RATE) / RATE
    pitches = 110 * 2 ** (rng.integers(0, 36, 4) / 12)
    tones = [np.sin(2 * np.pi * pitch * n * time) / n for pitch in pitches for n in range(1, 12)]
    pulse = 0.3 + 0.7 * (time * rng.integers(2, 7) % 1)
    return 0.05 * pulse * np.sum(tones, axis=0) + 0.01 * rng.standard_normal(RATE)


def _siren(_: np.random.Generator) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * np.cumsum(900 + 500 * np.sin(2 * np.pi * np.arange(RATE) / RATE)) / RATE)


def _clicks(_: np.random.Generator) -> np.ndarray:
    return 0.8 * (np.arange(RATE) % (RATE // 5) == 7)


def _store(sounds: list[np.ndarray], folder: Path) -> HyperImageStore:
    images_of = load_params(Path(__file__).parents[2] / "params.yaml").hyper_images
    images = []
    for number, sound in enumerate(sounds):
        path = folder / f"{number}.wav"
        soundfile.write(path, sound, RATE)
        image = extract_image(excerpt_of(path, probe(path), images_of), images_of)
        assert not isinstance(image, str)
        images.append(image)
    lengths = np.array([len(image) for image in images])
    (folder / "shards").mkdir()
    write_shard(folder / "shards" / "all.npy", images, images[0].shape[1])
    index = {"song_id": [f"{number:02d}" for number in range(len(images))], "shard": "all"}
    index |= {"first_frame": np.cumsum(lengths) - lengths, "n_frames": lengths}
    write_store(folder, format_of(images_of), pd.DataFrame(index))
    return HyperImageStore.open(folder)


def test_noise_a_siren_and_clicks_in_silence_are_unlike_music(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    music = [_music(rng) for _ in range(24)]
    odd = [0.2 * rng.standard_normal(RATE), _siren(rng), _clicks(rng)]
    store = _store([*music, *odd], tmp_path)
    torch.manual_seed(0)
    component = Component(CONVOLUTIONAL, {"channels": 16, "hidden": 64})
    encoder = build(describe(component, store.format, 0.5, n_outputs=3)).eval()
    frames = np.concatenate([store.frames(position) for position in range(20)])
    encoder.standardize_rows(frames.mean(axis=0), frames.std(axis=0))
    raw = hear(encoder, store, range(27)).vectors
    encoder.familiar = familiarize_with(encoder, store, range(20))
    heard = hear(encoder, store, range(27))
    assert (heard.unlike[:20] <= 1).all()
    assert (heard.unlike[20:24] < 1.1).all()  # music that was not trained on; of 20 songs little is known
    assert (heard.unlike[24:] > 1.1).all()
    assert (heard.vectors[:20] == raw[:20]).all()
    mean = np.array(encoder.familiar.mean)
    before, after = (np.linalg.norm(each[24:] - mean, axis=1) for each in (raw, heard.vectors))
    assert (after < 0.85 * before).all()
