"""Keys are told once and kept as hashes; what the command line changes, a running server sees."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from earshot.cli.main import app
from earshot.errors import UserError
from earshot.serve.keys import LINK, Identity, KeyStore, LoginLinks


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("params.yaml", "dvc.yaml"):
        (tmp_path / name).touch()
    (tmp_path / ".dvc").mkdir()
    return tmp_path


def test_the_file_has_no_secret_and_is_read_by_its_owner_alone(root: Path) -> None:
    keys = KeyStore(root)
    secrets = [keys.add("anna", "operator"), keys.add("music player", "listener", "u7")]
    file = root / ".earshot" / "keys.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert not any(secret in file.read_text() for secret in secrets)
    assert [keys.identify(secret) for secret in secrets] == [
        Identity("anna", "operator"),
        Identity("music player", "listener", "u7"),
    ]
    assert len(set(secrets)) == 2
    assert all(re.fullmatch(r"[\w-]{43}", secret) for secret in secrets)  # 256 bits, 6 a character
    assert keys.identify(secrets[0][:-1]) is keys.identify("") is keys.identify("\udcff") is None
    assert list(file.parent.glob(".*.tmp")) == []


def test_a_running_server_sees_what_the_command_line_changes(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    running, command = KeyStore(root), CliRunner()
    assert running.list() == ()
    told = command.invoke(app, ["key", "add", "player", "--user", "u7"], catch_exceptions=False)
    secret = told.stdout.strip()
    assert running.identify(secret) == Identity("player", "listener", "u7")
    listed = command.invoke(app, ["key", "list"], catch_exceptions=False).stdout
    assert re.search(r"^player +listener +u7 +\d{4}-", listed, re.MULTILINE)
    assert secret not in listed
    command.invoke(app, ["key", "revoke", "player"], catch_exceptions=False)
    assert running.identify(secret) is None


@pytest.mark.parametrize(
    ("name", "role", "user", "said"),
    [
        ("taken", "operator", None, "is there already"),
        ("two\nlines", "operator", None, "a name on one line"),
        ("(socket)", "operator", None, "no parenthesis"),
        ("x", "listener", None, "role listener, user None"),
        ("x", "listener", "", "role listener, user ''"),
        ("x", "operator", "u1", "role operator, user 'u1'"),
    ],
)
def test_what_is_no_key_is_refused(root: Path, name: str, role: str, user: str | None, said: str) -> None:
    keys = KeyStore(root)
    keys.add("taken", "operator")
    with pytest.raises(UserError, match=said):
        keys.add(name, role, user)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="no key 'x'; there is 'taken'"):
        keys.revoke("x")
    assert len(keys.list()) == 1


@pytest.mark.parametrize(
    "content", ["", "[]", '{"keys": [1]}', '{"keys": [{"name": "a", "role": "root", "user_id": null}]}']
)
def test_a_damaged_file_lets_nobody_in(root: Path, content: str) -> None:
    keys = KeyStore(root)
    secret = keys.add("anna", "operator")
    (root / ".earshot" / "keys.json").write_text(content)
    with pytest.raises(UserError, match=r"keys\.json: cannot be read as keys"):
        keys.identify(secret)


def test_a_link_opens_one_session_within_ten_minutes(root: Path) -> None:
    now = 0.0
    links = LoginLinks(KeyStore(root), lambda: now)
    token, late = links.issue(), links.issue()
    session = links.redeem(token)
    assert session is not None
    assert links.identify(session) == LINK
    assert links.redeem(token) is None
    now = 600.0
    assert links.redeem(late) is links.redeem("guessed") is None
    links.close(session)
    assert links.identify(session) is None


def test_a_session_ends_with_the_key_that_opened_it(root: Path) -> None:
    keys = KeyStore(root)
    links = LoginLinks(keys)
    secret = keys.add("phone", "listener", "u7")
    session = links.open(secret)
    assert session is not None
    assert links.identify(session) == Identity("phone", "listener", "u7")
    keys.revoke("phone")
    keys.add("phone", "listener", "u7")
    assert links.identify(session) is links.open(secret) is None
