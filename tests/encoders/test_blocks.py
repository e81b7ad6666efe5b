"""A head over blocks: what it learns from, what missing blocks change, and averages of several seeds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from earshot.classes import Component
from earshot.encoders.blocks import Blocks
from earshot.errors import UserError
from earshot.executors import executing_on
from earshot.params import ExecutorSettings, Params, WmfFactors
from earshot.predictors.artist_vectors import read_artist_vectors
from earshot.predictors.load import load_encoder, predict, read_description, read_trained
from earshot.stages import predicted_factors, wmf_factors
from earshot.stages.cnn_checkpoint import write_encoder
from earshot.stages.paths import Paths
from earshot.store.families import StoredFamily
from earshot.store.reader import HyperImageStore, write_store
from earshot.store.song_values import write_values
from earshot.training.train import build_objective
from earshot.versioning import PreviousOutput
from tests.training.heard import N_SONGS, cnn_params, write_training_set

ARTIST = StoredFamily("artist", "key-of-artists", "song", "words", 0)
VECTORS = StoredFamily("embedding", "key-of-vectors", "song", "<f4", 3)
BLOCKS = {"hidden": 8, "sound": {"channels": 8, "hidden": 8}}


def blocks(*families: str) -> Component:
    return Component("earshot.encoders.blocks:Blocks", {"families": [*families], **BLOCKS})


def network(n_rows: int = 2) -> Blocks:
    torch.manual_seed(0)
    made = Blocks(n_rows, 4, {"embedding": 3, "artist": 5}, **BLOCKS)  # type: ignore[arg-type]
    for weight in (made.linear.weight, made.together[-1].weight):
        torch.nn.init.normal_(weight)  # as if it had been trained
    return made


def test_a_song_of_which_nothing_else_is_known_is_placed_by_its_sound() -> None:
    made = network().eval()
    windows, vectors, artists = torch.randn(3, 2, 20), torch.randn(3, 3), torch.randn(3, 5)
    vectors[0] = artists[:2] = 0  # the first has nothing, the second a vector alone
    found = made(windows, vectors, artists)
    assert made.sound is not None
    alone = made.sound(windows)
    assert torch.equal(found[0], alone[0])
    assert not torch.isclose(found[1:], alone[1:]).any()
    changed = made(windows + 1, vectors, artists)
    assert not torch.isclose(changed[1:], found[1:]).all(dim=1).any()  # the sound counts beside blocks too


def test_the_head_moves_nothing_that_the_sound_alone_is_placed_by() -> None:
    made = network()
    both = made(torch.randn(6, 2, 20), torch.randn(6, 3), torch.randn(6, 5))
    assert both.shape == (12, 4)  # by the sound alone, then by the head
    assert made.sound is not None
    both[6:].sum().backward()
    assert not any(weight.grad.any() for weight in made.sound.parameters())
    assert made.together[0].weight.grad is not None


def test_blocks_are_left_out_in_training_each_by_itself() -> None:
    torch.manual_seed(1)
    made = Blocks(0, 2, {"a": 2, "b": 2}, missing=0.5, dropout=0.0)
    ones = torch.ones(4000, 2)
    made.linear = torch.nn.Linear(4, 2, bias=False)
    with torch.no_grad():
        made.linear.weight.copy_(torch.tensor([[1.0, 0, 0, 0], [0, 0, 1.0, 0]]))
        made.together[3].weight.zero_()
    kept = made(ones, ones)  # 1 where a block is kept
    np.testing.assert_allclose(kept.mean(dim=0).detach(), [0.5, 0.5], atol=0.04)
    np.testing.assert_allclose((kept[:, 0] * kept[:, 1]).mean().detach(), 0.25, atol=0.04)


def test_early_stopping_looks_at_the_sound_alone_too(root: Path) -> None:
    """A head that has learned all it can stops no sound's network that goes on learning."""
    paths = _paths(root, "stopping")
    ((trained,), examples) = write_encoder(paths, _params(blocks("mel", "artist")))
    store = HyperImageStore.open(root / "data" / "training_set" / "hyper_images")
    objective = build_objective(_params(blocks("mel")).cnn_checkpoint.objective, examples)
    songs = np.arange(examples.n_training, len(examples.songs))
    losses = []
    for sound_only in (False, True):
        trained.encoder.sound_only, trained.encoder.familiar = sound_only, None
        vectors = torch.from_numpy(predict(trained.encoder, store, examples.positions[songs]))
        outputs = (vectors - objective.output_mean) / objective.output_scale
        losses.append(objective(outputs, torch.from_numpy(songs)).mean().item())
    assert losses[0] != losses[1]
    assert trained.epochs[trained.best_epoch].validation_loss == pytest.approx(np.mean(losses), rel=1e-4)


def test_no_other_block_is_refused() -> None:
    with pytest.raises(ValueError, match="wanted one at least"):
        Blocks(2, 4, {}, families=["mel"])


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A factorized snapshot with artists of four songs each, and vectors of every second song."""
    root = tmp_path_factory.mktemp("root")
    folder = root / "data" / "training_set"
    write_training_set(folder)
    songs = pd.read_parquet(folder / "songs.parquet")
    ids, store = songs["song_id"].tolist(), HyperImageStore.open(folder / "hyper_images")
    write_values(store.folder, ARTIST, ids, [[f"artist-{n // 4}"] for n in range(N_SONGS)])
    vectors = np.random.default_rng(0).normal(5, 2, (N_SONGS // 2, 3)).astype(np.float32)
    write_values(store.folder, VECTORS, ids[::2], vectors)
    write_store(store.folder, store.format, store.songs, [ARTIST, VECTORS])
    wmf_factors.write_factors(_paths(root, "wmf_factors"), WmfFactors(3, 2.0, 1.0, 5.0, 6), seed=0)
    return root


def _paths(root: Path, name: str) -> Paths:
    output, work = root / "data" / name, root / "work" / name
    for folder in (output, work):
        folder.mkdir(parents=True, exist_ok=True)
    return Paths(root, output, work, root, PreviousOutput(root, None))


def _params(encoder: Component, seeds: int = 1) -> Params:
    from earshot.params import load_params

    cnn = cnn_params(encoder=encoder, max_epochs=3, seeds=seeds)
    return replace(load_params(Path("params.yaml")), cnn_checkpoint=cnn)


def test_what_is_trained_with_artists_and_vectors_comes_back_from_disk(root: Path) -> None:
    params = _params(blocks("mel", "embedding", "artist"))
    paths = _paths(root, "cnn_checkpoint")
    write_encoder(paths, params)
    store = HyperImageStore.open(root / "data" / "training_set" / "hyper_images")
    loaded = load_encoder(paths.output)
    names = [(each.name, each.width, each.scaled) for each in read_description(paths.output).others]
    assert names == [("embedding", 3, True), ("artist", 4, False)]
    assert read_trained(paths.output)[0] == read_description(paths.output)  # as an import checks it
    everything = predict(loaded, store, range(N_SONGS))
    summary = predicted_factors.run(_paths(root, "predicted_factors"), params)
    assert summary["songs"] == N_SONGS
    made = root / "data" / "predicted_factors"
    np.testing.assert_array_equal(np.load(made / "item_factors.npy"), everything)
    # a cold song has its artist's warm ones
    artists = read_artist_vectors(paths.output)
    assert artists.of(["song-00"], [["artist-0"]])[0, -1] == pytest.approx(3 / 4)
    # the cold songs once more, as if nothing were known of them
    loaded.sound_only = True
    alone = predict(loaded, store, range(0, N_SONGS, 4))
    np.testing.assert_array_equal(np.load(made / "sound_only.npy"), alone)
    assert not np.isclose(alone, everything[::4]).any(axis=1).all()


def test_vectors_reach_the_network_on_one_scale_and_missing_ones_as_zeros(root: Path) -> None:
    params = _params(blocks("embedding"))
    paths = _paths(root, "of_vectors")
    write_encoder(paths, params)
    store = HyperImageStore.open(root / "data" / "training_set" / "hyper_images")
    songs = pd.read_parquet(root / "data" / "training_set" / "songs.parquet")
    learned = songs.index[~songs["cold"] & ~songs["validation"]].to_numpy()
    scale = load_encoder(paths.output).scales["0"]
    scaled = scale(torch.from_numpy(store.vectors("embedding", range(N_SONGS)))).numpy()
    assert not scaled[1::2].any()
    known = scaled[learned[learned % 2 == 0]]
    np.testing.assert_allclose(known.mean(axis=0), 0, atol=1e-5)
    assert np.sqrt((known**2).mean()) == pytest.approx(1, rel=1e-5)


def test_several_seeds_are_the_average_of_their_trainings(root: Path) -> None:
    component = blocks("mel", "artist")
    store = HyperImageStore.open(root / "data" / "training_set" / "hyper_images")
    together = _paths(root, "three")
    trained, _ = write_encoder(together, _params(component, seeds=3))
    assert len(trained) == 3
    average = load_encoder(together.output)
    average.familiar = None  # which songs are drawn to the mean hangs on the average itself
    assert read_description(together.output).seeds == 3
    inputs = [average.network.networks, average.output_mean, average.output_scale]
    first = load_encoder(_written(root, component))
    # the first of them is the encoder of one seed
    for name, weight in first.network.state_dict().items():
        assert torch.equal(weight, inputs[0][0].state_dict()[name])
    found = predict(average, store, [1, 2])
    each = []
    for one in average.network.networks:
        first.network, first.familiar = one, None
        each.append(predict(first, store, [1, 2]))
    assert not np.allclose(each[0], each[1])
    np.testing.assert_allclose(found, np.mean(each, axis=0), rtol=1e-4, atol=1e-6)
    # finished trainings are not made again
    (together.output / "encoder.pt").unlink()
    again, _ = write_encoder(together, _params(component, seeds=3))
    assert [one.epochs for one in again] == [one.epochs for one in trained]


@pytest.mark.soak
def test_seeds_trained_on_ray_are_those_trained_here(root: Path) -> None:
    params, made = _params(blocks("mel", "artist"), seeds=3), []
    for way in (ExecutorSettings(kind="local"), ExecutorSettings(kind="ray", workers=2)):
        paths = _paths(root, way.kind)
        with executing_on(way):
            trained, _ = write_encoder(paths, params)
        made.append(((paths.output / "encoder.pt").read_bytes(), [each.epochs for each in trained]))
    assert made[0] == made[1]


def _written(root: Path, component: Component) -> Path:
    paths = _paths(root, "one")
    write_encoder(paths, _params(component))
    return paths.output


def test_seeds_of_listeners_that_are_learned_are_refused(root: Path) -> None:
    tower = Component("earshot.training.objectives.two_tower:TwoTower", {})
    params = _params(blocks("mel", "artist"), seeds=2)
    params = replace(params, cnn_checkpoint=replace(params.cnn_checkpoint, objective=tower))
    with pytest.raises(UserError, match=r"seeds=2: .*two_tower:TwoTower.* wanted 1"):
        write_encoder(_paths(root, "towers"), params)
