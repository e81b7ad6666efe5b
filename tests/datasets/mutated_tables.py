"""Mutated tables and records brought to `earshot import`: what it makes must pass the door."""

from __future__ import annotations

import io
import json
import random
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from earshot.datasets.importing.delimited import Layout
from earshot.datasets.lastfm import import_lastfm
from earshot.datasets.listenbrainz import import_listenbrainz
from earshot.datasets.matching import MatchedImport
from earshot.datasets.table import TableImport, import_table
from earshot.deliveries.check import check
from earshot.errors import UserError
from tests.deliveries.mutated_tables import GOOD, deliver_good, outcome_of, taken_in, written
from tests.deliveries.mutations import ODD_CELLS, PACKED, Rows, as_text, change_bytes, change_cells
from tests.deliveries.workspaces import sound

_ODD_VALUES: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    10**30,
    1_700_000_000_000,
    float("nan"),
    [],
    {},
    [[]],
    ["x"],
]
_ODD_VALUES += [*ODD_CELLS, 7, "7", {"a": []}, {"#text": ""}, {"uts": 1}]
_PLAYS = {name: name for name in GOOD["plays"][0]}
_, *_SONGS = [dict(zip(GOOD["songs"][0], row, strict=True)) for row in GOOD["songs"]]


def bring(folder: Path, chance: random.Random) -> str:
    """What became of an import of one mutated file; see `tests.fuzzing.fuzz`."""
    (way,) = chance.choices([_table, _songs, _named, _listenbrainz, _lastfm], [4, 4, 1, 2, 2])
    return f"{way.__name__[1:]}: {outcome_of(folder, way, chance)}"


def _made(root: Path, found: TableImport | MatchedImport, chance: random.Random) -> str:
    """What the door and the stages say of it."""
    try:
        check(root / "made")
        outcome = taken_in(root, root / "made", chance)
    except UserError as error:
        raise AssertionError(f"the import made what is refused: {error}") from error
    return f"{outcome}, lines set aside" if found.set_aside else outcome


def _table(root: Path, chance: random.Random) -> str:
    path, layout = _write_table(root, "plays", chance)
    return _made(root, import_table([str(path)], root / "made", _PLAYS, layout), chance)


def _songs(root: Path, chance: random.Random) -> str:
    path, layout = _write_table(root, "songs", chance)
    plays = root / "good.csv"
    plays.write_bytes(as_text(GOOD["plays"], random.Random(0), layout.separator))
    return _made(root, import_table([str(plays)], root / "made", _PLAYS, layout, songs=path), chance)


def _named(root: Path, chance: random.Random) -> str:
    """The table of songs itself as one of plays by name."""
    path, layout = _write_table(root, "songs", chance)
    columns = ["artist", "title", *["recording_mbid"] * (chance.random() < 0.5)]
    named = dict(zip(columns, columns, strict=True))
    songs = deliver_good(root / "songs", "songs")
    found = import_table([str(path)], root / "made", named, layout, listener="ada", match_songs=songs)
    return _made(root, found, chance)


def _write_table(root: Path, stem: str, chance: random.Random) -> tuple[Path, Layout]:
    packed = [f".csv{suffix}" for suffix in PACKED]
    suffix = chance.choice([".csv", ".csv", ".csv", ".parquet", ".parquet", ".tsv", ".dat", *packed])
    separator = {".tsv": "\t", ".dat": "::"}.get(suffix, chance.choice([",", ",", ";"]))
    path = root / f"{stem}{suffix}"
    path.write_bytes(_packed(written(stem, path.suffix, chance, separator), path.suffix, chance))
    (root / "a.wav").write_bytes(sound())
    return path, Layout(separator)


def _packed(content: bytes, suffix: str, chance: random.Random) -> bytes:
    if suffix not in PACKED:
        return content
    packed = PACKED[suffix](content)
    if chance.random() < 0.1:
        packed += PACKED[suffix](b"") + packed
    return packed if chance.random() < 0.6 else change_bytes(packed, [packed, content], chance)


def _listenbrainz(root: Path, chance: random.Random) -> str:
    listens = [
        {
            "user_name": f"u{n % 3}",
            "listened_at": 1_700_000_000 + n,
            "track_metadata": {
                "artist_name": song["artist"],
                "track_name": song["title"],
                "additional_info": {"recording_mbid": song["recording_mbid"]},
            },
        }
        for n, song in enumerate(_SONGS)
    ]
    page = {"payload": {"listens": listens, "user_id": "ada"}}
    path = _write_records(root, listens if chance.random() < 0.7 else [page, page], chance)
    songs = deliver_good(root / "songs", "songs")
    return _made(root, import_listenbrainz([str(path)], root / "made", songs=songs, user="ada"), chance)


def _lastfm(root: Path, chance: random.Random) -> str:
    if chance.random() < 0.5:
        tracks = [
            {
                "artist": {"#text": song["artist"]},
                "name": song["title"],
                "mbid": song["recording_mbid"],
                "date": {"uts": str(1_700_000_000 + n)},
            }
            for n, song in enumerate(_SONGS)
        ]
        page = {"recenttracks": {"@attr": {"user": "ada"}, "track": tracks}}
        path = _write_records(root, chance.choice([tracks, [page], [page, page]]), chance)
    else:
        path = _write_scrobbles(root, chance)
    songs = deliver_good(root / "songs", "songs")
    return _made(root, import_lastfm([str(path)], root / "made", songs=songs, user="ada"), chance)


def _write_scrobbles(root: Path, chance: random.Random) -> Path:
    rows: Rows = [[song["artist"], "An Album", song["title"], "31 Oct 2023 14:05"] for song in _SONGS]
    rows = [*[["artist", "album", "track", "date"]] * (chance.random() < 0.7), *rows]
    content = as_text(change_cells(rows, chance), chance)
    if chance.random() < 0.5:
        content = change_bytes(content, [content], chance)
    path = root / f"scrobbles.csv{chance.choice(['', *PACKED])}"
    path.write_bytes(_packed(content, path.suffix, chance))
    return path


def _write_records(root: Path, records: Sequence[Any], chance: random.Random) -> Path:
    """JSON, one record a line or all in an array, packed or not, with values or bytes changed."""
    of_values = chance.random() < 0.7
    records = json.loads(json.dumps(records))
    for _ in range(chance.randint(1, 3) if of_values else 0):
        _change_value(records, chance)
    escaped = chance.random() < 0.5
    texts = [json.dumps(record, ensure_ascii=escaped) for record in records]
    text = "\n".join(texts) + "\n" if chance.random() < 0.7 else f"[{', '.join(texts)}]"
    content = text.encode(errors="surrogatepass")
    if not of_values or chance.random() < 0.3:
        content = change_bytes(content, [content], chance)
    suffix = chance.choice([".jsonl", ".json", ".zip", ".tar", *[f".jsonl{packed}" for packed in PACKED]])
    path = root / f"records{suffix}"
    path.write_bytes(_packed(_archived(content, suffix, chance), path.suffix, chance))
    return path


def _change_value(whole: Any, chance: random.Random) -> None:
    place = whole
    while True:
        key = chance.choice(list(place) if isinstance(place, dict) else range(len(place)))
        if not isinstance(place[key], dict | list) or not place[key] or chance.random() < 0.1:
            break
        place = place[key]
    if chance.random() < 0.2 and len(place) > 1:
        del place[key]
    else:
        place[key] = chance.choice(_ODD_VALUES)


def _archived(content: bytes, suffix: str, chance: random.Random) -> bytes:
    if suffix not in (".zip", ".tar"):
        return content
    members = {"user.json": b'{"username": "ada"}', "listens/2023/11.jsonl": content}
    written_to = io.BytesIO()
    if suffix == ".zip":
        method = chance.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
        with zipfile.ZipFile(written_to, "w", method) as archive:
            for name, inner in members.items():
                archive.writestr(name, inner)
    else:
        with tarfile.open(fileobj=written_to, mode="w") as tape:
            for name, inner in members.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(inner)
                tape.addfile(entry, io.BytesIO(inner))
    whole = written_to.getvalue()
    return whole if chance.random() < 0.6 else change_bytes(whole, [whole], chance)
