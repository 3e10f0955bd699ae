"""Sources in other subscriptions: ARM wants a token of each tenant that is concerned.

A request carries the tokens of further tenants in the header `x-ms-authorization-auxiliary`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from dev.azure_simulator import errors
from dev.azure_simulator.paths import ResourcePath
from dev.azure_simulator.platform import Platform

#: What the sender must be allowed on a source, by its type; `read` where nothing is said.
_ACTIONS = {"virtualmachines": "write", "disks": "write", "snapshots": "write", "storageaccounts": "listKeys/action"}


def bearer_tokens(header: str | None) -> list[str]:
    """Return the single Authorization values in the header of auxiliary tokens."""
    return [value.strip() for value in (header or "").split(",") if value.strip()]


def check(
    body: Any,
    path: ResourcePath,
    platform: Platform,
    tenants: Collection[str],
    subscriptions: Collection[str] | None = None,
) -> None:
    """Check the subscriptions whose resources the storage profile of a request names; unknown ones are left alone.

    `tenants`: those whose tokens the request carries, that of its own token first. `subscriptions`: those that the
    sender may use, in lower case; all when not given.
    Raises ArmError 403 when a token of one of these tenants is missing, or the sender may not use the subscription.
    """
    properties = body.get("properties") if isinstance(body, dict) else None
    profile = properties.get("storageProfile") if isinstance(properties, dict) else None
    for resource_id in _ids(profile):
        parts = resource_id.strip("/").split("/")
        tenant = platform.tenant_of(parts[1]) if len(parts) > 1 else None
        if tenant and tenant not in tenants:
            own = next(iter(tenants), "")
            raise errors.linked_authorization_failed(_action(parts), path.id, own, parts[1])
        if tenant and subscriptions is not None and parts[1].lower() not in subscriptions:
            raise errors.linked_permission_missing(_action(parts), path.id, resource_id)


def _ids(value: Any) -> Iterator[str]:
    if isinstance(value, str) and value.lower().startswith("/subscriptions/"):
        yield value
    elif isinstance(value, dict):
        for member in value.values():
            yield from _ids(member)
    elif isinstance(value, list):
        for member in value:
            yield from _ids(member)


def _action(parts: list[str]) -> str:
    """Return the action that is needed on a resource whose id has these parts."""
    provider, types = (parts[5], parts[6::2]) if len(parts) > 6 else ("Microsoft.Compute", ["images"])
    action = _ACTIONS.get(types[-1].lower(), "read")
    return f"{provider}/{'/'.join(types)}/{action}"
