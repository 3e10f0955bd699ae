"""Managed identities of galleries: what a client asks for, and the principals that are made for it."""

from __future__ import annotations

import re
import uuid

from dev.azure_simulator import errors, seeds
from dev.azure_simulator.paths import Json

_TYPES = {
    frozenset({"none"}): "None",
    frozenset({"systemassigned"}): "SystemAssigned",
    frozenset({"userassigned"}): "UserAssigned",
    frozenset({"systemassigned", "userassigned"}): "SystemAssigned, UserAssigned",
}
_USER_IDENTITY = re.compile(
    r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.ManagedIdentity/userAssignedIdentities/[^/]+",
    re.IGNORECASE,
)
_NAMESPACE = uuid.UUID("6f4a4b6e-5b0c-4d0e-9f5c-4b3a2d1c0e9f")
_MOST = 100


def changed(current: Json | None, wanted: object, method: str) -> Json | None:
    """Return the identity that a write leaves; None when there is none.

    [?] left out it stays, in a PUT, too. PATCH merges the user identities, a null takes one away, PUT replaces them.
    Whether a user identity exists is not checked.
    Raises ArmError 400 when it is malformed.
    """
    if wanted is None:
        return current
    if not isinstance(wanted, dict):
        raise errors.invalid_request_content("identity must be an object")
    kind = _kind(wanted.get("type", (current or {}).get("type") if method == "PATCH" else None))
    if kind == "None":
        return None
    ids = _user_ids(wanted.get("userAssignedIdentities") or {})
    if method == "PATCH":
        kept = (current or {}).get("userAssignedIdentities", {}) if "UserAssigned" in kind else {}
        ids = dict.fromkeys(kept, True) | _spelled_as(kept, ids)
    assigned = [identity for identity, stays in ids.items() if stays]
    if bool(assigned) != ("UserAssigned" in kind):
        text = f"The identity type '{kind}' does not go with {len(assigned)} user assigned identities."
        raise errors.invalid_parameter(text, "gallery.identity.userAssignedIdentities")  # [?] code and text
    return {"type": kind} | _system(current, kind) | _users(assigned)


def _kind(name: object) -> str:
    parts = frozenset(part.strip().lower() for part in name.split(",")) if isinstance(name, str) else frozenset()
    if parts not in _TYPES:
        text = f"The value {name!r:.100} of parameter 'gallery.identity.type' is invalid."
        raise errors.invalid_parameter(text, "gallery.identity.type")  # [?] code and text
    return _TYPES[parts]


def _user_ids(wanted: object) -> dict[str, bool]:
    """Return the ids that are named, and whether each is to stay."""
    if not isinstance(wanted, dict) or len(wanted) > _MOST:
        raise errors.invalid_request_content("userAssignedIdentities must be an object of at most 100 members")
    for identity in wanted:
        if not _USER_IDENTITY.fullmatch(identity):
            text = f"Property id '{identity[:300]}' at path 'identity.userAssignedIdentities' is invalid."
            raise errors.invalid_parameter(text, "gallery.identity.userAssignedIdentities")  # [?] code
    return {identity: value is not None for identity, value in wanted.items()}


def _spelled_as(kept: Json, ids: dict[str, bool]) -> dict[str, bool]:
    spelled = {identity.casefold(): identity for identity in kept}
    return {spelled.get(identity.casefold(), identity): stays for identity, stays in ids.items()}


def _system(current: Json | None, kind: str) -> Json:
    """Return the system identity: a new one has a new principal, as in Azure."""
    if "SystemAssigned" not in kind:
        return {}
    return {"principalId": (current or {}).get("principalId") or str(uuid.uuid4()), "tenantId": seeds.TENANT_ID}


def _users(assigned: list[str]) -> Json:
    if not assigned:
        return {}
    return {"userAssignedIdentities": {identity: _principal(identity.casefold()) for identity in assigned}}


def _principal(identity: str) -> Json:
    """Return the principal of a user identity, which is the same wherever it is assigned."""
    return {
        "principalId": str(uuid.uuid5(_NAMESPACE, f"principal of {identity}")),
        "clientId": str(uuid.uuid5(_NAMESPACE, f"client of {identity}")),
    }


def principals(identity: Json | None) -> set[str]:
    """Return the principals of an identity."""
    if identity is None:
        return set()
    users = {user["principalId"] for user in identity.get("userAssignedIdentities", {}).values()}
    return users | ({identity["principalId"]} if "principalId" in identity else set())
