"""Manifests of a gallery, a definition and versions, and how tests look at what became of them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from kubernetes.client import CoreV1Api, CustomObjectsApi, EventsV1Api, V1Namespace, V1ObjectMeta

from dev.azure_simulator import Switchboard, source_id
from dev.control_plane import Cluster
from gallery_operator.api import names
from gallery_operator.api.arm_ids import GalleryId
from gallery_operator.kube.errors import KubeError
from tests.integration.driving import JSON, Driver, condition

GALLERY = GalleryId("00000000-0000-0000-0000-000000000001", "images-rg", "platform")
DEFINITION = GALLERY.definition("ubuntu")
SOURCE = source_id("Microsoft.Compute/images", "ubuntu-2404-20261101")
OWNER_TAG = names.OWNER_TAG


def text(date: datetime) -> str:
    return date.strftime("%Y-%m-%dT%H:%M:%SZ")


def _object(kind: str, name: str, spec: JSON, annotations: dict[str, str] | None = None) -> JSON:
    metadata = {"name": name, "annotations": annotations or {}}
    return {"apiVersion": names.API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


def gallery(**spec: Any) -> JSON:
    return _object("Gallery", "platform", {"resourceGroup": "images-rg", "location": "westeurope", **spec})


def definition(name: str = "ubuntu", **spec: Any) -> JSON:
    base = {
        "galleryRef": {"name": "platform"},
        "osType": "Linux",
        "identifier": {"publisher": "contoso", "offer": "ubuntu", "sku": "24_04"},
    }
    return _object("ImageDefinition", name, {**base, **spec})


def version(number: str = "1.0.0", *, annotations: dict[str, str] | None = None, **spec: Any) -> JSON:
    base = {
        "imageDefinitionRef": {"name": "ubuntu"},
        "version": number,
        "source": {"managedImage": {"id": SOURCE}},
        "targetRegions": [{"name": "West Europe", "replicas": 2}, {"name": "northeurope"}, {"name": "eastus2"}],
    }
    return _object("ImageVersion", f"ubuntu-{number}", {**base, **spec}, annotations)


def named(name: str, manifest: JSON) -> JSON:
    """Return a manifest under another name."""
    return {**manifest, "metadata": {**manifest["metadata"], "name": name}}


def arm_id(number: str = "1.0.0") -> str:
    return str(DEFINITION.version(number))


class Scene:
    """A namespace, what is applied to it, and what Azure has."""

    def __init__(self, cluster: Cluster, azure: Switchboard, namespace: str) -> None:
        self.azure = azure
        self.cluster = cluster
        self.namespace = namespace
        self._objects = CustomObjectsApi(cluster.client)

    def in_a_new_namespace(self) -> Scene:
        """Return a scene of the same cluster and Azure where nothing was applied yet."""
        name = f"test-{uuid.uuid4().hex[:10]}"
        CoreV1Api(self.cluster.client).create_namespace(V1Namespace(metadata=V1ObjectMeta(name=name)))
        return Scene(self.cluster, self.azure, name)

    def apply(self, *objects: JSON) -> None:
        """Apply manifests as `kubectl apply --server-side` does."""
        for each in objects:
            self._objects.patch_namespaced_custom_object(
                *self._where(each["kind"], each["metadata"]["name"]),
                each,
                field_manager="user",
                force=True,
                _content_type="application/apply-patch+yaml",
            )

    def delete(self, kind: str, name: str) -> None:
        self._objects.delete_namespaced_custom_object(*self._where(kind, name))

    def objects(self, kind: str) -> Sequence[JSON]:
        """Return all objects of a kind as kubectl sees them."""
        listed: Any = self._objects.list_namespaced_custom_object(*self._where(kind, "")[:4])
        found: Sequence[JSON] = listed["items"]
        return found

    def annotate(self, kind: str, name: str, annotation: str, value: str | None) -> None:
        """Set an annotation, or remove it with None."""
        self._merge(kind, name, {"annotations": {annotation: value}})

    def strip_finalizers(self, kind: str, name: str) -> None:
        self._merge(kind, name, {"finalizers": None})

    def _merge(self, kind: str, name: str, metadata: JSON) -> None:
        where = self._where(kind, name)
        merge = "application/merge-patch+json"
        self._objects.patch_namespaced_custom_object(*where, {"metadata": metadata}, _content_type=merge)

    def _where(self, kind: str, name: str) -> tuple[str, str, str, str, str]:
        return names.GROUP, names.VERSION, self.namespace, names.PLURALS[kind], name

    async def get(self, driver: Driver, kind: str, name: str) -> JSON | None:
        try:
            return await driver.services.kube.get(kind, self.namespace, name)
        except KubeError:
            return None

    async def version(self, driver: Driver, number: str = "1.0.0") -> JSON:
        return await driver.services.kube.get("ImageVersion", self.namespace, f"ubuntu-{number}")

    async def ready(self, driver: Driver, kind: str, name: str) -> tuple[str, str]:
        """Return status and reason of Ready."""
        ready = condition(await driver.services.kube.get(kind, self.namespace, name), "Ready")
        return ready.get("status", ""), ready.get("reason", "")

    def events(self) -> list[str]:
        found = EventsV1Api(self.cluster.client).list_namespaced_event(self.namespace).items
        return [f"{each.reason} {each.regarding.kind}: {each.note}" for each in found if each.regarding]

    def writes(self, match: str = "") -> list[tuple[str, str]]:
        """Return method and resource of the accepted writes so far."""
        return [
            (each.method, each.path.rsplit("/", 1)[1])
            for each in self.azure.journal(match)
            if each.method in {"PUT", "PATCH", "DELETE"} and each.status in range(200, 300)
        ]

    def properties(self, number: str = "1.0.0") -> JSON:
        found = self.azure.resource(arm_id(number))
        assert found is not None, f"{number} is not in Azure"
        inside: JSON = found["properties"]
        return inside

    def regions(self, number: str = "1.0.0") -> dict[str, int]:
        """Return replicas by region, as Azure spells it."""
        listed = self.properties(number)["publishingProfile"]["targetRegions"]
        return {each["name"]: each["regionalReplicaCount"] for each in listed}
