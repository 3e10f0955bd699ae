"""Changes of target regions and edge zones that Azure cannot make, or that lose something.

A region leaves only when the spec drops it and `safety.allowRegionRemoval` says so. The storage type of a region in use
cannot change; with the same permission the region is removed and added again, one region at a time, never the home
region (azure-gallery-api.md §6.1, §6.11).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import replace
from typing import Final, NamedTuple

from gallery_operator.api.conditions import Reason
from gallery_operator.domain import regions
from gallery_operator.domain.difference import ADDED, EDGE_ZONES, PLACES, PRESENT, TARGET_REGIONS, at, entries_of
from gallery_operator.domain.plan import JSON, Blocked, Change, Update, Wait
from gallery_operator.domain.resources import as_dict

_STORAGE_TYPES: Final = frozenset({f"{TARGET_REGIONS}.storageAccountType", f"{EDGE_ZONES}.storageAccountType"})
_ENCRYPTION: Final = (f"{TARGET_REGIONS}.encryption", f"{EDGE_ZONES}.encryption")
_PERMISSION: Final = "safety.allowRegionRemoval: true"
#: What a spec may leave open of a place, and how it would say it.
_OPEN: Final = {
    "regionalReplicaCount": "replicas",
    "extendedLocationReplicaCount": "replicas",
    "excludeFromLatest": "excludeFromLatest",
    "encryption": "encryption",
    "additionalReplicaSets": "additionalReplicaSets",
}


def judge(
    step: Update,
    said: JSON,
    observed: JSON,
    home: str,
    *,
    failed: Set[str],
    unfinished: Set[str],
    removal_allowed: bool,
) -> Update | Wait | Blocked:
    """Return the update as Azure can make it, or why it must not be made (now).

    :param said: the body that the specs say, without what Azure has.
    :param home: the home region, normalised.
    :param failed: normalised names of regions where replication failed: nothing is lost with those.
    :param unfinished: those where it is not complete, the failed ones among them.
    """
    if (refusal := _loses(step.changes, failed, home, removal_allowed=removal_allowed)) is not None:
        return refusal
    moves = {regions.normalise(each.entry): each for each in step.changes if _is_move(each)}
    if not moves:
        return step
    if any(each.rule in (TARGET_REGIONS, EDGE_ZONES) and each.wanted == ADDED for each in step.changes):
        return _without_moves(step, observed)  # what is to come back comes first, whatever is allowed now
    for name, change in sorted(moves.items()):
        if (why_not := _why_not_moved(name, said, observed, home, removal_allowed=removal_allowed)) is not None:
            return Blocked(
                Reason.STORAGE_TYPE_DIFFERS,
                f"{change}: Azure cannot change the storage type of a region in use; {why_not}",
            )
    return _move(step, observed, moves, failed, unfinished)


def _loses(changes: Iterable[Change], failed: Set[str], home: str, *, removal_allowed: bool) -> Blocked | None:
    """Return why the changes must not be made at all: a region would be lost, or its encryption changed."""
    changes = tuple(changes)
    if (lost := _lost(changes, failed)) and not removal_allowed:
        return Blocked(
            Reason.REGION_REMOVAL_NOT_ALLOWED,
            f"targetRegions or edgeZones no longer name {', '.join(lost)[:300]}: scale sets there could not grow any "
            f"more. Set {_PERMISSION} to remove, or name the region again",
        )
    for each in changes:
        if each.rule.startswith(_ENCRYPTION):
            at_home = regions.normalise(each.entry) == home
            mend = "publish another version" if at_home else "remove it from the spec, and then add it again"
            return Blocked(
                Reason.ENCRYPTION_DIFFERS,
                f"{each}: Azure cannot change the encryption of a region in use; name the encryption it has, or {mend}",
            )
    return None


def _is_move(change: Change) -> bool:
    return change.rule in _STORAGE_TYPES and bool(change.found)


def _why_not_moved(name: str, said: JSON, observed: JSON, home: str, *, removal_allowed: bool) -> str | None:
    """Return why a region or edge zone must not be removed to be added again on other storage."""
    if name == home:
        return "the home region is never removed: name the type it has, or publish another"
    if not removal_allowed:
        return f"name the type it has, or set {_PERMISSION} to have the region removed and added again"
    if missing := unsaid(said, observed, name):
        return f"removed and added again, it would lose what only Azure has: set {', '.join(missing)[:300]} in the spec"
    return None


def _move(
    step: Update, observed: JSON, moves: Mapping[str, Change], failed: Set[str], unfinished: Set[str]
) -> Update | Wait:
    """Remove the first place whose storage changes: one that failed, or else when all others serve."""
    first = min(moves, key=lambda name: (name not in failed, name))
    others = unfinished - {place.key for place in _leaving(observed, {first})}
    if others and first not in failed:
        rest = _without_moves(step, observed)
        why = f"{moves[first]}: the region is removed and added again when the others are complete"
        return rest if rest.changes else Wait(Reason.REPLICATING, f"{why}, {', '.join(sorted(others))[:300]} is not")
    why = f"{moves[first].entry} is removed, to be added again with {moves[first].wanted}"
    return replace(step, body=without_regions(with_present_types(step.body, observed), {first}), why=why)


def _without_moves(step: Update, observed: JSON) -> Update:
    changes = tuple(each for each in step.changes if not _is_move(each))
    return replace(step, body=with_present_types(step.body, observed), changes=changes)


def moving(observed: JSON, changes: Iterable[Change]) -> JSON:
    """Return a body with only those regions and edge zones that are to be removed and added again."""
    names = {regions.normalise(each.entry) for each in changes if _is_move(each)}
    profile: JSON = {}
    for place in _leaving(observed, names):
        profile.setdefault(_member(place.path), []).append(place.entry)
    return {"properties": {"publishingProfile": profile}}


def unsaid(said: JSON, observed: JSON, name: str) -> list[str]:
    """Return what a region, its edge zones among it, would lose by being removed and added again.

    What the spec leaves open stays as others made it; but Azure forgets it with the region.
    """
    lost = []
    for place in _leaving(observed, {name}):
        said_here = entries_of(said, place.path).get(place.key)
        if said_here is None:  # dropped by the spec, unless that says nothing of any
            lost += [place.field] if at(said, place.path) is None else []
            continue
        open_ = [each for each in _OPEN if each not in said_here and not _is_default(place.entry.get(each))]
        lost += [f"{place.field}.{_OPEN[each]}" for each in open_]
    return lost


class _Place(NamedTuple):
    """A region or edge zone of a version in Azure."""

    path: str
    """Of the list that it is in."""
    field: str
    """As the spec would name it."""
    key: str
    entry: JSON


def _leaving(observed: JSON, names: Set[str]) -> Iterator[_Place]:
    """Return what leaves with regions and edge zones of these names: the edge zones of a region go with it."""
    for path, field in PLACES.items():
        for key, entry in entries_of(observed, path).items():
            if _belongs(key, entry, names):
                yield _Place(path, f"{field}[{key}]", str(key), entry)


def _is_default(value: object) -> bool:
    return not value or (value == 1 and value is not True)


def _belongs(key: object, entry: JSON, places: Set[str]) -> bool:
    """Tell whether a region or edge zone is one of these places, or the edge zone of one: it goes with its region."""
    return key in places or regions.normalise(str(entry.get("name", ""))) in places


def _member(path: str) -> str:
    """Return the name that a list has in Azure's publishing profile."""
    return path.rpartition(".")[2]


def _lost(changes: Iterable[Change], failed: Set[str]) -> list[str]:
    dropped = [each.entry for each in changes if each.rule in (TARGET_REGIONS, EDGE_ZONES) and each.found == PRESENT]
    return [name for name in dropped if regions.normalise(name) not in failed]


def with_present_types(body: JSON, observed: JSON) -> JSON:
    """Return the body with every region and edge zone on the storage that Azure has."""
    profile = dict(body["properties"]["publishingProfile"])
    for path in PLACES:
        if _member(path) in profile:
            known, wanted = entries_of(observed, path), entries_of(body, path)
            profile[_member(path)] = [each | _storage_type(known.get(name)) for name, each in wanted.items()]
    return {**body, "properties": {**body["properties"], "publishingProfile": profile}}


def _storage_type(entry: JSON | None) -> JSON:
    kept = (entry or {}).get("storageAccountType")
    return {"storageAccountType": kept} if kept else {}


def without_regions(body: JSON, removed: Set[str]) -> JSON:
    """Return a PUT body that removes regions, with their edge zones, and edge zones, by their normalised names."""
    profile = dict(body["properties"]["publishingProfile"])
    for path in PLACES:
        if _member(path) in profile:
            wanted = entries_of(body, path)
            profile[_member(path)] = [each for name, each in wanted.items() if not _belongs(name, each, removed)]
    safety = {**as_dict(body["properties"].get("safetyProfile")), "allowDeletionOfReplicatedLocations": True}
    return {**body, "properties": {**body["properties"], "publishingProfile": profile, "safetyProfile": safety}}
