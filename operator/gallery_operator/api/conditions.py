"""Conditions (metav1.Condition) of the three kinds, and the reasons they give."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, Field

from gallery_operator.api.base import ApiModel

#: Conditions that are present only while they are True (kstatus: abnormal-true).
ABNORMAL_TRUE: Final = frozenset({"Reconciling", "Stalled"})

#: metav1.Condition allows 32768; a message that long helps nobody, and status is written often.
MESSAGE_LIMIT: Final = 1024


class Reason(StrEnum):
    """Why a condition has its status. `kubectl get` shows Ready's reason as STATE."""

    # at work
    CREATING = "Creating"
    UPDATING = "Updating"
    DELETING = "Deleting"
    REPLICATING = "Replicating"
    REPAIRING = "Repairing"
    RETIRING = "Retiring"
    RECREATING = "Recreating"
    RESTORING = "Restoring"
    SHARING = "Sharing"
    GRANTING_ACCESS = "GrantingAccess"
    BUSY = "Busy"
    # waiting for something that comes by itself, or for someone
    PARENT_NOT_READY = "ParentNotReady"
    PARENT_DELETING = "ParentDeleting"
    CHILDREN_EXIST = "ChildrenExist"
    SOFT_DELETED_CHILDREN = "SoftDeletedChildren"
    SOURCE_NOT_READY = "SourceNotReady"
    SOURCE_NOT_FOUND = "SourceNotFound"
    SOURCE_BUSY = "SourceBusy"
    QUOTA_EXCEEDED = "QuotaExceeded"
    CREDENTIAL_NOT_FOUND = "CredentialNotFound"
    PAUSED = "Paused"
    # done
    SUCCEEDED = "Succeeded"
    REPLICATED = "Replicated"
    PUBLISHED = "Published"
    RETIRED = "Retired"
    OBSERVED = "Observed"
    DRIFTED = "Drifted"
    # someone must act
    INVALID_SPEC = "InvalidSpec"
    OWNERSHIP_CONFLICT = "OwnershipConflict"
    IMMUTABLE_FIELD_DIFFERS = "ImmutableFieldDiffers"
    HOME_REGION_NOT_A_TARGET = "HomeRegionNotATarget"
    REGION_REMOVAL_NOT_ALLOWED = "RegionRemovalNotAllowed"
    STORAGE_TYPE_DIFFERS = "StorageTypeDiffers"
    DEFINITION_END_OF_LIFE = "DefinitionEndOfLife"
    REPLICATION_FAILED = "ReplicationFailed"
    PROVISIONING_FAILED = "ProvisioningFailed"
    NOT_FOUND = "NotFound"
    SUBSCRIPTION_MISSING = "SubscriptionMissing"
    SHARING_DIFFERS = "SharingDiffers"
    SHARING_FAILED = "SharingFailed"
    ROLE_NOT_FOUND = "RoleNotFound"
    IDENTIFIER_TAKEN = "IdentifierTaken"
    SOURCE_DIFFERS = "SourceDiffers"
    SOURCE_IN_ANOTHER_CLOUD = "SourceInAnotherCloud"
    REGION_UNKNOWN = "RegionUnknown"
    ZONES_MISSING = "ZonesMissing"
    ENCRYPTION_DIFFERS = "EncryptionDiffers"
    CREDENTIAL_INVALID = "CredentialInvalid"
    IDENTITY_NOT_ALLOWED = "IdentityNotAllowed"
    SUBSCRIPTION_NOT_ALLOWED = "SubscriptionNotAllowed"
    # end of life
    ACTIVE = "Active"
    DEPRECATED = "Deprecated"
    EXPIRED = "Expired"
    KEPT = "Kept"
    SOFT_DELETED = "SoftDeleted"
    # limits
    QUOTA_NEAR = "QuotaNear"
    # a bug of ours
    INTERNAL_ERROR = "InternalError"


class Condition(ApiModel):
    """One aspect of an object's state (Kubernetes metav1.Condition)."""

    type: Annotated[str, Field(max_length=316)]
    status: Literal["True", "False", "Unknown"]
    reason: Annotated[str, Field(min_length=1, max_length=1024)]
    message: Annotated[str, Field(max_length=32768)]
    last_transition_time: AwareDatetime
    observed_generation: Annotated[int, Field(ge=0)] | None = None


Conditions = Annotated[
    list[Condition],
    Field(max_length=16, json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}),
]


class Claim(ApiModel):
    """What a reconcile says of one condition, before times are known."""

    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str = ""


def claim(type_: str, holds: bool | None, reason: str, message: str = "") -> Claim:
    """Return a claim; `holds` None means Unknown."""
    status: Literal["True", "False", "Unknown"] = "Unknown" if holds is None else ("True" if holds else "False")
    return Claim(type=type_, status=status, reason=reason, message=message)


def merge(before: Iterable[Condition], claims: Iterable[Claim], *, generation: int, now: datetime) -> list[Condition]:
    """Return the conditions that the claims make of those before: a transition time moves only when a status flips.

    Conditions nobody claims any more are dropped, and abnormal-true ones unless they are True.
    """
    old = {each.type: each for each in before}
    result = []
    for each in claims:
        if each.type in ABNORMAL_TRUE and each.status != "True":
            continue
        previous = old.get(each.type)
        since = now.replace(microsecond=0)
        if previous is not None and previous.status == each.status:
            since = previous.last_transition_time
        result.append(
            Condition(
                type=each.type,
                status=each.status,
                reason=each.reason,
                message=each.message[:MESSAGE_LIMIT],
                last_transition_time=since,
                observed_generation=None if generation < 0 else generation,
            )
        )
    return result
