"""Sharing of a gallery: with subscriptions and tenants (Groups), with everyone (Community), or with nobody else.

Azure changes it in three ways. A PUT turns Private into Groups and back. POST /share adds and removes subscriptions
and tenants, enables a community gallery, and resets all of it. A community gallery is one from its creation on
(azure-gallery-api.md §1.1, §2.4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from gallery_operator.api import names
from gallery_operator.api.conditions import Reason
from gallery_operator.api.sharing import Community, RegionSharing, Sharing, SharingStatus
from gallery_operator.domain import regions
from gallery_operator.domain.difference import ADDED, PRESENT
from gallery_operator.domain.plan import JSON, Blocked, Change, Share, Wait
from gallery_operator.domain.resources import ATTEMPTS, Attempts, as_dict, as_list
from gallery_operator.domain.wording import some_of

#: What GET leaves out of a gallery unless it is asked for.
EXPAND: Final = "SharingProfile/Groups"

#: Where a body says it; the part of the wish that is immutable.
COMMUNITY_INFO: Final = "properties.sharingProfile.communityGalleryInfo"

#: Azure's state while a change goes from region to region.
IN_PROGRESS: Final = "InProgress"

_PERMISSIONS: Final = "properties.sharingProfile.permissions"
_GROUPS: Final = "properties.sharingProfile.groups"
_ENABLED: Final = f"{COMMUNITY_INFO}.communityGalleryEnabled"

_PRIVATE: Final = "Private"
_SUBSCRIPTIONS: Final = "Subscriptions"
_TENANTS: Final = "AADTenants"

_ROWS: Final = 128  # of sharing.regions in the status
_NAMES: Final = 16  # of sharing.publicNames


@dataclass(frozen=True, slots=True)
class Found:
    """How Azure shares a gallery."""

    permissions: str
    """Private, Groups or Community; an absent profile means Private."""
    groups: Mapping[str, frozenset[str]]
    """Type (Subscriptions, AADTenants) -> ids, in lower case. Empty when Azure was not asked for them (`EXPAND`)."""
    enabled: bool
    """Whether the community sees the gallery."""
    state: str
    """Azure's aggregated state of the last change; empty when there was none."""
    summary: tuple[RegionSharing, ...]

    @property
    def shared(self) -> bool:
        """Whether anyone sees the gallery because of this. Azure does not delete such a gallery."""
        return self.enabled or any(self.groups.values())

    @property
    def failures(self) -> str:
        """Where it failed, and what Azure says of it."""
        rows = [f"{row.name} ({row.details or row.state})" for row in self.summary if row.state == "Failed"]
        return ", ".join(rows[:5])[:500] or "Azure does not say where"


def read(gallery: JSON) -> Found:
    """Read how a gallery of a GET answer is shared."""
    properties = as_dict(gallery.get("properties"))
    profile, status = as_dict(properties.get("sharingProfile")), as_dict(properties.get("sharingStatus"))
    info = as_dict(profile.get("communityGalleryInfo"))
    groups: dict[str, frozenset[str]] = {}
    for each in map(as_dict, as_list(profile.get("groups"))):
        known = groups.get(str(each.get("type")), frozenset())
        groups[str(each.get("type"))] = known | {str(id_).casefold() for id_ in as_list(each.get("ids"))}
    return Found(
        permissions=_text(profile.get("permissions"), 64) or _PRIVATE,
        groups=groups,
        enabled=info.get("communityGalleryEnabled") is True,
        state=_text(status.get("aggregatedState"), 64),
        summary=_summary(status.get("summary")),
    )


def _summary(value: object) -> tuple[RegionSharing, ...]:
    rows = {
        name: RegionSharing(
            name=name, state=_text(each.get("state"), 64) or "Unknown", details=_text(each.get("details"), 512) or None
        )
        for each in map(as_dict, as_list(value))
        if (name := regions.normalise(str(each.get("region", "")))[:64])
    }
    return tuple(rows[name] for name in sorted(rows)[:_ROWS])


def _text(value: object, limit: int) -> str:
    return value[:limit] if isinstance(value, str) else ""


#: Ends all sharing of a gallery.
RESET: Final = Share("Reset", "ending the sharing of the gallery")


def is_groups(gallery: JSON) -> bool:
    """Tell whether a gallery may be shared with subscriptions and tenants, so that asking for them makes sense."""
    return _is(read(gallery), "Groups")


def _is(found: Found, permissions: str) -> bool:
    return found.permissions.casefold() == permissions.casefold()


def profile(sharing: Sharing | None) -> JSON | None:
    """Return the part of a new gallery's body (SharingProfile)."""
    if sharing is None:
        return None
    return {"permissions": sharing.permissions, "communityGalleryInfo": _info(sharing.community)}


def _info(community: Community | None) -> JSON | None:
    return None if community is None else community.model_dump(by_alias=True)


def settable(sharing: Sharing | None, gallery: JSON) -> JSON | None:
    """Return the part of an existing gallery's body: what a PUT changes, or must not differ."""
    if sharing is None:
        return None
    found = read(gallery)
    if _is(found, sharing.permissions):
        return {"communityGalleryInfo": _info(sharing.community)}
    return None if _is(found, "Community") else {"permissions": sharing.permissions}


def changes(sharing: Sharing | None, gallery: JSON) -> tuple[Change, ...]:
    """Return in what the sharing of a gallery differs from the wish, except for the publisher's data."""
    if sharing is None:
        return ()
    found, result = read(gallery), []
    enough = sharing.permissions == _PRIVATE and _is(found, "Community") and not found.enabled
    if not _is(found, sharing.permissions) and not enough:
        result.append(Change(_PERMISSIONS, found.permissions, sharing.permissions, _PERMISSIONS))
    elif sharing.permissions == "Community" and not found.enabled:
        result.append(Change(_ENABLED, False, True, _ENABLED))
    for type_, wanted in _wanted(sharing).items():
        known = found.groups.get(type_, frozenset())
        result += [Change(f"{_GROUPS}[{id_}]", None, ADDED, _GROUPS) for id_ in sorted(wanted - known)]
        result += [Change(f"{_GROUPS}[{id_}]", PRESENT, None, _GROUPS) for id_ in sorted(known - wanted)]
    return tuple(result)


def _wanted(sharing: Sharing) -> dict[str, frozenset[str]]:
    """Return the groups that the spec names: a list that it does not set stays as it is."""
    if sharing.permissions != "Groups":
        return {}
    lists = {_SUBSCRIPTIONS: sharing.subscriptions, _TENANTS: sharing.tenants}
    return {type_: frozenset(map(str.casefold, ids)) for type_, ids in lists.items() if ids is not None}


def first_step(sharing: Sharing | None, gallery: JSON) -> Share | Blocked | None:
    """Return what comes before any PUT: an end of what the spec does not want, or why the wish cannot be met."""
    if sharing is None:
        return None
    found = read(gallery)
    if _is(found, sharing.permissions):
        return None
    if found.enabled or (sharing.permissions == _PRIVATE and found.shared):
        return RESET
    if sharing.permissions == "Community":
        return _differs(found, "Azure makes no community gallery of one that exists")
    if sharing.permissions == "Groups" and _is(found, "Community"):
        return _differs(found, "Azure shares a community gallery with no one else")
    return None


def _differs(found: Found, why: str) -> Blocked:
    return Blocked(
        Reason.SHARING_DIFFERS,
        f"sharing.permissions: the gallery in Azure is {found.permissions}, and {why}. "
        "Create another Gallery and publish there, or set sharing to what exists",
    )


def next_step(sharing: Sharing | None, gallery: JSON, attempts: Attempts) -> Share | Wait | Blocked | None:
    """Return the next change of sharing once the gallery itself is as wanted; None: it is shared as wanted.

    Who is to lose the gallery loses it first; that keeps the number of groups below Azure's limits, too.
    """
    if sharing is None:
        return None
    found, wanted = read(gallery), _wanted(sharing)
    known = {type_: found.groups.get(type_, frozenset()) for type_ in wanted}
    if any(extra := [known[type_] - ids for type_, ids in wanted.items()]):
        return _update("Remove", "no longer sharing the gallery", dict(zip(wanted, extra, strict=True)))
    if any(missing := [ids - known[type_] for type_, ids in wanted.items()]):
        return _update("Add", "sharing the gallery", dict(zip(wanted, missing, strict=True)))
    if sharing.permissions == "Community" and not found.enabled:
        return _ENABLE
    if found.state == "Failed":
        return _repair(sharing, found, attempts)
    if found.state == IN_PROGRESS:
        done = sum(row.state != IN_PROGRESS for row in found.summary)
        return Wait(Reason.SHARING, f"Azure is changing the sharing: {done}/{len(found.summary)} regions")
    return None


_ENABLE: Final = Share("EnableCommunity", "sharing the gallery with the community")


def _update(operation: str, doing: str, groups: Mapping[str, frozenset[str]]) -> Share:
    subscriptions, tenants = (tuple(sorted(groups.get(type_, ()))) for type_ in (_SUBSCRIPTIONS, _TENANTS))
    named = [*(f"subscription {id_}" for id_ in subscriptions), *(f"tenant {id_}" for id_ in tenants)]
    return Share(operation, f"{doing} with {some_of(named)}", subscriptions, tenants)


def _repair(sharing: Sharing, found: Found, attempts: Attempts) -> Share | Wait | Blocked:
    """Return the next step after Azure reported that the last change failed in some region: it is sent once more."""
    where = f"Azure could not change the sharing in {found.failures}"
    if attempts.made >= ATTEMPTS:
        ask = f"change sharing, or ask for another round with the annotation {names.RECONCILE_REQUESTED_AT}"
        return Blocked(Reason.SHARING_FAILED, f"{where}; {ask}")
    if attempts.seconds_to_next > 0:
        return Wait(Reason.SHARING_FAILED, f"{where}; it is sent again later", attempts.seconds_to_next)
    return replace(_again(sharing, found), why=f"attempt {attempts.made + 1}: {where}", repair=True)


def _again(sharing: Sharing, found: Found) -> Share:
    """Return the change that says all of the wish: that nobody sees the gallery is said by ending its sharing."""
    if sharing.permissions == "Community":
        return _ENABLE
    groups = {**found.groups, **_wanted(sharing)}
    if sharing.permissions == _PRIVATE or not any(groups.values()):
        return RESET
    return _update("Add", "", groups)


def status(gallery: JSON) -> SharingStatus | None:
    """Return what the status says; None for a gallery of which Azure says nothing of the kind."""
    properties = as_dict(gallery.get("properties"))
    if not properties.get("sharingProfile") and not properties.get("sharingStatus"):
        return None
    found = read(gallery)
    info = as_dict(as_dict(properties.get("sharingProfile")).get("communityGalleryInfo"))
    public = [name[:256] for name in as_list(info.get("publicNames")) if isinstance(name, str)]
    return SharingStatus(
        permissions=found.permissions,
        state=found.state or None,
        community_enabled=found.enabled if _is(found, "Community") else None,
        public_names=public[:_NAMES] or None,
        regions=list(found.summary) or None,
    )
