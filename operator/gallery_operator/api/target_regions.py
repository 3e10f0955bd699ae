"""Where an image version goes: regions and edge zones, with replicas, storage and encryption."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from gallery_operator.api.base import (
    ApiModel,
    Region,
    each_once,
    model_rules,
    rule,
    rules,
    same_region_cel,
)


class StorageAccountType(StrEnum):
    STANDARD_LRS = "Standard_LRS"
    STANDARD_ZRS = "Standard_ZRS"
    PREMIUM_LRS = "Premium_LRS"
    PREMIUM_V2_LRS = "PremiumV2_LRS"


Replicas = Annotated[int, Field(ge=1, le=100)]
Lun = Annotated[int, Field(ge=0, le=63)]


class RegionCapacity(ApiModel):
    """How many machines are created from the image at the same time in one region."""

    model_config = model_rules(
        rule(
            "has(self.virtualMachines) || has(self.scaleSetInstances)",
            "set virtualMachines, scaleSetInstances or both",
        )
    )

    virtual_machines: Annotated[int, Field(ge=1, le=2000)] | None = None
    """Virtual machines created at the same time outside scale sets; Azure advises one replica per 20."""
    scale_set_instances: Annotated[int, Field(ge=1, le=60000)] | None = None
    """Scale-set instances deployed at the same time; Azure advises one replica per 600."""


# --- encryption ------------------------------------------------------------------------------------------------------

#: A short limit and a simple pattern: there may be one per disk and region, and the API server adds up what rules cost.
EncryptionSetId = Annotated[
    str,
    Field(
        min_length=1,
        max_length=384,
        json_schema_extra=rules(
            rule(
                "self.matches('(?i)^/subscriptions/([^/]+/){5}diskEncryptionSets/[^/]+$')",
                "a disk encryption set looks like /subscriptions/<id>/resourceGroups/<group>/providers/"
                "Microsoft.Compute/diskEncryptionSets/<name>",
            )
        ),
    ),
]

ConfidentialVMEncryptionType = Literal[
    "EncryptedVMGuestStateOnlyWithPmk",
    "EncryptedWithPmk",
    "EncryptedWithCmk",
    "NonPersistedTPM",
    "DataDiskEncryptedWithCmk",
]


class DiskSecurity(ApiModel):
    """How a disk of confidential virtual machines is encrypted."""

    model_config = model_rules(
        rule(
            "!(self.confidentialVMEncryptionType in ['EncryptedWithCmk', 'DataDiskEncryptedWithCmk'])"
            " || has(self.secureVMDiskEncryptionSetId)",
            "encryption with a customer-managed key needs secureVMDiskEncryptionSetId",
            fieldPath=".secureVMDiskEncryptionSetId",
        ),
    )

    confidential_vm_encryption_type: Annotated[
        ConfidentialVMEncryptionType, Field(alias="confidentialVMEncryptionType")
    ]
    """What is encrypted, and by whose key."""
    secure_vm_disk_encryption_set_id: Annotated[EncryptionSetId | None, Field(alias="secureVMDiskEncryptionSetId")] = (
        None
    )
    """The disk encryption set with the customer-managed key."""


class DiskEncryption(ApiModel):
    """How a disk of the image is encrypted in one region."""

    model_config = model_rules(
        rule(
            "has(self.diskEncryptionSetId) || has(self.securityProfile)",
            "set diskEncryptionSetId, securityProfile or both",
        ),
    )

    disk_encryption_set_id: EncryptionSetId | None = None
    """ARM id of a disk encryption set in that region and in the gallery's subscription."""
    security_profile: DiskSecurity | None = None
    """For confidential virtual machines."""


class DataDiskEncryption(DiskEncryption):
    """How a data disk of the image is encrypted in one region."""

    lun: Lun
    """The logical unit number; the source has a data disk there."""


class Encryption(ApiModel):
    """How the image is encrypted in one region, beyond Azure's own keys."""

    model_config = model_rules(rule("has(self.osDisk) || has(self.dataDisks)", "set osDisk, dataDisks or both"))

    os_disk: DiskEncryption | None = None
    """The disk with the operating system."""
    data_disks: (
        Annotated[
            list[DataDiskEncryption],
            Field(
                min_length=1,
                max_length=64,
                json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["lun"]},
            ),
        ]
        | None
    ) = None
    """Data disks."""


# --- regions ---------------------------------------------------------------------------------------------------------


class AdditionalReplicaSet(ApiModel):
    """Further replicas on another kind of storage ("direct drive" replicas)."""

    storage_account_type: StorageAccountType
    """Their storage, for example PremiumV2_LRS."""
    replicas: Replicas = 1
    """How many."""


class TargetRegion(ApiModel):
    """A region the version is replicated to."""

    model_config = model_rules(
        rule("!(has(self.replicas) && has(self.capacity))", "set replicas or capacity, not both", fieldPath=".capacity")
    )

    name: Region
    """The region, in either spelling: westeurope or West Europe."""
    replicas: Replicas | None = None
    """Replicas in this region, 1 to 100. Unset: the general `replicas`."""
    capacity: RegionCapacity | None = None
    """Instead of `replicas`: how many machines start at once; turned into replicas by Azure's guidance."""
    storage_account_type: StorageAccountType | None = None
    """Storage of the replicas in this region. Azure cannot change it: with safety.allowRegionRemoval the region is
    removed and added again, the home region never."""
    exclude_from_latest: bool | None = None
    """Leave this version out when someone asks for `latest` in this region."""
    encryption: Encryption | None = None
    """Encryption by keys of your own; set it in every region or in none. Azure cannot change it for a region in use."""
    additional_replica_sets: (
        Annotated[
            list[AdditionalReplicaSet],
            Field(
                max_length=4,
                json_schema_extra={
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["storageAccountType"],
                },
            ),
        ]
        | None
    ) = None
    """Further replicas on another kind of storage."""


TargetRegions = Annotated[
    list[TargetRegion],
    Field(
        min_length=1,
        max_length=64,
        json_schema_extra={
            "x-kubernetes-list-type": "atomic",
            **rules(
                rule(
                    "self.all(r, self.exists_one(o, " + same_region_cel("o.name", "r.name") + "))",
                    "a region is listed twice (West US 2 and westus2 are the same region): keep one of them",
                ),
                rule(
                    "!self.exists(r, has(r.encryption)) || self.all(r, has(r.encryption))",
                    "encryption in one region needs encryption in every region: add it to the others",
                ),
            ),
        },
    ),
]


class EdgeZone(ApiModel):
    """An edge zone the version is replicated to."""

    name: Annotated[
        str,
        Field(
            min_length=1,
            max_length=64,
            json_schema_extra=rules(
                rule(
                    "self.matches('^[A-Za-z0-9][-A-Za-z0-9]*$')",
                    "an edge zone is written as Azure does: microsoftlosangeles1",
                )
            ),
        ),
    ]
    """The edge zone (extended location), for example microsoftlosangeles1."""
    region: Region
    """The region the edge zone belongs to; it need not be a target region."""
    replicas: Replicas | None = None
    """Replicas in this edge zone. Unset: the general `replicas`."""
    storage_account_type: Literal["Standard_LRS", "Standard_ZRS", "StandardSSD_LRS", "Premium_LRS"] | None = None
    """Storage of the replicas in this edge zone. Unset: Standard_LRS."""
    encryption: Encryption | None = None
    """Encryption by keys of your own."""


EdgeZones = Annotated[
    list[EdgeZone],
    Field(
        max_length=32,
        json_schema_extra={
            "x-kubernetes-list-type": "atomic",
            **rules(
                each_once("{0}.name.lowerAscii()", "an edge zone is listed twice: keep one of them"),
            ),
        },
    ),
]
