"""The whole pipeline as on a cluster: Dagster's history in Postgres, the store in S3, compute on Ray."""

from __future__ import annotations

import subprocess
from pathlib import Path

import psycopg2
import pytest

from tests.pipeline.workspace import Workspace
from tests.postgres import PASSWORD, for_dagster, postgres, program
from tests.s3_server import KEY_ID, SECRET, bucket
from tests.test_kubernetes import BY_KIND


@pytest.mark.soak
def test_it_runs_on_postgres_s3_and_ray(
    ingested: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = ingested.copy(tmp_path / "workspace")
    (workspace.root / ".dagster" / "dagster.yaml").write_text(BY_KIND["ConfigMap"]["data"]["dagster.yaml"])
    on_ray(workspace)
    with postgres() as url, bucket(tmp_path) as shards:
        monkeypatch.setenv("EARSHOT_POSTGRES", for_dagster(url))
        for name, value in shards.environment.items():
            monkeypatch.setenv(name, value)
        shards.name_in(workspace.run)
        said = workspace.job("everything")
        assert workspace.stale_in_dvc() == workspace.stale_in_dagster() == set()
        assert runs(url) == [("everything", "SUCCESS")]
        assert not list((workspace.root / ".dagster").rglob("*.db"))

        said += workspace.run("dvc", "push")
        workspace.run("git", "add", "--all")
        workspace.run("git", "commit", "--quiet", "--message", "first")
        workspace.run("git", "clone", "--quiet", ".", str(tmp_path / "other"))
        other = Workspace(tmp_path / "other")
        said += other.run("dvc", "pull")
        assert other.versions() == workspace.versions()
        assert other.stale_in_dvc() == set()

        workspace.set_param("max_epochs", 5)
        said += workspace.job("retrain")
        assert runs(url) == [("everything", "SUCCESS"), ("retrain", "SUCCESS")]
        before = set(workspace.versions().values())
        told = workspace.earshot("gc", "--local-gb", "0", "--really")
        assert "in the remote, removed here" in told
        assert not told.splitlines()[1].startswith("0 objects")
        assert set(workspace.versions().values()) == before
        assert workspace.stale_in_dvc() == set()
        said += told + dump(url)
    holds_no_secret(workspace.root, said)
    holds_no_secret(other.root, "")


def on_ray(workspace: Workspace) -> None:
    """The one setting that says so."""
    params = workspace.root / "params.yaml"
    text = params.read_text()
    assert text.count("executor: {kind: local}") == 1
    params.write_text(text.replace("executor: {kind: local}", "executor: {kind: ray, workers: 2}"))


def runs(url: str) -> list[tuple[str, str]]:
    """Job and status of every run, as Postgres has them, the oldest first."""
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pipeline_name, status FROM runs ORDER BY id")
        found: list[tuple[str, str]] = cursor.fetchall()
    connection.close()
    return found


def dump(url: str) -> str:
    """All that Dagster has written down."""
    dumped = subprocess.run([program("pg_dump"), url], check=True, stdout=subprocess.PIPE, text=True)
    assert "everything" in dumped.stdout
    return dumped.stdout


def holds_no_secret(root: Path, said: str) -> None:
    """No file below `root`, what DVC, Dagster and releases keep among them, and nothing that was said."""
    secrets = [KEY_ID, SECRET, PASSWORD]
    assert not [secret for secret in secrets if secret in said]
    files = [path for path in root.rglob("*") if path.is_file() and not is_of_these_tests(path)]
    assert files
    assert not [path for path in files for secret in secrets if secret.encode() in path.read_bytes()]


def is_of_these_tests(path: Path) -> bool:
    """The clone has them, with the passwords that they give."""
    return path.stem.split(".")[0] in ("postgres", "s3_server")
