"""What there is to reconcile: one gallery, its definitions and versions, as objects and as Azure has them.

Both sides agree, owner tags included, so that an operator that starts finds nothing to change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dev.azure_simulator import source_id
from gallery_operator.api import names

JSON = dict[str, Any]

NAMESPACE = "default"
GALLERY = "bench"
REGIONS = ("westeurope", "northeurope", "eastus2")
#: A snapshot: from a managed image Azure builds one version at a time.
_SOURCE = source_id("Microsoft.Compute/snapshots", "ubuntu-os")


@dataclass(frozen=True)
class Landscape:
    """`versions` image versions in definitions of `per_definition` each, in subscription and cluster."""

    versions: int
    per_definition: int
    subscription: str
    cluster_id: str

    @property
    def definitions(self) -> int:
        """How many definitions there are."""
        return -(-self.versions // self.per_definition)

    # --- as Kubernetes objects ---

    def parent_objects(self) -> Iterator[JSON]:
        """Yield the gallery and the definitions."""
        yield _object("Gallery", GALLERY, {"resourceGroup": "images-rg", "location": REGIONS[0]})
        for number in range(self.definitions):
            yield _object(
                "ImageDefinition",
                _definition(number),
                {
                    "galleryRef": {"name": GALLERY},
                    "osType": "Linux",
                    "identifier": {"publisher": "contoso", "offer": "bench", "sku": _definition(number)},
                    "lifecycle": {
                        "endOfLife": {"after": "180d"},
                        "stages": {"excludeFromLatest": "0d", "delete": "30d"},
                    },
                },
            )

    def version_objects(self) -> Iterator[JSON]:
        """Yield the versions."""
        for definition, version, name in self._versions():
            yield _object(
                "ImageVersion",
                name,
                {
                    "imageDefinitionRef": {"name": definition},
                    "version": version,
                    "source": {"disks": {"os": {"snapshot": {"id": _SOURCE}}}},
                    "targetRegions": [{"name": region} for region in REGIONS],
                    "replicas": 1,
                    "tags": {"team": "platform"},
                },
            )

    # --- as Azure has them ---

    def parent_resources(self) -> Iterator[tuple[str, JSON]]:
        """Yield the gallery and the definitions, as (id, PUT body)."""
        yield self._gallery_id, self._body(GALLERY, {})
        for number in range(self.definitions):
            name = _definition(number)
            identifier = {"publisher": "contoso", "offer": "bench", "sku": name}
            properties = {
                "osType": "Linux",
                "osState": "Generalized",
                "hyperVGeneration": "V2",
                "architecture": "x64",
                "identifier": identifier,
            }
            yield f"{self._gallery_id}/images/{name}", self._body(name, properties)

    def version_resources(self) -> Iterator[tuple[str, JSON]]:
        """Yield the versions, as (id, PUT body)."""
        storage = "Standard_LRS"
        regions = [{"name": name, "regionalReplicaCount": 1, "storageAccountType": storage} for name in REGIONS]
        profile = {
            "targetRegions": regions,
            "replicaCount": 1,
            "storageAccountType": storage,
            "excludeFromLatest": False,
            "replicationMode": "Full",
        }
        properties = {
            "publishingProfile": profile,
            "storageProfile": {"osDiskImage": {"source": {"id": _SOURCE}}},
            "safetyProfile": {"allowDeletionOfReplicatedLocations": False},
        }
        for definition, version, name in self._versions():
            body = self._body(name, properties)
            body["tags"]["team"] = "platform"
            yield f"{self._gallery_id}/images/{definition}/versions/{version}", body

    # --- common ---

    def _versions(self) -> Iterator[tuple[str, str, str]]:
        for number in range(self.versions):
            definition, patch = divmod(number, self.per_definition)
            version = f"1.0.{patch}"
            yield _definition(definition), version, f"{_definition(definition)}-{version}"

    @property
    def _gallery_id(self) -> str:
        group = f"/subscriptions/{self.subscription}/resourceGroups/images-rg"
        return f"{group}/providers/Microsoft.Compute/galleries/{GALLERY}"

    def _body(self, name: str, properties: JSON) -> JSON:
        owner = f"{self.cluster_id}/{NAMESPACE}/{name}"
        return {"location": REGIONS[0], "tags": {names.OWNER_TAG: owner}, "properties": properties}


def _definition(number: int) -> str:
    return f"image-{number:03d}"


def _object(kind: str, name: str, spec: JSON) -> JSON:
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": names.API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}
