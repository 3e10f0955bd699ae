"""The kind ImageVersion: an image version, replicated to regions, retired at its end of life."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from gallery_operator.api import names
from gallery_operator.api.base import (
    ApiModel,
    ArmResourceId,
    EndOfLifeDate,
    Policies,
    Reference,
    Region,
    Replicas,
    StorageAccountType,
    TargetRegions,
    Version,
    immutable,
    immutable_region,
    model_rules,
    names_resource,
    not_cleared,
    rule,
    same_region_cel,
)
from gallery_operator.api.resource import Resource, Status

_NEW_VERSION = "publish another version"


class SourceById(ApiModel):
    """A source that is named by its ARM id."""

    id: ArmResourceId
    """The ARM id."""


class DiskSource(ApiModel):
    """Where a disk of the image comes from."""

    model_config = model_rules(names_resource("snapshot.id", "Microsoft.Compute/snapshots"))

    snapshot: SourceById
    """A snapshot in the home region."""
    host_caching: Literal["None", "ReadOnly", "ReadWrite"] | None = None
    """Host caching of disks made from the image."""


class DataDiskSource(DiskSource):
    """Where a data disk of the image comes from."""

    lun: Annotated[int, Field(ge=0, le=63)]
    """The logical unit number."""


class DiskSources(ApiModel):
    """An image put together from disks."""

    os: DiskSource
    """The disk with the operating system."""
    data: (
        Annotated[
            list[DataDiskSource],
            Field(
                max_length=64,
                json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["lun"]},
            ),
        ]
        | None
    ) = None
    """Data disks."""


class Source(ApiModel):
    """What the version is made from: exactly one."""

    model_config = model_rules(
        rule(
            "[has(self.managedImage), has(self.galleryImageVersion), has(self.disks)].filter(x, x).size() == 1",
            "set exactly one of managedImage, galleryImageVersion and disks",
        ),
        names_resource("managedImage.id", "Microsoft.Compute/images", optional=True),
        names_resource("galleryImageVersion.id", "Microsoft.Compute/galleries/images/versions", optional=True),
    )

    managed_image: SourceById | None = None
    """A managed image in the home region."""
    gallery_image_version: SourceById | None = None
    """Another image version, replicated to the home region."""
    disks: DiskSources | None = None
    """Snapshots in the home region."""


class Safety(ApiModel):
    """Guards against losing regions or the version itself."""

    allow_region_removal: bool = False
    """Let the operator remove regions that targetRegions no longer names. Otherwise dropping one is refused."""
    block_deletion_before_end_of_life: bool | None = None
    """Let Azure refuse to delete the version before its end of life."""


_HOME = "self.targetRegions.exists(r, " + same_region_cel("r.name", "self.location") + ")"


class ImageVersionSpec(Policies):
    """The image version as it is wanted."""

    model_config = model_rules(
        names_resource("imageDefinitionRef.id", "Microsoft.Compute/galleries/images", optional=True),
        immutable("imageDefinitionRef", _NEW_VERSION, required=True),
        immutable("version", _NEW_VERSION, required=True),
        immutable("source", _NEW_VERSION, required=True),
        immutable_region("location", _NEW_VERSION),
        immutable("storageAccountType", "set it per target region, for regions that are added"),
        not_cleared("endOfLifeDate", "Azure keeps the date it has; set a later one instead"),
        rule(
            f"!has(self.location) || !has(self.targetRegions) || {_HOME}",
            "the home region (location) must be one of targetRegions: add it there",
            fieldPath=".targetRegions",
        ),
    )

    image_definition_ref: Reference
    """The image definition that holds the version."""
    version: Version
    """Major.Minor.Patch."""
    source: Source
    """What the version is made from."""
    location: Region | None = None
    """The home region, where the source is; one of the target regions. Unset: the definition's."""
    target_regions: TargetRegions | None = None
    """Regions to replicate to. Unset: the definition's versionDefaults, else the home region."""
    replicas: Replicas | None = None
    """Replicas in each region that does not say itself. Unset: the definition's versionDefaults, else 1."""
    storage_account_type: StorageAccountType | None = None
    """Storage of replicas in regions that do not say themselves. Unset: the definition's versionDefaults, else
    Standard_LRS."""
    exclude_from_latest: bool = False
    """Leave this version out when someone asks for `latest`."""
    end_of_life_date: EndOfLifeDate | None = None
    """When the version's life ends, for example 2027-06-30T00:00:00Z; the definition's lifecycle says what then
    happens. Once set it can be moved, not cleared."""
    safety: Safety | None = None
    """Guards against losing regions or the version itself."""


class RegionStatus(ApiModel):
    """How replication goes in one region."""

    name: Annotated[str, Field(max_length=64)]
    """The region, normalised: westeurope."""
    state: Annotated[str, Field(max_length=64)]
    """Azure's state: Unknown, Replicating, Completed, Failed; Pending before Azure knows of the region."""
    progress: int = 0
    """Percent."""
    replicas: int | None = None
    """Replicas in Azure now."""
    storage_account_type: Annotated[str, Field(max_length=64)] | None = None
    """Storage in Azure now."""
    details: Annotated[str, Field(max_length=512)] | None = None
    """What Azure says of a failure."""
    attempts: int | None = None
    """Repairs of this region that were begun."""


class ReplicationStatus(ApiModel):
    """How replication goes."""

    state: Annotated[str, Field(max_length=64)]
    """Azure's aggregated state: Unknown, InProgress, Completed, Failed."""
    progress: int
    """Percent, the mean over all regions."""
    summary: Annotated[str, Field(max_length=16)]
    """Regions completed / wanted."""
    regions: Annotated[
        list[RegionStatus],
        Field(
            max_length=128, json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
        ),
    ]
    """One row per region that is wanted or still exists."""


class EndOfLifeStatus(ApiModel):
    """Where the version stands in its life."""

    date: AwareDatetime | None = None
    """The end-of-life date that counts."""
    stage: Literal["Active", "Deprecated", "Expired", "Retired"]
    """Active; Deprecated: excluded from latest; Expired: past its end; Retired: no longer in Azure."""
    next_action: Annotated[str, Field(max_length=32)] | None = None
    """What the lifecycle does next."""
    next_action_at: AwareDatetime | None = None
    """When."""
    kept_because: Annotated[str, Field(max_length=256)] | None = None
    """Why a step that is due is not taken."""


class ImageVersionStatus(Status):
    """The image version as Azure has it."""

    published_date: AwareDatetime | None = None
    """When Azure accepted the version."""
    latest: bool | None = None
    """Whether `latest` means this version."""
    replication: ReplicationStatus | None = None
    """How replication goes."""
    end_of_life: EndOfLifeStatus | None = None
    """Where the version stands in its life."""


class ImageVersion(Resource[ImageVersionSpec, ImageVersionStatus]):
    """An image version of an Azure Compute Gallery."""

    @property
    def retired(self) -> str | None:
        """The decision to retire the version (`<time> <why>`), if it was made."""
        return self.metadata.annotations.get(names.RETIRED)

    @property
    def keep(self) -> bool:
        """Whether a person said that policy must not retire the version."""
        return self.metadata.annotations.get(names.KEEP) == "true"
