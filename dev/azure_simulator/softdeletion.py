"""Soft deletion: versions that were deleted from a gallery with a soft-delete policy, until they are gone for good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dev.azure_simulator import errors, regions
from dev.azure_simulator.operations import timestamp
from dev.azure_simulator.paths import Json, ResourcePath

if TYPE_CHECKING:
    from dev.azure_simulator.store import Resource

ARTIFACT_TYPE = "Images"
_DAY = 86_400
#: What holds where a policy does not say. Seven days are documented, the other is [?].
_RETENTION_DAYS, _GRACE_DAYS = 7, 0
#: [?] Nothing is documented about the bounds; these keep the dates computable.
_MOST_DAYS = 36_500


@dataclass(frozen=True, slots=True)
class Retention:
    """How long a soft-deleted version can be consumed, and how long restored after that; seconds."""

    consumption: float
    grace: float


@dataclass(slots=True)
class SoftDeleted:
    """A soft-deleted version. Times in Unix seconds of the clock; `deleted`: when its soft deletion had ended [?]."""

    resource: Resource
    deleted: float
    retention: Retention
    #: When it is gone because someone deleted it for good.
    purged: float = float("inf")

    @property
    def consumption_ends(self) -> float:
        return self.deleted + self.retention.consumption

    @property
    def hard_deletion(self) -> float:
        return self.consumption_ends + self.retention.grace

    def gone(self, now: float) -> bool:
        return now >= min(self.hard_deletion, self.purged)

    def body(self) -> Json:
        """Return the soft-deleted resource as it is listed."""
        path = self.resource.path
        gallery, definition, version = path.names
        root = ResourcePath(path.subscription, path.group, (gallery,)).id
        return {
            "name": version,
            "id": f"{root}/softDeletedArtifactTypes/{ARTIFACT_TYPE}/artifacts/{definition}/versions/{version}",
            "type": "Microsoft.Compute/galleries/softDeletedArtifactTypes/artifacts/versions",
            "location": self.resource.location,
            "properties": {
                "resourceArmId": path.id,
                "softDeletedArtifactType": ARTIFACT_TYPE,
                "softDeletedTime": timestamp(self.deleted),
                "consumptionEndTime": timestamp(self.consumption_ends),
                "hardDeletionTargetTime": timestamp(self.hard_deletion),
            },
        }


class Bin:
    """The soft-deleted versions, in order of their deletion."""

    def __init__(self) -> None:
        self._by_key: dict[str, SoftDeleted] = {}

    def settle(self, now: float) -> None:
        """Let those go whose time is over."""
        for key in [key for key, item in self._by_key.items() if item.gone(now)]:
            del self._by_key[key]

    def add(self, resource: Resource, when: float, retention: Retention) -> None:
        self._by_key[resource.path.key] = SoftDeleted(resource, when, retention)

    def get(self, path: ResourcePath) -> SoftDeleted | None:
        return self._by_key.get(path.key)

    def take(self, path: ResourcePath) -> Resource:
        """Take a version out, which is there."""
        return self._by_key.pop(path.key).resource

    def below(self, path: ResourcePath) -> list[SoftDeleted]:
        """Return what is soft-deleted in a gallery or definition."""
        return [item for key, item in self._by_key.items() if key.startswith(f"{path.key}/")]

    def drop_below(self, path: ResourcePath) -> None:
        for item in self.below(path):
            del self._by_key[item.resource.path.key]

    def clear(self) -> None:
        self._by_key.clear()


def retention_of(gallery: Resource | None) -> Retention | None:
    """Return what the policy of a gallery keeps; None when deletions there are for good."""
    policy: Mapping[str, int] = (gallery.properties.get("softDeletePolicy") or {}) if gallery else {}
    if not policy.get("isSoftDeleteEnabled"):
        return None
    days = policy.get("retentionPeriodInDays", _RETENTION_DAYS)
    return Retention(days * _DAY, policy.get("gracePeriodInDays", _GRACE_DAYS) * _DAY)


def check_policy(policy: Json) -> None:
    """Refuse periods that make no sense. [?] the bounds and the text"""
    for name, least in (("retentionPeriodInDays", 1), ("gracePeriodInDays", 0)):
        days = policy.get(name)
        if days is not None and not least <= days <= _MOST_DAYS:
            path = f"gallery.properties.softDeletePolicy.{name}"
            raise errors.out_of_range(days, path, least, _MOST_DAYS)


def check_restore(method: str, envelope: Json, deleted: SoftDeleted) -> None:
    """Check that a PUT or PATCH restores a soft-deleted version.

    Recorded is a PUT of location and tags, official a PATCH with `restore`. [?] any other PATCH finds nothing, and
    other properties in a PUT are passed over: the original ones come back.
    Raises ArmError when it does not.
    """
    path = deleted.resource.path
    if deleted.purged < float("inf"):
        raise errors.marked_for_deletion(path.name, "Update Gallery Image Version")
    if method == "PATCH":
        properties = envelope.get("properties")
        if not isinstance(properties, dict) or properties.get("restore") is not True:
            raise errors.resource_not_found(path.nested, path.group)
        return
    location = envelope.get("location")
    region = regions.find(location) if isinstance(location, str) else None
    if region is None or region.name != deleted.resource.location:
        text = (
            f"The soft-deleted gallery image version '{path.name}' can only be restored in its original location "
            f"'{deleted.resource.location}', and '{location!s:.100}' was provided."
        )
        raise errors.invalid_parameter(text, "galleryImageVersion.location")  # [?] code and text
