"""The shell blocks of README and docs/, typed line by line in a fresh clone.

The clone has the packages of this checkout (tests/linked_venv.py), an empty home and a name for git. All are
typed in the order in which README names them, in one workspace, on the whole embedded catalogue: they name
songs and listeners of it. A block that goes into another folder has a shell of its own; a server is ended
when it has answered. Blocks are input alone. What is printed goes to typed.txt beside the clone and is not
compared, but for the two samples that README has of it: the table of results, and the line of a stage.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
import typer.main

from earshot.cli.main import app
from tests.typed import Line, Shell, blocks, free_port, unused_marks

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [
    "README.md",
    *(
        f"docs/{name}.md"
        for name in (
            "quickstart",
            "deliveries",
            "serve",
            "player",
            "sharing",
            "operations",
            "forgetting",
            "scale",
            "papers",
        )
    ),
]
SONG, USER = "s053965552a", "u000a68d70d"
RELEASE = '$(python -c \'import json; print(json.load(open("releases/current.json"))["release"])\')'
PLACEHOLDERS = {
    "earshot key": {"NAME": "ada", "OTHER": "bob", "USER": USER},
    "earshot release export": {"NAME": RELEASE, "FILE": "../exported.tar"},
    "earshot release": {"NAME": RELEASE, "FILE": "../exported.tar"},
    "earshot": {"USER": USER, "SONG": SONG, "RELEASE": RELEASE},
}
"""What stands for a word in capitals, by how the line begins; the first beginning that fits."""
INSTEAD = {"make .venv/installed": f"{sys.executable} {ROOT}/tests/linked_venv.py ."}
"""What is typed for a line that takes a network."""
SERVERS = {"make ui": "PORT={port} {line}", "earshot serve": "{line} --port {port}"}
"""Lines that go on until they are ended, and how they are given a port that is free."""
REFUSED = {
    "earshot status": "to do",
    "earshot release promote": "was released",
    "earshot release rollback": "is the first release",
    "earshot recommend": "no song that nobody has played is left",  # first-plays of README brought theirs
}
"""What ends with 1 in this workspace, as the documents say, and its words then."""


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_has_its_options(document: str) -> None:
    """Run or not: each `earshot` of a shell block is a command, and has the options that it is given."""
    for line in [line for block in blocks(ROOT, document) for line in block]:
        words, command = line.words, typer.main.get_command(app)
        if not words or Path(words[0]).name != "earshot":
            continue
        where, names = f"{line.document}:{line.number}", words[1:]
        while names and hasattr(command, "commands"):
            assert names[0] in command.commands, f"{where}: {names[0]}"
            command = command.commands[names.pop(0)]
        options = {
            option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
        }
        given = {word.partition("=")[0] for word in names if re.match(r"--\w|-\w$", word)}
        assert given <= options, where


def test_every_block_is_run_or_says_why_not() -> None:
    """A mark belongs to a block, and all shell blocks of docs/ are in the walk."""
    documents = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md"))
    for document in ["README.md", *documents]:
        assert unused_marks(ROOT, document) == []
        assert document in DOCUMENTS or not list(blocks(ROOT, document)), document


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("typed")
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(place / "earshot")], check=True)
    subprocess.run([sys.executable, str(ROOT / "tests/linked_venv.py"), str(place / "earshot")], check=True)
    (place / "Music").mkdir()  # in the home
    return place


def environment(place: Path) -> dict[str, str]:
    """A new user's: without this checkout's environment, with a name for git."""
    kept = {
        name: os.environ[name]
        for name in ("LANG", "OMP_NUM_THREADS", "OMP_WAIT_POLICY")
        if name in os.environ
    }
    bare = [part for part in os.environ["PATH"].split(":") if part != str(Path(sys.prefix, "bin"))]
    name = {
        f"GIT_{who}_{what}": "reader@example.org"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    return kept | name | {"PATH": ":".join(bare), "HOME": str(place), "TERM": "dumb", "COLUMNS": "160"}


def filled(command: str) -> str:
    """`command` with what stands for its words in capitals, outside its comment."""
    words, hash_sign, comment = command.partition(" #")
    values = next((values for begins, values in PLACEHOLDERS.items() if words.startswith(begins)), {})
    words = re.sub(r"\b[A-Z]{4,}\b", lambda found: values.get(found[0], found[0]), words)
    return INSTEAD.get(words.strip(), words) + hash_sign + comment


def typed(shell: Shell, line: Line, place: Path) -> str | None:
    """What went wrong with `line`, and where it stands, what was typed and what came; None if nothing did."""
    command, started = filled(line.command), time.monotonic()
    server = next((way for name, way in SERVERS.items() if re.search(rf"\b{name}\b", command)), None)
    if server is None:
        answered, said = shell.type(command)
    else:
        port = free_port()
        words = server.format(line=command.partition(" #")[0].strip(), port=port)
        answered, said = shell.serve(words, f"http://127.0.0.1:{port}/", place / "server.log")
    with (place / "typed.txt").open("a", encoding="utf-8") as transcript:
        took = f"{time.monotonic() - started:.1f} s"
        transcript.write(f"{line.document}:{line.number}: {command}\n{said}\n[{answered}, {took}]\n\n")
    words = [words for begins, words in REFUSED.items() if command.startswith(begins) and answered == 1]
    as_said = not answered or any(each in said for each in words)
    if as_said and "Traceback (most recent call last)" not in said:
        return None
    return f"{line.document}:{line.number}: {command}\nexit status {answered}\n{said[-3000:]}"


def check_samples(readme: str, said: str) -> None:
    """README's sample of a stage's line has today's number of stages, its table today's systems and figures.

    Another processor's rounding moves figures by less than .015 (README says so of linear_bow).
    """
    row = r"^[|│] *(\w+)[^|│]*[|│] *(0\.\d+) \([^|│]*[|│] *(0\.\d+) "
    sample, today = (re.findall(row, text, re.MULTILINE) for text in (readme, said))
    assert [name for name, *_ in sample] == [name for name, *_ in today]
    for (name, *expected), (_, *figures) in zip(sample, today, strict=True):
        assert [*map(float, figures)] == pytest.approx([*map(float, expected)], abs=0.015), name
    (line,) = re.findall(r"`(\w+) \.\.\. (\(\d+ of \d+)", readme)
    assert line in re.findall(r"(\w+) \.\.\. +(\(\d+ of \d+)", said)


@pytest.mark.soak
@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_line_can_be_typed(document: str, place: Path) -> None:
    clone, failed = place / "earshot", []
    with Shell(clone, environment(place)) as main, ExitStack() as others:
        for block in blocks(clone, document):
            leaves = any(line.words[:1] == ["cd"] for line in block)
            shell = others.enter_context(Shell(clone, environment(place))) if leaves else main
            failed += [wrong for line in block if not line.not_run and (wrong := typed(shell, line, place))]
    assert not failed, "\n\n".join(failed)
    if document == "README.md":
        check_samples((clone / document).read_text("utf-8"), (place / "typed.txt").read_text("utf-8"))
