"""Artist labels: each loss against its sum song by song, and catalogues that name no artist."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from earshot.errors import UserError
from earshot.training.examples import Examples
from earshot.training.objectives.artist_siamese import ArtistSiamese
from earshot.training.objectives.artist_softmax import ArtistSoftmax

ARTISTS = ["b", "a", "b", "a", "", "c", "a", "a", "d", ""]  # the last four for early stopping
N_TRAINING, MARGIN = 6, 0.4


def examples(artists: list[str] = ARTISTS) -> Examples:
    songs = pd.DataFrame({"song_id": [f"s{n}" for n in range(len(artists))], "artist_id": artists})
    songs["artist_id"] = songs["artist_id"].replace("", None)
    return Examples(songs, np.zeros((len(artists), 1), np.float32), np.arange(len(artists)), N_TRAINING)


def test_softmax_over_the_artists_that_are_learned_from() -> None:
    torch.manual_seed(0)
    objective = ArtistSoftmax(examples(), dimensions=3)
    assert objective.artists == ["a", "b", "c"]
    outputs = torch.randn(10, 3)
    found = objective(outputs, torch.arange(10)).detach().numpy()
    weight, bias = (value.detach().numpy() for value in (objective.layer.weight, objective.layer.bias))
    for song, artist in enumerate(ARTISTS):
        wanted = 0.0
        if artist in "abc" and artist:  # d has no song to learn from
            logits = weight @ outputs[song].numpy() + bias
            wanted = np.log(np.exp(logits).sum()) - logits["abc".index(artist)]
        assert found[song] == pytest.approx(wanted, rel=1e-5)


@settings(max_examples=30)
@given(songs=st.lists(st.integers(0, 9), min_size=1, max_size=9), seed=st.integers(0, 99))
def test_the_hinge_of_two_songs_of_an_artist_and_one_of_another(songs: list[int], seed: int) -> None:
    objective = ArtistSiamese(examples(), dimensions=3)
    outputs = torch.randn(len(songs), 3, generator=torch.Generator().manual_seed(seed)) + 0.5
    found = objective(outputs, torch.tensor(songs))
    vectors = outputs.numpy()
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(0.1)
    names = [ARTISTS[song] if ARTISTS[song] in "abc" else "" for song in songs]
    for place, artist in enumerate(names):
        hinges = [
            max(0.0, MARGIN - float(unit[place] @ unit[p]) + float(unit[place] @ unit[n]))
            for p, n in np.ndindex(len(songs), len(songs))
            if artist and names[p] == artist and songs[p] != songs[place] and names[n] not in ("", artist)
        ]
        wanted = sum(hinges) / len(hinges) / MARGIN if hinges else 0.0
        assert float(found[place]) == pytest.approx(wanted, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("kind", [ArtistSoftmax, ArtistSiamese])
def test_gradients_are_those_of_the_loss(kind: type[nn.Module]) -> None:
    torch.manual_seed(0)
    objective = kind(examples(), dimensions=3).double()
    outputs = torch.randn(6, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda some: objective(some, torch.tensor([0, 1, 2, 3, 6, 7])), outputs)


@pytest.mark.parametrize("kind", [ArtistSoftmax, ArtistSiamese])
@pytest.mark.parametrize("artists", [[""] * 10, ["a"] * 10, ["a", "b"] * 3 + ["c"] * 4])
def test_a_catalogue_without_artists_to_tell_apart_is_refused(
    kind: type[nn.Module], artists: list[str]
) -> None:
    with pytest.raises(UserError, match=r"artist_id: .*wanted"):
        kind(examples(artists))
