"""The kind ImageDefinition: groups image versions and says how they are replicated and retired."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from gallery_operator.api.base import (
    ATOMIC,
    AZURE_NAME_LIMIT,
    ApiModel,
    Duration,
    EndOfLifeDate,
    Offset,
    Policies,
    Reference,
    Region,
    Text,
    Uri,
    Version,
    each_once,
    immutable,
    immutable_region,
    model_rules,
    names_resource,
    not_cleared,
    rule,
    rules,
    short_enough_name,
)
from gallery_operator.api.resource import Resource, Status
from gallery_operator.api.sharing import AccessList
from gallery_operator.api.target_regions import Replicas, StorageAccountType, TargetRegions

_NEW_DEFINITION = "create another ImageDefinition"


def _identifier(limit: int) -> object:
    message = f"1 to {limit} letters, digits, periods, dashes and underscores, not ending with a period"
    return Field(
        min_length=1,
        max_length=limit,
        json_schema_extra=rules(rule("self.matches('^[A-Za-z0-9._-]*[A-Za-z0-9_-]$')", message)),
    )


class Identifier(ApiModel):
    """Names the image; the triple is unique in the gallery."""

    publisher: Annotated[str, _identifier(128)]
    """Who makes the image."""
    offer: Annotated[str, _identifier(64)]
    """What is offered."""
    sku: Annotated[str, _identifier(64)]
    """Which variant."""


class Range(ApiModel):
    """A recommended range; an end that is not set is open."""

    model_config = model_rules(
        rule(
            "!has(self.min) || !has(self.max) || self.min <= self.max",
            "min must not be greater than max: swap them",
        ),
        atomic=True,
    )

    min: Annotated[int, Field(ge=1, le=2147483647)] | None = None
    max: Annotated[int, Field(ge=1, le=2147483647)] | None = None


class Recommended(ApiModel):
    """Machine sizes the image is meant for; information only."""

    model_config = model_rules(atomic=True)

    v_cpus: Annotated[Range | None, Field(alias="vCPUs")] = None
    """Virtual CPUs."""
    memory_gb: Annotated[Range | None, Field(alias="memoryGB")] = None
    """Memory in GB."""


class PurchasePlan(ApiModel):
    """The Marketplace plan of the image's source."""

    name: Annotated[str, Field(min_length=1, max_length=128)]
    publisher: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    product: Annotated[str, Field(min_length=1, max_length=128)] | None = None


class Feature(ApiModel):
    """A feature of the image, for example SecurityType = TrustedLaunch."""

    name: Annotated[str, Field(min_length=1, max_length=128)]
    """For example SecurityType, IsAcceleratedNetworkSupported, DiskControllerTypes, IsHibernateSupported."""
    value: Annotated[
        str,
        Field(
            max_length=256,
            json_schema_extra=rules(
                rule(
                    "self.matches('^[A-Za-z0-9 ,]{1,100}$')",
                    "a feature's value has 1 to 100 letters, digits, spaces and commas: True, or SCSI, NVMe",
                )
            ),
        ),
    ]
    """For example TrustedLaunchSupported, True, "SCSI, NVMe"."""
    starts_at_version: Version | None = None
    """The lowest image version that has the feature."""


class VersionDefaults(ApiModel):
    """What image versions of this definition inherit when they do not say themselves."""

    model_config = model_rules(atomic=True)

    target_regions: TargetRegions | None = None
    """Regions to replicate to."""
    replicas: Replicas | None = None
    """Replicas in each region that does not say itself."""
    storage_account_type: StorageAccountType | None = None
    """Storage of replicas in regions that do not say themselves; for regions that are added from now on."""


class EndOfLifePolicy(ApiModel):
    """When versions without an endOfLifeDate reach their end of life."""

    after: Duration
    """Time from publishing to end of life: 36h, 180d, 26w."""


class Stages(ApiModel):
    """What happens around a version's end of life; offsets from that date, each optional."""

    model_config = model_rules(atomic=True)

    exclude_from_latest: Offset | None = None
    """From then on the version is not `latest`, as soon as another one takes its place."""
    delete: Offset | None = None
    """From then on the version is retired: deleted in Azure while its ImageVersion stays, as Retired."""


class Lifecycle(ApiModel):
    """How versions age. Azure takes end-of-life dates as information only; here they act."""

    model_config = model_rules(
        rule(
            "!has(self.removeRetiredAfter) || (has(self.stages) && has(self.stages.delete))",
            "removeRetiredAfter needs stages.delete, which retires versions",
            fieldPath=".removeRetiredAfter",
        ),
        atomic=True,
    )

    end_of_life: EndOfLifePolicy | None = None
    """When versions without an endOfLifeDate reach their end of life."""
    stages: Stages | None = None
    """What happens around a version's end of life."""
    remove_retired_after: Duration | None = None
    """Remove the ImageVersion of a retired version, too, after that time. Not for manifests kept in Git: Argo CD or
    Flux would apply them again."""


class ImageDefinitionSpec(Policies):
    """The image definition as it is wanted."""

    model_config = model_rules(
        names_resource("galleryRef.id", "Microsoft.Compute/galleries", optional=True),
        immutable("azureName", _NEW_DEFINITION),
        immutable("galleryRef", _NEW_DEFINITION, required=True),
        immutable_region("location", _NEW_DEFINITION),
        immutable("osType", _NEW_DEFINITION, required=True),
        immutable("osState", _NEW_DEFINITION, required=True),
        immutable("hyperVGeneration", _NEW_DEFINITION, required=True),
        immutable("architecture", _NEW_DEFINITION, required=True),
        immutable("identifier", _NEW_DEFINITION, required=True),
        immutable("eula", _NEW_DEFINITION),
        immutable("privacyStatementUri", _NEW_DEFINITION),
        immutable("purchasePlan", _NEW_DEFINITION),
        not_cleared("endOfLifeDate", "Azure keeps the date it has; set a later one instead"),
        rule(
            "self.architecture != 'Arm64' || self.hyperVGeneration == 'V2'",
            "architecture Arm64 needs hyperVGeneration V2",
            fieldPath=".hyperVGeneration",
        ),
    )

    gallery_ref: Reference
    """The gallery that holds the definition."""
    azure_name: (
        Annotated[
            str,
            Field(
                max_length=AZURE_NAME_LIMIT,
                json_schema_extra=rules(
                    rule(
                        "self.matches('^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$')",
                        "an image definition's name has letters, digits, and inside also underscores, periods, dashes",
                    )
                ),
            ),
        ]
        | None
    ) = None
    """The definition's name in Azure. Unset: metadata.name."""
    location: Region | None = None
    """The definition's own region. Unset: the gallery's."""
    os_type: Literal["Windows", "Linux"]
    """The operating system."""
    os_state: Literal["Generalized", "Specialized"] = "Generalized"
    """Generalized: machine and user data were removed. Specialized: they were not."""
    hyper_v_generation: Literal["V1", "V2"] = "V2"
    """The generation of virtual machines the image boots on."""
    architecture: Literal["x64", "Arm64"] = "x64"
    """The processor architecture."""
    identifier: Identifier
    """Publisher, offer and SKU."""
    description: Text | None = None
    """What the image is."""
    eula: Text | None = None
    """The licence agreement, or its URI."""
    privacy_statement_uri: Uri | None = None
    """Where the privacy statement is."""
    release_note_uri: Uri | None = None
    """Where the release notes are."""
    end_of_life_date: EndOfLifeDate | None = None
    """From then on the definition takes no new versions, and its versions count their stages from this date at the
    latest; for example 2029-04-25T00:00:00Z. Once set it can be moved, not cleared."""
    recommended: Recommended | None = None
    """Machine sizes the image is meant for."""
    disallowed_disk_types: (
        Annotated[
            list[
                Literal[
                    "Standard_LRS",
                    "StandardSSD_LRS",
                    "StandardSSD_ZRS",
                    "Premium_LRS",
                    "Premium_ZRS",
                    "PremiumV2_LRS",
                    "UltraSSD_LRS",
                ]
            ],
            Field(
                max_length=16,
                json_schema_extra={
                    **ATOMIC,
                    **rules(each_once("{0}", "a disk type is listed twice: keep one of them")),
                },
            ),
        ]
        | None
    ) = None
    """Disk types that machines made from the image must not use."""
    purchase_plan: PurchasePlan | None = None
    """The Marketplace plan of the source."""
    features: (
        Annotated[
            list[Feature],
            Field(
                max_length=16,
                json_schema_extra={
                    **ATOMIC,
                    **rules(
                        each_once(
                            "{0}.name.lowerAscii()",
                            "a feature is listed twice (the case of its name does not matter): keep one of them",
                        )
                    ),
                },
            ),
        ]
        | None
    ) = None
    """Features of the image."""
    access: AccessList | None = None
    """Role assignments at the definition, which reach its versions. Those that others made stay."""
    version_defaults: VersionDefaults | None = None
    """What image versions inherit."""
    lifecycle: Lifecycle | None = None
    """How versions age."""


class RegionLatest(ApiModel):
    """The latest version of one region."""

    name: Annotated[str, Field(max_length=64)]
    version: Annotated[str, Field(max_length=32)]


class VersionCounts(ApiModel):
    """Image versions of this definition in Azure, by state."""

    total: int = 0
    succeeded: int = 0
    in_progress: int = 0
    failed: int = 0


class NextAction(ApiModel):
    """What the lifecycle will do, and when."""

    version: Annotated[str, Field(max_length=32)]
    action: Annotated[str, Field(max_length=32)]
    at: AwareDatetime


class SoftDeletedVersion(ApiModel):
    """A version that was deleted and can be brought back for a while."""

    version: Annotated[str, Field(max_length=32)]
    """The version."""
    deleted_at: AwareDatetime | None = None
    """When it was deleted."""
    consumption_end_time: AwareDatetime | None = None
    """Until then virtual machines can be created from it."""
    hard_deletion_target_time: AwareDatetime | None = None
    """About then Azure deletes it for good; until then applying its ImageVersion again brings it back."""


class ImageDefinitionStatus(Status):
    """The image definition as Azure has it."""

    latest_version: Annotated[str, Field(max_length=32)] | None = None
    """The version that `latest` means: the highest Succeeded one that is not excluded."""
    latest_by_region: Annotated[list[RegionLatest], Field(max_length=128)] | None = None
    """The version that `latest` means in each region."""
    versions: VersionCounts | None = None
    """Counts by state."""
    next_actions: Annotated[list[NextAction], Field(max_length=16)] | None = None
    """The lifecycle's next steps, soonest first."""
    soft_deleted_versions: Annotated[list[SoftDeletedVersion], Field(max_length=64)] | None = None
    """Versions that were deleted and can be brought back, if the gallery has soft delete."""


class ImageDefinition(Resource[ImageDefinitionSpec, ImageDefinitionStatus]):
    """An image definition of an Azure Compute Gallery: groups image versions."""

    model_config = model_rules(short_enough_name())

    @property
    def azure_name(self) -> str:
        """The definition's name in Azure."""
        return self.spec.azure_name or self.metadata.name
