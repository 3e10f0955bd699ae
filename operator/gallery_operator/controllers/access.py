"""Role assignments at galleries and image definitions: what is read of them, and the next change."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote
from weakref import WeakKeyDictionary

from gallery_operator.api.arm_ids import DefinitionId, GalleryId
from gallery_operator.api.conditions import Reason
from gallery_operator.api.sharing import AccessEntry
from gallery_operator.controllers.accounts import Account
from gallery_operator.controllers.services import Services
from gallery_operator.controllers.unreadable import Unreadable
from gallery_operator.controllers.visit import JSON, Visit
from gallery_operator.domain import access, resources
from gallery_operator.domain.access import Assignment, Scope, Wanted
from gallery_operator.domain.plan import Blocked, Plan, Revoke, UpToDate, Wait
from gallery_operator.domain.resources import as_dict

_API_VERSION: Final = "2022-04-01"
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

#: Nothing is granted or revoked on the strength of a list that is older.
_FRESH: Final = timedelta(minutes=1)
#: Names of roles change rarely.
_ROLE_KNOWN: Final = timedelta(days=1)

#: What may last while the resource itself is as wanted: it holds up nobody's access.
_OF_SHARING: Final = frozenset({Reason.SHARING, Reason.SHARING_FAILED, Reason.SHARING_DIFFERS})

Resource = GalleryId | DefinitionId


@dataclass(frozen=True, slots=True)
class _Role:
    id: str
    read_at: datetime


class Access:
    """Who has access to the galleries or image definitions that a controller looks after."""

    def __init__(self, services: Services) -> None:
        self._services = services
        # What one credential may read is not shown to another namespace.
        self._roles: WeakKeyDictionary[Account, dict[tuple[str, str], _Role]] = WeakKeyDictionary()

    async def after(
        self,
        visit: Visit[Any],
        resource: Resource,
        observed: JSON | None,
        step: Plan,
        *,
        met: bool,
    ) -> Plan:
        """Return the step, or what is left to do of access once the resource itself is as wanted.

        `met`: access was as wanted before, and what others changed since is only reported (driftPolicy Report).
        Raises ArmError.
        """
        entries: list[AccessEntry] | None = visit.resource.spec.access
        if entries is None or observed is None or visit.resource.observe_only:
            return step
        scope = self._scope(visit, resource)
        if not _is_there(step, ours=resources.owner_of(observed) == scope.owner):
            return step
        wanted, no_role = await self._wanted(visit, resource, entries)
        refusal = None if isinstance(step, Wait) else next(iter(no_role.values()), None)  # a wait comes back sooner
        long = timedelta(seconds=self._services.pace.resync * 0.75)
        known = await _assignments(visit, resource, timedelta(0) if visit.forced else long)
        if met:
            if isinstance(step, UpToDate):
                step = replace(step, drift=(*step.drift, *access.changes(wanted, known, scope)))
            return refusal or step
        if access.next_step(wanted, known, scope, visit.trace.grants, no_role.keys()) is None:
            return refusal or step
        known = await _assignments(visit, resource, _FRESH)
        return access.next_step(wanted, known, scope, visit.trace.grants, no_role.keys()) or refusal or step

    async def before_deletion(self, visit: Visit[Any], resource: Resource) -> Revoke | None:
        """Return the next assignment of ours to take away before a resource is deleted. Raises ArmError."""
        if isinstance(visit.resource, Unreadable) or visit.resource.spec.access is None:
            return None
        scope = self._scope(visit, resource)
        step = access.next_step((), await _assignments(visit, resource, _FRESH), scope, {})
        return step if isinstance(step, Revoke) else None

    def _scope(self, visit: Visit[Any], resource: Resource) -> Scope:
        return Scope(resource, self._services.owner(visit.key))

    # --- roles ---

    async def _wanted(
        self, visit: Visit[Any], resource: Resource, entries: list[AccessEntry]
    ) -> tuple[list[Wanted], dict[str, Blocked]]:
        """Return the entries with their roles; and, by principal, that there is no role of a name that it is given."""
        gallery, wanted, no_role = _gallery(resource), [], {}
        for entry in entries:
            role: str | Blocked = access.role_of(entry.role)
            if "/" not in entry.role and _UUID.fullmatch(entry.role) is None:
                role = await self._role(visit, gallery, entry.role)
            if isinstance(role, Blocked):
                no_role[entry.principal_id.casefold()] = role
            else:
                wanted.append(Wanted(entry, access.role_definition_id(gallery.subscription, role)))
        return wanted, no_role

    async def _role(self, visit: Visit[Any], gallery: GalleryId, name: str) -> str | Blocked:
        """Return the UUID of a role by its name. Roles are asked for where they can be assigned: the resource group."""
        scope = f"/subscriptions/{gallery.subscription}/resourceGroups/{gallery.resource_group}"
        key = (scope.casefold(), name.casefold())
        known = self._roles.setdefault(visit.account, {})
        if key in known and not visit.forced and visit.now - known[key].read_at < _ROLE_KNOWN:
            return known[key].id
        quoted = name.replace("'", "''")
        condition = quote(f"roleName eq '{quoted}'")
        found = await _roles(visit.account, gallery.subscription, scope, f"&$filter={condition}")
        for each, id_ in found.items():
            if each.casefold() == name.casefold():
                known[key] = _Role(access.role_of(id_), visit.now)
                return known[key].id
        known.pop(key, None)
        return _no_role(name, await _roles(visit.account, gallery.subscription, scope))


def _is_there(step: Plan, *, ours: bool) -> bool:
    """Tell whether the resource is as wanted; or ours, and only with whom it is shared is not as wanted."""
    return isinstance(step, UpToDate) or (ours and isinstance(step, Wait | Blocked) and step.reason in _OF_SHARING)


def _no_role(name: str, roles: Iterable[str]) -> Blocked:
    spelled = {each.casefold(): each for each in roles}
    near = [spelled[each] for each in difflib.get_close_matches(name.casefold(), spelled, n=3)]
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else "az role definition list shows all of them"
    return Blocked(Reason.ROLE_NOT_FOUND, f"access: the resource group has no role named {name!r}; {hint}"[:1000])


async def _roles(account: Account, subscription: str, scope: str, query: str = "") -> dict[str, str]:
    """Return the ids of roles by name."""
    path = f"{scope}/providers/Microsoft.Authorization/roleDefinitions"
    listed = await account.arm.read_list(subscription, path, _API_VERSION, "ListRoleDefinitions", query)
    return {str(as_dict(each.get("properties")).get("roleName")): str(each.get("id")) for each in listed or ()}


async def _assignments(visit: Visit[Any], resource: Resource, max_age: timedelta) -> frozenset[Assignment]:
    """Return the role assignments at a resource, as they were listed (and changed by us) so long ago at most."""
    trace = visit.trace
    if trace.access is not None and trace.access_at is not None:
        age = visit.now - trace.access_at
        if age <= max_age:
            return trace.access
    path = f"{resource}/providers/Microsoft.Authorization/roleAssignments"
    subscription = _gallery(resource).subscription
    listed = await visit.account.arm.read_list(
        subscription, path, _API_VERSION, "ListRoleAssignments", "&$filter=atScope()"
    )
    trace.access, trace.access_at = access.read(listed or (), resource), visit.now
    return trace.access


def _gallery(resource: Resource) -> GalleryId:
    return resource if isinstance(resource, GalleryId) else resource.gallery
