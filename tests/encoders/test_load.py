from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from earshot.classes import Component, load_network
from earshot.errors import UserError
from earshot.params import check_params
from earshot.predictors.familiar import MAX_DEVIATIONS, MAX_GAIN_DB
from earshot.predictors.inputs import consecutive
from earshot.predictors.load import device, load_encoder, predict, save_encoder
from earshot.predictors.song_encoder import EncoderDescription, SongEncoder, build, describe
from earshot.store.reader import HyperImageStore
from tests.training.heard import cnn_params, write_training_set


@pytest.fixture
def store(tmp_path: Path) -> HyperImageStore:
    write_training_set(tmp_path / "training_set")
    return HyperImageStore.open(tmp_path / "training_set" / "hyper_images")


def _encoder(store: HyperImageStore) -> tuple[SongEncoder, EncoderDescription]:
    torch.manual_seed(0)
    description = describe(cnn_params().encoder, store.format, 0.25, n_outputs=3)
    encoder = build(description)
    encoder.standardize_rows(np.arange(7.0), np.array([0.0, 1, 2, 3, 4, 5, 6]))
    encoder.output_mean.copy_(torch.tensor([1.0, 2, 3]))
    encoder.output_scale.fill_(10)
    return encoder.eval(), description


def test_a_song_is_the_mean_of_its_windows_on_the_scale_of_the_targets(store: HyperImageStore) -> None:
    encoder, _ = _encoder(store)
    predicted = predict(encoder, store, range(len(store.songs)))
    mel = np.array([row.family == "mel" for row in store.format.rows[1:5]])
    most = MAX_GAIN_DB / store.format.rows[1].scale
    for song, y in zip(store.songs["song_id"], predicted, strict=True):
        image = np.round(store.image(song) * 255)
        looped = np.concatenate([image] * 3, axis=1) if image.shape[1] < encoder.n_frames else image
        starts = consecutive(image.shape[1], encoder.n_frames)
        cut = np.stack([looped[:, start : start + encoder.n_frames] for start in starts])
        # rows 1 to 4 are mel and mfcc: what the encoder has asked for
        standardized = (cut[:, 1:5] - np.arange(1, 5)[:, None]) / np.arange(1, 5)[:, None]
        weight = np.where(mel, 1 / np.arange(1, 5), 0)
        gain = -(standardized.mean(axis=2) @ weight) / (weight @ weight)
        standardized += gain.clip(-most, most)[:, None, None] * weight[:, None]
        standardized = standardized.clip(-MAX_DEVIATIONS, MAX_DEVIATIONS)
        with torch.no_grad():
            outputs = encoder.network(torch.from_numpy(standardized.astype(np.float32)))
        assert_allclose(y, outputs.numpy().mean(axis=0) * 10 + [1, 2, 3], rtol=1e-4, atol=1e-4)


def test_an_encoder_survives_the_disk_whole(store: HyperImageStore, tmp_path: Path) -> None:
    encoder, description = _encoder(store)
    save_encoder(tmp_path, encoder, description)
    loaded = load_encoder(tmp_path)
    # on the device that `loaded` is on: a GPU rounds otherwise
    encoder.to(device())
    assert_allclose(predict(loaded, store, [3, 1]), predict(encoder, store, [3, 1]), rtol=0, atol=0)
    (tmp_path / "again").mkdir()
    save_encoder(tmp_path / "again", loaded, description)
    assert (tmp_path / "again" / "encoder.pt").read_bytes() == (tmp_path / "encoder.pt").read_bytes()


def test_no_songs_give_no_rows(store: HyperImageStore) -> None:
    assert predict(_encoder(store)[0], store, []).shape == (0, 3)


def test_damaged_or_foreign_files_are_named(store: HyperImageStore, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"encoder\.json: not there"):
        load_encoder(tmp_path)
    encoder, description = _encoder(store)
    save_encoder(tmp_path, encoder, description)
    weights = (tmp_path / "encoder.pt").read_bytes()
    (tmp_path / "encoder.pt").write_bytes(weights[: len(weights) // 2])
    with pytest.raises(UserError, match=r"encoder\.pt: not the weights"):
        load_encoder(tmp_path)
    save_encoder(tmp_path, encoder, replace(description, n_outputs=4))
    with pytest.raises(UserError, match=r"encoder\.pt: not the weights"):
        load_encoder(tmp_path)
    save_encoder(tmp_path, encoder, replace(description, class_path="subprocess:Popen"))
    with pytest.raises(
        UserError, match=r"encoder\.json: class_path='subprocess:Popen': wanted an encoder of earshot"
    ):
        load_encoder(tmp_path)
    with pytest.raises(UserError, match=r"class_path='subprocess:Popen': wanted an nn\.Module"):
        load_encoder(tmp_path, ["subprocess:Popen"])
    (tmp_path / "encoder.json").write_text("{}")
    with pytest.raises(UserError, match=r"encoder\.json: not the description"):
        load_encoder(tmp_path)


def test_a_class_may_stand_in_a_file_of_ones_own_but_not_below_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("mine", "data"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "net.py").write_text("import torch\n\n\nclass Net(torch.nn.Module): ...\n")
    component = check_params({"file": "mine/net.py", "class": "Net", "init_args": {}}, "params", Component)
    assert component == Component("mine/net.py:Net", {})
    found = load_network(component.class_path, "encoder")
    assert found.__name__ == "Net"
    assert load_network("mine/../mine/net.py:Net", "encoder") is found
    with pytest.raises(UserError, match=r"data/net\.py: nothing below data/ is run"):
        load_network("mine/../data/net.py:Net", "encoder")


@pytest.mark.parametrize(
    ("class_path", "init_args", "message"),
    [
        ("nowhere:Encoder", {}, r"encoder\.class_path='nowhere:Encoder' cannot be imported"),
        ("earshot.encoders.convolutional:Other", {}, "has no attribute 'Other'"),
        ("torch.nn:Linear", {}, "has no `families`"),
        ("earshot.encoders.convolutional:ConvolutionalEncoder", {"families": ["smell"]}, "family 'smell'"),
        (
            "earshot.encoders.convolutional:ConvolutionalEncoder",
            {"families": ["mel"], "depth": 3},
            "unexpected keyword argument 'depth'",
        ),
    ],
)
def test_an_encoder_that_cannot_be_made_is_named(
    store: HyperImageStore, class_path: str, init_args: dict[str, object], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        build(describe(Component(class_path, init_args), store.format, 3.0, 2))
