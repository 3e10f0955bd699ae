"""Helm and kustomize against a real API server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import helm_python
import pytest

from deploy import manifests
from tests.packaging.rendering import Rendered
from tests.packaging.running import ROOT

if TYPE_CHECKING:
    from dev.control_plane import ControlPlane, Kubectl

Render = Callable[..., Rendered]

CRDS = ["galleries", "imagedefinitions", "imageversions"]
EXAMPLE = ROOT / "examples" / "quickstart"


@pytest.fixture
def helm(plane: ControlPlane, kubectl: Kubectl) -> Iterator[helm_python.Config]:
    kubectl("apply", "-f", "-", input=json.dumps(_namespace("operators")))
    with helm_python.Config(kubeconfig_path=plane.kubeconfig, namespace="operators") as config:
        yield config
        config.uninstall("gallery-operator", ignore_not_found=True)


def _namespace(name: str) -> dict[str, object]:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def served(kubectl: Kubectl) -> list[str]:
    return sorted(kubectl("api-resources", "--api-group=gallery-operator.io", "-o", "name").split())


def test_helm_installs_upgrades_and_leaves_the_crds(
    helm: helm_python.Config, chart: helm_python.Chart, kubectl: Kubectl
) -> None:
    helm.install(chart, "gallery-operator", {"settings": {"clusterId": "first"}})
    kubectl(
        "wait", "--for=condition=Established", "--timeout=60s", *(f"crd/{each}.gallery-operator.io" for each in CRDS)
    )
    kubectl("apply", "-f", str(EXAMPLE))

    helm.upgrade(chart, "gallery-operator", {"settings": {"clusterId": "second", "workers": 8}})
    deployment = kubectl.json("get", "deployment", "gallery-operator", "-n", "operators")
    variables = {each["name"]: each["value"] for each in deployment["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert (variables["GALLERY_OPERATOR_CLUSTER_ID"], variables["GALLERY_OPERATOR_WORKERS"]) == ("second", "8")

    helm.uninstall("gallery-operator")
    assert kubectl("get", "deployment,service,serviceaccount", "-n", "operators", "-o", "name").strip() == ""
    left = kubectl("get", "clusterrole,clusterrolebinding", "-o", "name")
    assert "gallery-operator" not in left
    assert len(kubectl.json("get", "galleries,imagedefinitions,imageversions")["items"]) == 3


def test_the_api_server_admits_the_pod_where_only_restricted_ones_are(
    helm: helm_python.Config, render: Render, kubectl: Kubectl
) -> None:
    del helm  # the namespace is there
    template = render(workloadIdentity={"clientId": "c-1"}).one("Deployment")["spec"]["template"]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "operator", "namespace": "operators"}}
    pod |= {"spec": template["spec"]}
    assert "created" in kubectl("create", "--dry-run=server", "-f", "-", input=json.dumps(pod))

    template["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    refused = kubectl("create", "--dry-run=server", "-f", "-", input=json.dumps(pod), check=False)
    assert refused == ""  # so the namespace does look


def test_every_optional_manifest_is_accepted(helm: helm_python.Config, chart: helm_python.Chart) -> None:
    values = {
        "networkPolicy": {"enabled": True, "metricsFrom": [{"podSelector": {}}]},
        "imagePullSecrets": [{"name": "pull"}],
        "credentialSecret": "azure",
        "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy.example:3128"}],
        "extraEnvFrom": [{"configMapRef": {"name": "more"}}],
        "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}],
        "extraVolumeMounts": [{"name": "ca", "mountPath": "/ca"}],
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "podAnnotations": {"a": "b"},
        "podLabels": {"c": "d"},
        "service": {"annotations": {"e": "f"}},
        "serviceAccount": {"annotations": {"g": "h"}, "labels": {"i": "j"}},
    }
    release = helm.install(chart, "gallery-operator", values, dry_run="server")
    assert "kind: NetworkPolicy" in release["manifest"]


def test_the_manifests_are_those_of_the_chart() -> None:
    committed = {name: (manifests.KUSTOMIZE / name).read_text(encoding="utf-8") for name in manifests.render()}
    assert committed == manifests.render(), "make manifests"


def test_kustomize_installs_all_of_it_at_once(kubectl: Kubectl) -> None:
    applied = kubectl("apply", "--server-side", "-k", str(manifests.KUSTOMIZE))
    assert "deployment.apps/gallery-operator serverside-applied" in applied
    assert len(served(kubectl)) == 3
    again = kubectl("apply", "--server-side", "--dry-run=server", "-k", str(manifests.KUSTOMIZE))
    assert len(again.splitlines()) == len(applied.splitlines()) == 11
    kubectl("delete", "--ignore-not-found", "--wait=false", "-f", str(manifests.KUSTOMIZE / "operator.yaml"))
