"""Edge zones that a version goes to besides its target regions (`targetExtendedLocations`)."""

from __future__ import annotations

from dev.azure_simulator import errors, regions
from dev.azure_simulator.paths import Json
from dev.azure_simulator.rules import Draft, check_replicas, same

_PATH = "galleryImageVersion.properties.publishingProfile.targetExtendedLocations"


def build(draft: Draft, wanted: Json) -> list[Json]:
    """Return the edge zones that a write of the publishing profile leaves, with display names and defaults.

    The Azure CLI's recorded tests show names, fields and durations; that the region of an edge zone need not be a
    target region; and that a PUT that leaves edge zones out wants none. [?] the refusals and the defaults.
    Raises ArmError when a rule forbids it.
    """
    old: list[Json] = draft.old.get("publishingProfile", {}).get("targetExtendedLocations", [])
    asked: list[Json] = wanted.get("targetExtendedLocations", [])
    zones = [
        _zone(zone, f"{_PATH}[{position}]", old, wanted.get("replicaCount", 1)) for position, zone in enumerate(asked)
    ]
    names = [name_of(zone) for zone in zones]
    if len(set(names)) != len(names):
        raise errors.invalid_parameter("Duplicate extended locations are not allowed.", _PATH)
    return zones


def name_of(zone: Json) -> str:
    """Return the name of an edge zone, by which the replication status knows it."""
    return regions.normalise(zone["extendedLocation"]["name"])


def _zone(asked: Json, path: str, old: list[Json], replicas: int) -> Json:
    name = asked.get("extendedLocation", {}).get("name")
    zone = regions.find_edge_zone(name or "")
    if zone is None:
        text = f"The extended location '{(name or '')[:100]}' of parameter '{path}.extendedLocation.name' is not known."
        raise errors.invalid_parameter(text, f"{path}.extendedLocation.name")
    if regions.normalise(asked.get("name", "")) != zone.region:
        text = f"The region of the extended location '{zone.name}' is '{regions.display(zone.region)}'."
        raise errors.invalid_parameter(text, f"{path}.name")
    check_replicas(asked.get("extendedLocationReplicaCount"), f"{path}.extendedLocationReplicaCount")
    existing = next((each for each in old if name_of(each) == zone.name), {})
    for member in ("storageAccountType", "encryption"):
        if existing and member in asked and not same(asked[member], existing.get(member)):
            raise errors.property_change(f"{path}.{member}")
    defaults = {"extendedLocationReplicaCount": replicas, "storageAccountType": "Standard_LRS"}
    kept = {name: existing[name] for name in ("storageAccountType", "encryption") if name in existing}
    location = {"name": zone.name, "type": "EdgeZone"}
    return defaults | kept | asked | {"name": regions.display(zone.region), "extendedLocation": location}
