"""How a wish is compared with what Azure has, and merged into it.

A wish is an ARM body that holds only what the spec says: what it does not name stays as Azure has it. The comparison
is semantic: names of regions, ids, dates and enums are normalised, fields that Azure fills in are not looked at.
A new field of the API needs nothing here, unless Azure spells it in several ways (`NORMALISED`), or its list is one of
named entries (`KEYED`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from gallery_operator.domain import regions
from gallery_operator.domain.plan import JSON, Change

#: What a change says of a list entry that is to come, and of one that is to go.
ADDED: Final = "added"
PRESENT: Final = "present"

TARGET_REGIONS: Final = "properties.publishingProfile.targetRegions"
EDGE_ZONES: Final = "properties.publishingProfile.targetExtendedLocations"
#: The lists of places that hold a version -> their fields in the spec.
PLACES: Final = {TARGET_REGIONS: "targetRegions", EDGE_ZONES: "edgeZones"}
USER_IDENTITIES: Final = "identity.userAssignedIdentities"


def instant(value: object) -> object:
    """Return the moment an RFC 3339 text means, or the value itself when it is none."""
    if not isinstance(value, str):
        return value
    try:
        # Azure writes seven digits of fractions; Python reads six.
        moment = datetime.fromisoformat(value)
    except ValueError:
        return value
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _region(value: object) -> object:
    return regions.normalise(value) if isinstance(value, str) else value


def folded(value: object) -> object:
    """Return a text without its case (ARM ids, enum values)."""
    return value.casefold() if isinstance(value, str) else value


def _folded_set(value: object) -> object:
    return sorted(map(str.casefold, map(str, value))) if isinstance(value, list) else value


def _identity_types(value: object) -> object:
    """Return which identities a type names: their order is of no interest, and no type means None."""
    named = {name.strip().casefold() for name in str(value or "").split(",")}
    return sorted(named - {"", "none"})


#: Path -> how both sides are spelled before they are compared.
NORMALISED: Final[Mapping[str, Callable[[object], object]]] = {
    "location": _region,
    "identity.type": _identity_types,
    "properties.endOfLifeDate": instant,
    "properties.osType": folded,
    "properties.osState": folded,
    "properties.hyperVGeneration": folded,
    "properties.architecture": folded,
    "properties.features.name": folded,
    "properties.disallowed.diskTypes": _folded_set,
    "properties.publishingProfile.endOfLifeDate": instant,
    "properties.publishingProfile.storageAccountType": folded,
    "properties.publishingProfile.storageAccountStrategy": folded,
    "properties.publishingProfile.replicationMode": folded,
    f"{TARGET_REGIONS}.name": _region,
    f"{TARGET_REGIONS}.storageAccountType": folded,
    f"{TARGET_REGIONS}.additionalReplicaSets.storageAccountType": folded,
    f"{EDGE_ZONES}.name": _region,
    f"{EDGE_ZONES}.extendedLocation.name": folded,
    f"{EDGE_ZONES}.storageAccountType": folded,
    **{
        f"{where}.encryption.{disk}.{field}": folded
        for where in (TARGET_REGIONS, EDGE_ZONES)
        for disk in ("osDiskImage", "dataDiskImages")
        for field in (
            "diskEncryptionSetId",
            "securityProfile.confidentialVMEncryptionType",
            "securityProfile.secureVMDiskEncryptionSetId",
        )
    },
    "properties.storageProfile.source.id": folded,
    "properties.storageProfile.source.virtualMachineId": folded,
    "properties.storageProfile.source.communityGalleryImageId": folded,
    "properties.storageProfile.osDiskImage.source.id": folded,
    "properties.storageProfile.osDiskImage.source.storageAccountId": folded,
    "properties.storageProfile.osDiskImage.hostCaching": folded,
    "properties.storageProfile.dataDiskImages.source.id": folded,
    "properties.storageProfile.dataDiskImages.source.storageAccountId": folded,
    "properties.storageProfile.dataDiskImages.hostCaching": folded,
}


class Keyed(NamedTuple):
    """A list of named entries."""

    key: str
    """The path of an entry's name within the entry."""
    spelled: Callable[[object], object]
    """How names are spelled before they are compared."""
    stays: frozenset[object] = frozenset()
    """Entries, by spelled name, that stay when the wish lacks them: Azure fills them in."""

    def name(self, entry: object) -> Any:
        """Return an entry's name as it is written; None when it has none."""
        value = at(entry, self.key)
        return value if isinstance(value, str | int) else None


def at(body: object, path: str) -> Any:
    """Return what a body has at a path that leads through no list; None when there is nothing."""
    value = body
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _as_is(value: object) -> object:
    return value


#: Path of a list of named entries -> what is special of it.
KEYED: Final[Mapping[str, Keyed]] = {
    TARGET_REGIONS: Keyed("name", _region),
    f"{TARGET_REGIONS}.additionalReplicaSets": Keyed("storageAccountType", folded),
    f"{TARGET_REGIONS}.encryption.dataDiskImages": Keyed("lun", _as_is),
    EDGE_ZONES: Keyed("extendedLocation.name", folded),
    f"{EDGE_ZONES}.encryption.dataDiskImages": Keyed("lun", _as_is),
    "properties.features": Keyed("name", folded, frozenset({"securitytype"})),
    "properties.storageProfile.dataDiskImages": Keyed("lun", _as_is),
}

#: Paths of objects whose keys are ARM ids, and whose values Azure alone writes: what the wish lacks is removed.
NAMES: Final = frozenset({USER_IDENTITIES})

#: Paths of objects that a wish says as a whole: a member it lacks is removed.
WHOLE: Final = frozenset({"properties.recommended.vCPUs", "properties.recommended.memory"})


def difference(wanted: JSON, found: JSON) -> tuple[Change, ...]:
    """Return the fields of `wanted` in which `found` differs, by path."""
    return tuple(_walk(wanted, found, "", ""))


def _walk(wanted: Any, found: Any, path: str, shown: str) -> list[Change]:
    if path in KEYED and isinstance(wanted, list):
        return _walk_keyed(wanted, found if isinstance(found, list) else [], path, shown)
    if isinstance(wanted, dict):
        inside = found if isinstance(found, dict) else {}
        if path in NAMES:
            return _walk_names(wanted, inside, path)
        members = {**dict.fromkeys(inside), **wanted} if path in WHOLE else wanted
        changes: list[Change] = []
        for key, value in members.items():
            changes += _walk(
                value, inside.get(key), f"{path}.{key}" if path else key, f"{shown}.{key}" if shown else key
            )
        return changes
    normal = NORMALISED.get(path, _as_is)
    if normal(wanted) == normal(found) or (found is None and _says_nothing(wanted, path)):
        return []
    return [Change(shown, found, wanted, path)]


def _says_nothing(wanted: object, path: str) -> bool:
    """Azure leaves out what is false or empty (azure-gallery-api.md §1.2 `disallowed`, §2.3); a tag may be empty."""
    return (wanted is False or wanted in ("", [])) and not path.startswith("tags.")


def _walk_names(wanted: JSON, found: JSON, path: str) -> list[Change]:
    have, want = ({name.casefold(): name for name in names} for names in (found, wanted))
    added = [Change(f"{path}[{name}]", None, ADDED, path) for key, name in want.items() if key not in have]
    return added + [Change(f"{path}[{name}]", PRESENT, None, path) for key, name in have.items() if key not in want]


def _walk_keyed(wanted: list[JSON], found: list[JSON], path: str, shown: str) -> list[Change]:
    keyed = KEYED[path]
    by_key = index(path, found)
    changes: list[Change] = []
    for each in wanted:
        here = f"{shown}[{keyed.name(each)}]"
        other = by_key.pop(keyed.spelled(keyed.name(each)), None)
        changes += [Change(here, None, ADDED, path)] if other is None else _walk(each, other, path, here)
    dropped = [each for key, each in by_key.items() if key not in keyed.stays]
    return changes + [Change(f"{shown}[{keyed.name(each)}]", PRESENT, None, path) for each in dropped]


def index(path: str, entries: list[JSON]) -> dict[object, JSON]:
    """Return the entries of a keyed list by their normalised key."""
    keyed = KEYED[path]
    return {keyed.spelled(name): each for each in entries if (name := keyed.name(each)) is not None}


def entries_of(body: JSON, path: str) -> dict[object, JSON]:
    """Return the entries of a body's keyed list, which is at `path`, by their normalised key."""
    entries = at(body, path)
    return index(path, entries if isinstance(entries, list) else [])


def merge(base: Any, over: Any, path: str = "") -> Any:
    """Return `base` with `over` laid on it: objects merge, keyed lists merge by key, anything else is replaced."""
    if path in KEYED and isinstance(over, list):
        keyed = KEYED[path]
        old = index(path, base if isinstance(base, list) else [])
        merged = [merge(old.pop(keyed.spelled(keyed.name(each)), {}), each, path) for each in over]
        return [*merged, *(each for key, each in old.items() if key in keyed.stays)]
    if isinstance(base, dict) and isinstance(over, dict) and path not in NAMES | WHOLE:
        result = dict(base)
        for name, value in over.items():
            result[name] = merge(base.get(name), value, f"{path}.{name}" if path else name)
        return result
    return over


def without(body: JSON, paths: frozenset[str], path: str = "") -> JSON:
    """Return a deep copy of an ARM body without the fields at `paths`; entries of lists have the path of the list."""
    if path in NAMES:
        return {name: {} for name in body}
    result: JSON = {}
    for key, value in body.items():
        here = f"{path}.{key}" if path else key
        if here in paths:
            continue
        if isinstance(value, dict):
            result[key] = without(value, paths, here)
        elif isinstance(value, list):
            result[key] = [without(each, paths, here) if isinstance(each, dict) else each for each in value]
        else:
            result[key] = value
    return result


def compact(value: Any) -> Any:
    """Return a body without the fields that are None; empty objects that result stay out, too."""
    if isinstance(value, dict):
        inner = {key: compact(each) for key, each in value.items() if each is not None}
        return {key: each for key, each in inner.items() if each != {} or value[key] == {}}
    if isinstance(value, list):
        return [compact(each) for each in value]
    return value
