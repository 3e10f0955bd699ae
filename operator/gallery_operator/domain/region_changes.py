"""Changes of target regions and edge zones that Azure cannot make, or that lose something.

A region leaves only when the spec drops it and `safety.allowRegionRemoval` says so. The storage type of a region in use
cannot change; with the same permission the region is removed and added again, one region at a time, never the home
region (azure-gallery-api.md §6.1, §6.11).
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import replace
from typing import Final

from gallery_operator.api.conditions import Reason
from gallery_operator.domain import regions
from gallery_operator.domain.difference import ADDED, EDGE_ZONES, PRESENT, TARGET_REGIONS, index
from gallery_operator.domain.plan import JSON, Blocked, Change, Update
from gallery_operator.domain.resources import as_dict, as_list

_STORAGE_TYPES: Final = frozenset({f"{TARGET_REGIONS}.storageAccountType", f"{EDGE_ZONES}.storageAccountType"})
_ENCRYPTION: Final = (f"{TARGET_REGIONS}.encryption", f"{EDGE_ZONES}.encryption")
_PERMISSION: Final = "safety.allowRegionRemoval: true"


def judge(step: Update, observed: JSON, home: str, *, failed: Set[str], removal_allowed: bool) -> Update | Blocked:
    """Return the update as Azure can make it, or why it must not be made.

    :param home: the home region, normalised.
    :param failed: normalised names of regions where replication failed: nothing is lost with those.
    """
    if (lost := _lost(step.changes, failed)) and not removal_allowed:
        return Blocked(
            Reason.REGION_REMOVAL_NOT_ALLOWED,
            f"targetRegions or edgeZones no longer name {', '.join(lost)[:300]}: scale sets there could not grow any "
            f"more. Set {_PERMISSION} to remove, or name the region again",
        )
    for each in step.changes:
        if each.rule.startswith(_ENCRYPTION):
            return Blocked(
                Reason.ENCRYPTION_DIFFERS,
                f"{each}: Azure cannot change the encryption of a region in use; name the encryption it has, or "
                "publish another version",
            )
    moved = sorted((_name(each), each) for each in step.changes if each.rule in _STORAGE_TYPES and each.found)
    if not moved:
        return step
    for name, change in moved:
        if regions.normalise(name) == home:
            return _storage_differs(
                change, "the home region is never removed: name the type it has, or publish another"
            )
        if not removal_allowed:
            return _storage_differs(
                change, f"name the type it has, or set {_PERMISSION} to have the region removed and added again"
            )
    body = _with_present_types(step.body, observed)
    if any(each.rule in (TARGET_REGIONS, EDGE_ZONES) and each.wanted == ADDED for each in step.changes):
        return replace(step, body=body)  # what is to come back comes before the next one leaves
    first, change = moved[0]
    body = without_regions(body, {regions.normalise(first)})
    return replace(step, body=body, why=f"{first} is removed, to be added again with {change.wanted}")


def _storage_differs(change: Change, mend: str) -> Blocked:
    return Blocked(
        Reason.STORAGE_TYPE_DIFFERS, f"{change}: Azure cannot change the storage type of a region in use; {mend}"
    )


def _lost(changes: Iterable[Change], failed: Set[str]) -> list[str]:
    dropped = [_name(each) for each in changes if each.rule in (TARGET_REGIONS, EDGE_ZONES) and each.found == PRESENT]
    return [name for name in dropped if regions.normalise(name) not in failed]


def _name(change: Change) -> str:
    """Return the entry that a change is about: the name in `….targetRegions[West Europe].storageAccountType`."""
    return change.path.partition("[")[2].partition("]")[0]


def _with_present_types(body: JSON, observed: JSON) -> JSON:
    """Return the body with every region and edge zone on the storage that Azure has."""
    present = as_dict(as_dict(observed.get("properties")).get("publishingProfile"))
    profile = dict(body["properties"]["publishingProfile"])
    for field, path in (("targetRegions", TARGET_REGIONS), ("targetExtendedLocations", EDGE_ZONES)):
        if field in profile:
            known = index(path, as_list(present.get(field)))
            profile[field] = [
                each | _storage_type(known.get(name)) for name, each in index(path, as_list(profile[field])).items()
            ]
    return {**body, "properties": {**body["properties"], "publishingProfile": profile}}


def _storage_type(entry: JSON | None) -> JSON:
    kept = (entry or {}).get("storageAccountType")
    return {"storageAccountType": kept} if kept else {}


def without_regions(body: JSON, removed: Set[str]) -> JSON:
    """Return a PUT body that removes regions and edge zones, by their normalised names."""
    profile = dict(body["properties"]["publishingProfile"])
    for field, path in (("targetRegions", TARGET_REGIONS), ("targetExtendedLocations", EDGE_ZONES)):
        if field in profile:
            entries = index(path, as_list(profile[field]))
            profile[field] = [each for name, each in entries.items() if name not in removed]
    safety = {**as_dict(body["properties"].get("safetyProfile")), "allowDeletionOfReplicatedLocations": True}
    return {**body, "properties": {**body["properties"], "publishingProfile": profile, "safetyProfile": safety}}
