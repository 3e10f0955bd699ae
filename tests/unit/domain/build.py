"""Small builders: objects as the API server delivers them, and resources as Azure answers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from gallery_operator.api import names
from gallery_operator.api.gallery import Gallery
from gallery_operator.api.image_definition import ImageDefinition
from gallery_operator.api.image_version import ImageVersion
from gallery_operator.domain.family import Family, Member, family_of
from gallery_operator.domain.observed import read_version
from gallery_operator.domain.resources import Attempts
from gallery_operator.domain.version_body import Parents
from gallery_operator.domain.versions import Situation

JSON = dict[str, Any]

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
DAY = timedelta(days=1)
OWNER = "cluster-1/images/web"
HOME = "westeurope"
GROUP_ID = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg/providers/Microsoft.Compute"
IMAGE_ID = f"{GROUP_ID}/images/web"
SNAPSHOT_ID = f"{GROUP_ID}/snapshots/os"
OWNED = {names.OWNER_TAG: OWNER}


def text(date: datetime) -> str:
    """Return a date as people write it into a manifest."""
    return date.strftime("%Y-%m-%dT%H:%M:%SZ")


def _metadata(name: str, annotations: dict[str, str] | None) -> JSON:
    return {"name": name, "namespace": "images", "annotations": annotations or {}}


def version(name: str = "1.0.0", *, annotations: dict[str, str] | None = None, **spec: Any) -> ImageVersion:
    """Return an ImageVersion from a managed image; `spec` in the manifest's spelling."""
    base = {"imageDefinitionRef": {"name": "web"}, "version": name, "source": {"managedImage": {"id": IMAGE_ID}}}
    return ImageVersion.model_validate({"metadata": _metadata("web", annotations), "spec": {**base, **spec}})


def disks(*luns: int) -> JSON:
    """Return a source of snapshots."""
    data = [{"lun": lun, "snapshot": {"id": f"{GROUP_ID}/snapshots/data{lun}"}} for lun in luns]
    return {"disks": {"os": {"snapshot": {"id": SNAPSHOT_ID}}, "data": data}}


def definition(**spec: Any) -> ImageDefinition:
    """Return an ImageDefinition."""
    base = {
        "galleryRef": {"name": "shared"},
        "osType": "Linux",
        "identifier": {"publisher": "contoso", "offer": "web", "sku": "v1"},
    }
    return ImageDefinition.model_validate({"metadata": _metadata("web", None), "spec": {**base, **spec}})


def lifecycle(
    *, after: str | None = None, exclude: str | None = None, delete: str | None = None, remove: str | None = None
) -> JSON:
    """Return the lifecycle of an ImageDefinition's spec."""
    stages = {"excludeFromLatest": exclude, "delete": delete}
    return {"endOfLife": {"after": after} if after else None, "stages": stages, "removeRetiredAfter": remove}


def gallery(**spec: Any) -> Gallery:
    """Return a Gallery."""
    base = {"resourceGroup": "rg", "location": "West Europe"}
    return Gallery.model_validate({"metadata": _metadata("shared", None), "spec": {**base, **spec}})


def parents(**spec: Any) -> Parents:
    """Return the parents of a version; `spec` is the definition's."""
    return Parents(HOME, definition(**spec).spec)


def region(name: str = "West Europe", replicas: int = 1, storage: str = "Standard_LRS", **more: Any) -> JSON:
    """Return a target region as Azure answers: with its display name."""
    return {"name": name, "regionalReplicaCount": replicas, "storageAccountType": storage, **more}


def arm_version(
    name: str = "1.0.0",
    *,
    state: str | None = "Succeeded",
    regions: Iterable[JSON] = (region(),),
    tags: dict[str, str] | None = OWNED,
    published: datetime | None = NOW - 30 * DAY,
    excluded: bool = False,
    end_of_life: str | None = None,
    safety: JSON | None = None,
    storage_profile: JSON | None = None,
    replication: dict[str, tuple[str, int]] | None = None,
) -> JSON:
    """Return a version as Azure answers a GET, with what the service fills in (azure-gallery-api.md §2.3)."""
    publishing: JSON = {
        "targetRegions": list(regions),
        "replicaCount": 1,
        "excludeFromLatest": excluded,
        "storageAccountType": "Standard_LRS",
        "replicationMode": "Full",
        "publishedDate": f"{published:%Y-%m-%dT%H:%M:%S}.1234567+00:00" if published else None,
        "endOfLifeDate": end_of_life,
    }
    made = {
        "osDiskImage": {"sizeInGB": 30, "hostCaching": "ReadWrite", "source": {}},
        "dataDiskImages": [{"lun": 0, "sizeInGB": 8, "hostCaching": "None"}],
    }
    properties: JSON = {
        "publishingProfile": {key: value for key, value in publishing.items() if value is not None},
        "storageProfile": storage_profile or {"source": {"id": IMAGE_ID.replace("/rg/", "/RG/")}, **made},
        "safetyProfile": {
            "reportedForPolicyViolation": False,
            "allowDeletionOfReplicatedLocations": False,
            **(safety or {}),
        },
        "validationsProfile": {"validationOperationStatus": "NotExecuted"},
        "provisioningState": state,
    }
    if replication is not None:
        summary = [
            {"region": each, "state": how, "progress": progress, "details": "no capacity" if how == "Failed" else ""}
            for each, (how, progress) in replication.items()
        ]
        properties["replicationStatus"] = {"aggregatedState": "Unknown", "summary": summary}
    return envelope("galleries/images/versions", name, "westeurope", tags, properties)


def arm_definition(
    *, state: str = "Succeeded", tags: dict[str, str] | None = OWNED, location: str = "westeurope", **properties: Any
) -> JSON:
    """Return an image definition as Azure answers a GET; `properties` with the value None are left out."""
    base = {
        "osType": "Linux",
        "osState": "Generalized",
        "hyperVGeneration": "V2",
        "architecture": "x64",
        "identifier": {"publisher": "contoso", "offer": "web", "sku": "v1"},
        "features": [{"name": "SecurityType", "value": "TrustedLaunchSupported"}],
        "provisioningState": state,
        **properties,
    }
    kept = {key: value for key, value in base.items() if value is not None}
    return envelope("galleries/images", "web", location, tags, kept)


def arm_gallery(
    *, state: str = "Succeeded", tags: dict[str, str] | None = OWNED, location: str = "westeurope", **properties: Any
) -> JSON:
    """Return a gallery as Azure answers a GET."""
    base = {
        "identifier": {"uniqueName": "11111111-2222-3333-4444-555555555555-SHARED"},
        "softDeletePolicy": {"isSoftDeleteEnabled": False},
        "provisioningState": state,
    }
    return envelope("galleries", "shared", location, tags, {**base, **properties})


def envelope(kind: str, name: str, location: str, tags: dict[str, str] | None, properties: JSON) -> JSON:
    """Return what all resources have; Azure leaves empty tags out."""
    return {
        "id": f"{GROUP_ID.replace('/rg/', '/RG/')}/galleries/shared/{name}",
        "name": name,
        "type": f"Microsoft.Compute/{kind}",
        "location": location,
        "systemData": {"createdAt": "2026-10-01T00:00:00Z"},
        **({"tags": dict(tags)} if tags else {}),
        "properties": properties,
    }


def member(
    name: str,
    *,
    regions: Iterable[str] = ("West Europe",),
    barred: Iterable[str] = (),
    state: str = "Succeeded",
    excluded: bool = False,
    leaving: datetime | None = None,
    retired: bool = False,
) -> Member:
    """Return a member of a family; in the regions of `barred` it is excluded."""
    listed = [
        *map(region, regions),
        *(region(each, excludeFromLatest=True) for each in barred),
    ]
    observed = read_version(name, arm_version(name, regions=listed, state=state, excluded=excluded))
    return Member(observed, leaving, retired)


def situation(
    wanted: ImageVersion,
    observed: JSON | None,
    *others: Member,
    of: Parents | None = None,
    attempts: Attempts | None = None,
    now: datetime = NOW,
) -> Situation:
    """Return the situation of a version among `others`; its own entry in the family is what `observed` says."""
    own = [] if observed is None else [Member(read_version(wanted.spec.version, observed))]
    family: Family = family_of([*own, *others])
    return Situation(wanted, of or Parents(HOME), observed, family, OWNER, attempts or Attempts(), now)
