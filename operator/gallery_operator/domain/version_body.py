"""The ARM body of an image version: the one place where a field of the spec becomes a field of Azure's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Final

from gallery_operator.api.base import TargetRegion
from gallery_operator.api.image_definition import ImageDefinitionSpec, VersionDefaults
from gallery_operator.api.image_version import DiskSource, ImageVersion, Source
from gallery_operator.domain import regions, resources
from gallery_operator.domain.difference import TARGET_REGIONS, compact, index
from gallery_operator.domain.plan import JSON
from gallery_operator.domain.resources import Wish

_STORAGE: Final = "properties.storageProfile"
_IMMUTABLE: Final = frozenset({"location", "properties.publishingProfile.replicationMode", _STORAGE})
_READ_ONLY: Final = resources.READ_ONLY | {
    "properties.replicationStatus",
    "properties.validationsProfile",
    "properties.imageMetadataProfiles",
    "properties.publishingProfile.publishedDate",
    "properties.safetyProfile.reportedForPolicyViolation",
    "properties.safetyProfile.policyViolations",
    f"{_STORAGE}.osDiskImage.sizeInGB",
    f"{_STORAGE}.dataDiskImages.sizeInGB",
}
#: Sent with a new version where the spec says nothing: newer API versions changed their defaults.
_PROFILE_DEFAULTS: Final[JSON] = {"replicaCount": 1, "replicationMode": "Full", "excludeFromLatest": False}
_DEFAULT_STORAGE: Final = "Standard_LRS"

_VMS_PER_REPLICA: Final = 20
_INSTANCES_PER_REPLICA: Final = 600


@dataclass(frozen=True)
class Parents:
    """What a version takes from its definition and gallery; for a definition that is not managed here, only the id."""

    home: str
    """The region where the version lives, normalised."""
    definition: ImageDefinitionSpec | None = None

    @property
    def defaults(self) -> VersionDefaults:
        defaults = self.definition.version_defaults if self.definition else None
        return defaults or VersionDefaults()


def replicas_for(region: TargetRegion) -> int | None:
    """Return the replicas a region asks for: by number, or by capacity.

    Azure's guidance: one replica per 20 VMs created together, one per 600 scale-set instances, the larger wins.
    """
    if region.capacity is None:
        return region.replicas
    by_machines = ceil((region.capacity.virtual_machines or 0) / _VMS_PER_REPLICA)
    by_instances = ceil((region.capacity.scale_set_instances or 0) / _INSTANCES_PER_REPLICA)
    return max(1, by_machines, by_instances)


def target_regions(version: ImageVersion, parents: Parents) -> list[TargetRegion]:
    """Return the regions that are wanted: the version's own, else the definition's defaults, else the home region."""
    return version.spec.target_regions or parents.defaults.target_regions or [TargetRegion(name=parents.home)]


def wish(
    version: ImageVersion, parents: Parents, observed: JSON | None, owner: str, *, leaves_latest: bool, now: datetime
) -> Wish:
    """Return what Azure is to have (api-version 2026-03-03, GalleryImageVersion).

    `leaves_latest`: the lifecycle wants the version excluded from latest, whatever its spec says.
    """
    spec, defaults = version.spec, parents.defaults
    replicas = spec.replicas or defaults.replicas
    storage = spec.storage_account_type
    safety = spec.safety
    body: JSON = compact(
        {
            "location": parents.home,
            "tags": resources.wanted_tags(spec.tags, owner, observed),
            "properties": {
                "publishingProfile": {
                    "targetRegions": [
                        {
                            "name": regions.normalise(each.name),
                            "regionalReplicaCount": replicas_for(each) or replicas,
                            "storageAccountType": each.storage_account_type or storage,
                            "excludeFromLatest": each.exclude_from_latest,
                        }
                        for each in target_regions(version, parents)
                    ],
                    "replicaCount": replicas,
                    "excludeFromLatest": spec.exclude_from_latest or leaves_latest,
                    "endOfLifeDate": resources.future(spec.end_of_life_date, now),
                },
                "storageProfile": source(spec.source),
                "safetyProfile": {
                    "allowDeletionOfReplicatedLocations": bool(safety and safety.allow_region_removal),
                    "blockDeletionBeforeEndOfLife": safety.block_deletion_before_end_of_life if safety else None,
                },
            },
        }
    )
    general = str(storage or defaults.storage_account_type or _DEFAULT_STORAGE)
    fresh = {"regionalReplicaCount": replicas or 1, "storageAccountType": general, "excludeFromLatest": False}
    return Wish(_fill_new_regions(body, observed, fresh), _new(general), _IMMUTABLE, _READ_ONLY)


def _new(storage: str) -> JSON:
    """Return what only a new version gets where the spec says nothing."""
    return {
        "properties": {
            "publishingProfile": {**_PROFILE_DEFAULTS, "storageAccountType": storage},
            "safetyProfile": {"blockDeletionBeforeEndOfLife": False},
        }
    }


def _fill_new_regions(body: JSON, observed: JSON | None, fresh: JSON) -> JSON:
    """A region that Azure has not yet gets explicit defaults; in one it has, what the spec leaves open stays."""
    profile = resources.as_dict(resources.as_dict((observed or {}).get("properties")).get("publishingProfile"))
    present = index(TARGET_REGIONS, resources.as_list(profile.get("targetRegions")))
    for region in body["properties"]["publishingProfile"]["targetRegions"]:
        if region["name"] not in present:
            region.update({key: value for key, value in fresh.items() if key not in region})
    return body


def source(wanted: Source) -> JSON:
    """Return the storage profile of a source."""
    if wanted.disks is not None:
        disks = wanted.disks
        return {
            "osDiskImage": _disk(disks.os),
            "dataDiskImages": [{"lun": each.lun, **_disk(each)} for each in disks.data] if disks.data else None,
        }
    by_id = wanted.managed_image or wanted.gallery_image_version
    return {"source": {"id": by_id.id if by_id else None}}


def source_kinds(body: JSON) -> set[str]:
    """Return by which fields of its storage profile a version in Azure, or a wish, names its source."""
    profile = resources.as_dict(resources.as_dict(body.get("properties")).get("storageProfile"))
    whole = resources.as_dict(profile.get("source"))
    disk = resources.as_dict(resources.as_dict(profile.get("osDiskImage")).get("source"))
    kinds = {f"source.{each}" for each in ("id", "virtualMachineId", "communityGalleryImageId") if whole.get(each)}
    by_disk = any(disk.get(each) for each in ("id", "uri", "storageAccountId"))
    return kinds | {"osDiskImage.source"} if by_disk else kinds


def with_one_source(body: JSON, wanted: JSON) -> JSON:
    """Return the body of a PUT with only the kind of source that is wanted: Azure also reports disks it made itself."""
    whole = "source" in wanted["properties"]["storageProfile"]
    others = {"osDiskImage", "dataDiskImages"} if whole else {"source"}
    profile = {key: value for key, value in body["properties"]["storageProfile"].items() if key not in others}
    return {**body, "properties": {**body["properties"], "storageProfile": profile}}


def _disk(disk: DiskSource) -> JSON:
    return {"source": {"id": disk.snapshot.id}, "hostCaching": disk.host_caching}
