"""Rules that galleries, definitions and versions share."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dev.azure_simulator import errors, regions
from dev.azure_simulator.paths import Json, ResourcePath
from dev.azure_simulator.schema import PARAMETER_NAMES
from dev.azure_simulator.store import Resource

#: From this API version on: V2 with Trusted Launch, and zone-redundant storage where there are zones.
NEW_DEFAULTS = "2025-03-03"
_REPLICAS = (1, 100)


@dataclass(frozen=True)
class Draft:
    """A write to be judged: the properties as requested, and the resource as it is (None: it is new)."""

    path: ResourcePath
    #: ARM name of the region.
    location: str
    properties: Json
    current: Resource | None
    api_version: str
    now: float
    #: Galleries only: the identity that the write leaves.
    identity: Json | None = None

    @property
    def old(self) -> Json:
        """The properties as they are; empty for a new resource."""
        return self.current.properties if self.current else {}


def checked_location(name: object, path: ResourcePath, current: Resource | None) -> str:
    """Return the ARM name of the region of a request.

    Raises ArmError when it is missing, unknown, or another one than that of the existing resource.
    """
    region = regions.find(name) if isinstance(name, str) else None
    if name is None:
        target = f"{PARAMETER_NAMES[path.kind]}.location"
        raise errors.invalid_parameter(f"Required parameter '{target}' is missing (null).", target)  # [?]
    if region is None:
        raise errors.location_not_available(str(name), path.type, regions.REGIONS)
    if current and current.location != region.name:
        raise errors.resource_in_other_location(path.name, current.location, region.name, path.group)
    return region.name


def member(properties: Json, path: str) -> Any:
    """Return what is at a dotted path, or None."""
    value: Any = properties
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def refuse_changes(draft: Draft, paths: Iterable[str]) -> None:
    """Refuse a request that names an immutable property with another value; an omitted one keeps its value."""
    if draft.current is None:
        return
    for path in paths:
        wanted = member(draft.properties, path)
        if wanted is not None and not same(wanted, member(draft.old, path)):
            raise errors.property_change(f"{PARAMETER_NAMES[draft.path.kind]}.properties.{path}")


def same(one: Any, other: Any) -> bool:
    """Compare values, texts without regard to case (ids come back in changing case)."""
    if isinstance(one, str) and isinstance(other, str):
        return one.casefold() == other.casefold()
    return bool(one == other)


def check_access(draft: Draft, wanted: Sequence[str], access: Mapping[str, Collection[str]]) -> None:
    """Refuse restricted regions, as location or target region, that the subscription lacks.

    [?] as if there were no such regions. `access`: subscription -> the restricted regions that it has.
    """
    closed = regions.closed_to(draft.path.subscription, access)
    if draft.location in closed:
        available = [name for name in regions.REGIONS if name not in closed]
        raise errors.location_not_available(draft.location, draft.path.type, available)
    if refused := [name for name in wanted if name in closed]:
        raise errors.unknown_region(refused[0], wanted.index(refused[0]))


def check_replicas(count: int | None, path: str) -> None:
    """Refuse a replica count that is out of range."""
    low, high = _REPLICAS
    if count is not None and not low <= count <= high:
        raise errors.out_of_range(count, path, low, high)


def check_end_of_life(draft: Draft, wanted: str | None, old: str | None) -> None:
    """Refuse a date that has passed. [?] an unchanged one may have."""
    if wanted is not None and wanted != old and datetime.fromisoformat(wanted).timestamp() <= draft.now:
        raise errors.invalid_parameter("EndOfLifeDate must be set to a future date.")
