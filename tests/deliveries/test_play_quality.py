import re
import shutil
from pathlib import Path

import pytest

from earshot.deliveries import play_quality
from earshot.deliveries.check import Refused
from earshot.deliveries.play_quality import check_plays

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
        with pytest.raises(Refused, match=message):
            check_plays(tmp_path / "dropped", copy, tmp_path)
    assert [path.name for path in copy.parent.iterdir()] == ["copy"]


def test_no_more_is_read_once_nearly_all_is_invalid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(play_quality, "_MOST_INVALID", 100)
    text = PARAMS.read_text()
    assert "chunk_rows: 1000000" in text
    (tmp_path / "params.yaml").write_text(text.replace("chunk_rows: 1000000", "chunk_rows: 100"))
    copy = tmp_path / "work" / "copy"
    copy.mkdir(parents=True)
    (copy / "songs.csv").write_text("song_id\ns\n")
    for bad, message in ((90, ""), (110, "110 of 710 rows"), (900, "100 of 100 rows")):
        valid = ["u,s\n"] * (2_000 - bad if bad < 100 else 600)
        rows = valid[:300] + ["u,\n"] * bad + valid[300:] if bad < 200 else ["u,\n"] * bad + valid
        (copy / "plays.csv").write_text("user_id,song_id\n" + "".join(rows))
        if message:
            with pytest.raises(Refused, match=rf"{message} of plays are invalid.*song_id='': wanted an id"):
                check_plays(tmp_path / "dropped", copy, tmp_path)
        else:
            assert check_plays(tmp_path / "dropped", copy, tmp_path) == ""
