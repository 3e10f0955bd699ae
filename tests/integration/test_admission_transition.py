"""An object that was stored before the API had its newer fields is still served, and can be edited."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from dev.control_plane import Cluster, KubectlError
from gallery_operator.api import crd
from tests.integration.admission.asking import JSON
from tests.integration.admission.manifests import MINIMAL

#: Fields with a default that came after the first release.
NEWER: Final = {
    "Gallery": {"driftPolicy": "Correct"},
    "ImageDefinition": {"driftPolicy": "Correct"},
    "ImageVersion": {"driftPolicy": "Correct", "replicationMode": "Full"},
}
GROUP: Final = "older.gallery-operator.io"
BY_KIND = pytest.mark.parametrize("kind", crd.KINDS, ids=lambda kind: kind.kind)


def of_another_group(kind: crd.Kind) -> JSON:
    """Return the CRD of a kind in a group of its own, so that it can change under nobody's feet."""
    body = crd.render(kind)
    body["metadata"]["name"] = f"{kind.plural}.{GROUP}"
    body["spec"]["group"] = GROUP
    for several in ("shortNames", "categories"):
        del body["spec"]["names"][several]
    return body


def older(kind: crd.Kind) -> JSON:
    """Return the CRD without the newer fields, and without the rules that speak of them."""
    body = copy.deepcopy(of_another_group(kind))
    spec: Any = body["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    for name in NEWER[kind.kind]:
        del spec["properties"][name]
        spec["x-kubernetes-validations"] = [
            each for each in spec["x-kubernetes-validations"] if name not in each["rule"]
        ]
    return body


def install(cluster: Cluster, body: JSON) -> None:
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "--filename=-", input=json.dumps(body))
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=60s", f"crd/{body['metadata']['name']}")


def spec_of(cluster: Cluster, namespace: str, resource: str) -> JSON:
    spec: JSON = cluster.kubectl.json("get", resource, "old", f"--namespace={namespace}")["spec"]
    return spec


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Look until the condition holds: the API server takes a changed CRD up in its own time."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, f"not within a minute: {what}"
        time.sleep(0.2)


@pytest.fixture
def stored(cluster: Cluster, namespace: str, kind: crd.Kind) -> Iterator[str]:
    """The resource of an object that was stored under the older CRD and is served under the newer one."""
    install(cluster, older(kind))
    resource = f"{kind.plural}.{GROUP}"
    manifest = {
        "apiVersion": f"{GROUP}/v1alpha1",
        "kind": kind.kind,
        "metadata": {"name": "old", "namespace": namespace},
        "spec": MINIMAL[kind.kind],
    }
    cluster.kubectl("create", "--filename=-", input=json.dumps(manifest))
    newer = set(NEWER[kind.kind])
    assert not newer & set(spec_of(cluster, namespace, resource))
    install(cluster, of_another_group(kind))
    wait_for(lambda: newer <= set(spec_of(cluster, namespace, resource)), "the newer CRD is served")
    yield resource
    cluster.kubectl("delete", "crd", resource, "--timeout=60s")


@BY_KIND
def test_an_object_from_before_the_newer_fields_can_be_edited(
    cluster: Cluster, namespace: str, kind: crd.Kind, stored: str
) -> None:
    patch = json.dumps({"spec": {"tags": {"team": "platform"}}})
    cluster.kubectl("patch", stored, "old", f"--namespace={namespace}", "--type=merge", f"--patch={patch}")
    spec = spec_of(cluster, namespace, stored)
    assert spec["tags"] == {"team": "platform"}
    assert spec == {**spec, **NEWER[kind.kind]}


@pytest.mark.parametrize("kind", [each for each in crd.KINDS if each.kind == "ImageVersion"], ids=["ImageVersion"])
def test_the_default_of_an_old_version_is_what_azure_did_with_it(cluster: Cluster, namespace: str, stored: str) -> None:
    where = (stored, "old", f"--namespace={namespace}", "--type=merge")
    with pytest.raises(KubectlError, match="replicationMode is immutable"):
        cluster.kubectl("patch", *where, '--patch={"spec": {"replicationMode": "Shallow"}}')
    cluster.kubectl("patch", *where, '--patch={"spec": {"replicationMode": "Full"}}')
