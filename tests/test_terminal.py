"""What is written to a terminal cannot command it."""

import json
import re
import subprocess
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from earshot.errors import UserError
from earshot.foreign.bounds import named_columns
from earshot.terminal import on_one_line, visible

OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_left_and_json_reads_the_rest_back(text: str) -> None:
    assert not OBEYED.search(visible(text))
    assert "\n" not in on_one_line(text)
    assert json.loads(visible(json.dumps({"title": text}, ensure_ascii=False))) == {"title": text}


def test_letters_of_every_script_stay() -> None:
    assert visible("Björk – ハナ – नमस्ते – שלום\n") == "Björk – ハナ – नमस्ते – שלום\n"


def test_an_error_that_names_a_value_shows_its_escapes_spelled_out(tmp_path: Path) -> None:
    """A command line of earshot in a terminal of 1978: ESC, CSI in one byte, and half a character."""
    name = "\x1b]0;owned\x07\x9b2J\udcff.csv"
    ran = subprocess.run(
        [
            sys.executable,
            "-m",
            "earshot",
            "import",
            "table",
            tmp_path / name,
            "--user=u",
            "--song=s",
            f"--output={tmp_path}/out",
        ],
        capture_output=True,
        check=False,
    )
    assert ran.returncode == 1
    assert b"\\u001b]0;owned\\u0007\\u009b2J\\udcff.csv: no such file" in ran.stderr
    assert not OBEYED.search(ran.stderr.decode())


def test_of_a_line_of_megabytes_both_ends_are_told_and_of_many_lines_all() -> None:
    told = str(UserError(f"songs.csv: row 1: title={'x' * 10**6!r}: wanted less"))
    assert told.startswith("songs.csv: row 1: title='xxx")
    assert told.endswith("xxx': wanted less")
    assert len(told) < 3_000
    many = "\n".join(f"audio/{number}.mp3: was damaged" for number in range(1_000))
    assert str(UserError(many)) == many
    assert named_columns(["a" * 100, *map(str, range(30))]).endswith("'17', '18', ...")
    assert named_columns(["a" * 100]) == repr("a" * 80)


def test_nobody_writes_to_a_terminal_by_another_way() -> None:
    """`print` is found by ruff (T20)."""
    root = Path(__file__).parents[1]
    files = [*(root / "src").rglob("*.py"), *(root / "orchestration").rglob("*.py")]
    others = re.compile(r"typer\.(echo|secho)|click\.echo|sys\.std(out|err)\.write")
    found = {path.name for path in files if others.search(path.read_text(encoding="utf-8"))}
    assert found == {"terminal.py", "__main__.py"}
