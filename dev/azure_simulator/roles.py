"""The built-in roles that matter to galleries, with the ids and actions Azure gives them (some actions left out)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dev.azure_simulator.paths import Json

_TYPE = "Microsoft.Authorization/roleDefinitions"


@dataclass(frozen=True)
class Role:
    """A built-in role. `id` is a GUID, the same in every tenant; actions may have `*` in them."""

    id: str
    name: str
    description: str
    actions: tuple[str, ...]
    not_actions: tuple[str, ...] = ()

    def allows(self, action: str) -> bool:
        """Tell whether the role permits an action such as `Microsoft.Compute/galleries/read`."""
        return _any_matches(self.actions, action) and not _any_matches(self.not_actions, action)

    def id_in(self, subscription: str | None) -> str:
        """Return the ARM id of the role as seen in a subscription, or (None) in the tenant."""
        prefix = f"/subscriptions/{subscription}" if subscription else ""
        return f"{prefix}/providers/{_TYPE}/{self.id}"

    def body(self, subscription: str | None) -> Json:
        """Return the role definition as it is read."""
        permission = {
            "actions": list(self.actions),
            "notActions": list(self.not_actions),
            "dataActions": [],
            "notDataActions": [],
        }
        properties = {
            "roleName": self.name,
            "type": "BuiltInRole",
            "description": self.description,
            "assignableScopes": ["/"],
            "permissions": [permission],
        }
        return {"id": self.id_in(subscription), "name": self.id, "type": _TYPE, "properties": properties}


def _any_matches(patterns: tuple[str, ...], action: str) -> bool:
    return any(re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), action, re.IGNORECASE) for pattern in patterns)


BUILT_IN = (
    Role(
        "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
        "Owner",
        "Grants full access to manage all resources, including the ability to assign roles in Azure RBAC.",
        ("*",),
    ),
    Role(
        "b24988ac-6180-42a0-ab88-20f7382dd24c",
        "Contributor",
        "Grants full access to manage all resources, but does not allow you to assign roles in Azure RBAC, manage "
        "assignments in Azure Blueprints, or share image galleries.",
        ("*",),
        (
            "Microsoft.Authorization/*/Delete",
            "Microsoft.Authorization/*/Write",
            "Microsoft.Authorization/elevateAccess/Action",
            "Microsoft.Compute/galleries/share/action",
        ),
    ),
    Role(
        "acdd72a7-3385-48ef-bd42-f606fba81ae7",
        "Reader",
        "View all resources, but does not allow you to make any changes.",
        ("*/read",),
    ),
    Role(
        "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
        "User Access Administrator",
        "Lets you manage user access to Azure resources.",
        ("*/read", "Microsoft.Authorization/*"),
    ),
    Role(
        "1ef6a3be-d0ac-425d-8c01-acb62866290b",
        "Compute Gallery Sharing Admin",
        "This role allows user to share gallery to another subscription/tenant or share it to the public.",
        ("Microsoft.Compute/galleries/share/action",),
    ),
    Role(
        "85a2d0d9-2eba-4c9c-b355-11c2cc0788ab",
        "Compute Gallery Artifacts Publisher",
        "This is the role for publishing gallery artifacts.",
        (
            "Microsoft.Compute/galleries/*",
            "Microsoft.Compute/locations/capsOperations/read",
            "Microsoft.Compute/locations/communityGalleries/*",
            "Microsoft.Compute/locations/sharedGalleries/*",
            "Microsoft.Compute/images/*",
            "Microsoft.Compute/virtualMachines/write",
            "Microsoft.Compute/disks/write",
            "Microsoft.Authorization/*/read",
        ),
        ("Microsoft.Compute/galleries/share/action",),
    ),
    Role(
        "cf7c76d2-98a3-4358-a134-615aa78bf44d",
        "Compute Gallery Image Reader",
        "This is the role for reading gallery images.",
        ("Microsoft.Compute/galleries/images/read", "Microsoft.Compute/galleries/images/versions/read"),
    ),
)
_BY_ID = {role.id: role for role in BUILT_IN}


def find(role_id: str) -> Role | None:
    """Return the role that an ARM id or GUID names; None when there is none."""
    return _BY_ID.get(role_id.rstrip("/").rpartition("/")[2].lower())
