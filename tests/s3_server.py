"""S3 for a test: moto, in a process of its own on a free port of 127.0.0.1, ended by whoever started it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.postgres import die_with_parent, free_port

KEY_ID, SECRET = "AKIAEARSHOTTESTS", "q7Zr0uNoBodyShouldReadThis5xW"


@dataclass(frozen=True)
class Bucket:
    """A bucket of a server, and how programs get at it."""

    endpoint: str
    name: str = "shards"

    @property
    def environment(self) -> dict[str, str]:
        """Credentials, and the only place where they stand."""
        return {
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def name_in(self, run: Any) -> None:
        """Make it the default remote, `run` being what runs a command in a workspace."""
        run("dvc", "remote", "add", "--quiet", "--default", "store", f"s3://{self.name}/earshot")
        run("dvc", "remote", "modify", "--quiet", "store", "endpointurl", self.endpoint)

    def keys(self) -> set[str]:
        """Names of all objects."""
        pages = self._client().get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return {each["Key"] for page in pages for each in page.get("Contents", ())}

    def create(self) -> None:
        self._client().create_bucket(Bucket=self.name)

    def _client(self) -> Any:
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=KEY_ID,
            aws_secret_access_key=SECRET,
            region_name="us-east-1",
        )


@contextmanager
def bucket(folder: Path) -> Iterator[Bucket]:
    """An empty bucket; what the server says goes into `folder`."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)]
    log = folder / "s3.txt"
    with log.open("wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=output, preexec_fn=die_with_parent)
    try:
        deadline = time.monotonic() + 60
        while f"127.0.0.1:{port}" not in log.read_text():
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"moto did not come up:\n{log.read_text()}")
            time.sleep(0.05)
        made = Bucket(f"http://127.0.0.1:{port}")
        made.create()
        yield made
    finally:
        server.terminate()
        server.wait(30)
