"""A stand-in for W&B's server on loopback: it answers what wandb-core asks, and keeps what it is sent."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ENTITY = "tester"


@dataclass
class Run:
    """What an account would see of a run.

    Attributes
    ----------
    settings
        displayName, groupName, jobType, tags, notes, config, ... as they were sent last.
    history
        Lines by number, each at the offset that it was sent with, where it replaces what stood there.
    offsets
        Of the parts of the history, in the order of arrival.
    files
        Names of what was uploaded: media, tables.
    """

    settings: dict[str, Any] = field(default_factory=dict)
    history: dict[int, dict[str, Any]] = field(default_factory=dict)
    offsets: list[int] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)
    inits: int = 0

    @property
    def config(self) -> dict[str, Any]:
        """Values by key, as the config's page shows them."""
        content = json.loads(self.settings.get("config") or "{}")
        return {key: value["value"] for key, value in content.items() if key != "_wandb"}


@dataclass
class Server:
    """Runs by project and id, views (workspaces, reports) as sent, and operations that nothing answers."""

    address: str = ""
    runs: dict[tuple[str, str], Run] = field(default_factory=dict)
    views: list[dict[str, Any]] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    def run(self, project: str, name: str) -> Run:
        """The run, made where it is not there."""
        return self.runs.setdefault((project, name), Run())

    def answer(self, operation: str, query: str, sent: dict[str, Any]) -> dict[str, Any]:
        """The `data` of a GraphQL request."""
        project = sent.get("project") or sent.get("model") or "uncategorized"
        if operation == "RunResumeStatus":
            return {"model": self._resumed(project, sent["name"])}
        if "upsertBucket" in query:
            run = self.run(project, sent["name"])
            run.settings |= {key: value for key, value in sent.items() if value is not None}
            run.inits += 1
            bucket = self._bucket(project, sent["name"])
            return {"upsertBucket": {"bucket": bucket, "inserted": run.inits == 1}}
        if "createRunFiles" in query:
            place = f"{self.address}/upload/{project}/{sent['run']}"
            files = [{"name": name, "uploadUrl": f"{place}/{name}"} for name in sent["files"]]
            return {"createRunFiles": {"runID": "id", "uploadHeaders": [], "files": files}}
        if "createArtifactFiles" in query or operation == "CreateArtifactFiles":
            specs = sent.get("artifactFiles") or sent.get("input", {}).get("artifactFiles") or []
            return {"createArtifactFiles": {"files": {"edges": [self._upload(spec) for spec in specs]}}}
        if "ArtifactManifest" in query:
            file = {"id": "f", "uploadUrl": f"{self.address}/upload/artifacts/manifest/manifest.json"}
            made = {"artifactManifest": {"id": "m", "file": file | {"name": "m", "displayName": "m"}}}
            return {"createArtifactManifest": made, "updateArtifactManifest": made}
        if "upsertView" in query:
            self.views.append(sent)
            view = {key: sent.get(key) for key in ("name", "displayName", "type", "spec")} | {"id": "view"}
            return {"upsertView": {"view": view, "inserted": True}}
        if "internalId" in query:
            return {"project": {"id": "p", "internalId": "UHJvamVjdEludGVybmFsSWQ6MQ=="}}
        for word, data in _PLAIN.items():
            if word in query:
                return data
        self.unknown.append(operation or query[:200])
        return {}

    def _bucket(self, project: str, name: str) -> dict[str, Any]:
        run = self.run(project, name)
        place = {"id": "p", "name": project, "entity": {"id": "e", "name": ENTITY}}
        return {
            "id": "id",
            "name": name,
            "displayName": run.settings.get("displayName") or name,
            "sweepName": run.settings.get("sweep"),
            "project": place,
            "historyLineCount": len(run.history),
        }

    def _resumed(self, project: str, name: str) -> dict[str, Any]:
        place = {"id": "p", "name": project, "entity": {"id": "e", "name": ENTITY}}
        if (project, name) not in self.runs:
            return place | {"bucket": None}
        run = self.run(project, name)
        tail = [json.dumps(run.history[max(run.history)])] if run.history else []
        return place | {
            "bucket": self._bucket(project, name)
            | {
                "summaryMetrics": json.dumps(run.summary),
                "logLineCount": 0,
                "eventsLineCount": 0,
                "historyTail": json.dumps(tail),
                "eventsTail": "[]",
                "config": run.settings.get("config") or "{}",
                "tags": run.settings.get("tags") or [],
                "wandbConfig": '{"t": {}}',
            }
        }

    def _upload(self, spec: dict[str, Any]) -> dict[str, Any]:
        """Where a file of an artifact is sent."""
        place = f"{self.address}/upload/artifacts/artifact/{spec['name']}"
        node = {"id": spec["name"], "name": spec["name"], "displayName": spec["name"], "uploadUrl": place}
        more = {"uploadHeaders": [], "uploadMultipartUrls": None, "storagePath": None}
        return {"node": node | more | {"artifact": {"id": "a"}}}

    def stream(self, project: str, name: str, files: dict[str, Any]) -> None:
        """Take in parts of a run's files."""
        run = self.run(project, name)
        for line in files.get("wandb-summary.json", {}).get("content", ()):
            run.summary = json.loads(line)
        part = files.get("wandb-history.jsonl")
        if part is not None:
            run.offsets.append(part["offset"])
            for number, line in enumerate(part["content"], start=part["offset"]):
                run.history[number] = json.loads(line)


_INFO = {"cliVersionInfo": {"max_cli_version": "9.9.9"}, "latestLocalVersionInfo": None, "features": []}
_PROJECT = {
    "id": "p",
    "name": "earshot",
    "entityName": ENTITY,
    "createdAt": "2026-01-01T00:00:00",
    "isBenchmark": False,
    "user": None,
}
_LAST_PAGE = {"endCursor": "c", "hasNextPage": False}
_PLAIN: dict[str, dict[str, Any]] = {
    "upsertModel": {"upsertModel": {"model": _PROJECT, "inserted": True}},
    "models(": {"models": {"edges": [{"node": _PROJECT, "cursor": "c"}], "pageInfo": _LAST_PAGE}},
    "artifactType {": {"project": {"artifact": None, "artifactType": None}},
    "commitArtifact": {"commitArtifact": {"artifact": {"id": "a", "digest": "d"}}},
    "useArtifact": {"useArtifact": {"artifact": {"id": "a", "digest": "d", "state": "COMMITTED"}}},
    "createArtifact": {
        "createArtifact": {
            "artifact": {
                "id": "a",
                "state": "PENDING",
                "artifactSequence": {"id": "s", "latestArtifact": None},
            }
        }
    },
    "viewer": {
        "viewer": {
            "id": "v",
            "entity": ENTITY,
            "username": ENTITY,
            "flags": "{}",
            "email": "",
            "teams": {"edges": []},
        },
        "serverInfo": _INFO | {"exposesExplicitRunId": True},
    },
    "serverInfo": {"serverInfo": _INFO},
    "__type": {name: {"fields": []} for name in ("QueryType", "MutationType", "ServerInfoType")},
}
"""Answers by a word of the query."""


@contextmanager
def serving() -> Iterator[Server]:
    """A server on a free port, until the end of the block."""
    server = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle(self) -> None:
            with suppress(ConnectionError):  # wandb's processes end without a word
                super().handle()

        def log_message(self, *_: Any) -> None:
            pass

        def _body(self) -> bytes:
            if "Content-Length" in self.headers:
                content = self.rfile.read(int(self.headers["Content-Length"]))
            else:
                content = b"".join(self._chunks())
            return gzip.decompress(content) if self.headers.get("Content-Encoding") == "gzip" else content

        def _chunks(self) -> Iterator[bytes]:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return
            while length := int(self.rfile.readline().strip() or b"0", 16):
                yield self.rfile.read(length)
                self.rfile.readline()
            self.rfile.readline()

        def _send(self, content: object) -> None:
            data = json.dumps(content).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_POST(self) -> None:
            body = self._body()
            if self.path.startswith("/graphql"):
                content = json.loads(body)
                operation, query = content.get("operationName") or "", content.get("query", "")
                self._send({"data": server.answer(operation, query, content.get("variables") or {})})
            elif "file_stream" in self.path:  # /files/<entity>/<project>/<run>/file_stream
                *_, project, name, _ = self.path.split("/")
                server.stream(project, name, json.loads(body).get("files") or {})
                self._send({"exitcode": None, "limits": {}})
            else:  # what wandb tells of itself
                self._send({})

        def do_PUT(self) -> None:
            self._body()
            _, _, project, name, file = self.path.split("/", 4)
            if project != "artifacts":
                server.run(project, name).files.add(file)
            self._send({})

        def do_GET(self) -> None:
            self._send({})

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.address = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
