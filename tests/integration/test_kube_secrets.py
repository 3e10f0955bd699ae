"""Holding Secrets, on a real API server."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest

from gallery_operator.api import names
from gallery_operator.kube.client import Kube
from gallery_operator.kube.errors import Conflict, KubeError
from gallery_operator.kube.secrets import Secrets, is_held

if TYPE_CHECKING:
    from dev.control_plane import Cluster

VALUE = base64.b64encode(b"the value").decode()


@pytest.fixture
async def secrets(cluster: Cluster) -> AsyncIterator[Secrets]:
    kube = await Kube.connect(cluster.kubeconfig)
    yield kube.secrets
    await kube.close()


@pytest.fixture
def secret(cluster: Cluster, namespace: str) -> str:
    cluster.kubectl("create", "secret", "generic", "azure", "-n", namespace, "--from-literal=key=the value")
    return "azure"


def shown(cluster: Cluster, namespace: str) -> dict[str, Any]:
    metadata: dict[str, Any] = cluster.kubectl.json("get", "secret", "azure", "-n", namespace)["metadata"]
    return metadata


async def test_a_secret_is_read_with_its_values_and_a_missing_one_is_none(
    secrets: Secrets, namespace: str, secret: str
) -> None:
    found = await secrets.get(namespace, secret)

    assert found is not None
    assert found["data"] == {"key": VALUE}
    assert await secrets.get(namespace, "other") is None


@pytest.mark.parametrize("name", ["", ".", "..", "../../kube-system", "azure/..", "%2e%2e", "azure?watch=1", "Azure"])
async def test_a_name_that_no_secret_can_have_leads_nowhere_else(
    secrets: Secrets, namespace: str, secret: str, name: str
) -> None:
    del secret
    assert await secrets.get(namespace, name) is None


async def test_a_held_secret_stays_until_it_is_freed(
    secrets: Secrets, cluster: Cluster, namespace: str, secret: str
) -> None:
    held = await secrets.hold(await secrets.get(namespace, secret) or {})
    assert is_held(held)
    assert "data" not in held

    cluster.kubectl("delete", "secret", secret, "-n", namespace, "--wait=false")
    (listed,) = await secrets.list_held(namespace)
    assert listed["metadata"]["deletionTimestamp"]
    assert (await secrets.get(namespace, secret) or {})["data"] == {"key": VALUE}

    await secrets.free(listed)
    assert await secrets.get(namespace, secret) is None
    assert await secrets.list_held(namespace) == []
    await secrets.free(listed)  # gone already


async def test_finalizers_and_labels_of_others_stay(
    secrets: Secrets, cluster: Cluster, namespace: str, secret: str
) -> None:
    patch = '{"metadata": {"finalizers": ["example.com/other"], "labels": {"team": "a"}}}'
    cluster.kubectl("patch", "secret", secret, "-n", namespace, "--patch", patch)

    held = await secrets.hold(await secrets.get(namespace, secret) or {})
    assert held["metadata"]["finalizers"] == ["example.com/other", names.CREDENTIAL_FINALIZER]
    await secrets.free(held)

    metadata = shown(cluster, namespace)
    assert (metadata["finalizers"], metadata["labels"]) == (["example.com/other"], {"team": "a"})
    cluster.kubectl("patch", "secret", secret, "-n", namespace, "--patch", '{"metadata": {"finalizers": null}}')


async def test_a_secret_that_changed_meanwhile_is_neither_held_nor_freed(
    secrets: Secrets, cluster: Cluster, namespace: str, secret: str
) -> None:
    read = await secrets.get(namespace, secret) or {}
    cluster.kubectl("label", "secret", secret, "-n", namespace, "touched=yes")

    for write in (secrets.hold, secrets.free):
        with pytest.raises(Conflict):
            await write(read)
    assert "finalizers" not in shown(cluster, namespace)


async def test_a_secret_that_is_on_its_way_out_cannot_be_held(
    secrets: Secrets, cluster: Cluster, namespace: str, secret: str
) -> None:
    patch = '{"metadata": {"finalizers": ["example.com/other"]}}'
    cluster.kubectl("patch", "secret", secret, "-n", namespace, "--patch", patch)
    cluster.kubectl("delete", "secret", secret, "-n", namespace, "--wait=false")

    with pytest.raises(KubeError, match="no new finalizers can be added"):
        await secrets.hold(await secrets.get(namespace, secret) or {})
    cluster.kubectl("patch", "secret", secret, "-n", namespace, "--patch", '{"metadata": {"finalizers": null}}')


async def test_only_held_secrets_are_listed_and_never_with_values(
    secrets: Secrets, cluster: Cluster, namespace: str, secret: str
) -> None:
    cluster.kubectl("create", "secret", "generic", "not-held", "-n", namespace, "--from-literal=key=other")
    held = await secrets.hold(await secrets.get(namespace, secret) or {})

    everywhere = {(each["metadata"]["namespace"], each["metadata"]["name"]) for each in await secrets.list_held()}
    assert (namespace, secret) in everywhere
    assert (namespace, "not-held") not in everywhere
    assert VALUE not in str(await secrets.list_held(namespace))
    await secrets.free(held)
