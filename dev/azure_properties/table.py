"""The table: every property that a client may write, with the fields that say it, or why it is left out.

A client may write what Azure's models (api-version 2026-03-03) do not mark read-only, unless it is below something
that is. Models that are only ever answered (systemData, sharingStatus, replicationStatus, validationsProfile, ...) are
reached through read-only properties alone, so they do not occur here, although their own fields are not all marked.
"""

from __future__ import annotations

from typing import Final

from dev.azure_properties.model import Group, Property, Reach, reaches

_VERSION: Final = "GalleryImageVersion"
_PROFILE: Final = "properties.publishingProfile"
_REGIONS: Final = ("targetRegions[]", "ImageDefinition.versionDefaults.targetRegions[]")

_GALLERY: Final = (
    Group(
        "The gallery",
        "Gallery",
        "Gallery",
        "",
        ("",),
        (
            Property("location", (".location",)),
            Property("tags", (".tags",), "The operator adds a tag of its own; tags of others stay."),
            Property("properties.description", (".description",)),
            Property("properties.identifier", note="Holds only uniqueName, which Azure makes."),
        ),
    ),
    Group(
        "Identity",
        "Gallery",
        "Gallery",
        "identity",
        ("identity",),
        (Property("type", (".type",)), Property("userAssignedIdentities", (".userAssignedIdentities",))),
    ),
    Group(
        "Soft delete",
        "Gallery",
        "Gallery",
        "properties.softDeletePolicy",
        ("softDelete",),
        (
            Property("isSoftDeleteEnabled", (".enabled",)),
            Property("retentionPeriodInDays", (".retentionDays",)),
            Property("gracePeriodInDays", (".graceDays",)),
        ),
    ),
    Group(
        "Sharing",
        "Gallery",
        "Gallery",
        "properties.sharingProfile",
        ("sharing",),
        (
            Property("permissions", (".permissions",)),
            *(
                Property(f"communityGalleryInfo.{name}", (f".community.{name}",))
                for name in ("publisherUri", "publisherContact", "eula", "publicNamePrefix")
            ),
        ),
    ),
    Group(
        "Changes of sharing (POST share)",
        "SharingUpdate",
        "Gallery",
        "",
        ("sharing",),
        (
            Property(
                "operationType",
                note="The operator chooses it, by comparing what the spec wants with what Azure has.",
                values=("Add", "Remove", "Reset", "EnableCommunity"),
            ),
            Property(
                "groups[].type",
                note="Follows from the list: subscriptions are Subscriptions, tenants are AADTenants.",
                values=("Subscriptions", "AADTenants"),
            ),
            Property("groups[].ids", (".subscriptions", ".tenants")),
        ),
    ),
)

_DEFINITION: Final = (
    Group(
        "The image definition",
        "GalleryImage",
        "ImageDefinition",
        "",
        ("",),
        (
            Property("location", (".location",), "Unset: the gallery's."),
            Property("tags", (".tags",), "The operator adds a tag of its own; tags of others stay."),
        ),
    ),
    Group(
        "Properties",
        "GalleryImage",
        "ImageDefinition",
        "properties",
        ("",),
        (
            *(
                Property(name, (f".{name}",))
                for name in (
                    "osType",
                    "osState",
                    "hyperVGeneration",
                    "architecture",
                    "identifier.publisher",
                    "identifier.offer",
                    "identifier.sku",
                    "description",
                    "eula",
                    "privacyStatementUri",
                    "releaseNoteUri",
                )
            ),
            Property("endOfLifeDate", (".endOfLifeDate",), "Sent while it is to come: Azure takes future dates only."),
            Property("recommended.vCPUs.min", (".recommended.vCPUs.min",)),
            Property("recommended.vCPUs.max", (".recommended.vCPUs.max",)),
            Property("recommended.memory.min", (".recommended.memoryGB.min",)),
            Property("recommended.memory.max", (".recommended.memoryGB.max",)),
            Property("disallowed.diskTypes", (".disallowedDiskTypes",)),
            Property("purchasePlan.name", (".purchasePlan.name",)),
            Property("purchasePlan.publisher", (".purchasePlan.publisher",)),
            Property("purchasePlan.product", (".purchasePlan.product",)),
            Property("features[].name", (".features[].name",)),
            Property("features[].value", (".features[].value",)),
            Property("features[].startsAtVersion", (".features[].startsAtVersion",)),
            Property("allowUpdateImage", note="Azure's leave to change features: sent whenever features change."),
        ),
    ),
)

_PUBLISHING: Final = (
    Group(
        "The image version",
        _VERSION,
        "ImageVersion",
        "",
        ("",),
        (
            Property("location", (".location",), "Unset: the definition's, else the gallery's."),
            Property("tags", (".tags",), "The operator adds a tag of its own; tags of others stay."),
            Property("properties.restore", note="Sent when a version that is soft-deleted is applied again."),
        ),
    ),
    Group(
        "Safety",
        _VERSION,
        "ImageVersion",
        "properties.safetyProfile",
        ("safety",),
        (
            Property("allowDeletionOfReplicatedLocations", (".allowRegionRemoval",)),
            Property("blockDeletionBeforeEndOfLife", (".blockDeletionBeforeEndOfLife",)),
        ),
    ),
    Group(
        "Publishing",
        _VERSION,
        "ImageVersion",
        _PROFILE,
        ("",),
        (
            Property("replicaCount", (".replicas", "ImageDefinition.versionDefaults.replicas")),
            Property(
                "storageAccountType",
                (".storageAccountType", "ImageDefinition.versionDefaults.storageAccountType"),
                "Sent with a new version.",
            ),
            Property("storageAccountStrategy", (".storageAccountStrategy",)),
            Property("replicationMode", (".replicationMode",)),
            Property("excludeFromLatest", (".excludeFromLatest",), "The definition's lifecycle sets it, too."),
            Property("endOfLifeDate", (".endOfLifeDate",), "Sent while it is to come: Azure takes future dates only."),
        ),
    ),
    Group(
        "Target regions",
        _VERSION,
        "ImageVersion",
        f"{_PROFILE}.targetRegions[]",
        _REGIONS,
        (
            Property("name", (".name",), "Without target regions: the home region."),
            Property(
                "regionalReplicaCount",
                (
                    ".replicas",
                    ".capacity.virtualMachines",
                    ".capacity.scaleSetInstances",
                    "replicas",
                    "ImageDefinition.versionDefaults.replicas",
                ),
            ),
            Property(
                "storageAccountType",
                (".storageAccountType", "storageAccountType", "ImageDefinition.versionDefaults.storageAccountType"),
            ),
            Property("excludeFromLatest", (".excludeFromLatest",)),
            Property("additionalReplicaSets[].storageAccountType", (".additionalReplicaSets[].storageAccountType",)),
            Property("additionalReplicaSets[].regionalReplicaCount", (".additionalReplicaSets[].replicas",)),
        ),
    ),
    Group(
        "Edge zones",
        _VERSION,
        "ImageVersion",
        f"{_PROFILE}.targetExtendedLocations[]",
        ("edgeZones[]",),
        (
            Property("name", (".region",)),
            Property("extendedLocation.name", (".name",)),
            Property(
                "extendedLocation.type",
                note="Always EdgeZone: nothing else is replicated to.",
                values=("EdgeZone", "Unknown"),
            ),
            Property(
                "extendedLocationReplicaCount",
                (".replicas", "replicas", "ImageDefinition.versionDefaults.replicas"),
            ),
            Property("storageAccountType", (".storageAccountType",)),
        ),
    ),
)


def _encryption(place: str, path: str, fields: tuple[str, ...]) -> tuple[Group, Group]:
    """Return the groups that say how the disks of an image are encrypted in one place (EncryptionImages)."""
    names = (
        "diskEncryptionSetId",
        "securityProfile.confidentialVMEncryptionType",
        "securityProfile.secureVMDiskEncryptionSetId",
    )
    os, data = (tuple(f"{each}.encryption.{disk}" for each in fields) for disk in ("osDisk", "dataDisks[]"))
    same, with_lun = (tuple(Property(name, (f".{name}",)) for name in each) for each in (names, ("lun", *names)))
    path = f"{path}.encryption"
    return (
        Group(f"Encryption of the OS disk in {place}", _VERSION, "ImageVersion", f"{path}.osDiskImage", os, same),
        Group(
            f"Encryption of data disks in {place}", _VERSION, "ImageVersion", f"{path}.dataDiskImages[]", data, with_lun
        ),
    )


def _disk(path: str, fields: str) -> tuple[Property, ...]:
    """Return the properties of a disk of the source (GalleryDiskImage)."""
    return (
        Property(f"{path}.source.id", (f"{fields}.snapshot.id", f"{fields}.managedDisk.id")),
        Property(f"{path}.source.uri", (f"{fields}.vhd.uri",)),
        Property(f"{path}.source.storageAccountId", (f"{fields}.vhd.storageAccountId",)),
        Property(f"{path}.hostCaching", (f"{fields}.hostCaching",)),
    )


_SOURCE: Final = Group(
    "Source",
    _VERSION,
    "ImageVersion",
    "properties.storageProfile",
    ("source",),
    (
        Property(
            "source.id",
            (".managedImage.id", ".galleryImageVersion.id", ".galleryImageVersion.ref"),
            "The ref of an ImageVersion here stands for its ARM id.",
        ),
        Property("source.virtualMachineId", (".virtualMachine.id",)),
        Property("source.communityGalleryImageId", (".communityGalleryImage.id",)),
        *_disk("osDiskImage", ".disks.os"),
        Property("dataDiskImages[].lun", (".disks.data[].lun",)),
        *_disk("dataDiskImages[]", ".disks.data[]"),
    ),
)

_UEFI: Final = "uefiSettings.additionalSignatures"
_SECURITY: Final = Group(
    "Security",
    _VERSION,
    "ImageVersion",
    "properties.securityProfile",
    ("",),
    (
        Property("uefiSettings.signatureTemplateNames", (".uefiSettings.signatureTemplateNames",)),
        *(
            Property(f"{_UEFI}.{key}.{name}", (f".{_UEFI}.{key}.{name}",))
            for key in ("pk", "kek[]", "db[]", "dbx[]")
            for name in ("type", "value")
        ),
        *(
            Property(f"secretsProvisioningSettings.{name}", (f".secretsProvisioning.{name}",))
            for name in ("isSupported", "osName", "components[].name", "components[].version")
        ),
    ),
)

TABLE: Final[tuple[Group, ...]] = (
    *_GALLERY,
    *_DEFINITION,
    *_PUBLISHING,
    *_encryption("a target region", f"{_PROFILE}.targetRegions[]", _REGIONS),
    *_encryption("an edge zone", f"{_PROFILE}.targetExtendedLocations[]", ("edgeZones[]",)),
    _SOURCE,
    _SECURITY,
)


def reached() -> tuple[Reach, ...]:
    """Return every property of the table with its whole path."""
    return tuple(each for group in TABLE for each in reaches(group))
