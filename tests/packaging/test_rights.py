"""The operator at work with the rights that the chart grants, and what it cannot do with them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dev.azure_simulator import Switchboard, source_id
from dev.control_plane import kubeconfig_for_service_account
from dev.demo.operator_process import OperatorError
from tests.packaging.rendering import Rendered
from tests.packaging.running import configured, eventually

if TYPE_CHECKING:
    from dev.azure_simulator import AzureSimulator
    from dev.control_plane import ControlPlane, Kubectl

Render = Callable[..., Rendered]

ACCOUNT = "system:serviceaccount:operators:gallery-operator"
OWN = "gallery-operator.io"
GRANTED: list[tuple[str, ...]] = [
    ("patch", "imageversions", OWN),
    ("get", "secrets"),
    ("list", "secrets"),
    ("patch", "secrets"),
]
REFUSED: list[tuple[str, ...]] = [
    ("create", "secrets"),
    ("update", "secrets"),
    ("delete", "secrets"),
    ("watch", "secrets"),
    ("list", "pods"),
    ("create", "pods"),
    ("list", "namespaces"),
    ("get", "namespaces"),
    ("list", "customresourcedefinitions", "apiextensions.k8s.io"),
    ("create", "galleries", OWN),
    ("update", "galleries", OWN),
    ("delete", "galleries", OWN),
    ("delete", "imagedefinitions", OWN),
    ("deletecollection", "imageversions", OWN),
    ("update", "imageversions/status", OWN),
    ("create", "serviceaccounts/token"),
    ("escalate", "clusterroles", "rbac.authorization.k8s.io"),
    ("list", "events", "events.k8s.io"),
    ("create", "events"),
]
CRDS = [f"crd/{kind}.{OWN}" for kind in ("galleries", "imagedefinitions", "imageversions")]


def gallery(name: str, namespace: str) -> dict[str, Any]:
    spec = {"resourceGroup": "images-rg", "location": "westeurope"}
    return _object("Gallery", name, namespace, spec)


def definition(name: str, namespace: str, gallery_name: str) -> dict[str, Any]:
    spec = {
        "galleryRef": {"name": gallery_name},
        "osType": "Linux",
        "identifier": {"publisher": "contoso", "offer": "ubuntu", "sku": name},
        "lifecycle": {"stages": {"delete": "0d"}, "removeRetiredAfter": "24h"},
    }
    return _object("ImageDefinition", name, namespace, spec)


def version(number: str, namespace: str, definition_name: str) -> dict[str, Any]:
    spec = {
        "imageDefinitionRef": {"name": definition_name},
        "version": number,
        "source": {"managedImage": {"id": source_id("Microsoft.Compute/images", "ubuntu-2404-20261101")}},
        "location": "westeurope",
        "targetRegions": [{"name": "westeurope"}],
    }
    return _object("ImageVersion", f"{definition_name}-{number}", namespace, spec)


def _object(kind: str, name: str, namespace: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "gallery-operator.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}


def apply(kubectl: Kubectl, *objects: dict[str, Any]) -> None:
    listed = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
    kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", input=json.dumps(listed))


def namespaces(kubectl: Kubectl, *names: str) -> None:
    apply(kubectl, *({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in names))


def names_of(kubectl: Kubectl, namespace: str) -> set[str]:
    return set(kubectl("get", "gallery,imagedefinition,imageversion", "-n", namespace, "-o", "name").split())


def published(switchboard: Switchboard, number: str) -> bool:
    return any(each.endswith(f"/versions/{number}") for each in switchboard.resources())


def last_words(rendered: Rendered, environment: dict[str, str], log: Path) -> str:
    """Return the last line of an operator that ends by itself with exit code 1 instead of getting ready."""
    with (
        configured(rendered.one("Deployment"), environment, log) as operator,
        pytest.raises(OperatorError, match="exit code 1"),
    ):
        operator.start()
    return log.read_text(encoding="utf-8").splitlines()[-1]


@pytest.fixture
def switchboard(azure: AzureSimulator) -> Iterator[Switchboard]:
    switchboard = Switchboard(azure.endpoints)
    switchboard.reset()
    yield switchboard
    switchboard.close()


@pytest.fixture
def environment(plane: ControlPlane, azure: AzureSimulator, tmp_path: Path) -> Callable[[], dict[str, str]]:
    """Makes the variables that tell a process where API server and Azure are, and that it is the ServiceAccount."""

    def variables() -> dict[str, str]:
        target = tmp_path / "kubeconfig"
        kubeconfig = kubeconfig_for_service_account(plane.kubeconfig, "operators", "gallery-operator", target)
        return {
            **azure.endpoints.environment(),
            "GALLERY_OPERATOR_KUBECONFIG": str(kubeconfig),
        }

    return variables


def test_without_crds_it_ends_and_names_what_is_missing(
    plane: ControlPlane, kubectl: Kubectl, render: Render, environment: Callable[[], dict[str, str]], tmp_path: Path
) -> None:
    del plane
    kubectl("delete", "crd", "--ignore-not-found", *(each.removeprefix("crd/") for each in CRDS))
    namespaces(kubectl, "operators")
    rendered = render(crds={"enabled": False})
    apply(kubectl, *rendered.manifests)
    last = last_words(rendered, environment(), tmp_path / "log")
    assert "does not serve Gallery, ImageDefinition, ImageVersion of gallery-operator.io/v1alpha1" in last
    assert "install the CRDs first" in last


def test_cluster_wide_it_publishes_retires_and_removes_with_its_rights(
    kubectl: Kubectl,
    render: Render,
    switchboard: Switchboard,
    environment: Callable[[], dict[str, str]],
    tmp_path: Path,
) -> None:
    namespaces(kubectl, "operators", "team-a")
    rendered = render()
    apply(kubectl, *rendered.manifests)
    kubectl("wait", "--for=condition=Established", "--timeout=60s", *CRDS)

    with configured(rendered.one("Deployment"), environment(), tmp_path / "log") as operator:
        operator.start()
        ours = [gallery("platform", "team-a"), definition("ubuntu", "team-a", "platform")]
        ours += [version(number, "team-a", "ubuntu") for number in ("1.0.0", "1.0.1")]
        apply(kubectl, *ours)
        kubectl("wait", "--for=condition=Ready", "--timeout=90s", "-n", "team-a", "imageversion", "--all")
        assert published(switchboard, "1.0.1")

        now = switchboard.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        old = "imageversion/ubuntu-1.0.0"
        kubectl("annotate", old, "-n", "team-a", f"gallery-operator.io/retired={now} tested")
        eventually(lambda: not published(switchboard, "1.0.0"), "1.0.0 is gone", otherwise=operator.tail)
        switchboard.advance(timedelta(hours=25))
        kubectl("wait", "--for=delete", "--timeout=60s", "-n", "team-a", old)

        kubectl("delete", "gallery,imagedefinition,imageversion", "--all", "-n", "team-a", "--timeout=90s")
        assert switchboard.resources() == []
        assert operator.stop() == 0
    assert not re.search("forbidden|not enough permissions", operator.log.read_text(encoding="utf-8"), re.IGNORECASE)
    reasons = {each["reason"] for each in kubectl.json("get", "events.events.k8s.io", "-n", "team-a")["items"]}
    assert {"Creating", "Deleting"} <= reasons


def test_what_it_does_not_need_is_refused(kubectl: Kubectl, render: Render) -> None:
    namespaces(kubectl, "operators", "team-a")
    apply(kubectl, *render().manifests)
    assert _allowed(kubectl, [*REFUSED, *GRANTED]) == {**dict.fromkeys(REFUSED, False), **dict.fromkeys(GRANTED, True)}


def test_without_credentials_of_namespaces_no_secret_is_in_reach(kubectl: Kubectl, render: Render) -> None:
    namespaces(kubectl, "operators", "team-a")
    kubectl("delete", "clusterrole,clusterrolebinding", "gallery-operator", "--ignore-not-found")
    apply(kubectl, *render(credentials={"perNamespace": False}).manifests)
    secrets: list[tuple[str, ...]] = [
        (verb, "secrets") for verb in ("get", "list", "patch", "watch", "update", "create", "delete")
    ]
    assert _allowed(kubectl, secrets) == dict.fromkeys(secrets, False)


def _allowed(kubectl: Kubectl, asked: list[tuple[str, ...]]) -> dict[tuple[str, ...], bool]:
    """Ask the API server which of these the operator may do in a namespace."""
    listed = {"apiVersion": "v1", "kind": "List", "items": [_review(*each) for each in asked]}
    answers = kubectl("create", "-o", 'jsonpath={.status.allowed}{"\\n"}', "-f", "-", input=json.dumps(listed)).split()
    return {each: answer == "true" for each, answer in zip(asked, answers, strict=True)}


def _review(verb: str, resource: str, group: str = "", namespace: str = "team-a") -> dict[str, Any]:
    resource, _, subresource = resource.partition("/")
    attributes = {"verb": verb, "group": group, "resource": resource, "subresource": subresource}
    spec = {"user": ACCOUNT, "resourceAttributes": {**attributes, "namespace": namespace}}
    return {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}


def test_with_namespaces_it_leaves_others_alone(
    kubectl: Kubectl,
    render: Render,
    switchboard: Switchboard,
    environment: Callable[[], dict[str, str]],
    tmp_path: Path,
) -> None:
    namespaces(kubectl, "operators", "team-b", "team-c")
    # What the cluster-wide installation granted would hide what is missing here.
    kubectl("delete", "clusterrole,clusterrolebinding", "gallery-operator", "--ignore-not-found")
    rendered = render(namespaces=["team-b"], settings={"clusterId": "prod-1"})
    apply(kubectl, *rendered.manifests)
    kubectl("wait", "--for=condition=Established", "--timeout=60s", *CRDS)

    with configured(rendered.one("Deployment"), environment(), tmp_path / "log") as operator:
        operator.start()
        apply(kubectl, gallery("ours", "team-b"), gallery("theirs", "team-c"))
        kubectl("wait", "--for=condition=Ready", "--timeout=60s", "-n", "team-b", "gallery/ours")
        (only,) = switchboard.resources()
        assert only.endswith("/galleries/ours")
        tags = (switchboard.resource(only) or {})["tags"]
        assert tags["gallery-operator.owner"] == "prod-1/team-b/ours"
        kubectl("delete", "gallery/ours", "-n", "team-b", "--timeout=60s")
        assert operator.stop() == 0
    assert names_of(kubectl, "team-c") == {"gallery.gallery-operator.io/theirs"}
    elsewhere = json.dumps(_review("list", "galleries", OWN, namespace="team-c"))
    assert json.loads(kubectl("create", "-o", "json", "-f", "-", input=elsewhere))["status"]["allowed"] is False


def test_without_rights_it_ends_and_names_what_is_missing(
    kubectl: Kubectl, render: Render, environment: Callable[[], dict[str, str]], tmp_path: Path
) -> None:
    namespaces(kubectl, "operators")
    apply(kubectl, *render().manifests)
    kubectl("delete", "clusterrolebinding", "gallery-operator")
    last = last_words(render(), environment(), tmp_path / "log")
    assert "Grant get on the namespace kube-system, or set --cluster-id" in last
