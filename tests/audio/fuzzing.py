"""Mutated files of every codec, probed and heard."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

from earshot.audio.probing import probe
from earshot.extraction.images import extract_image
from earshot.features.hyper_image import DEFAULTS, excerpt_of
from tests.audio.hostile import write_samples
from tests.byte_mutations import mutated

_samples = cache(write_samples)


def hear(folder: Path, chance: random.Random) -> str:
    """What became of one file; see `tests.fuzzing.fuzz`."""
    good = _samples(folder, 1.0)
    kind = chance.choice(sorted(good))
    path = folder / f"mutated.{kind}"
    path.write_bytes(mutated(good[kind], list(good.values()), chance))
    found = probe(path)
    image = found.reason or extract_image(excerpt_of(path, found, DEFAULTS), DEFAULTS)
    if isinstance(image, str):
        return f"{'probe' if found.reason else 'extraction'}: {image.split(':')[0]}"
    assert abs(len(image) - 1 - min(found.seconds, 60) * 22050 / 512) < 3, found
    return "damaged" if found.damage else "heard"
