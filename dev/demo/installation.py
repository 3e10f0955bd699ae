"""What the operator needs in the cluster, as the Helm chart brings it: the CRDs, its account and its rights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from helm_python import Chart

from dev.control_plane import Kubectl, kubeconfig_for_service_account

CHART = Path(__file__).parents[2] / "deploy" / "helm" / "gallery-operator"
RELEASE = "gallery-operator"

#: What of the chart is applied: not the Deployment, whose part the demo's own process takes.
_APPLIED = {"CustomResourceDefinition", "ServiceAccount", "Role", "RoleBinding"}
#: How long the operator's token is valid: a demo may be kept running for a day.
_HOURS = 24

JSON = dict[str, Any]


class Installation:
    """The chart, rendered for an operator that watches one namespace and runs outside of the cluster."""

    def __init__(self, kubectl: Kubectl, namespace: str, *, crds: bool) -> None:
        """`crds`: bring the CRDs, too."""
        self._kubectl = kubectl
        self._namespace = namespace
        # Named by its namespace, so that a demo on a shared cluster never takes another one's galleries for its own.
        values = {"namespaces": [namespace], "settings": {"clusterId": namespace}, "crds": {"enabled": crds}}
        self._objects = _rendered(values | {"rbac": {"aggregate": False}}, namespace)
        self._applied = [each for each in self._objects if each["kind"] in _APPLIED]

    def install(self) -> None:
        """Apply it, and return when the CRDs are served. Raises KubectlError."""
        self._kubectl("apply", "--server-side", "--force-conflicts", "--filename=-", input=_text(self._applied))
        if crds := [f"crd/{each['metadata']['name']}" for each in self._of_kind("CustomResourceDefinition")]:
            self._kubectl("wait", "--for=condition=Established", "--timeout=60s", *crds)

    def remove(self) -> None:
        """Delete what `install` brought."""
        self._kubectl("delete", "--ignore-not-found", "--wait=false", "--filename=-", input=_text(self._applied))

    def account(self, target: Path) -> Path:
        """Write to `target` a kubeconfig file that acts as the chart's ServiceAccount."""
        name = self._of_kind("ServiceAccount")[0]["metadata"]["name"]
        return kubeconfig_for_service_account(self._kubectl.kubeconfig, self._namespace, name, target, hours=_HOURS)

    def environment(self) -> dict[str, str]:
        """Return the environment that the chart's Deployment gives the operator."""
        container = self._of_kind("Deployment")[0]["spec"]["template"]["spec"]["containers"][0]
        return {each["name"]: each["value"] for each in container["env"] if "value" in each}

    def _of_kind(self, kind: str) -> list[JSON]:
        return [each for each in self._objects if each["kind"] == kind]


def _rendered(values: JSON, namespace: str) -> list[JSON]:
    with Chart.load(CHART) as chart:
        files = chart.render(values, name=RELEASE, namespace=namespace)
    manifests = (text for path, text in files.items() if path.endswith(".yaml"))
    return [each for text in manifests for each in yaml.safe_load_all(text) if each]


def _text(objects: list[JSON]) -> str:
    return yaml.safe_dump_all(objects)
