"""Who sees a gallery: sharing with subscriptions and tenants, the community, and role assignments."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from gallery_operator.api.base import ATOMIC, ApiModel, Uuid, each_once, model_rules, rule, rules

#: Azure shares a gallery directly with at most so many (azure-gallery-api.md §4).
SHARED_SUBSCRIPTIONS: Final = 30
SHARED_TENANTS: Final = 5


class Community(ApiModel):
    """What the community gallery says of its publisher. Azure cannot change it later."""

    publisher_uri: Annotated[
        str,
        Field(
            max_length=2048,
            json_schema_extra=rules(
                rule("self.matches('^https?://[^ ]+$')", "a URI looks like https://example.com/images")
            ),
        ),
    ]
    """The publisher's web page."""
    publisher_contact: Annotated[str, Field(min_length=1, max_length=320)]
    """Where the publisher can be reached, for example an address for email."""
    eula: Annotated[str, Field(min_length=1, max_length=2048)]
    """The licence agreement, or its URI."""
    public_name_prefix: Annotated[
        str,
        Field(
            max_length=16,
            json_schema_extra=rules(
                rule("self.matches('^[A-Za-z0-9]{5,16}$')", "publicNamePrefix has 5 to 16 letters and digits")
            ),
        ),
    ]
    """What the public name begins with; Azure adds a unique part."""


def _uuids(limit: int) -> object:
    twice = each_once("{0}.lowerAscii()", "an id is listed twice (its case does not matter): keep one of them")
    return Field(max_length=limit, json_schema_extra={**ATOMIC, **rules(twice)})


class Sharing(ApiModel):
    """Who sees the gallery beyond those with role assignments."""

    model_config = model_rules(
        rule(
            "self.permissions == 'Groups' || !(has(self.subscriptions) || has(self.tenants))",
            "subscriptions and tenants need permissions: Groups",
            fieldPath=".permissions",
        ),
        rule(
            "(self.permissions == 'Community') == has(self.community)",
            "permissions: Community needs community (publisherUri, publisherContact, eula, publicNamePrefix), and "
            "community needs permissions: Community",
            fieldPath=".community",
        ),
        atomic=True,
    )

    permissions: Literal["Private", "Groups", "Community"] = "Private"
    """Private: only those with a role assignment. Groups: whole subscriptions and tenants, too. Community: everyone."""
    subscriptions: Annotated[list[Uuid], _uuids(SHARED_SUBSCRIPTIONS)] | None = None
    """Subscriptions that see the gallery, 30 at most."""
    tenants: Annotated[list[Uuid], _uuids(SHARED_TENANTS)] | None = None
    """Microsoft Entra tenants that see the gallery, 5 at most."""
    community: Community | None = None
    """What everyone sees of the publisher."""


class RegionSharing(ApiModel):
    """How sharing goes in one region."""

    name: Annotated[str, Field(max_length=64)]
    """The region, normalised: westeurope."""
    state: Annotated[str, Field(max_length=64)]
    """Azure's state: Succeeded, InProgress, Failed, Unknown."""
    details: Annotated[str, Field(max_length=512)] | None = None
    """What Azure says of a failure."""


class SharingStatus(ApiModel):
    """How the gallery is shared."""

    permissions: Annotated[str, Field(max_length=64)] | None = None
    """Azure's permissions."""
    state: Annotated[str, Field(max_length=64)] | None = None
    """Azure's aggregated state."""
    community_enabled: bool | None = None
    """Whether the community sees the gallery."""
    public_names: Annotated[list[Annotated[str, Field(max_length=256)]], Field(max_length=16)] | None = None
    """Names under which the community finds the gallery."""
    regions: (
        Annotated[
            list[RegionSharing],
            Field(
                max_length=128,
                json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
            ),
        ]
        | None
    ) = None
    """One row per region."""


class AccessEntry(ApiModel):
    """A role assignment: who may do what with the resource and all that is in it."""

    principal_id: Uuid
    """Object id of the user, group or service principal."""
    principal_type: Literal["User", "Group", "ServicePrincipal", "ForeignGroup", "Device"] = "ServicePrincipal"
    """What the principal is. Azure needs it for principals that were just made."""
    role: Annotated[
        str,
        Field(
            min_length=1,
            max_length=512,
            json_schema_extra=rules(
                rule(
                    "!self.contains('/') || self.matches('(?i)^(/subscriptions/[-0-9a-f]+)?/providers/Microsoft[.]"
                    "Authorization/roleDefinitions/[-0-9a-f]{36}$')",
                    "a role is its name (Reader), its UUID, or the id of its role definition",
                )
            ),
        ),
    ]
    """The role: its name (Reader), its UUID, or the id of its role definition."""


AccessList = Annotated[
    list[AccessEntry],
    Field(
        max_length=64,
        json_schema_extra={
            **ATOMIC,
            **rules(
                each_once(
                    "({0}.principalId + {0}.role).lowerAscii()",
                    "a principal is given a role twice (case does not matter): keep one of them",
                )
            ),
        },
    ),
]
