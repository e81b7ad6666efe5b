"""Mutated tables brought to the door: what it lets in must stop no stage."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from earshot.catalogue.play_rows import DATED, FRACTION, NUMBER, parse_rows
from earshot.deliveries import feedback_files, read_feedback, read_plays, read_songs
from earshot.deliveries.check import check
from earshot.deliveries.quality import check_plays, check_sound
from earshot.deliveries.reading import play_files
from earshot.errors import UserError
from earshot.stages import play_counts, raw_audio
from earshot.validation.parts import INVALID_FILE, ITEMS_FILE, PLAYS_FILE, USERS_FILE, write_part
from earshot.validation.plain_suite import PlainSuite
from earshot.validation.plays import delivered_row_checks
from earshot.validation.suite import Suite
from tests.deliveries.mutations import Rows, as_parquet, as_text, change_bytes, change_cells, change_parquet
from tests.deliveries.workspaces import PARAMS, sound
from tests.stages.delivered import PARAMS as STAGE_PARAMS
from tests.stages.delivered import paths_of

_MBID = "8f3471b5-7e6a-48da-86a9-c1c07a0f47{:02}"
_ARTISTS = ["Ada", 'He "Said"', "a, b", "ナ", "Bo;Cy", "Éa"]
_DATES = ["2026-01-01", "1772359200", "", "2026-01-01T10:00:00Z", "2026-01-01 10:00:00+02:00"]
_SONG_COLUMNS = (
    "song_id artist_id artist title genres tags audio withdrawn album track year recording_mbid path"
)


def _song(n: int) -> list[str]:
    audio, year = "a.wav" if n < 2 else "", ["1999", "", "2001-05", "2020.0"][n % 4]
    named = [f"{n:03}", f"a{n % 6}", _ARTISTS[n % 6], f"Song {n}", "a;b", "", audio, ""]
    return [*named, "An Album", str(n), year, _MBID.format(n), f"a/{n}.mp3"]


GOOD: dict[str, Rows] = {
    "songs": [_SONG_COLUMNS.split(), *map(_song, range(20))],
    "plays": [
        ["user_id", "song_id", "play_count", "played_at"],
        *[[f"u{n % 7}", f"{n % 20:03}", str(n + 1), _DATES[n % 5]] for n in range(60)],
    ],
    "feedback": [
        ["user_id", "song_id", "kind", "at"],
        *[["u", f"{n:03}", ["like", "dislike", "skip", "exclude"][n % 4], _DATES[n % 5]] for n in range(12)],
    ],
}
_SHOWN_LETTERS = 5_000
_MORE_LOOKED_AT, _STAGES_RUN = 8, 80
"""One in so many that are accepted."""
Suite([])  # imports Great Expectations, which takes longer than an input may


def bring(folder: Path, chance: random.Random) -> str:
    """What became of a delivery with one mutated table; see `tests.fuzzing.fuzz`."""
    return outcome_of(folder, _to_the_door, chance)


def outcome_of(folder: Path, way: Callable[[Path, random.Random], str], chance: random.Random) -> str:
    """What `way` says of an input in a workspace of its own, or how it was refused."""
    root = folder / "workspace"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    (root / "params.yaml").write_text(PARAMS)
    try:
        return way(root, chance)
    except UserError as error:
        told = str(error)
        assert str(root) in told, told
        assert len(told) < _SHOWN_LETTERS, told[:_SHOWN_LETTERS]
        return f"refused: {_kind(told)}"


def _kind(told: str) -> str:
    """The message without what is of this table alone."""
    told = re.sub(r"^/[^:]*: ", "", told.splitlines()[0])
    told = re.sub(r"(not readable as \w+|none of [0-9]+ listens is).*", r"\1", told)
    told = re.sub(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|/[^ ]*|-?[0-9][0-9,.%]*", "_", told)
    return re.sub(r"(; there (?:are|is)|; the first|, _).*", "", told)[:90]


def written(stem: str, suffix: str, chance: random.Random, separator: str = ",") -> bytes:
    """A table with cells or bytes changed, or both."""
    of_cells, of_bytes = chance.choice([(True, False), (True, False), (False, True), (True, True)])
    rows = change_cells(GOOD[stem], chance) if of_cells else GOOD[stem]
    other = GOOD[chance.choice(list(GOOD))]
    if suffix == ".parquet":
        content = as_parquet(rows, chance)
        return change_parquet(content, [as_parquet(other, chance)], chance) if of_bytes else content
    content = as_text(rows, chance, separator)
    return change_bytes(content, [as_text(other, chance, separator)], chance) if of_bytes else content


def deliver_good(folder: Path, *stems: str) -> Path:
    """A good delivery of `stems`."""
    folder.mkdir(parents=True)
    for stem in stems:
        (folder / f"{stem}.csv").write_bytes(as_text(GOOD[stem], random.Random(0)))
    (folder / "a.wav").write_bytes(sound())
    return folder


def _to_the_door(root: Path, chance: random.Random) -> str:
    (stem,), suffix = chance.choices(list(GOOD), [2, 3, 1]), chance.choice([".csv", ".parquet"])
    beside = ["songs"] if stem != "songs" else ["plays"] * (chance.random() < 0.3)
    delivery = deliver_good(root / "new", *beside)
    (delivery / f"{stem}{suffix}").write_bytes(written(stem, suffix, chance))
    check(delivery)
    waiting = check_plays(delivery, delivery, root)
    return f"{stem}: {taken_in(root, delivery, chance)}{', plays wait' if waiting else ''}"


def taken_in(root: Path, delivery: Path, chance: random.Random) -> str:
    """What the stages make of a delivery that passed `check`."""
    read_songs(delivery)
    invalid = _invalid_share(delivery)
    assert invalid <= STAGE_PARAMS.play_counts.max_invalid_share
    for path in feedback_files(delivery):
        assert not sum(bad for _, bad in read_feedback(path))
    if play_files(delivery) and chance.randrange(_MORE_LOOKED_AT) == 0:
        _count_in_chunks(root, delivery, invalid)
    if chance.randrange(_STAGES_RUN) == 0:
        check_sound(delivery, delivery, root, "md5")
        _run_stages(root, delivery)
        return f"accepted, through the stages{', rows set aside' if invalid else ''}"
    return f"accepted{', rows set aside' if invalid else ''}"


def _invalid_share(delivery: Path) -> float:
    """As the stage judges it, without Great Expectations."""
    limit, bad, rows = STAGE_PARAMS.play_counts.max_play_count, 0, 0
    for _, chunk in _chunks(delivery, 1_000_000):
        said = parse_rows(chunk)
        named = said["user_id"].notna() & said["song_id"].notna()
        bad += int((~(named & said[NUMBER].between(1, limit) & (said[FRACTION] == 0) & said[DATED])).sum())
        rows += len(chunk)
    return bad / max(rows, 1)


def _chunks(delivery: Path, rows: int) -> Iterator[tuple[str, pd.DataFrame]]:
    return ((path.name, chunk) for path in play_files(delivery) for chunk in read_plays(path, rows))


def _count_in_chunks(root: Path, delivery: Path, invalid: float) -> None:
    """The same is counted, and set aside, in chunks of any size, by the stage and by the door."""
    made, names = [], (INVALID_FILE, PLAYS_FILE, USERS_FILE, ITEMS_FILE)
    checks = delivered_row_checks(STAGE_PARAMS.play_counts.max_play_count)
    for chunk_rows, suite in ((1_000_000, Suite(checks)), (31, PlainSuite(checks))):
        part = root / f"part-{chunk_rows}"
        part.mkdir()
        write_part(part, "new", _chunks(delivery, chunk_rows), suite)
        made.append([pd.read_parquet(part / name) for name in names])
    for whole, in_chunks in zip(*made, strict=True):
        pd.testing.assert_frame_equal(whole, in_chunks)
    rows = sum(len(chunk) for _, chunk in _chunks(delivery, 1_000_000))
    assert len(made[0][0]) == round(invalid * rows)


def _run_stages(root: Path, delivery: Path) -> None:
    """Those that read tables, with a good delivery before this one."""
    deliveries = root / "data" / "deliveries"
    deliver_good(deliveries / "good", "songs", "plays")
    shutil.copytree(delivery, deliveries / "new")
    (deliveries / "index.csv").write_text("delivery,md5\ngood,1.dir\nnew,2.dir\n")
    for stage in (play_counts, raw_audio):
        stage.run(paths_of(root, stage.__name__.rpartition(".")[2]), STAGE_PARAMS)
