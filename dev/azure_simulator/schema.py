"""The shape of request bodies: every member that API version 2026-03-03 lets a client write, as far as it is served.

Read-only members are accepted and dropped, as recorded. Unknown members are refused. [?] the text of that refusal, and
that older API versions know the members of newer ones.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError

from dev.azure_simulator import errors
from dev.azure_simulator.paths import Json, Kind


def _one_of(*values: str) -> BeforeValidator:
    """Take the values in whatever case and turn them into Azure's spelling."""
    spelled = {value.casefold(): value for value in values}

    def check(value: object) -> str:
        known = spelled.get(value.casefold()) if isinstance(value, str) else None
        if known is None:
            msg = f"must be one of {', '.join(values)}"
            raise ValueError(msg)
        return known

    return BeforeValidator(check)


def _text(value: object) -> object:
    if not isinstance(value, str):
        msg = "a string was expected"
        raise ValueError(msg)
    return value


def _as_utc(value: datetime) -> str:
    aware = value if value.tzinfo else value.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat().replace("+00:00", "Z")


Date = Annotated[datetime, Field(strict=False), BeforeValidator(_text), PlainSerializer(_as_utc)]
StorageAccountType = Annotated[str, _one_of("Standard_LRS", "Standard_ZRS", "Premium_LRS", "PremiumV2_LRS")]
EdgeStorageType = Annotated[str, _one_of("Standard_LRS", "Standard_ZRS", "StandardSSD_LRS", "Premium_LRS")]
HostCaching = Annotated[str, _one_of("None", "ReadOnly", "ReadWrite")]
UefiTemplate = Annotated[
    str, _one_of("NoSignatureTemplate", "MicrosoftUefiCertificateAuthorityTemplate", "MicrosoftWindowsTemplate")
]
ConfidentialEncryption = Annotated[
    str,
    _one_of(
        "EncryptedVMGuestStateOnlyWithPmk",
        "EncryptedWithPmk",
        "EncryptedWithCmk",
        "NonPersistedTPM",
        "DataDiskEncryptedWithCmk",
    ),
]


class Shape(BaseModel):
    """An object of the API; members are spelled as on the wire.

    [?] Numbers and booleans are taken as such only: should "3" and "true" pass in Azure, they are a sender's mistake.
    """

    model_config = ConfigDict(extra="forbid", strict=True)


# --- gallery ---------------------------------------------------------------------------------------------------------


class SoftDeletePolicy(Shape):
    isSoftDeleteEnabled: bool | None = None
    retentionPeriodInDays: int | None = None
    gracePeriodInDays: int | None = None


class CommunityGalleryInfo(Shape):
    publisherUri: str | None = None
    publisherContact: str | None = None
    eula: str | None = None
    publicNamePrefix: str | None = None


class SharingProfile(Shape):
    permissions: Annotated[str, _one_of("Private", "Groups", "Community")] | None = None
    communityGalleryInfo: CommunityGalleryInfo | None = None


class GalleryProperties(Shape):
    description: str | None = None
    sharingProfile: SharingProfile | None = None
    softDeletePolicy: SoftDeletePolicy | None = None


class SharingGroup(Shape):
    type: Annotated[str, _one_of("Subscriptions", "AADTenants")]
    ids: list[Annotated[UUID, Field(strict=False), BeforeValidator(_text)]] = Field(max_length=1000)


class SharingUpdate(Shape):
    operationType: Annotated[str, _one_of("Add", "Remove", "Reset", "EnableCommunity")]
    groups: list[SharingGroup] | None = Field(None, max_length=100)


# --- image definition ------------------------------------------------------------------------------------------------


class Range(Shape):
    min: int | None = None
    max: int | None = None


class Recommended(Shape):
    vCPUs: Range | None = None
    memory: Range | None = None


class Disallowed(Shape):
    diskTypes: list[str] | None = None


class PurchasePlan(Shape):
    name: str | None = None
    publisher: str | None = None
    product: str | None = None


class Feature(Shape):
    name: str | None = None
    value: str | None = None
    startsAtVersion: str | None = None


class Identifier(Shape):
    publisher: str
    offer: str
    sku: str


class DefinitionProperties(Shape):
    description: str | None = None
    eula: str | None = None
    privacyStatementUri: str | None = None
    releaseNoteUri: str | None = None
    osType: Annotated[str, _one_of("Linux", "Windows")]
    osState: Annotated[str, _one_of("Generalized", "Specialized")]
    hyperVGeneration: Annotated[str, _one_of("V1", "V2")] | None = None
    architecture: Annotated[str, _one_of("x64", "Arm64")] | None = None
    endOfLifeDate: Date | None = None
    identifier: Identifier
    recommended: Recommended | None = None
    disallowed: Disallowed | None = None
    purchasePlan: PurchasePlan | None = None
    features: list[Feature] | None = None
    allowUpdateImage: bool | None = None


# --- image version ---------------------------------------------------------------------------------------------------


class OsDiskSecurity(Shape):
    confidentialVMEncryptionType: ConfidentialEncryption | None = None
    secureVMDiskEncryptionSetId: str | None = None


class OsDiskEncryption(Shape):
    diskEncryptionSetId: str | None = None
    securityProfile: OsDiskSecurity | None = None


class DataDiskEncryption(Shape):
    lun: int
    diskEncryptionSetId: str | None = None
    securityProfile: OsDiskSecurity | None = None


class Encryption(Shape):
    osDiskImage: OsDiskEncryption | None = None
    dataDiskImages: list[DataDiskEncryption] | None = None


class ReplicaSet(Shape):
    storageAccountType: StorageAccountType | None = None
    regionalReplicaCount: int | None = None


class TargetRegion(Shape):
    name: str
    regionalReplicaCount: int | None = None
    storageAccountType: StorageAccountType | None = None
    encryption: Encryption | None = None
    excludeFromLatest: bool | None = None
    additionalReplicaSets: list[ReplicaSet] | None = None


class ExtendedLocation(Shape):
    name: str | None = None
    type: Annotated[str, _one_of("EdgeZone", "Unknown")] | None = None


class TargetExtendedLocation(Shape):
    name: str | None = None
    extendedLocation: ExtendedLocation | None = None
    extendedLocationReplicaCount: int | None = None
    storageAccountType: EdgeStorageType | None = None
    encryption: Encryption | None = None


class PublishingProfile(Shape):
    targetRegions: list[TargetRegion] | None = Field(None, max_length=200)
    replicaCount: int | None = None
    excludeFromLatest: bool | None = None
    endOfLifeDate: Date | None = None
    storageAccountType: StorageAccountType | None = None
    storageAccountStrategy: Annotated[str, _one_of("PreferStandard_ZRS", "DefaultStandard_LRS")] | None = None
    replicationMode: Annotated[str, _one_of("Full", "Shallow")] | None = None
    targetExtendedLocations: list[TargetExtendedLocation] | None = None


class VersionSource(Shape):
    id: str | None = None
    virtualMachineId: str | None = None
    communityGalleryImageId: str | None = None


class DiskSource(Shape):
    id: str | None = None
    uri: str | None = None
    storageAccountId: str | None = None


class OsDiskImage(Shape):
    source: DiskSource | None = None
    hostCaching: HostCaching | None = None


class DataDiskImage(OsDiskImage):
    lun: int


class StorageProfile(Shape):
    source: VersionSource | None = None
    osDiskImage: OsDiskImage | None = None
    dataDiskImages: list[DataDiskImage] | None = None


class SafetyProfile(Shape):
    allowDeletionOfReplicatedLocations: bool | None = None
    blockDeletionBeforeEndOfLife: bool | None = None


class UefiKey(Shape):
    type: Annotated[str, _one_of("sha256", "x509")] | None = None
    value: list[str] | None = None


class UefiSignatures(Shape):
    pk: UefiKey | None = None
    kek: list[UefiKey] | None = None
    db: list[UefiKey] | None = None
    dbx: list[UefiKey] | None = None


class UefiSettings(Shape):
    signatureTemplateNames: list[UefiTemplate] | None = None
    additionalSignatures: UefiSignatures | None = None


class SecretsProvisioningComponent(Shape):
    name: Annotated[str, _one_of("OS", "CloudInit", "AzureGuestAgent", "SecretsProvisioningLibrary")] | None = None
    version: str | None = None


class SecretsProvisioningSettings(Shape):
    isSupported: bool | None = None
    osName: str | None = None
    components: list[SecretsProvisioningComponent] | None = None


class SecurityProfile(Shape):
    uefiSettings: UefiSettings | None = None
    secretsProvisioningSettings: SecretsProvisioningSettings | None = None


class VersionProperties(Shape):
    publishingProfile: PublishingProfile | None = None
    storageProfile: StorageProfile
    safetyProfile: SafetyProfile | None = None
    securityProfile: SecurityProfile | None = None
    #: Means something for soft-deleted versions only, which are restored by it. [?] elsewhere it is passed over
    restore: bool | None = None


# --- reading a request -----------------------------------------------------------------------------------------------

_MODELS: dict[Kind, type[Shape]] = {
    "gallery": GalleryProperties,
    "definition": DefinitionProperties,
    "version": VersionProperties,
}
#: How error messages call the kinds.
PARAMETER_NAMES: dict[Kind, str] = {
    "gallery": "gallery",
    "definition": "galleryImage",
    "version": "galleryImageVersion",
}
_READ_ONLY: dict[Kind, tuple[tuple[str, ...], ...]] = {
    "gallery": (
        ("identifier",),
        ("provisioningState",),
        ("sharingStatus",),
        ("sharingProfile", "groups"),
        ("sharingProfile", "communityGalleryInfo", "communityGalleryEnabled"),
        ("sharingProfile", "communityGalleryInfo", "publicNames"),
    ),
    "definition": (("provisioningState",),),
    "version": (
        ("provisioningState",),
        ("replicationStatus",),
        ("validationsProfile",),
        ("imageMetadataProfiles",),
        ("publishingProfile", "publishedDate"),
        ("safetyProfile", "reportedForPolicyViolation"),
        ("safetyProfile", "policyViolations"),
        ("storageProfile", "osDiskImage", "sizeInGB"),
        ("storageProfile", "dataDiskImages", "sizeInGB"),
    ),
}


def writable(kind: Kind, properties: object) -> Any:
    """Return properties without nulls and without the members that only the service writes."""
    cleaned = without_nulls(properties)
    for path in _READ_ONLY[kind]:
        cleaned = _without(cleaned, path)
    return cleaned


def without_nulls(value: Any) -> Any:
    """Drop null members: [?] a null neither sets nor clears anything (the SDK's models never send one)."""
    if isinstance(value, dict):
        return {name: without_nulls(member) for name, member in value.items() if member is not None}
    if isinstance(value, list):
        return [without_nulls(member) for member in value]
    return value


def check_shape(kind: Kind, properties: object) -> Json:
    """Return the properties with known members, values in Azure's spelling.

    Raises ArmError 400 naming the first member that is wrong.
    """
    try:
        model = _MODELS[kind].model_validate(properties)
    except ValidationError as error:
        raise _refusal(f"{PARAMETER_NAMES[kind]}.properties", error) from None
    return model.model_dump(exclude_unset=True)


def sharing_update(body: object) -> SharingUpdate:
    """Return the body of a POST /share.

    Raises ArmError 400 naming the first member that is wrong.
    """
    try:
        return SharingUpdate.model_validate(without_nulls(body))
    except ValidationError as error:
        raise _refusal("sharingUpdate", error) from None


def _without(value: Any, path: tuple[str, ...]) -> Any:
    if isinstance(value, list):
        return [_without(member, path) for member in value]
    if not isinstance(value, dict) or path[0] not in value:
        return value
    rest = {name: member for name, member in value.items() if name != path[0]}
    return rest if len(path) == 1 else {**value, path[0]: _without(value[path[0]], path[1:])}


def _refusal(target: str, error: ValidationError) -> errors.ArmError:
    problem = error.errors(include_url=False)[0]
    for part in problem["loc"]:
        target += f"[{part}]" if isinstance(part, int) else f".{part}"
    path = target.partition(".")[2]
    value = repr(problem.get("input"))[:100]
    if problem["type"] == "extra_forbidden":
        name = problem["loc"][-1]
        return errors.invalid_parameter(f"Could not find member '{name}' on object. Path '{path}'.", target)  # [?]
    if problem["type"] == "missing":
        return errors.invalid_parameter(f"Required parameter '{target}' is missing (null).", target)  # [?]
    if problem["type"].startswith("datetime"):
        text = f"Could not convert string to DateTimeOffset: {problem.get('input')!s:.100}. Path '{path}'."
        return errors.invalid_parameter(text, target)
    return errors.invalid_parameter(f"The value {value} of parameter '{target}' is invalid: {problem['msg']}.", target)
