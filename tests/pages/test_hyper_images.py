"""The picture of a hyper-image is a PNG, the same each time, with every family in it."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image

from earshot.features.hyper_image import DEFAULTS, features, format_of, normalize
from earshot.pages.hyper_images import hyper_image_png, in_dark
from tests.audio.signals import music, nasty

FORMAT = format_of(DEFAULTS)


def test_same_image_same_bytes() -> None:
    image = normalize(features([music()], DEFAULTS), FORMAT.rows).T
    png = hyper_image_png(image, FORMAT.rows, FORMAT.frames_per_second)
    assert png == hyper_image_png(image, FORMAT.rows, FORMAT.frames_per_second)
    pixels = np.asarray(Image.open(BytesIO(png)).convert("RGB"))
    assert pixels.shape == (672, 1080, 3)
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 150


def test_silence_and_a_part_of_the_rows_can_be_drawn() -> None:
    image = normalize(features([nasty()["silence"]], DEFAULTS), FORMAT.rows).T
    rows = FORMAT.row_slice(["mel", "tonnetz"])
    png = hyper_image_png(image[rows], [FORMAT.rows[row] for row in rows], FORMAT.frames_per_second)
    assert Image.open(BytesIO(png)).format == "PNG"


def test_on_dark_screens_only_the_greys_are_others() -> None:
    image = normalize(features([music()], DEFAULTS), FORMAT.rows).T
    light = hyper_image_png(image, FORMAT.rows, FORMAT.frames_per_second)
    before, after = (
        np.asarray(Image.open(BytesIO(png)).convert("RGB")).astype(int) for png in (light, in_dark(light))
    )
    white = (before == 255).all(axis=-1)
    assert white.mean() > 0.1
    assert (after[white] == (0x16, 0x15, 0x13)).all()
    same = (before == after).all(axis=-1)
    assert same[40:600, 150:1050].mean() > 0.9  # the image itself
    assert after[~same].max() <= 0xED
