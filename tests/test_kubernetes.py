"""deploy/kubernetes, as far as it can be judged without a cluster: its schemas, and one pod for the clone."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from ruamel.yaml import YAML

from earshot.serve.safety import Settings
from tests.test_containers import SERVICES, instructions

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "deploy" / "kubernetes"
FILES = sorted(FOLDER.glob("*.yaml"))


def documents(file: Path) -> list[dict[str, Any]]:
    return list(YAML(typ="safe").load_all(file))


EVERYTHING = [document for file in FILES for document in documents(file)]
BY_KIND = {document["kind"]: document for document in documents(FOLDER / "earshot.yaml")}
POD: dict[str, Any] = BY_KIND["StatefulSet"]["spec"]["template"]["spec"]
CONTAINERS: dict[str, dict[str, Any]] = {each["name"]: each for each in POD["containers"]}
SETTINGS: dict[str, Any] = YAML(typ="safe").load(BY_KIND["ConfigMap"]["data"]["dagster.yaml"])


def pods() -> Iterator[dict[str, Any]]:
    for document in EVERYTHING:
        if document["kind"] in ("StatefulSet", "Deployment"):
            yield document["spec"]["template"]["spec"]


def test_every_manifest_is_what_its_schema_wants() -> None:
    assert {path.name for path in FILES} == {"earshot.yaml", "ray.yaml"}
    for document in EVERYTHING:
        for version in ("1.29", kubernetes_validate.latest_version()):  # 1.29: volumes for one pod alone
            kubernetes_validate.validate(document, version, strict=True)
    bad = BY_KIND["StatefulSet"] | {"spec": BY_KIND["StatefulSet"]["spec"] | {"replica": 1}}
    with pytest.raises(kubernetes_validate.ValidationError, match="replica"):
        kubernetes_validate.validate(bad, kubernetes_validate.latest_version(), strict=True)


def test_one_pod_holds_the_clone_and_its_containers_see_each_other() -> None:
    assert BY_KIND["StatefulSet"]["spec"]["replicas"] == 1
    assert POD["shareProcessNamespace"] is True
    assert BY_KIND["PersistentVolumeClaim"]["spec"]["accessModes"] == ["ReadWriteOncePod"]
    assert CONTAINERS.keys() == SERVICES.keys() | {"serve"}
    for container in CONTAINERS.values():
        mounts = {each["mountPath"]: each.get("subPath") for each in container["volumeMounts"]}
        assert mounts == {
            "/workspace": "clone",
            "/dagster": "dagster",
            "/dagster/dagster.yaml": "dagster.yaml",
        }


def test_runs_stay_in_that_pod() -> None:
    """Dagster's default launcher: the code location starts them. All else is as on one machine."""
    here = YAML(typ="safe").load(ROOT / ".dagster" / "dagster.yaml")
    assert here | {"storage": {"postgres": {"postgres_url": {"env": "EARSHOT_POSTGRES"}}}} == SETTINGS
    assert "run_launcher" not in SETTINGS
    for name in ("webserver", "daemon"):
        command = CONTAINERS[name]["command"]
        assert command[command.index("--grpc-port") + 1] == "4000"


def test_nothing_runs_as_root() -> None:
    user = dict(arguments.split("=") for name, arguments in instructions() if name == "ARG")
    for pod in pods():
        context = pod["securityContext"]
        assert context["runAsNonRoot"] is True
        assert [context["runAsUser"], context["runAsGroup"]] == [int(user["USER_ID"]), int(user["GROUP_ID"])]
        assert pod["automountServiceAccountToken"] is False
        for container in (*pod["containers"], *pod.get("initContainers", ())):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
            }


def test_quotas_are_whole_cores_and_threads_go_by_them() -> None:
    for pod in pods():
        for container in pod["containers"]:
            resources = container["resources"]
            assert "memory" in resources["limits"]
            quota = resources["limits"].get("cpu")
            assert quota is None or (quota == resources["requests"]["cpu"] and quota.isdecimal())
    variables = {each["name"]: each for each in CONTAINERS["code"]["env"]}
    assert variables["OMP_NUM_THREADS"]["valueFrom"] == {"resourceFieldRef": {"resource": "limits.cpu"}}


def test_no_secret_is_written_down() -> None:
    assert all(document["kind"] != "Secret" for document in EVERYTHING)
    for pod in pods():
        for container in (*pod["containers"], *pod.get("initContainers", ())):
            assert all("value" not in variable for variable in container.get("env", ()))


def test_probes_ask_what_answers_without_a_key() -> None:
    serve = CONTAINERS["serve"]
    port = serve["command"][serve["command"].index("--port") + 1]
    for probe in ("readinessProbe", "livenessProbe"):
        asked = serve[probe]["httpGet"]
        assert asked["path"] in Settings().open_paths
        assert asked["httpHeaders"] == [{"name": "Host", "value": f"localhost:{port}"}]  # else 421
    code = CONTAINERS["code"]
    assert code["livenessProbe"]["exec"]["command"] == SERVICES["code"]["healthcheck"]["test"][1:]
    assert all("livenessProbe" in container for container in CONTAINERS.values())


def test_only_serve_is_reachable() -> None:
    """Dagster has no login, and its code server does what it is told."""
    ports = [port["targetPort"] for port in BY_KIND["Service"]["spec"]["ports"]]
    assert ports == ["http"]
    for name in ("code", "webserver"):
        command = CONTAINERS[name]["command"]
        assert command[command.index("--host") + 1] == "127.0.0.1"


def test_the_image_has_the_extras_that_are_named() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = {
        extra
        for file in FILES
        for extras in re.findall(r"EXTRAS=([\w,]+)", file.read_text())
        for extra in extras.split(",")
    }
    assert {"postgres", "s3"} <= named <= project["optional-dependencies"].keys()
    assert ("ARG", "EXTRAS=") in instructions()
