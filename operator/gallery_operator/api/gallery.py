"""The kind Gallery: an Azure Compute Gallery."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gallery_operator.api.base import (
    AZURE_NAME_LIMIT,
    ApiModel,
    ArmResourceId,
    ObjectName,
    Policies,
    Region,
    Text,
    Uuid,
    each_once,
    immutable,
    immutable_region,
    model_rules,
    rule,
    rules,
    short_enough_name,
)
from gallery_operator.api.resource import Resource, Status
from gallery_operator.api.sharing import AccessList, Sharing, SharingStatus

_NEW_GALLERY = "create another Gallery and publish there, then delete this one"


class SoftDelete(ApiModel):
    """Whether deleted image versions can be brought back."""

    enabled: bool
    """Keep deleted image versions for `retentionDays` and `graceDays`."""
    retention_days: Annotated[int, Field(ge=1, le=3650)] | None = None
    """Days that virtual machines can still be created from a deleted version. Unset: Azure's default."""
    grace_days: Annotated[int, Field(ge=0, le=3650)] | None = None
    """Days after that in which it can only be brought back, before it is deleted for good. Unset: Azure's default."""


class Identity(ApiModel):
    """The gallery's managed identity."""

    model_config = model_rules(
        rule(
            "self.type.contains('UserAssigned') == has(self.userAssignedIdentities)",
            "userAssignedIdentities and a type with UserAssigned come together",
            fieldPath=".userAssignedIdentities",
        ),
        rule(
            "!has(self.userAssignedIdentities) || self.userAssignedIdentities.all(i, "
            "i.matches('(?i)^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft[.]ManagedIdentity/userAssignedIdentities/[^/]+$'))",
            "a user-assigned identity looks like /subscriptions/<id>/resourceGroups/<group>/providers/"
            "Microsoft.ManagedIdentity/userAssignedIdentities/<name>",
            fieldPath=".userAssignedIdentities",
        ),
    )

    type: Literal["None", "SystemAssigned", "UserAssigned", "SystemAssigned, UserAssigned"]
    """Which identities the gallery has; None takes all of them away."""
    user_assigned_identities: (
        Annotated[
            list[ArmResourceId],
            Field(
                min_length=1,
                max_length=16,
                json_schema_extra={
                    "x-kubernetes-list-type": "set",
                    **rules(
                        each_once(
                            "{0}.lowerAscii()",
                            "an identity is listed twice (its case does not matter): keep one of them",
                        )
                    ),
                },
            ),
        ]
        | None
    ) = None
    """ARM ids of the user-assigned identities."""


class CredentialReference(ApiModel):
    """Names a Secret in the namespace of this object."""

    name: ObjectName
    """The name of the Secret."""


class GallerySpec(Policies):
    """The gallery as it is wanted."""

    model_config = model_rules(
        immutable("azureName", _NEW_GALLERY),
        immutable("subscriptionId", _NEW_GALLERY),
        immutable("resourceGroup", _NEW_GALLERY, required=True),
        immutable_region("location", _NEW_GALLERY, required=True),
        rule(
            "!has(self.sharing) || !has(self.sharing.community) || !has(oldSelf.sharing)"
            " || !has(oldSelf.sharing.community) || self.sharing.community == oldSelf.sharing.community",
            f"sharing.community is immutable: {_NEW_GALLERY}",
            fieldPath=".sharing.community",
            reason="FieldValueForbidden",
        ),
        rule(
            "!has(oldSelf.softDelete) || has(self.softDelete)",
            "softDelete cannot be cleared: set enabled: false instead",
            fieldPath=".softDelete",
        ),
    )

    azure_name: (
        Annotated[
            str,
            Field(
                max_length=AZURE_NAME_LIMIT,
                json_schema_extra=rules(
                    rule(
                        "self.matches('^[A-Za-z0-9]([A-Za-z0-9_.]*[A-Za-z0-9])?$')",
                        "a gallery's name has letters, digits, and inside also underscores and periods; no dash",
                    )
                ),
            ),
        ]
        | None
    ) = None
    """The gallery's name in Azure, unique in the subscription. Unset: metadata.name with `-` turned into `_`."""
    subscription_id: Uuid | None = None
    """The Azure subscription. Unset: the operator's default."""
    resource_group: Annotated[
        str,
        Field(
            min_length=1,
            max_length=90,
            json_schema_extra=rules(
                rule(
                    "self.matches('^[-A-Za-z0-9_.()]*[-A-Za-z0-9_()]$')",
                    "a resource group's name has letters, digits, - _ . ( ) and does not end with a period",
                )
            ),
        ),
    ]
    """The resource group, which must exist."""
    location: Region
    """The gallery's own region."""
    description: Text | None = None
    """What the gallery is for."""
    sharing: Sharing | None = None
    """Who sees the gallery."""
    soft_delete: SoftDelete | None = None
    """Whether deleted image versions can be brought back."""
    identity: Identity | None = None
    """The gallery's managed identity. Unset: it stays as it is."""
    access: AccessList | None = None
    """Role assignments at the gallery, which reach its definitions and versions. Those that others made stay."""
    credential_ref: CredentialReference | None = None
    """The Secret with the credential for this gallery and all that is in it. Unset: the namespace's Secret
    `gallery-operator-credential`, else the operator's own identity."""


class IdentityStatus(ApiModel):
    """The gallery's system-assigned identity."""

    principal_id: Annotated[str, Field(max_length=64)] | None = None
    """Its object id, for role assignments."""
    tenant_id: Annotated[str, Field(max_length=64)] | None = None
    """Its tenant."""


class GalleryStatus(Status):
    """The gallery as Azure has it."""

    sharing: SharingStatus | None = None
    """How the gallery is shared."""
    identity: IdentityStatus | None = None
    """The gallery's system-assigned identity."""


class Gallery(Resource[GallerySpec, GalleryStatus]):
    """An Azure Compute Gallery (formerly Shared Image Gallery)."""

    model_config = model_rules(short_enough_name())

    @property
    def azure_name(self) -> str:
        """The gallery's name in Azure; gallery names take no dash."""
        return self.spec.azure_name or self.metadata.name.replace("-", "_")
