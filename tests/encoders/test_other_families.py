"""Encoders of families beside the image: what they are given, and that it comes back from disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from earshot.classes import Component
from earshot.encoders.sound_and_words import SoundAndWords
from earshot.errors import UserError
from earshot.files import write_json
from earshot.predictors.inputs import consecutive
from earshot.predictors.load import load_encoder, predict, read_description, save_encoder
from earshot.predictors.song_encoder import EncoderDescription, build, describe, heard_beside
from earshot.store.families import StoredFamily
from earshot.store.reader import HyperImageStore, shard_file, write_store
from earshot.store.shards import write_shard
from earshot.store.song_values import write_values
from tests.training.heard import N_SONGS, write_training_set

HOP = 8
SAMPLES = StoredFamily("samples", "key-of-samples", "frame", "<i2", HOP)
VECTORS = StoredFamily("embedding", "key-of-vectors", "song", "<f4", 2)
METADATA = StoredFamily("metadata", "key-of-words", "song", "words", 0)
RAW = Component(
    "earshot.encoders.raw_waveform:RawWaveformEncoder", {"stride": 4, "channels": [4, 4, 8], "dropout": 0.0}
)
FUSED = Component(
    "earshot.encoders.sound_and_words:SoundAndWords", {"sound": {"channels": 4, "hidden": 4}, "dropout": 0.0}
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> HyperImageStore:
    """Images, samples, and words of every song but the last; word `genres=<n>` of every n-th of four."""
    folder = tmp_path_factory.mktemp("made")
    write_training_set(folder)
    store = HyperImageStore.open(folder / "hyper_images")
    draw = np.random.default_rng(0)
    lines = [draw.integers(-9000, 9000, (n, HOP)).astype(np.int16) for n in store.songs["n_frames"]]
    place = store.folder / shard_file(SAMPLES, "all")
    write_shard(place, lines, HOP, SAMPLES.dtype)
    said = [[f"genres={n % 4}"] for n in range(N_SONGS - 1)]
    ids = store.songs["song_id"].tolist()
    write_values(store.folder, METADATA, ids[: N_SONGS - 1], said)
    write_values(
        store.folder, VECTORS, ids[1:], np.arange(2 * (N_SONGS - 1), dtype=np.float32).reshape(-1, 2)
    )
    write_store(store.folder, store.format, store.songs, [SAMPLES, METADATA, VECTORS])
    return HyperImageStore.open(store.folder)


def described(component: Component, store: HyperImageStore) -> EncoderDescription:
    others = heard_beside(component, store, np.arange(40))
    return describe(component, store.format, 0.25, 4, others)


def test_a_network_of_samples_is_given_nothing_but_those(store: HyperImageStore, tmp_path: Path) -> None:
    description = described(RAW, store)
    assert not description.hears_image
    assert [(each.name, each.width, each.words) for each in description.others] == [("samples", HOP, [])]
    torch.manual_seed(0)
    encoder = build(description).eval()
    save_encoder(tmp_path, encoder, description)
    loaded = load_encoder(tmp_path)
    songs = np.array([3, 40])
    found = predict(loaded, store, songs)
    np.testing.assert_allclose(found, predict(encoder, store, songs), rtol=1e-5)
    starts = consecutive(int(store.songs["n_frames"][3]), encoder.n_frames)
    windows = store.windows([3] * len(starts), starts, encoder.n_frames, "samples")
    alone = encoder.network(torch.from_numpy(windows).float()).mean(dim=0)
    np.testing.assert_allclose(found[0], alone.detach().numpy(), rtol=1e-4, atol=1e-6)


def test_words_move_their_half_of_the_outputs_alone(store: HyperImageStore, tmp_path: Path) -> None:
    description = described(FUSED, store)
    assert description.others[0].words == [f"genres={n}" for n in range(4)]
    torch.manual_seed(0)
    encoder = build(description).eval()
    network = encoder.network
    assert isinstance(network, SoundAndWords)
    windows = torch.randn(2, len(description.rows), encoder.n_frames)
    words = torch.tensor([[1.0, 0, 0, 0], [0, 0, 0, 1.0]])
    one, other, nothing = (network(windows, said) for said in (words, words.flip(0), 0 * words))
    assert torch.equal(one[:, :2], other[:, :2])
    assert not torch.equal(one[:, 2:], other[:, 2:])
    assert torch.equal(nothing[0, 2:], nothing[1, 2:])
    save_encoder(tmp_path, encoder, description)
    last = N_SONGS - 1  # nothing is said of it
    found = predict(load_encoder(tmp_path), store, [last])
    np.testing.assert_allclose(found[0, 2:], network.words[1].bias.detach().numpy(), rtol=1e-5)


OWN = """
import torch


class Line(torch.nn.Module):
    families = ("embedding",)

    def __init__(self, n_rows, n_outputs, widths):
        super().__init__()
        self.line = torch.nn.Linear(widths["embedding"], n_outputs)

    def forward(self, vectors):
        return self.line(vectors)
"""


def test_a_users_own_encoder_of_vectors_is_given_each_songs(store: HyperImageStore, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(OWN)
    description = described(Component(f"{tmp_path / 'mine.py'}:Line", {}), store)
    assert (description.others[0].width, description.hears_image) == (2, False)
    encoder = build(description).eval()
    line = encoder.network.line
    found = predict(encoder, store, [0, 5])
    wanted = line(torch.tensor([[0.0, 0.0], [8.0, 9.0]])).detach().numpy()  # the first song has none
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_what_an_encoder_of_the_image_alone_says_of_itself_has_not_changed(
    store: HyperImageStore, tmp_path: Path
) -> None:
    plain = Component("earshot.encoders.convolutional:ConvolutionalEncoder", {"channels": 4, "hidden": 4})
    description = described(plain, store)
    save_encoder(tmp_path, build(description), description)
    assert not {"others", "hears_image"} & {*pd.read_json(tmp_path / "encoder.json", typ="series").index}
    assert read_description(tmp_path) == description


def test_a_family_of_another_definition_is_refused(store: HyperImageStore, tmp_path: Path) -> None:
    description = described(RAW, store)
    encoder = build(description)
    other = HyperImageStore(
        store.folder,
        store.format,
        store.songs,
        {"samples": StoredFamily("samples", "new", "frame", "<i2", HOP)},
    )
    with pytest.raises(UserError, match="family 'samples' has the key new, the encoder hears key-of-samples"):
        predict(encoder, other, [0])
    none = HyperImageStore(store.folder, store.format, store.songs)
    with pytest.raises(UserError, match="family 'samples' is not there"):
        predict(encoder, none, [0])
    with pytest.raises(UserError, match=r"'samples' is not in the hyper-image; .*hyper_images\.families"):
        described(RAW, none)


def test_a_family_of_which_nothing_is_said_teaches_nothing(store: HyperImageStore) -> None:
    with pytest.raises(UserError, match="nothing is said of the 1 songs to learn from"):
        heard_beside(FUSED, store, np.array([N_SONGS - 1]))


def test_encoders_refuse_what_they_cannot_hear(store: HyperImageStore) -> None:
    odd = Component(RAW.class_path, {"families": ["mel", "samples"]})
    with pytest.raises(UserError, match="wanted samples alone"):
        build(described(odd, store))
    with pytest.raises(UserError, match="wanted an objective of two blocks"):
        build(describe(FUSED, store.format, 0.25, 3, heard_beside(FUSED, store, np.arange(40))))


def test_weights_of_another_shape_are_refused_with_outputs_of_either_scale(
    store: HyperImageStore, tmp_path: Path
) -> None:
    description = described(FUSED, store)
    encoder = build(description)
    encoder.scale_outputs(torch.zeros(4), torch.tensor([1.0, 1, 2, 2]))
    save_encoder(tmp_path, encoder, description)
    assert load_encoder(tmp_path).output_scale.tolist() == [1, 1, 2, 2]
    content = pd.read_json(tmp_path / "encoder.json", typ="series").to_dict()
    content["others"][0]["words"].append("genres=9")
    content["others"][0]["width"] = 5
    content["init_args"]["widths"]["metadata"] = 5
    write_json(tmp_path / "encoder.json", content)
    with pytest.raises(UserError, match="not the weights of the encoder"):
        load_encoder(tmp_path)
