"""The operator as its Deployment runs it, with the chart's rights in some namespaces, and what tests ask of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import helm_python
import requests
import yaml
from prometheus_client.parser import text_string_to_metric_families

from deploy.manifests import CHART
from dev.azure_simulator import AzureSimulator
from dev.control_plane import Cluster, Kubectl, kubeconfig_for_service_account
from dev.demo.processes import tied
from gallery_operator.api import names
from tests.integration import scenes
from tests.integration.driving import JSON, condition
from tests.packaging.rendering import Rendered
from tests.packaging.running import PATIENCE, ROOT, eventually

NAME = "gallery-operator"
#: How many times as fast as real time Azure and the operator run while something is published.
FAST = 200.0
_TOKEN = re.compile(r"eyJ[\w-]{8,}\.[\w-]+")


class Process:
    """`gallery-operator run` with some environment; its endpoints and its log, one JSON object per line."""

    def __init__(self, environment: Mapping[str, str], log: Path, *arguments: str) -> None:
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                tied([sys.executable, "-m", "gallery_operator", "run", *arguments]),
                env=environment,
                cwd=log.parent,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def lines(self) -> list[JSON]:
        """Return what it logged; fails when a line is no JSON object."""
        whole, _, _ = self.log().rpartition("\n")
        return [json.loads(line) for line in whole.splitlines()]

    def said(self, part: str) -> bool:
        return any(part in line["msg"] for line in self.lines())

    def wait_until_said(self, part: str) -> None:
        eventually(lambda: self.said(part), part, otherwise=self.log)

    def port(self) -> int:
        """Return the port of health and metrics as soon as it serves them."""

        def look() -> int | None:
            assert self._process.poll() is None, self.log()
            return next((line["port"] for line in self.lines() if "port" in line), None)

        return eventually(look, "the operator serves health", otherwise=self.log)

    def probe(self, path: str) -> requests.Response:
        return requests.get(f"http://127.0.0.1:{self.port()}{path}", timeout=10)

    def wait_until_ready(self) -> None:
        eventually(lambda: self.probe("/readyz").ok, "the operator is ready", otherwise=self.log)

    def metrics(self) -> dict[tuple[str, ...], float]:
        """Return each value by name and label values, these in the order of their labels' names."""
        families = text_string_to_metric_families(self.probe("/metrics").text)
        return {
            (each.name, *(value for _, value in sorted(each.labels.items()))): each.value
            for family in families
            for each in family.samples
        }

    def wait(self) -> int:
        """Return the exit code of a process that ends by itself."""
        return self._process.wait(PATIENCE)

    def stop(self) -> int:
        """End it as the kubelet does, and return its exit code."""
        self._process.terminate()
        return self.wait()

    def kill(self) -> None:
        """SIGKILL it, if it still runs."""
        self._process.kill()
        self._process.wait()


class Installation:
    """An installation of the chart for some namespaces: one ServiceAccount with a Role in each of them."""

    def __init__(self, cluster: Cluster, azure: AzureSimulator, folder: Path, namespaces: list[str]) -> None:
        self._cluster = cluster
        self._azure = azure
        self._folder = folder
        self._starts = count()
        self.namespaces = namespaces
        values = {
            "namespaces": namespaces,
            "settings": {"clusterId": namespaces[0]},
            "crds": {"enabled": False},
            "rbac": {"aggregate": False},
        }
        with helm_python.Chart.load(CHART) as chart:
            self._rendered = Rendered(chart.render(values, name=NAME, namespace=namespaces[0]))

    def install(self, *, rights: bool = True) -> None:
        """Create the ServiceAccount and (unless told otherwise) its rights."""
        wanted = {"ServiceAccount", "Role", "RoleBinding"} if rights else {"ServiceAccount"}
        manifests = [each for each in self._rendered.manifests if each["kind"] in wanted]
        self._cluster.kubectl("apply", "--server-side", "-f", "-", input=yaml.safe_dump_all(manifests))

    def kubeconfig(self) -> Path:
        """Return a kubeconfig file that acts as the ServiceAccount."""
        target = self._folder / "operator.kubeconfig"
        if not target.exists():
            kubeconfig_for_service_account(self._cluster.kubeconfig, self.namespaces[0], NAME, target)
        return target

    def environment(self) -> dict[str, str]:
        """Return what the Deployment gives its container, and where API server and Azure are."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self._folder),
            "PYTHONPATH": str(ROOT / "operator"),
            "NO_PROXY": "localhost,127.0.0.1",
            **self._rendered.environment(),
            **self._azure.endpoints.environment(),
            "GALLERY_OPERATOR_KUBECONFIG": str(self.kubeconfig()),
            "GALLERY_OPERATOR_PORT": "0",
        }

    @contextmanager
    def run(self, *arguments: str, **environment: str) -> Iterator[Process]:
        """Run the operator; whatever became of it, it is gone afterwards."""
        log = self._folder / f"operator-{next(self._starts)}.log"
        process = Process({**self.environment(), **environment}, log, *arguments)
        try:
            yield process
        finally:
            process.kill()

    @contextmanager
    def ready(self, *arguments: str, **environment: str) -> Iterator[Process]:
        """Run the operator and wait until it is ready."""
        with self.run(*arguments, **environment) as process:
            process.wait_until_ready()
            yield process


class Objects:
    """The objects of one namespace, as an admin sees and changes them."""

    def __init__(self, kubectl: Kubectl, namespace: str) -> None:
        self._kubectl = kubectl
        self.namespace = namespace

    @classmethod
    def in_a_new_namespace(cls, kubectl: Kubectl) -> Objects:
        name = f"test-{uuid.uuid4().hex[:10]}"
        kubectl("create", "namespace", name)
        return cls(kubectl, name)

    def kubectl(self, *arguments: str, **options: Any) -> str:
        """Run kubectl in this namespace."""
        return self._kubectl(*arguments, "-n", self.namespace, **options)

    def apply(self, *objects: Mapping[str, Any]) -> None:
        listed = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(listed))

    def all(self) -> dict[str, JSON]:
        """Return every object of our kinds by `plural/name`."""
        found = self._kubectl.json("get", ",".join(names.PLURALS.values()), "-n", self.namespace)["items"]
        return {f"{names.PLURALS[each['kind']]}/{each['metadata']['name']}": each for each in found}

    def get(self, name: str) -> JSON:
        """Return an object by `plural/name`; an empty one when there is none."""
        return self.all().get(name, {})

    def ready(self, name: str) -> tuple[str, str]:
        """Return status and reason of Ready."""
        found = condition(self.get(name), "Ready")
        return found.get("status", ""), found.get("reason", "")

    def wait_for(self, name: str, reason: str, process: Process) -> JSON:
        """Return the object as soon as Ready has a reason."""

        def look() -> JSON | None:
            found = self.get(name)
            return found if condition(found, "Ready").get("reason") == reason else None

        what = f"{name} {reason}"
        return eventually(look, what, otherwise=lambda: f"{json.dumps(self.get(name))}\n{process.log()}")

    def wait_until_gone(self, name: str, process: Process) -> None:
        eventually(lambda: name not in self.all(), f"{name} gone", otherwise=process.log)

    def forget(self, name: str) -> None:
        """Delete an object by force: its finalizers are taken off, and nobody is asked."""
        self.kubectl("patch", name, "--type=merge", '--patch={"metadata":{"finalizers":null}}')
        self.kubectl("delete", name, "--ignore-not-found")

    def events(self, name: str) -> list[str]:
        """Return the events of an object: `type reason: note`."""
        found = self._kubectl.json("get", "events.events.k8s.io", "-n", self.namespace)["items"]
        return [
            f"{each['type']} {each['reason']}: {each['note']}"
            for each in found
            if names.PLURALS.get(each["regarding"]["kind"], "") + "/" + each["regarding"]["name"] == name
        ]

    def text(self) -> str:
        """Return all that the operator wrote here: objects and events."""
        what = ",".join([*names.PLURALS.values(), "events.events.k8s.io"])
        return self.kubectl("get", what, "-o", "yaml", "--show-managed-fields")


def secrets_in(text: str, *known: str) -> list[str]:
    """Return what no log, event or status may hold: tokens, and the secrets that are known."""
    return [*_TOKEN.findall(text), *(each for each in known if each in text)]


def watched(name: str) -> JSON:
    """Return a gallery that is only looked at, and which Azure does not have: its Ready says NotFound at once."""
    gallery = scenes.gallery(managementPolicy="Observe", azureName="nobodys")
    return {**gallery, "metadata": {"name": name}}
