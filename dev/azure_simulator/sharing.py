"""Sharing of a gallery: with subscriptions and tenants (Groups), or with everybody (Community).

Documented are the two forms, their limits, and that `Reset` clears the whole profile: the gallery is Private
afterwards, as the Azure CLI's recorded tests find it. The codes and texts of refusals are assumptions.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping

from dev.azure_simulator import errors, regions
from dev.azure_simulator.paths import Json
from dev.azure_simulator.replication import Copies, RegionCopy
from dev.azure_simulator.rules import Draft
from dev.azure_simulator.schema import SharingUpdate
from dev.azure_simulator.store import Resource, Store

_PATH = "gallery.properties.sharingProfile"
_COMMUNITY = ("publisherUri", "publisherContact", "eula", "publicNamePrefix")
_PREFIX = re.compile(r"[A-Za-z0-9]{5,16}")
#: Group type -> how many ids a gallery may be shared with, all updates taken together.
LIMITS = {"Subscriptions": 30, "AADTenants": 5}


# --- the profile as PUT and PATCH leave it ----------------------------------------------------------------------------


def profile(draft: Draft) -> Json | None:
    """Return the sharing profile that a PUT or PATCH leaves; None when there is none.

    [?] left out it stays; Private and Groups change into each other, which drops the groups; Community neither comes
    nor goes, nor changes its data.
    Raises ArmError when a rule forbids the write.
    """
    old: Json | None = draft.old.get("sharingProfile")
    wanted: Json | None = draft.properties.get("sharingProfile")
    if wanted is None or (draft.current and wanted == old):
        return old
    before = (old or {}).get("permissions", "Private")
    permissions = wanted.get("permissions", before)
    if draft.current and permissions != before and "Community" in {before, permissions}:
        raise errors.property_change(f"{_PATH}.permissions")
    info = wanted.get("communityGalleryInfo", {})
    if permissions == "Community":
        return _community(draft, old or {}, info)
    if info:
        text = "CommunityGalleryInfo can only be specified when the permissions of the gallery are Community."
        raise errors.invalid_parameter(text, f"{_PATH}.communityGalleryInfo")  # [?] text
    kept = {"groups": old["groups"]} if old and permissions == before and "groups" in old else {}
    return {"permissions": permissions, **kept}


def _community(draft: Draft, old: Json, info: Json) -> Json:
    if draft.current:
        existing = old["communityGalleryInfo"]
        for name in _COMMUNITY:
            if info.get(name, existing[name]) != existing[name]:
                raise errors.property_change(f"{_PATH}.communityGalleryInfo.{name}")
        return old
    for name in _COMMUNITY:
        if not info.get(name):
            target = f"{_PATH}.communityGalleryInfo.{name}"
            raise errors.invalid_parameter(f"Required parameter '{target}' is missing (null).", target)  # [?]
    prefix = info["publicNamePrefix"]
    if not _PREFIX.fullmatch(prefix):
        target = f"{_PATH}.communityGalleryInfo.publicNamePrefix"
        text = f"The value '{prefix[:100]}' of parameter '{target}' is invalid: 5 to 16 letters and digits."
        raise errors.invalid_parameter(text, target)  # [?] text
    generated = {"communityGalleryEnabled": False, "publicNames": [f"{prefix}-{uuid.uuid4()}"]}
    return {"permissions": "Community", "communityGalleryInfo": {**info, **generated}}


# --- POST /share ------------------------------------------------------------------------------------------------------


def changed(current: Json | None, update: SharingUpdate) -> Json:
    """Return the sharing profile that a sharing update leaves.

    [?] what is added twice or removed without being there makes no difference.
    Raises ArmError 400 when the permissions of the gallery or a limit do not allow it.
    """
    existing = current or {"permissions": "Private"}
    if update.operationType == "Reset":
        return {"permissions": "Private"}
    required = "Community" if update.operationType == "EnableCommunity" else "Groups"
    if existing["permissions"] != required:
        text = (
            f"Operation '{update.operationType}' is not allowed on a gallery with permissions "
            f"'{existing['permissions']}': it needs '{required}'."
        )
        raise errors.invalid_parameter(text, f"{_PATH}.permissions")  # [?] code and text
    if required == "Community":
        info = {**existing["communityGalleryInfo"], "communityGalleryEnabled": True}
        return {**existing, "communityGalleryInfo": info}
    return {**existing, "groups": _regrouped(existing.get("groups", []), update)}


def _regrouped(groups: list[Json], update: SharingUpdate) -> list[Json]:
    ids = {group["type"]: list(group["ids"]) for group in groups}
    named = [(group.type, str(item)) for group in update.groups or () for item in group.ids]
    if not named:
        text = f"Operation '{update.operationType}' needs at least one subscription or tenant."
        raise errors.invalid_parameter(text, "sharingUpdate.groups")  # [?] text
    for kind, item in named:
        members = ids.setdefault(kind, [])
        if update.operationType == "Remove" and item in members:
            members.remove(item)
        if update.operationType == "Add" and item not in members:
            members.append(item)
    for kind, limit in LIMITS.items():
        if len(ids.get(kind, ())) > limit:
            text = f"A gallery can be shared with at most {limit} {kind}, and {len(ids[kind])} were provided."
            raise errors.invalid_parameter(text, "sharingUpdate.groups")  # [?] text
    return [{"type": kind, "ids": members} for kind, members in ids.items() if members]


def is_shared(properties: Json) -> bool:
    """Tell whether a gallery is shared with anyone, so that it must be reset before it can be deleted."""
    sharing: Json = properties.get("sharingProfile") or {}
    return bool(sharing.get("groups") or sharing.get("communityGalleryInfo", {}).get("communityGalleryEnabled"))


# --- as read ----------------------------------------------------------------------------------------------------------


def rendered(sharing: Json, *, with_groups: bool) -> Json:
    """Return the profile as read: the groups only when asked for."""
    shown = {name: value for name, value in sharing.items() if name != "groups"}
    if with_groups and sharing["permissions"] == "Groups":
        shown["groups"] = sharing.get("groups", [])
    return shown


def regions_of(gallery: Resource, store: Store) -> list[str]:
    """Return the regions of a gallery and of its versions."""
    images = store.children(gallery.path)
    copies = (version.copies for image in images for version in store.children(image.path))
    return list(dict.fromkeys([gallery.location, *(name for names in copies for name in names)]))


def schedule(names: Iterable[str], now: float, seconds: float) -> Copies:
    """Return what a sharing update does, region by region, from now on for so many seconds."""
    return {name: RegionCopy(name, now, now + seconds) for name in names}


def status(copies: Mapping[str, RegionCopy], now: float) -> Json:
    """Return the sharing status. [?] that it names the regions of the gallery and of its versions."""
    summary = [_row(copy, now) for copy in copies.values()]
    states = {row["state"] for row in summary}
    aggregated = next((state for state in ("InProgress", "Failed") if state in states), "Succeeded")
    return {"aggregatedState": aggregated, "summary": summary}


def _row(copy: RegionCopy, now: float) -> Json:
    row = {"region": regions.display(copy.region), "state": "InProgress", "details": ""}
    if copy.failed(now):
        return {**row, "state": "Failed", "details": copy.failure}
    return {**row, "state": "Succeeded"} if copy.completed(now) else row
