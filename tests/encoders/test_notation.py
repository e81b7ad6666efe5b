import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from earshot.classes import Component
from earshot.encoders.architecture import Convolution, FullyConnected, Normalization, Pooling, parse
from earshot.encoders.late_fusion import LateFusion
from earshot.encoders.notation import LocalResponseNormalization, NotationEncoder
from earshot.errors import UserError
from earshot.predictors.song_encoder import build, describe
from earshot.store.rows import ImageFormat, Row

PAPER = "IC(5,15,64)LPC(1,5,64)LPF(384)F(192)O"
NUMBER = st.integers(1, 999)
IMAGE_LAYERS = st.one_of(
    st.builds(Convolution, NUMBER, NUMBER, NUMBER), st.builds(Normalization), st.builds(Pooling)
)


def _written(layer: object) -> str:
    letter = {Convolution: "C", Normalization: "L", Pooling: "P", FullyConnected: "F"}[type(layer)]
    numbers = ",".join(str(value) for value in vars(layer).values())
    return f"{letter}({numbers})" if numbers else letter


def test_the_papers_network_is_read() -> None:
    images = [Convolution(5, 15, 64), Normalization(), Pooling(), Convolution(1, 5, 64)]
    assert parse(PAPER) == (
        [*images, Normalization(), Pooling()],
        [FullyConnected(384), FullyConnected(192)],
    )


@given(st.lists(IMAGE_LAYERS), st.lists(st.builds(FullyConnected, NUMBER), min_size=1))
def test_what_is_written_is_read_back(images: list, connected: list) -> None:
    assert parse("I" + "".join(map(_written, [*images, *connected])) + "O") == (images, connected)


@pytest.mark.parametrize(
    ("architecture", "there", "position", "wanted"),
    [
        ("", "the end", 0, "I"),
        ("C(5,15,64)F(1)O", "'C(5,15,64)'", 0, "I"),
        ("IC(5,15)LF(192)O", "'C(5,15)'", 1, "C(stride,field,depth), L, P or F(width)"),
        ("IC(0,15,64)F(192)O", "'C(0,15,64)'", 1, "C(stride,field,depth), L, P or F(width)"),
        ("ILPX(3)F(2)O", "'X(3)'", 3, "C(stride,field,depth), L, P or F(width)"),
        ("ILPO", "'O'", 3, "C(stride,field,depth), L, P or F(width)"),
        ("IF(8)LO", "'L'", 5, "F(width) or O"),
        ("IF(8)", "the end", 5, "F(width) or O"),
        ("IF(8)OF(8)", "'F(8)'", 6, "nothing behind O"),
    ],
)
def test_what_is_no_network_is_named(architecture: str, there: str, position: int, wanted: str) -> None:
    message = f"architecture={architecture!r}: {there} at position {position}; wanted {wanted}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        parse(architecture)


def test_shapes_and_parameters_counted_by_hand() -> None:
    # 10 x 8 -> C, stride 2: 5 x 4 -> P: 3 x 2 -> 3 * 3 * 2 = 18 values
    encoder = NotationEncoder(10, 6, 8, "IC(2,3,3)LPF(5)F(4)O")
    kinds = [type(layer).__name__ for layer in encoder.embedding]
    assert kinds == (
        ["Unflatten", "Conv2d", "ReLU", "LocalResponseNormalization", "MaxPool2d", "Flatten"]
        + ["Linear", "ReLU"] * 2
    )
    convolution, connected, output = 3 * (3 * 3 + 1), 5 * (18 + 1) + 4 * (5 + 1), 6 * (4 + 1)
    assert sum(weights.numel() for weights in encoder.parameters()) == convolution + connected + output
    windows = torch.randn(7, 10, 8)
    assert encoder.embedding(windows).shape == (7, encoder.n_embedding) == (7, 4)
    assert encoder(windows).shape == (7, 6)


def test_normalization_is_that_of_krizhevsky() -> None:
    images = 60 * torch.randn(2, 7, 3, 4)
    # torch divides alpha by the number of filters
    expected = nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)(images)
    torch.testing.assert_close(LocalResponseNormalization()(images), expected)


def test_a_branch_hears_its_own_family_alone() -> None:
    encoder = LateFusion(5, 3, 8, [2, 3], "IC(1,3,2)PF(4)O")
    one = torch.randn(1, 5, 8)
    other = torch.cat([one[:, :2], torch.randn(1, 3, 8)], dim=1)
    first, second = encoder.embedding(one)[0], encoder.embedding(other)[0]
    assert encoder.n_embedding == len(first) == 8
    assert torch.equal(first[:4], second[:4])
    assert not torch.equal(first[4:], second[4:])
    assert encoder(one).shape == (1, 3)


def test_networks_are_told_of_the_images_they_see() -> None:
    rows = tuple(Row(f"{n}", family, 0.0, 1.0) for n, family in enumerate(["chroma", "mel", "mel", "mfcc"]))
    image_format = ImageFormat("a-key", 22050, 512, rows)
    init_args = {"architecture": "IPF(4)O", "families": ["mel", "mfcc"]}
    fused = describe(Component("earshot.encoders.late_fusion:LateFusion", init_args), image_format, 0.5, 2)
    assert fused.init_args == {**init_args, "n_frames": 22, "family_rows": [2, 1]}
    assert build(fused)(torch.zeros(1, 22, 4, dtype=torch.uint8)).shape == (1, 2)
    bad = Component("earshot.encoders.notation:NotationEncoder", {**init_args, "architecture": "IPO"})
    with pytest.raises(UserError, match="'O' at position 2; wanted C"):
        build(describe(bad, image_format, 0.5, 2))
