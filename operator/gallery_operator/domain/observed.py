"""What Azure says of an image version, read defensively: an answer is input, and any field may be missing or new."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gallery_operator.domain import regions
from gallery_operator.domain.difference import at, instant
from gallery_operator.domain.plan import JSON
from gallery_operator.domain.resources import BUSY, as_dict, as_list, provisioning_state


@dataclass(frozen=True, slots=True)
class TargetRegion:
    """A region the version is replicated to."""

    name: str
    replicas: int | None
    storage_account_type: str | None
    excluded: bool


@dataclass(frozen=True, slots=True)
class RegionReplication:
    """Azure's replication state of one region (RegionalReplicationStatus)."""

    state: str
    progress: int
    details: str


@dataclass(frozen=True, slots=True)
class ObservedVersion:
    """The facts of an image version that decisions rest on."""

    name: str
    state: str
    excluded: bool
    published: datetime | None
    end_of_life: datetime | None
    blocked_before_end_of_life: bool
    regions: tuple[TargetRegion, ...]
    edge_zones: tuple[str, ...] = ()
    """Names, normalised."""

    @property
    def numbers(self) -> tuple[int, ...]:
        return numbers(self.name)

    @property
    def succeeded(self) -> bool:
        return self.state == "Succeeded"

    @property
    def busy(self) -> bool:
        return self.state in BUSY


#: Galleries exist since then: an earlier publishing date is no date.
_FIRST_YEAR: Final = 2018

_VERSION: Final = re.compile(r"([0-9]{1,10})\.([0-9]{1,10})\.([0-9]{1,10})")


def numbers(version: str) -> tuple[int, ...]:
    """Return Major, Minor and Patch for comparing: numeric, not text (azure-gallery-api.md §6.4); () for no version."""
    match = _VERSION.fullmatch(version)
    return tuple(map(int, match.groups())) if match else ()


def read_version(name: str, raw: JSON) -> ObservedVersion:
    """Read an image version of a GET or LIST answer."""
    properties = as_dict(raw.get("properties"))
    profile = as_dict(properties.get("publishingProfile"))
    safety = as_dict(properties.get("safetyProfile"))
    return ObservedVersion(
        name=name,
        state=provisioning_state(raw),
        excluded=profile.get("excludeFromLatest") is True,
        published=_published(profile.get("publishedDate")),
        end_of_life=_date(profile.get("endOfLifeDate")),
        blocked_before_end_of_life=safety.get("blockDeletionBeforeEndOfLife") is True,
        regions=tuple(_target_region(each) for each in as_list(profile.get("targetRegions")) if isinstance(each, dict)),
        edge_zones=tuple(map(_edge_zone, as_list(profile.get("targetExtendedLocations")))),
    )


def is_being_built(raw: JSON) -> bool:
    """Tell whether Azure builds a version from its source now: it creates it, or tries again what failed."""
    state = provisioning_state(raw)
    return state == "Creating" or (state == "Updating" and not was_built(raw))


def was_built(raw: JSON) -> bool:
    """Tell whether a version may have been built from its source, whatever became of its replicas.

    Azure shows the size of its disk from then on (azure-gallery-api.md §1.3).
    """
    storage = as_dict(at(raw, "properties.storageProfile"))
    return not storage or bool(at(storage, "osDiskImage.sizeInGB"))


def source_id(raw: JSON) -> str | None:
    """Return the id of the managed image or version that a version is made from."""
    named = at(raw, "properties.storageProfile.source.id")
    return named if isinstance(named, str) else None


def _edge_zone(raw: object) -> str:
    name = as_dict(as_dict(raw).get("extendedLocation")).get("name")
    return regions.normalise(str(name or ""))[:64]


@dataclass(frozen=True, slots=True)
class SoftDeleted:
    """A version that was deleted and can be brought back (GallerySoftDeletedResource)."""

    version: str
    deleted_at: datetime | None
    consumption_end: datetime | None
    """Until then virtual machines can be created from it."""
    hard_deletion: datetime | None
    """About then Azure deletes it for good; until then it can be brought back."""


def read_soft_deleted(raw: JSON) -> SoftDeleted:
    """Read an entry of the list of soft-deleted versions."""
    properties = as_dict(raw.get("properties"))
    return SoftDeleted(
        version=str(raw.get("name") or "")[:32],
        deleted_at=_date(properties.get("softDeletedTime")),
        consumption_end=_date(properties.get("consumptionEndTime")),
        hard_deletion=_date(properties.get("hardDeletionTargetTime")),
    )


def _date(value: object) -> datetime | None:
    moment = instant(value)
    return moment if isinstance(moment, datetime) else None


def _published(value: object) -> datetime | None:
    # A .NET service writes an unset date as year 1: a version that old would be retired at once.
    moment = _date(value)
    return moment if moment is not None and moment.year >= _FIRST_YEAR else None


def _target_region(raw: JSON) -> TargetRegion:
    replicas, storage = raw.get("regionalReplicaCount"), raw.get("storageAccountType")
    return TargetRegion(
        name=regions.normalise(str(raw.get("name", "")))[:64],
        replicas=replicas if isinstance(replicas, int) else None,
        storage_account_type=storage[:64] if isinstance(storage, str) else None,
        excluded=raw.get("excludeFromLatest") is True,
    )


def read_replication(raw: JSON) -> dict[str, RegionReplication] | None:
    """Read `replicationStatus.summary` by region; None when the answer has none (`$expand` was not asked)."""
    status = as_dict(raw.get("properties")).get("replicationStatus")
    if not isinstance(status, dict):
        return None
    return {
        regions.normalise(str(each.get("region", "")))[:64]: RegionReplication(
            state=str(each.get("state") or "Unknown")[:64],
            progress=_percent(each.get("progress")),
            details=str(each.get("details") or "")[:512],
        )
        for each in as_list(status.get("summary"))
        if isinstance(each, dict)
    }


def _percent(value: object) -> int:
    return min(100, max(0, value)) if isinstance(value, int) else 0
