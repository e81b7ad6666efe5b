"""Titles, artist names and tags."""

from __future__ import annotations

from earshot.datasets.embedded.randomness import generator
from earshot.datasets.embedded.traits import Traits

_ADJECTIVES = (
    "Amber", "Blue", "Broken", "Crooked", "Distant", "Early", "Electric", "Empty", "Gentle", "Golden",
    "Hollow", "Idle", "Ivory", "Late", "Little", "Lonely", "Lucky", "Midnight", "Paper", "Quiet",
    "Restless", "Salt", "Secret", "Silver", "Slow", "Sudden", "Velvet", "Wandering", "Wild", "Winter",
)  # fmt: skip
_NOUNS = (
    "Almanacs", "Antennas", "Arcades", "Balconies", "Bridges", "Comets", "Corridors", "Ferries", "Foxes",
    "Gardens", "Harbours", "Herons", "Horizons", "Islands", "Kites", "Ladders", "Lanterns", "Letters",
    "Maps", "Mirrors", "Oceans", "Orchards", "Parades", "Postcards", "Rivers", "Satellites", "Shadows",
    "Stairways", "Trains", "Umbrellas", "Windows",
)  # fmt: skip
_TURNS = ("", "", "", " at Dawn", " for Two", " in the Rain", " Again", " on Sunday", " Without You")


def artist_name(number: int) -> str:
    """A name of its own for every number below 930 (30 and 31 words have no common factor)."""
    return f"{_ADJECTIVES[number * 7 % len(_ADJECTIVES)]} {_NOUNS[number * 12 % len(_NOUNS)]}"


def title(number: int) -> str:
    """A title that has nothing to do with the sound."""
    rng = generator("song", number, "title")
    adjective, noun, turn = (words[int(rng.integers(len(words)))] for words in (_ADJECTIVES, _NOUNS, _TURNS))
    return f"{adjective} {noun}{turn}"


def tags(number: int, traits: Traits) -> list[str]:
    """What people would say about the sound; each word that applies is missing in 2 songs of 5."""
    rng = generator("song", number, "tags")
    return [word for word, applies in _words(traits).items() if rng.random() < 0.6 and applies]


def _words(traits: Traits) -> dict[str, bool]:
    return {
        traits.lead_instrument: True,
        "slow": traits.tempo < 85,
        "fast": traits.tempo > 135,
        "wistful": traits.mode in ("minor", "dorian"),
        "cheerful": traits.mode == "major",
        "jazzy": traits.chord_size == 4,
        "swing": traits.swing > 0.5,
        "drums": traits.drums > 0.6,
        "bright": traits.brightness > 0.7,
        "dark": traits.brightness < 0.25,
        "dreamy": traits.softness > 0.7,
    }
