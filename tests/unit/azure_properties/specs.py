"""Specs that together set every field of the three kinds, and what the operator sends Azure for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from gallery_operator.domain import definitions, galleries, regions, versions
from gallery_operator.domain.plan import Create, Plan
from gallery_operator.domain.resources import Attempts
from gallery_operator.domain.version_body import Parents
from tests.unit.domain import build
from tests.unit.domain.build import GROUP_ID, NOW, OWNER

JSON = dict[str, Any]
#: Kind -> spec, in the manifest's spelling.
Specs = dict[str, JSON]

_DATE: Final = "2027-06-30T00:00:00Z"
_SET: Final = f"{GROUP_ID}/diskEncryptionSets/own"


def _id(kind: str) -> JSON:
    return {"id": f"{GROUP_ID}/{kind}/one"}


def _disk_encryption() -> JSON:
    profile = {"confidentialVMEncryptionType": "EncryptedWithCmk", "secureVMDiskEncryptionSetId": _SET}
    return {"diskEncryptionSetId": _SET, "securityProfile": profile}


def _encryption() -> JSON:
    return {"osDisk": _disk_encryption(), "dataDisks": [{"lun": 1, **_disk_encryption()}]}


def _target_regions() -> list[JSON]:
    """One region that says everything itself, and one that says nothing."""
    return [
        {
            "name": "westeurope",
            "replicas": 2,
            "storageAccountType": "Standard_ZRS",
            "excludeFromLatest": True,
            "encryption": _encryption(),
            "additionalReplicaSets": [{"storageAccountType": "PremiumV2_LRS", "replicas": 4}],
        },
        {"name": "northeurope"},
    ]


def _by_capacity(of: str) -> list[JSON]:
    """One region with as many machines as one replica is for."""
    return [{"name": "westeurope", "capacity": {of: {"virtualMachines": 20, "scaleSetInstances": 600}[of]}}]


def _disk(source: str) -> JSON:
    vhd = {"uri": "https://one.blob.core.windows.net/vhds/os.vhd", "storageAccountId": f"{GROUP_ID}/accounts/one"}
    return {source: vhd if source == "vhd" else _id(source), "hostCaching": "ReadOnly"}


def _disks(source: str) -> JSON:
    return {"disks": {"os": _disk(source), "data": [{"lun": 1, **_disk(source)}]}}


def _key(name: str) -> JSON:
    return {"type": "x509", "value": [name]}


_GALLERY: Final[JSON] = {
    "location": "westeurope",
    "tags": {"team": "images"},
    "description": "Images",
    "softDelete": {"enabled": True, "retentionDays": 7, "graceDays": 3},
    "identity": {
        "type": "SystemAssigned, UserAssigned",
        "userAssignedIdentities": [f"{GROUP_ID}/userAssignedIdentities/one"],
    },
    "sharing": {"permissions": "Groups"},
}
_COMMUNITY: Final[JSON] = {
    "publisherUri": "https://example.com",
    "publisherContact": "images@example.com",
    "eula": "https://example.com/eula",
    "publicNamePrefix": "contoso",
}
_DEFINITION: Final[JSON] = {
    "location": "westeurope",
    "tags": {"team": "images"},
    "osType": "Linux",
    "osState": "Generalized",
    "hyperVGeneration": "V2",
    "architecture": "x64",
    "identifier": {"publisher": "contoso", "offer": "web", "sku": "v1"},
    "description": "Web",
    "eula": "https://example.com/eula",
    "privacyStatementUri": "https://example.com/privacy",
    "releaseNoteUri": "https://example.com/notes",
    "endOfLifeDate": _DATE,
    "recommended": {"vCPUs": {"min": 1, "max": 8}, "memoryGB": {"min": 2, "max": 64}},
    "disallowedDiskTypes": ["Standard_LRS"],
    "purchasePlan": {"name": "plan", "publisher": "contoso", "product": "web"},
    "features": [{"name": "SecurityType", "value": "TrustedLaunch", "startsAtVersion": "1.0.0"}],
}
_VERSION: Final[JSON] = {
    "location": "westeurope",
    "tags": {"team": "images"},
    "source": _disks("snapshot"),
    "targetRegions": _target_regions(),
    "replicas": 3,
    "storageAccountType": "Premium_LRS",
    "excludeFromLatest": True,
    "endOfLifeDate": _DATE,
    "safety": {"allowRegionRemoval": True, "blockDeletionBeforeEndOfLife": True},
    "edgeZones": [
        {
            "name": "losangeles",
            "region": "westeurope",
            "replicas": 2,
            "storageAccountType": "StandardSSD_LRS",
            "encryption": _encryption(),
        },
        {"name": "perth", "region": "westeurope"},
    ],
    "uefiSettings": {
        "signatureTemplateNames": ["MicrosoftWindowsTemplate"],
        "additionalSignatures": {
            "pk": _key("pk"),
            "kek": [_key("kek")],
            "db": [_key("db")],
            "dbx": [_key("dbx")],
        },
    },
    "secretsProvisioning": {
        "isSupported": True,
        "osName": "mariner",
        "components": [{"name": "CloudInit", "version": "24"}],
    },
}
_HOME: Final[JSON] = {"location": "westeurope", "targetRegions": [{"name": "westeurope"}]}
_OTHER_SOURCES: Final[tuple[JSON, ...]] = (
    {"managedImage": _id("images")},
    {"virtualMachine": _id("virtualMachines")},
    {"galleryImageVersion": _id("galleries/g/images/i/versions")},
    {"galleryImageVersion": {"ref": "base-1"}},
    {"communityGalleryImage": {"id": "/CommunityGalleries/contoso-1/Images/web/Versions/1.0.0"}},
    _disks("managedDisk"),
    _disks("vhd"),
)


def all_specs() -> Iterator[Specs]:
    """Yield specs of a family; each sets what the ones before it could not set at the same time."""
    yield {"Gallery": _GALLERY, "ImageDefinition": _DEFINITION, "ImageVersion": _VERSION}
    yield {"Gallery": {**_GALLERY, "sharing": {"permissions": "Community", "community": _COMMUNITY}}}
    yield {"ImageVersion": {**_HOME, "replicationMode": "Full"}}
    yield {"ImageVersion": {**_HOME, "storageAccountStrategy": "PreferStandard_ZRS"}}
    yield from ({"ImageVersion": {**_HOME, "source": source}} for source in _OTHER_SOURCES)
    defaults = {"replicas": 3, "storageAccountType": "Premium_LRS", "targetRegions": _target_regions()}
    edge_zones = [{"name": "perth", "region": "westeurope"}]
    yield _inheriting(defaults, {"edgeZones": edge_zones})
    for machines in ("virtualMachines", "scaleSetInstances"):
        yield {"ImageVersion": {**_HOME, "targetRegions": _by_capacity(machines)}}
        yield _inheriting({"targetRegions": _by_capacity(machines)}, {})


def _inheriting(defaults: JSON, version: JSON) -> Specs:
    return {
        "ImageDefinition": {"location": "westeurope", "versionDefaults": defaults},
        "ImageVersion": {"location": "westeurope", **version},
    }


def source_version(ref: str) -> str:
    """Return the ARM id that a reference to an ImageVersion stands for here."""
    return f"{GROUP_ID}/galleries/g/images/i/versions/{ref}"


def sent(specs: Specs) -> dict[str, JSON]:
    """Return the body with which the operator creates each resource, by Azure's model."""
    gallery = build.gallery(**specs.get("Gallery", {}))
    definition = build.definition(**specs.get("ImageDefinition", {}))
    version = build.version(**specs.get("ImageVersion", {}))
    reference = version.spec.source.gallery_image_version
    parents = Parents(
        regions.normalise(version.spec.location or build.HOME),
        definition.spec,
        source_version(reference.ref) if reference and reference.ref else None,
    )
    location = definition.spec.location or build.HOME
    return {
        "Gallery": _created(galleries.plan(gallery, None, OWNER, Attempts(), NOW)),
        "GalleryImage": _created(definitions.plan(definition, location, None, OWNER, Attempts(), NOW)),
        "GalleryImageVersion": _created(versions.plan(build.situation(version, None, of=parents))),
    }


def _created(plan: Plan) -> JSON:
    assert isinstance(plan, Create), plan
    return plan.body
