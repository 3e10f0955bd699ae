"""The kind ImageVersion: an image version, replicated to regions, retired at its end of life."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from gallery_operator.api import names
from gallery_operator.api.base import (
    ApiModel,
    EndOfLifeDate,
    Policies,
    Reference,
    Region,
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
from gallery_operator.api.security import SecretsProvisioning, UefiSettings
from gallery_operator.api.source import Source
from gallery_operator.api.target_regions import EdgeZones, Replicas, StorageAccountType, TargetRegions

_NEW_VERSION = "publish another version"


class Safety(ApiModel):
    """Guards against losing regions or the version itself."""

    model_config = model_rules(atomic=True)

    allow_region_removal: bool = False
    """Let the operator remove regions that targetRegions no longer names, and change a region's storage by removing it
    and adding it again. Otherwise both are refused."""
    block_deletion_before_end_of_life: bool | None = None
    """Let Azure refuse to delete the version before its end of life."""


_HOME = "self.targetRegions.exists(r, " + same_region_cel("r.name", "self.location") + ")"


def _encrypts_disks_of_the_source(field: str) -> dict[str, str]:
    """Return the rule that only data disks are encrypted that the source has, where the spec says which it has."""
    has_disk = "has(self.source.disks.data) && self.source.disks.data.exists(d, d.lun == e.lun)"
    encrypts = f"!has(r.encryption) || !has(r.encryption.dataDisks) || r.encryption.dataDisks.all(e, {has_disk})"
    return rule(
        f"!has(self.source.disks) || !has(self.{field}) || self.{field}.all(r, {encrypts})",
        "encryption names a data disk that source.disks.data has not: correct its lun, or add the disk",
        fieldPath=f".{field}",
    )


class ImageVersionSpec(Policies):
    """The image version as it is wanted."""

    model_config = model_rules(
        names_resource("imageDefinitionRef.id", "Microsoft.Compute/galleries/images", optional=True),
        immutable("imageDefinitionRef", _NEW_VERSION, required=True),
        immutable("version", _NEW_VERSION, required=True),
        immutable("source", _NEW_VERSION, required=True),
        immutable_region("location", _NEW_VERSION),
        immutable("storageAccountType", "set it per target region, for regions that are added"),
        immutable("storageAccountStrategy", _NEW_VERSION),
        immutable("replicationMode", _NEW_VERSION, required=True),
        immutable("uefiSettings", _NEW_VERSION),
        immutable("secretsProvisioning", _NEW_VERSION),
        rule(
            "!(has(self.storageAccountType) && has(self.storageAccountStrategy))",
            "set storageAccountType or storageAccountStrategy, not both",
            fieldPath=".storageAccountStrategy",
        ),
        rule(
            "self.replicationMode != 'Shallow' || !has(self.targetRegions) || (self.targetRegions.size() == 1 && self"
            ".targetRegions.all(r, !has(r.capacity) && !has(r.encryption) && (!has(r.replicas) || r.replicas == 1)"
            " && !has(r.additionalReplicaSets)))",
            "replicationMode Shallow goes to the home region only, with one replica and without encryption: name only "
            "that region, without replicas, capacity, encryption and additionalReplicaSets",
            fieldPath=".targetRegions",
        ),
        rule(
            "self.replicationMode != 'Shallow' || !has(self.replicas) || self.replicas == 1",
            "replicationMode Shallow has one replica: leave replicas out",
            fieldPath=".replicas",
        ),
        rule(
            "self.replicationMode != 'Shallow' || !has(self.edgeZones) || self.edgeZones.size() == 0",
            "replicationMode Shallow goes to no edge zone: leave edgeZones out",
            fieldPath=".edgeZones",
        ),
        _encrypts_disks_of_the_source("targetRegions"),
        _encrypts_disks_of_the_source("edgeZones"),
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
    storage_account_strategy: Literal["PreferStandard_ZRS", "DefaultStandard_LRS"] | None = None
    """Instead of storageAccountType: Azure chooses per region; PreferStandard_ZRS takes zone-redundant storage where
    there are zones."""
    replication_mode: Literal["Full", "Shallow"] = "Full"
    """Full: every replica is a copy. Shallow: the home region only, ready at once, for trying an image out."""
    edge_zones: EdgeZones | None = None
    """Edge zones to replicate to."""
    exclude_from_latest: bool | None = None
    """Leave this version out when someone asks for `latest`. Unset: as it is in Azure, false for a new version."""
    end_of_life_date: EndOfLifeDate | None = None
    """When the version's life ends, for example 2027-06-30T00:00:00Z; the definition's lifecycle says what then
    happens. Once set it can be moved, not cleared."""
    uefi_settings: UefiSettings | None = None
    """The UEFI keys of virtual machines made from the image."""
    secrets_provisioning: SecretsProvisioning | None = None
    """Whether virtual machines made from the image can be given secrets."""
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
    next_attempt_at: AwareDatetime | None = None
    """When the next repair is due."""


class EdgeZoneStatus(ApiModel):
    """How replication goes in one edge zone."""

    name: Annotated[str, Field(max_length=64)]
    """The edge zone."""
    state: Annotated[str, Field(max_length=64)]
    """Azure's state: Unknown, Replicating, Completed, Failed; Pending before Azure knows of the edge zone."""
    progress: int = 0
    """Percent."""
    details: Annotated[str, Field(max_length=512)] | None = None
    """What Azure says of a failure."""
    attempts: int | None = None
    """Repairs of this edge zone that were begun."""
    next_attempt_at: AwareDatetime | None = None
    """When the next repair is due."""


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
    edge_zones: (
        Annotated[
            list[EdgeZoneStatus],
            Field(
                max_length=32,
                json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
            ),
        ]
        | None
    ) = None
    """One row per edge zone that is wanted or still exists."""


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


class SoftDeletedStatus(ApiModel):
    """The version was deleted in a gallery with soft delete."""

    deleted_at: AwareDatetime | None = None
    """When it was deleted."""
    consumption_end_time: AwareDatetime | None = None
    """Until then virtual machines can be created from it."""
    hard_deletion_target_time: AwareDatetime | None = None
    """About then Azure deletes it for good; until then it can be brought back."""


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
    soft_deleted: SoftDeletedStatus | None = None
    """Set while the version is deleted, but can be brought back."""


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

    @property
    def bypasses_soft_delete(self) -> bool:
        """Whether a deletion is for good although the gallery has soft delete."""
        return self.metadata.annotations.get(names.BYPASS_SOFT_DELETE) == "true"

    @property
    def recreated(self) -> str | None:
        """Which failed attempt at creating the version was given up (its publishing date), if one was."""
        return self.metadata.annotations.get(names.RECREATED)
