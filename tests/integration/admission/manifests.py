"""Good specs of the three kinds: the least that is valid, and every field at once."""

from __future__ import annotations

from typing import Any, Final

SUBSCRIPTION: Final = "00000000-0000-0000-0000-000000000001"
COMPUTE: Final = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/sources-rg/providers/Microsoft.Compute"
GALLERY_ID: Final = f"{COMPUTE}/galleries/platform"
DEFINITION_ID: Final = f"{GALLERY_ID}/images/ubuntu-24-04"

MINIMAL: Final[dict[str, dict[str, Any]]] = {
    "Gallery": {"resourceGroup": "images-rg", "location": "westeurope"},
    "ImageDefinition": {
        "galleryRef": {"name": "platform"},
        "osType": "Linux",
        "identifier": {"publisher": "contoso", "offer": "ubuntu", "sku": "24.04"},
    },
    "ImageVersion": {
        "imageDefinitionRef": {"name": "ubuntu-24-04"},
        "version": "1.0.0",
        "source": {"managedImage": {"id": f"{COMPUTE}/images/ubuntu-2404-20261101"}},
    },
}

_TARGET_REGIONS: Final = [
    {"name": "westeurope", "replicas": 2, "storageAccountType": "Standard_ZRS", "excludeFromLatest": True},
    {"name": "East US 2", "capacity": {"virtualMachines": 100, "scaleSetInstances": 3000}},
    {"name": "northeurope"},
]

FULL: Final[dict[str, dict[str, Any]]] = {
    "Gallery": {
        **MINIMAL["Gallery"],
        "azureName": "Platform.images_1",
        "subscriptionId": SUBSCRIPTION,
        "description": "Images of the platform team",
        "tags": {"team": "platform", "cost centre": ""},
        "deletionPolicy": "Retain",
        "managementPolicy": "Manage",
        "sharing": {"permissions": "Private"},
        "softDelete": {"enabled": True, "retentionDays": 14, "graceDays": 0},
    },
    "ImageDefinition": {
        **MINIMAL["ImageDefinition"],
        "azureName": "Ubuntu-24.04_lts",
        "location": "West Europe",
        "osState": "Specialized",
        "hyperVGeneration": "V2",
        "architecture": "Arm64",
        "description": "Ubuntu 24.04 LTS",
        "eula": "https://example.com/eula",
        "privacyStatementUri": "https://example.com/privacy",
        "releaseNoteUri": "http://example.com/notes?lang=en",
        "endOfLifeDate": "2029-04-25T00:00:00Z",
        "recommended": {"vCPUs": {"min": 2, "max": 64}, "memoryGB": {"min": 4}},
        "disallowedDiskTypes": ["Standard_LRS", "UltraSSD_LRS"],
        "purchasePlan": {"name": "plan", "publisher": "contoso", "product": "ubuntu"},
        "features": [
            {"name": "SecurityType", "value": "TrustedLaunchSupported", "startsAtVersion": "1.2.0"},
            {"name": "DiskControllerTypes", "value": "SCSI, NVMe"},
        ],
        "tags": {"team": "platform"},
        "deletionPolicy": "Delete",
        "managementPolicy": "Observe",
        "versionDefaults": {"targetRegions": _TARGET_REGIONS, "replicas": 3, "storageAccountType": "Standard_LRS"},
        "lifecycle": {
            "endOfLife": {"after": "26w"},
            "stages": {"excludeFromLatest": "-14d", "delete": "36h"},
            "removeRetiredAfter": "7d",
        },
    },
    "ImageVersion": {
        **MINIMAL["ImageVersion"],
        "location": "West Europe",
        "targetRegions": _TARGET_REGIONS,
        "replicas": 100,
        "storageAccountType": "Premium_LRS",
        "excludeFromLatest": True,
        "endOfLifeDate": "2027-06-30T12:00:00.5+02:00",
        "safety": {"allowRegionRemoval": True, "blockDeletionBeforeEndOfLife": False},
        "tags": {"commit": "3f2c1ab"},
        "deletionPolicy": "Delete",
        "managementPolicy": "Manage",
    },
}
