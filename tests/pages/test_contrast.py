"""Colours of page.css by the contrast of WCAG 2.2: 4.5 for text (1.4.3), 3 for marks (1.4.11)."""

from __future__ import annotations

import re

import pytest

from earshot.pages.hyper_images import DARK_INK, DARK_PAPER
from earshot.pages.render import STATIC

TEXT = ("ink", "soft", "accent", "good", "warn")
MARKS = ("bar", "cool", "other", *(f"g{number}" for number in range(9)))
COLOURS = [
    dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", block))
    for block in re.findall(r":root \{(.*?)\}", (STATIC / "page.css").read_text(), re.DOTALL)
]


def luminance(colour: str) -> float:
    shares = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("colours", COLOURS, ids=["light", "dark"])
def test_text_and_marks_stand_out(colours: dict[str, str]) -> None:
    grounds = [colours[ground] for ground in ("paper", "card")]
    for names, least in ((TEXT, 4.5), (MARKS, 3.0)):
        low = {name: min(contrast(colours[name], ground) for ground in grounds) for name in names}
        assert {name: ratio for name, ratio in low.items() if ratio < least} == {}


def test_dark_pictures_have_the_colours_of_dark_pages() -> None:
    assert (COLOURS[1]["ink"], COLOURS[1]["paper"]) == (DARK_INK, DARK_PAPER)
