"""Good specs of the three kinds: the least that is valid, every field at once, and what excludes those fields."""

from __future__ import annotations

from typing import Any, Final

SUBSCRIPTION: Final = "00000000-0000-0000-0000-000000000001"
COMPUTE: Final = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/sources-rg/providers/Microsoft.Compute"
STORAGE: Final = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/sources-rg/providers/Microsoft.Storage/storageAccounts"
IDENTITIES: Final = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/identities-rg/providers/Microsoft.ManagedIdentity"
    "/userAssignedIdentities"
)
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

#: Every way in which the disks of an image are encrypted.
ENCRYPTION: Final[dict[str, Any]] = {
    "osDisk": {
        "diskEncryptionSetId": f"{COMPUTE}/diskEncryptionSets/os",
        "securityProfile": {
            "confidentialVMEncryptionType": "EncryptedWithCmk",
            "secureVMDiskEncryptionSetId": f"{COMPUTE}/diskEncryptionSets/confidential",
        },
    },
    "dataDisks": [
        {"lun": 0, "diskEncryptionSetId": f"{COMPUTE}/diskEncryptionSets/data"},
        {
            "lun": 63,
            "securityProfile": {
                "confidentialVMEncryptionType": "DataDiskEncryptedWithCmk",
                "secureVMDiskEncryptionSetId": f"{COMPUTE}/diskEncryptionSets/confidential",
            },
        },
    ],
}
_TARGET_REGIONS: Final = [
    {
        "name": "westeurope",
        "replicas": 2,
        "storageAccountType": "Standard_ZRS",
        "excludeFromLatest": True,
        "encryption": ENCRYPTION,
        "additionalReplicaSets": [{"storageAccountType": "PremiumV2_LRS", "replicas": 1}],
    },
    {
        "name": "East US 2",
        "capacity": {"virtualMachines": 100, "scaleSetInstances": 3000},
        "encryption": {"osDisk": ENCRYPTION["osDisk"]},
    },
    {"name": "northeurope", "encryption": {"dataDisks": ENCRYPTION["dataDisks"]}},
]
_KEY: Final = {"type": "x509", "value": ["MIIDEzCCAfug"]}
_ACCESS: Final = [
    {"principalId": "22222222-0000-0000-0000-000000000001", "principalType": "Group", "role": "Reader"},
    {
        "principalId": "22222222-0000-0000-0000-000000000002",
        "principalType": "ServicePrincipal",
        "role": "acdd72a7-3385-48ef-bd42-f606fba81ae7",
    },
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
        "driftPolicy": "Report",
        "sharing": {
            "permissions": "Groups",
            "subscriptions": ["11111111-0000-0000-0000-00000000000a", "11111111-0000-0000-0000-00000000000b"],
            "tenants": ["33333333-0000-0000-0000-00000000000a"],
        },
        "softDelete": {"enabled": True, "retentionDays": 14, "graceDays": 0},
        "identity": {
            "type": "SystemAssigned, UserAssigned",
            "userAssignedIdentities": [f"{IDENTITIES}/gallery", f"{IDENTITIES}/publisher"],
        },
        "access": _ACCESS,
        "credentialRef": {"name": "azure-images"},
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
        "recommended": {"vCPUs": {"min": 2, "max": 64}, "memoryGB": {"min": 4, "max": 640}},
        "disallowedDiskTypes": ["Standard_LRS", "UltraSSD_LRS"],
        "purchasePlan": {"name": "plan", "publisher": "contoso", "product": "ubuntu"},
        "features": [
            {"name": "SecurityType", "value": "TrustedLaunchSupported", "startsAtVersion": "1.2.0"},
            {"name": "DiskControllerTypes", "value": "SCSI, NVMe"},
        ],
        "tags": {"team": "platform"},
        "deletionPolicy": "Delete",
        "managementPolicy": "Observe",
        "driftPolicy": "Correct",
        "access": _ACCESS,
        "versionDefaults": {"targetRegions": _TARGET_REGIONS, "replicas": 3, "storageAccountType": "Standard_LRS"},
        "lifecycle": {
            "endOfLife": {"after": "26w"},
            "stages": {"excludeFromLatest": "-14d", "delete": "36h"},
            "removeRetiredAfter": "7d",
        },
    },
    "ImageVersion": {
        **MINIMAL["ImageVersion"],
        "source": {**MINIMAL["ImageVersion"]["source"], "tenantId": "33333333-0000-0000-0000-00000000000a"},
        "location": "West Europe",
        "targetRegions": _TARGET_REGIONS,
        "replicas": 100,
        "storageAccountType": "Premium_LRS",
        "replicationMode": "Full",
        "edgeZones": [
            {
                "name": "microsoftlosangeles1",
                "region": "westeurope",
                "replicas": 2,
                "storageAccountType": "StandardSSD_LRS",
                "encryption": ENCRYPTION,
            },
            {"name": "microsoft-rrdclab1", "region": "eastus2"},
        ],
        "excludeFromLatest": True,
        "endOfLifeDate": "2027-06-30T12:00:00.5+02:00",
        "safety": {"allowRegionRemoval": True, "blockDeletionBeforeEndOfLife": False},
        "uefiSettings": {
            "signatureTemplateNames": ["MicrosoftUefiCertificateAuthorityTemplate", "MicrosoftWindowsTemplate"],
            "additionalSignatures": {
                "pk": _KEY,
                "kek": [_KEY],
                "db": [_KEY, {"type": "sha256", "value": ["3q2+7w=="]}],
                "dbx": [{"type": "sha256", "value": ["yv66vg=="]}],
            },
        },
        "secretsProvisioning": {
            "isSupported": True,
            "osName": "mariner",
            "components": [{"name": "OS", "version": "3.0"}, {"name": "CloudInit"}],
        },
        "tags": {"commit": "3f2c1ab"},
        "deletionPolicy": "Delete",
        "managementPolicy": "Manage",
        "driftPolicy": "Correct",
    },
}

COMMUNITY: Final = {
    "publisherUri": "https://example.com/images",
    "publisherContact": "images@example.com",
    "eula": "https://example.com/eula",
    "publicNamePrefix": "contosoImages",
}

#: Every kind of disk that an image is put together from.
DISKS: Final[dict[str, Any]] = {
    "os": {
        "vhd": {
            "uri": "https://images.blob.core.windows.net/vhds/os.vhd",
            "storageAccountId": f"{STORAGE}/images",
        },
        "hostCaching": "ReadOnly",
    },
    "data": [
        {"lun": 0, "snapshot": {"id": f"{COMPUTE}/snapshots/data"}, "hostCaching": "ReadWrite"},
        {
            "lun": 1,
            "vhd": {
                "uri": "https://images.blob.core.windows.net/vhds/data.vhd",
                "storageAccountId": f"{STORAGE}/images",
            },
        },
        {"lun": 63, "managedDisk": {"id": f"{COMPUTE}/disks/data"}, "hostCaching": "None"},
    ],
}

#: What FULL cannot have, because it excludes something in FULL.
OTHER: Final[dict[str, dict[str, Any]]] = {
    "Gallery": {**MINIMAL["Gallery"], "sharing": {"permissions": "Community", "community": COMMUNITY}},
    "ImageDefinition": {**MINIMAL["ImageDefinition"], "galleryRef": {"id": GALLERY_ID}},
    "ImageVersion": {
        **MINIMAL["ImageVersion"],
        "source": {"disks": DISKS},
        "storageAccountStrategy": "PreferStandard_ZRS",
        "replicationMode": "Shallow",
    },
}

#: The objects that updates start from.
STORED: Final = {"minimal": MINIMAL, "full": FULL, "other": OTHER}
