import re
import shutil
from pathlib import Path

import pytest

from earshot.deliveries import quality as play_quality
from earshot.deliveries.check import RefusedDelivery
from earshot.deliveries.quality import check_plays

PARAMS = Path(__file__).parents[2] / "params.yaml"


@pytest.mark.parametrize(
    ("plays", "message"),
    [
        ("u,12,1772359200\n", None),
        ("u,12,1772359200000\n", "1 of 1 rows .*row 1: played_at='1772359200000': looks like milliseconds"),
        ("u,12.0,\n", "1 of 1 valid rows .*song_id='12.0' .there is a song '12'."),
        ("u,12,\nu,x,\n", "1 of 2 rows of plays wait .*: song_id='x'"),
        ("u,x,\nu,y.0,\n", "2 of 2 rows of plays wait .*: song_id='x', song_id='y.0'"),
    ],
)
def test_plays_are_judged_when_they_come(tmp_path: Path, plays: str, message: str | None) -> None:
    shutil.copyfile(PARAMS, tmp_path / "params.yaml")
    copy = tmp_path / "work" / "copy"
    copy.mkdir(parents=True)
    (copy / "songs.csv").write_text("song_id\n12\n")
    (copy / "plays.csv").write_text(f"user_id,song_id,played_at\n{plays}")
    if message is None:
        assert check_plays(tmp_path / "dropped", copy, tmp_path) == ""
    elif "wait" in message:
        assert re.fullmatch(message, check_plays(tmp_path / "dropped", copy, tmp_path))
    else:
        with pytest.raises(RefusedDelivery, match=message):
            check_plays(tmp_path / "dropped", copy, tmp_path)
    assert [path.name for path in copy.parent.iterdir()] == ["copy"]


@pytest.mark.parametrize(
    ("plays", "message"),
    [
        (b'u,s\nu,"s\nv,s\n', "plays.csv: line 3 (row 2): column song_id: a quote opens and is never closed"),
        (b"u,s\n" * 9 + b"\xe9t\xe9,s\n", "plays.csv: not readable as csv: In CSV column #0: Row #11: "),
        (b"u,s\nu,s,t\n", "plays.csv: not readable as csv: "),
    ],
)
def test_a_table_is_read_to_its_end_and_refused_by_its_own_name(
    tmp_path: Path, plays: bytes, message: str
) -> None:
    shutil.copyfile(PARAMS, tmp_path / "params.yaml")
    copy = tmp_path / "work" / "copy"
    copy.mkdir(parents=True)
    (copy / "plays.csv").write_bytes(b"user_id,song_id\n" + plays)
    with pytest.raises(RefusedDelivery, match=f"^{re.escape(f'{tmp_path}/dropped/{message}')}"):
        check_plays(tmp_path / "dropped", copy, tmp_path)


@pytest.mark.parametrize(
    ("rows", "allowed", "message"),
    [
        (["u,s\n"] * 1_910 + ["u,\n"] * 90, "0.05", ""),
        (
            ["u,s\n"] * 300 + ["u,\n"] * 110 + ["u,s\n"] * 300,
            "0.05",
            "110 of 710 rows of plays are invalid, ",
        ),
        (
            ["u,\n"] * 900 + ["u,s\n"] * 600,
            "0.05",
            "100 of 100 rows of plays are invalid (no more were read), ",
        ),
        (["u,\n", "u,\n", "u,\n", "u,s\n", "u,s\n"] * 300 + ["u,x\n"], "0.7", "1 of 601 rows of plays wait "),
        (
            ["u,\n"] * 900 + ["u,s\n"] * 300,
            "0.7",
            "100 of 100 rows of plays are invalid (no more were read), ",
        ),
    ],
    ids=["few", "not most", "most", "most, allowed", "more than allowed"],
)
def test_no_more_is_read_once_a_million_and_most_are_invalid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: list[str], allowed: str, message: str
) -> None:
    """A hundred here."""
    monkeypatch.setattr(play_quality, "_MOST_INVALID", 100)
    text = PARAMS.read_text()
    for old, new in (
        ("chunk_rows: 1000000", "chunk_rows: 100"),
        ("invalid_share: 0.05", f"invalid_share: {allowed}"),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    (tmp_path / "params.yaml").write_text(text)
    copy = tmp_path / "work" / "copy"
    copy.mkdir(parents=True)
    (copy / "songs.csv").write_text("song_id\ns\n")
    (copy / "plays.csv").write_text("user_id,song_id\n" + "".join(rows))
    if "invalid" in message:
        with pytest.raises(RefusedDelivery, match=f"{re.escape(message)}.*song_id='': wanted an id"):
            check_plays(tmp_path / "dropped", copy, tmp_path)
    else:
        assert check_plays(tmp_path / "dropped", copy, tmp_path).startswith(message)
