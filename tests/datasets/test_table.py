"""Any table as a delivery: what is kept, what is set aside by which line, and that nothing is half there."""

from __future__ import annotations

import fcntl
import gzip
import json
import os
import random
import shutil
import tempfile
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from earshot.cli.main import app
from earshot.datasets.importing import delimited, drafts
from earshot.datasets.importing.delimited import Layout
from earshot.datasets.table import TableImport, import_table
from earshot.deliveries.check import check
from earshot.errors import UserError
from tests.datasets.imports import content, plays, set_aside, songs, take_in
from tests.killable import Killable

COUNTED = {"user_id": "user", "song_id": "song", "play_count": "n"}
CSV = """user,title,song,n
u1,"Half, a
Bridge",000123,4
u2,x,000124,0
bad line
u2,"He said ""no"" to me",000124,1.5
,x,000124,2

u3,x,000123,3.0
u3,x,000124,many
"""


def run(*arguments: object) -> str:
    """`earshot import ...`; what it says."""
    result = CliRunner().invoke(app, ["import", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_what_is_malformed_is_set_aside_by_line_and_ids_stay(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(CSV)
    imported = import_table([f"{tmp_path}/log.csv"], tmp_path / "d", COUNTED, Layout())
    assert imported == TableImport(files=1, plays=2, songs=0, set_aside=6)
    assert plays(tmp_path / "d") == [("u1", "000123", 4), ("u3", "000123", 3)]
    assert sorted(set_aside(tmp_path / "d")) == [  # the quoted line break is no line of its own
        ("log.csv", "3", "n=0"),
        ("log.csv", "4", "bad line"),
        ("log.csv", "5", "n=1.5"),
        ("log.csv", "6", "user="),
        ("log.csv", "7", "user="),
        ("log.csv", "9", "n=many"),
    ]
    assert json.loads((tmp_path / "d" / "delivery.json").read_text()) == {
        "source": "table",
        "plays": "increment",
    }
    take_in(tmp_path / "d", tmp_path / "workspace")


def test_movielens_by_the_command_line(tmp_path: Path) -> None:
    ratings = b"1::000123::5::978300760\nbad\n2::914::3::978301968\n2::9\xff::3::1\n3::914::3::yesterday\n"
    (tmp_path / "ratings.dat").write_bytes(ratings)
    (tmp_path / "items.dat").write_text('000123::Café (1995)::Folk;Rock\n914::He said :-"::\n914::twice::\n')
    said = run(
        *("table", tmp_path / "ratings.dat", "--output", tmp_path / "d", "--separator", "::", "--no-header"),
        *("--user", "1", "--song", "2", "--count", "3", "--time", "4", "--plays", "total", "--source", "ml"),
        *("--songs", tmp_path / "items.dat", "--song-columns", "song_id=1,title=2,genres=3"),
    )
    assert plays(tmp_path / "d") == [("1", "000123", 5, "978300760"), ("2", "914", 3, "978301968")]
    assert songs(tmp_path / "d").loc["000123"].to_dict() == {"title": "Café (1995)", "genres": "Folk;Rock"}
    assert songs(tmp_path / "d").loc["914", "title"] == 'He said :-"'
    assert set_aside(tmp_path / "d") == [
        ("ratings.dat", "2", "bad"),
        ("ratings.dat", "4", "2=9\ufffd"),
        ("ratings.dat", "5", "4=yesterday"),
        ("items.dat", "3", "914"),
    ]
    assert json.loads((tmp_path / "d" / "delivery.json").read_text()) == {"source": "ml", "plays": "total"}
    assert said.split()[:2] == ["files", "1"]
    assert "set_aside.csv says which lines" in said
    take_in(tmp_path / "d", tmp_path / "workspace")


def test_parquet_in_parts(tmp_path: Path) -> None:
    day = datetime(2024, 2, 29, 12)
    parts = tmp_path / "export" / "plays.parquet"
    parts.mkdir(parents=True)
    (parts / "_SUCCESS").touch()
    (parts / "_temporary").mkdir()
    (parts / "_temporary" / "part-9.parquet").write_text("half")
    first = {"user": ["007", None], "song": pa.array(["a", "a"]).dictionary_encode(), "at": [day, day]}
    pq.write_table(pa.table(first), parts / "part-0.snappy.parquet")
    pq.write_table(pa.table({"song": [7, 8], "user": [1, 2], "at": [day, None]}), parts / "part-1.parquet")
    listed = {"song_id": ["a", "7"], "title": ["A", "B"], "genres": [["folk", "rock"], None]}
    pq.write_table(pa.table(listed), tmp_path / "songs.parquet")
    names = {"user_id": "user", "song_id": "song", "played_at": "at"}
    imported = import_table(
        [f"{tmp_path}/export"], tmp_path / "d", names, Layout(), songs=tmp_path / "songs.parquet"
    )
    assert imported == TableImport(files=2, plays=3, songs=2, set_aside=1)
    assert [(user, song, pd.Timestamp(at) if at else at) for user, song, at in plays(tmp_path / "d")] == [
        ("007", "a", day),
        ("1", "7", day),
        ("2", "8", ""),
    ]
    assert set_aside(tmp_path / "d") == [("part-0.snappy.parquet", "2", "user=")]
    assert songs(tmp_path / "d")["genres"].to_dict() == {"a": "folk;rock", "7": ""}
    check(tmp_path / "d")


def test_types_of_warehouses_are_taken_as_they_are(tmp_path: Path) -> None:
    user, big = UUID("00000000-0000-4000-8000-0000000000ff"), 10**38 - 1
    log = pa.table(
        {
            "user": pa.array([user.bytes] * 2, pa.uuid()),
            "song": pa.array([Decimal(big), Decimal(7)], pa.decimal128(38, 0)),
            "n": pa.array(["1", "2"], pa.string_view()),
        }
    )
    pq.write_table(log, tmp_path / "log.parquet")
    import_table([f"{tmp_path}/log.parquet"], tmp_path / "d", COUNTED, Layout())
    assert plays(tmp_path / "d") == [(str(user), str(big), 1), (str(user), "7", 2)]


def test_a_quote_that_is_never_closed_costs_its_line_alone(tmp_path: Path) -> None:
    lines = [f'{number},"Song ""{number}"""' for number in range(1, 500)]
    lines[249] = '250,"Song'
    (tmp_path / "songs.csv").write_text("\n".join(["song_id,title", *lines, ""]))
    (tmp_path / "log.csv").write_text('user,song,n\nu,1,1\nu,"2,1\nu,3,1\n')
    songs_file = tmp_path / "songs.csv"
    told = import_table([f"{tmp_path}/log.csv"], tmp_path / "d", COUNTED, Layout(), songs=songs_file)
    assert (told.songs, told.plays, told.set_aside) == (498, 2, 2)
    assert "250" not in songs(tmp_path / "d").index
    assert set_aside(tmp_path / "d") == [("log.csv", "3", 'u,"2,1'), ("songs.csv", "251", '250,"Song')]


CASES = Path(__file__).parents[3] / "shared" / "cases"


@pytest.mark.skipif(not CASES.is_dir(), reason="cases of reports are not there")
def test_cases_of_reports(tmp_path: Path) -> None:
    decimals, unclosed = CASES / "duck_decimal38.parquet", CASES / "songs_unclosed_quote.csv"
    names = {"user_id": "user_id", "song_id": "song_id"}
    told = import_table([str(decimals)], tmp_path / "d", names, Layout(), songs=unclosed)
    assert plays(tmp_path / "d") == [("1", "2")]
    assert (told.songs, set_aside(tmp_path / "d")) == (
        498,
        [("songs_unclosed_quote.csv", "2", 's1,a,Artist,"Oops')],
    )
    (tmp_path / "e").mkdir()
    shutil.copy(decimals, tmp_path / "e" / "plays.parquet")
    check(tmp_path / "e")
    shutil.copy(unclosed, tmp_path / "e" / "songs.csv")
    with pytest.raises(UserError, match=r"songs\.csv: line 2 \(row 1\): column title: .* closed: '\"Oops"):
        check(tmp_path / "e")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"PK\x03\x04 xl/workbook", "an Excel workbook"),
        (b"PK\x03\x04 songs.csv", "a zip archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook"),
        ("user,song,n\n".encode("utf-16"), "UTF-16 text"),
        ("user,song,n\n".encode("utf-16-le"), "UTF-16 or UTF-32 text"),
        (b"SQLite format 3\x00", "an SQLite database"),
        (b"PAR1", "parquet"),
    ],
)
def test_another_kind_of_file_is_named_as_what_it_is(tmp_path: Path, content: bytes, kind: str) -> None:
    (tmp_path / "log.csv").write_bytes(content)
    with pytest.raises(UserError, match=rf"log\.csv: is {kind}.*: wanted text in UTF-8"):
        import_table([f"{tmp_path}/log.csv"], tmp_path / "d", COUNTED, Layout())


def test_packed_text_with_a_mark_and_carriage_returns(tmp_path: Path) -> None:
    text = '\ufeffuser\tsong\nu\t12" mix\n"u\ts\nu\n'.replace("\n", "\r\n")
    (tmp_path / "log.tsv.gz").write_bytes(gzip.compress(text.encode()))
    names = {"user_id": "user", "song_id": "song"}
    import_table([f"{tmp_path}/*.gz"], tmp_path / "d", names, Layout("\t"))
    assert plays(tmp_path / "d") == [("u", '12" mix'), ('"u', "s")]
    assert set_aside(tmp_path / "d") == [("log.tsv.gz", "4", "u")]


def test_sound_of_a_table_of_songs_is_linked(tmp_path: Path) -> None:
    (tmp_path / "music").mkdir()
    (tmp_path / "music" / "a.MP3").write_bytes(b"sound")
    (tmp_path / "plays.csv").write_text("u,s\nx,a/1\n")
    (tmp_path / "songs.csv").write_text(
        "song_id,audio,withdrawn\na/1,music/a.MP3,no\nb,music/gone.mp3,\nc,,perhaps\n"
    )
    names = {"user_id": "u", "song_id": "s"}
    import_table([f"{tmp_path}/plays.csv"], tmp_path / "d", names, Layout(), songs=tmp_path / "songs.csv")
    assert set_aside(tmp_path / "d") == [
        ("songs.csv", "4", "withdrawn=perhaps"),
        ("songs.csv", "3", "audio=music/gone.mp3"),
    ]
    audio = songs(tmp_path / "d")["audio"]
    assert audio["b"] == ""
    assert (tmp_path / "d" / audio["a/1"]).samefile(tmp_path / "music" / "a.MP3")
    check(tmp_path / "d")


no_ids = ["Nd", "Cc", "Zl", "Zp"]
letters = st.characters(codec="utf-8", exclude_categories=no_ids, exclude_characters="\ufffd\ufeff")
field = st.text(letters, max_size=3)  # numbers are the likely ones alone
likely = st.sampled_from(["1", "2", "03", "-1", "1.5", "u"])
fields = st.lists(field | likely, min_size=1, max_size=4)


@settings(max_examples=60)
@given(st.lists(fields, max_size=40), st.booleans())
def test_every_line_is_kept_or_set_aside(rows: list[list[str]], ended: bool) -> None:
    """Against splitting lines by hand, in blocks of few bytes, so that lines lie across them."""
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patched:
        patched.setattr(delimited, "_BLOCK_BYTES", 64)
        lines = ["u\ts\t1", *("\t".join(row) for row in rows)]
        path = Path(name) / "log.txt"
        path.write_bytes("\n".join(lines).encode() + b"\n" * ended)
        kept = {
            number: (row[0], row[1], int(row[2]))
            for number, row in enumerate((line.split("\t") for line in lines), 1)
            if len(row) == 3 and row[0] and row[1] and row[2] in ("1", "2", "03")
        }
        names = {"user_id": "1", "song_id": "2", "play_count": "3"}
        import_table([str(path)], Path(name) / "d", names, Layout("\t", header=False))
        assert plays(Path(name) / "d") == list(kept.values())
        n_lines = len(lines) - (not (lines[-1] or ended))
        aside = set_aside(Path(name) / "d") if len(kept) < n_lines else []
        assert {int(line) for _, line, _ in aside} == set(range(1, n_lines + 1)) - set(kept)


def test_a_line_that_no_block_holds_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "_BLOCK_BYTES", 64)
    (tmp_path / "log.txt").write_text("u\ts\t1\n" + "u" * 200 + "\ts\t1\n")
    names = {"user_id": "1", "song_id": "2", "play_count": "3"}
    with pytest.raises(UserError, match=r"log\.txt: .* a line is longer than 64 bytes"):
        import_table([f"{tmp_path}/log.txt"], tmp_path / "d", names, Layout("\t", header=False))


@pytest.mark.parametrize(
    ("name", "text", "names", "layout", "message"),
    [
        (
            "a.csv",
            "user,x\n1,2\n",
            COUNTED,
            Layout(),
            "a.csv: column 'song' is missing; there are 'user', 'x'",
        ),
        ("a.csv", "user,song,n,n\n", COUNTED, Layout(), "a.csv: column 'n' is there 2 times: wanted once"),
        ("a.csv", "", COUNTED, Layout(), "a.csv: not readable as text separated by ',': Empty CSV file"),
        ("a.parquet", "user,song,n", COUNTED, Layout(), "a.parquet: not readable as parquet"),
        ("a.bz2", "BZh9", COUNTED, Layout(), "a.bz2: not readable as text"),
        ("a.csv", "user,song,n\n", COUNTED, Layout(), "a.*: no row could be used; they have no rows"),
        (
            "a.csv",
            "user,song,n\nu,s,none\n",
            COUNTED,
            Layout(),
            "no row could be used; a.csv: line 2: 'n=none': wanted a whole number from 1 to 2,147,483,647",
        ),
        ("b.csv", "", COUNTED, Layout(), "a.*: no such file; wanted a file, a folder, or a pattern"),
    ],
)
def test_errors_name_file_and_column(
    tmp_path: Path, name: str, text: str, names: dict[str, str], layout: Layout, message: str
) -> None:
    (tmp_path / name).write_text(text)
    before = content(tmp_path)
    with pytest.raises(UserError) as raised:
        import_table([f"{tmp_path}/a.*"], tmp_path / "d", names, layout)
    assert message in str(raised.value)
    assert content(tmp_path) == before


def test_errors_of_songs(tmp_path: Path) -> None:
    (tmp_path / "plays.csv").write_text("user,song,n\nu,s,1\n")
    (tmp_path / "songs.csv").write_text("id,title\n1,x\n")

    def message(mapped: dict[str, str]) -> str:
        with pytest.raises(UserError) as raised:
            import_table(
                [f"{tmp_path}/plays.csv"],
                tmp_path / "d",
                COUNTED,
                Layout(),
                songs=tmp_path / "songs.csv",
                song_columns=mapped,
            )
        return str(raised.value)

    assert "songs.csv: column 'song_id' is missing; there are 'id', 'title'" in message({})
    assert "songs.csv: column 'name' is missing" in message({"song_id": "id", "title": "name"})
    assert "song column 'titel': unknown; allowed here: song_id, artist_id" in message({"titel": "title"})
    assert not (tmp_path / "d").exists()


def test_what_the_door_would_refuse_is_set_aside(tmp_path: Path) -> None:
    """Ids with control characters or of too many, and paths that no system knows."""
    long = "x" * 1001
    (tmp_path / "plays.csv").write_text(f"user,song,n\nu,1,1\nu\1,1,1\n{long},1,1\nu,2\x7f,1\nu,\x85,1\n")
    songs_table = (
        f"song_id,artist_id,audio,version_of\n1,a  b,,2\n2,a\1,,{long}\n\1,,,\n{long},,,\n3,,{long},\n"
    )
    (tmp_path / "songs.csv").write_text(songs_table)
    made = tmp_path / "d"
    import_table([f"{tmp_path}/plays.csv"], made, COUNTED, Layout(), songs=tmp_path / "songs.csv")
    check(made)
    assert plays(made) == [("u", "1", 1)]
    assert sorted((file, line) for file, line, _ in set_aside(made)) == [
        *[("plays.csv", line) for line in "3456"],
        *[("songs.csv", line) for line in "33456"],
    ]
    assert songs(made)[["artist_id", "version_of"]].values.tolist() == [["a  b", "2"], ["", ""], ["", ""]]


def test_a_table_without_a_song_that_can_be_used_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plays.csv").write_text("user,song,n\nu,s,1\n")
    for text, told in [("song_id\n\1\n", r"'song_id=\\x01': wanted an id"), ("song_id\n", "it has no rows")]:
        (tmp_path / "songs.csv").write_text(text)
        with pytest.raises(UserError, match=rf"songs\.csv: no song could be used; .*{told}"):
            import_table(
                [f"{tmp_path}/plays.csv"], tmp_path / "d", COUNTED, Layout(), songs=tmp_path / "songs.csv"
            )


def test_ids_with_a_point_are_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"user": ["u"], "song": [1.0], "n": [1]}), tmp_path / "a.parquet")
    with pytest.raises(UserError, match=r"a\.parquet: column 'song' is of type double: wanted text or whole"):
        import_table([f"{tmp_path}/a.parquet"], tmp_path / "d", COUNTED, Layout())


def test_a_folder_that_is_there_or_being_written_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(CSV)
    unfinished = tmp_path / ".d.unfinished"
    unfinished.mkdir()
    descriptor = os.open(unfinished, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with pytest.raises(UserError, match="d: another import is writing it"):
        import_table([f"{tmp_path}/log.csv"], tmp_path / "d", COUNTED, Layout())
    os.close(descriptor)
    (tmp_path / "d").mkdir()
    with pytest.raises(UserError, match="d: there already"):
        import_table([f"{tmp_path}/log.csv"], tmp_path / "d", COUNTED, Layout())


KILLABLE = f"""
from earshot.datasets.importing.delimited import Layout
from earshot.datasets.table import import_table
def call(folder):
    import_table([str(folder / "log.csv")], folder / "d", {COUNTED!r}, Layout(), songs=folder / "songs.csv")
"""


def test_killed_at_any_moment_it_leaves_nothing_half_there_and_gives_the_same_bytes(tmp_path: Path) -> None:
    def source(name: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "log.csv").write_text(CSV)
        (folder / "song.mp3").write_bytes(b"sound")
        (folder / "songs.csv").write_text("song_id,audio\n000123,song.mp3\n")
        return folder

    undisturbed, draw = source("undisturbed"), random.Random(0)
    with Killable(KILLABLE, source("first")) as killable:
        events = killable.events(undisturbed)
        for moment in sorted({events - 1, *(draw.randrange(1, events) for _ in range(5))}):
            folder = source(f"killed-{moment}")
            killable.kill(moment, folder)
            if not (folder / "d").exists():
                import_table(
                    [str(folder / "log.csv")], folder / "d", COUNTED, Layout(), songs=folder / "songs.csv"
                )
            assert content(folder) == content(undisturbed)


def test_songs_by_name_and_one_listener(tmp_path: Path) -> None:
    (tmp_path / "songs.csv").write_text(
        "song_id,artist,title,recording_mbid\n1,Ada,Öl,\n2,Bo,C#,m-2\n3,Bo,C,\n"
    )
    (tmp_path / "log.csv").write_text(
        "who,by,what,mb,n,at\nx,ADA,OL,,3,2023-11-14\nx,Bo,c#,,1,\ny,?,?,M-2,2,\ny,Bo,C++,,1,\n"
    )
    by_name = ("--match-songs", tmp_path, "--artist", "by", "--title", "what", "--mbid", "mb")
    log = ("table", tmp_path / "log.csv", "--output")
    said = run(*log, tmp_path / "d", "--user", "who", *by_name, "--count", "n", "--time", "at")
    assert plays(tmp_path / "d") == [("x", "1", 3, "2023-11-14"), ("x", "2", 1, ""), ("y", "2", 2, "")]
    assert "matched share               85.7%" in said
    assert (tmp_path / "d" / "unmatched.csv").read_text() == "artist,title,plays,reason\nBo,C++,1,unmatched\n"
    run(*log, tmp_path / "e", "--listener", "Ada L", *by_name)
    assert plays(tmp_path / "e") == [("Ada L", "1"), ("Ada L", "2"), ("Ada L", "2")]
    run(*log, tmp_path / "f", "--listener", "Ada L", "--song", "what", "--count", "n")
    assert plays(tmp_path / "f")[:2] == [("Ada L", "OL", 3), ("Ada L", "c#", 1)]


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (("--song", "s"), "either --user COLUMN or --listener NAME"),
        (("--song", "s", "--user", "u", "--listener", "n"), "either --user COLUMN or --listener NAME"),
        (("--user", "u"), "wanted --song COLUMN, or --match-songs DELIVERY"),
        (("--user", "u", "--match-songs", "d", "--artist", "a"), "wanted --artist and --title, or --mbid"),
        (("--user", "u", "--match-songs", "d", "--mbid", "m", "--song", "s"), "and no --song"),
    ],
)
def test_who_and_what_are_said_once(arguments: tuple[str, ...], wanted: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=wanted):
        run("table", "x.csv", "--output", tmp_path / "d", *arguments)


def test_a_parquet_bomb_is_refused_and_what_is_set_aside_is_listed_up_to_a_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = pa.nulls(3_000_000, pa.string())  # some kilobytes as a file
    pq.write_table(pa.table({"user": nothing, "song": nothing}), tmp_path / "log.parquet")
    names = {"user_id": "user", "song_id": "song"}
    with pytest.raises(UserError, match=r"log.parquet: has 3,000,000 rows: wanted at most 2,"):
        import_table([f"{tmp_path}/log.parquet"], tmp_path / "d", names, Layout())
    monkeypatch.setattr(drafts, "_MOST_LISTED", 2)
    (tmp_path / "log.csv").write_text("user,song\nu,s\n" + "\n" * 5)
    assert import_table([f"{tmp_path}/log.csv"], tmp_path / "d", names, Layout()).set_aside == 5
    listed = set_aside(tmp_path / "d")
    assert [line for _, line, _ in listed] == ["3", "4", ""]
    assert listed[-1][2] == "3 more, counted and not listed"
