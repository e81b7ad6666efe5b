"""Archives changed at random: each is taken in or refused in words, nothing is left, memory stays bounded."""

from __future__ import annotations

import json
import os
import resource
import shutil
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from earshot import releases
from earshot.errors import UserError
from tests.deliveries.workspaces import empty_workspace
from tests.releases.archives import ENCODER, members, model, pack, pack_zeros
from tests.releases.test_archives import content_of

FILES = model()
GOOD = members(FILES)
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        ["../../x", "/etc/passwd", "a:B", "os:system", "\ud800", 10**400, 10**9, [[[[]]]], "\x1b[2J"]
    ),
)


def flipped(content: bytes, data: st.DataObject) -> bytes:
    changed = bytearray(content)
    for position in data.draw(st.lists(st.integers(0, 8 * len(content) - 1), min_size=1, max_size=8)):
        changed[position // 8] ^= 1 << position % 8
    return bytes(changed)


def cut(content: bytes, data: st.DataObject) -> bytes:
    return content[: data.draw(st.integers(0, len(content)))]


def overwritten(content: bytes, data: st.DataObject) -> bytes:
    """Sizes, counts and offsets among others."""
    at = data.draw(st.integers(0, len(content) - 1))
    return (
        content[:at]
        + data.draw(st.sampled_from([b"\0" * 4, b"\xff" * 4, b"\xff" * 8, b"PK\1\2"]))
        + content[at + 4 :]
    )


def without_or_twice(content: bytes, data: st.DataObject) -> bytes:
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(content))] * 2)))
    return content[:start] + content[end:] if data.draw(st.booleans()) else content[:end] + content[start:]


SPOIL = (flipped, cut, overwritten, without_or_twice)


def another_value(content: bytes, data: st.DataObject) -> bytes:
    """JSON with one value, or key, changed."""
    whole = json.loads(content)
    place: Any = whole
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            break
        key = data.draw(st.sampled_from(keys))
        if not isinstance(place[key], dict | list) or not place[key] or data.draw(st.booleans()):
            place[key] = data.draw(ODD)
            break
        place = place[key]
    return json.dumps(whole).encode()


def archive_of_bytes(file: Path, data: st.DataObject) -> None:
    content = pack(file, GOOD, data.draw(st.sampled_from([0, ZIP_DEFLATED]))).read_bytes()
    file.write_bytes(data.draw(st.sampled_from(SPOIL))(content, data))


def archive_of_other_members(file: Path, data: st.DataObject) -> None:
    one, other = data.draw(st.tuples(*[st.sampled_from(sorted(GOOD))] * 2))
    changed = GOOD | {one: GOOD[other], other: GOOD[one]}
    if data.draw(st.booleans()):
        changed = GOOD | {data.draw(st.sampled_from(["../x", "a/", "files/a/b.c", "\0", other])): b"x"}
    pack(file, changed)


def archive_of_other_json(file: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["manifest.json", "decision.json"]))
    pack(file, GOOD | {name: another_value(GOOD[name], data)})


def archive_of_other_files(file: Path, data: st.DataObject) -> None:
    """Truly named in the manifest, so that what looks at them comes to see them."""
    name = data.draw(st.sampled_from(sorted(FILES)))
    change = (
        another_value if name == ENCODER and data.draw(st.booleans()) else data.draw(st.sampled_from(SPOIL))
    )
    pack(file, members(FILES | {name: change(FILES[name], data)}))


def archive_with_a_bomb(file: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(GOOD)))
    pack_zeros(
        file, GOOD, name, data.draw(st.integers(1, 64)), data.draw(st.sampled_from([9, 1 << 20, 1 << 40]))
    )


ARCHIVES = (
    archive_of_bytes,
    archive_of_other_members,
    archive_of_other_json,
    archive_of_other_files,
    archive_with_a_bomb,
)


def check_mutated(folder: Path, n_archives: int) -> dict[str, int]:
    """How many were taken in, and how many refused."""
    root, file = empty_workspace(folder / "workspace"), folder / "mutated.zip"
    releases.import_release(root, pack(file, GOOD))  # what is loaded once is loaded
    shutil.rmtree(root / "releases")
    shutil.rmtree(root / ".dvc" / "cache")
    before, outcomes = content_of(root), {"taken in": 0, "refused": 0}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    @settings(
        max_examples=n_archives,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def one(data: st.DataObject) -> None:
        data.draw(st.sampled_from(ARCHIVES))(file, data)
        told = ""
        try:
            releases.import_release(root, file)
            shutil.rmtree(root / "releases")
            shutil.rmtree(root / ".dvc" / "cache")
        except UserError as error:
            told = str(error)
        outcomes["refused" if told else "taken in"] += 1
        assert not told or told.startswith(str(file))
        assert len(told) < 20_000
        assert content_of(root) == before

    one()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 300_000
    return outcomes


def test_a_mutated_archive_is_taken_in_or_refused(tmp_path: Path) -> None:
    outcomes = check_mutated(tmp_path, int(os.environ.get("EARSHOT_FUZZ", "30")))
    assert outcomes["refused"] > outcomes["taken in"]


@pytest.mark.soak
def test_a_thousand_mutated_archives(tmp_path: Path) -> None:
    outcomes = check_mutated(tmp_path, int(os.environ.get("EARSHOT_FUZZ", "1000")))
    assert min(outcomes.values()) > 0
