"""A seeded mutator of bytes."""

from __future__ import annotations

import random

_NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def mutated(content: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """`content` with one to four things done to it."""
    for _ in range(chance.randint(1, 4)):
        content = chance.choice([_flipped, _cut, _spliced, _header_field, _zeroed, _repeated])(
            content, others, chance
        )
    return content


def _flipped(content: bytes, others: list[bytes], chance: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.choice([1, 10, 100]) if changed else 0):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _cut(content: bytes, others: list[bytes], chance: random.Random) -> bytes:
    begin, end = sorted(chance.randrange(len(content) + 1) for _ in range(2))
    return content[:begin] + content[end:] if chance.random() < 0.5 else content[:end]


def _spliced(content: bytes, others: list[bytes], chance: random.Random) -> bytes:
    other = chance.choice(others)
    return content[: chance.randrange(len(content) + 1)] + other[chance.randrange(len(other)) :]


def _header_field(content: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """Another number in the first bytes, where sizes, rates and channels stand."""
    size, place = chance.choice([1, 2, 4]), chance.randrange(min(len(content), 200) + 1)
    number = (chance.choice(_NUMBERS) % 256**size).to_bytes(size, chance.choice(["little", "big"]))
    return content[:place] + number + content[place + size :]


def _zeroed(content: bytes, others: list[bytes], chance: random.Random) -> bytes:
    begin, size = chance.randrange(len(content) + 1), chance.choice([4, 400, 40_000])
    return content[:begin] + bytes(len(content[begin : begin + size])) + content[begin + size :]


def _repeated(content: bytes, others: list[bytes], chance: random.Random) -> bytes:
    begin, size = chance.randrange(len(content) + 1), chance.choice([4, 400, 4000])
    return content[:begin] + 3 * content[begin : begin + size] + content[begin + size :]
