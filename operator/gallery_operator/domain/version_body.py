"""The ARM body of an image version: the one place where a field of the spec becomes a field of Azure's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Final

from gallery_operator.api.image_definition import ImageDefinitionSpec, VersionDefaults
from gallery_operator.api.image_version import ImageVersion, ImageVersionSpec
from gallery_operator.api.source import DiskSource, Source
from gallery_operator.api.target_regions import DiskEncryption, EdgeZone, Encryption, TargetRegion
from gallery_operator.domain import regions, resources
from gallery_operator.domain.difference import EDGE_ZONES, TARGET_REGIONS, at, compact, entries_of
from gallery_operator.domain.plan import JSON
from gallery_operator.domain.resources import Wish

_STORAGE: Final = "properties.storageProfile"
_PROFILE: Final = "properties.publishingProfile"
IMMUTABLE: Final = {
    "location": "spec.location",
    f"{_PROFILE}.replicationMode": "spec.replicationMode",
    f"{_PROFILE}.storageAccountStrategy": "spec.storageAccountStrategy",
    "properties.securityProfile.uefiSettings": "spec.uefiSettings",
    "properties.securityProfile": "spec.secretsProvisioning",
    _STORAGE: "spec.source",
}
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
_PROFILE_DEFAULTS: Final[JSON] = {"replicaCount": 1, "excludeFromLatest": False}
_DEFAULT_STORAGE: Final = "Standard_LRS"

_VMS_PER_REPLICA: Final = 20
_INSTANCES_PER_REPLICA: Final = 600


@dataclass(frozen=True)
class Parents:
    """What a version takes from its definition and gallery; for a definition that is not managed here, only the id."""

    home: str
    """The region where the version lives, normalised."""
    definition: ImageDefinitionSpec | None = None
    source_version: str | None = None
    """The ARM id that `source.galleryImageVersion.ref` stands for."""

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


def named_regions(version: ImageVersion, parents: Parents) -> list[TargetRegion] | None:
    """Return the regions that the version's spec names, or else the definition's."""
    defaults = None if version.spec.replication_mode == "Shallow" else parents.defaults.target_regions
    return version.spec.target_regions or defaults


def target_regions(version: ImageVersion, parents: Parents, observed: JSON | None = None) -> list[TargetRegion]:
    """Return the regions that are wanted: the version's own, else the definition's defaults, else the home region.

    One that existed before its object keeps the regions it has; a shallow version exists in its home region only.
    """
    if (named := named_regions(version, parents)) is not None:
        return named
    if observed is None or not resources.existed_before(observed):
        return [TargetRegion(name=parents.home)]
    return [TargetRegion.model_construct(name=name) for name in _present(observed, TARGET_REGIONS)]


def _present(observed: JSON | None, path: str) -> dict[str, JSON]:
    """Return the regions or edge zones that a version has, by their normalised names."""
    entries = entries_of(observed or {}, path)
    return {name: entry for name, entry in entries.items() if isinstance(name, str)}


def wish(
    version: ImageVersion, parents: Parents, observed: JSON | None, owner: str, *, leaves_latest: bool, now: datetime
) -> Wish:
    """Return what Azure is to have.

    `leaves_latest`: the lifecycle wants the version excluded from latest, whatever its spec says.
    """
    spec = version.spec
    tags = resources.wanted_tags(spec.tags, owner, observed)
    said = body(version, parents, observed, tags, leaves_latest=leaves_latest, now=now)
    storage: JSON = {}
    if spec.storage_account_strategy is None:  # else Azure chooses
        general = spec.storage_account_type or parents.defaults.storage_account_type or _DEFAULT_STORAGE
        storage = {"storageAccountType": str(general)}
    fresh = {"regionalReplicaCount": _replicas(spec, parents.defaults) or 1, "excludeFromLatest": False, **storage}
    return Wish(_fill_new_regions(said, observed, fresh), _new(storage), IMMUTABLE, _READ_ONLY)


def body(
    version: ImageVersion,
    parents: Parents,
    observed: JSON | None,
    tags: dict[str, str],
    *,
    leaves_latest: bool,
    now: datetime,
) -> JSON:
    """Return the ARM body that the specs say (api-version 2026-03-03, GalleryImageVersion).

    One that existed before its object keeps what its spec leaves open.
    """
    spec, safety = version.spec, version.spec.safety
    replicas = _replicas(spec, parents.defaults)
    unset = None if observed is not None and resources.existed_before(observed) else False
    return compact(  # type: ignore[no-any-return]
        {
            "location": parents.home,
            "tags": tags,
            "properties": {
                "publishingProfile": {
                    "targetRegions": [
                        _region(each, spec, replicas) for each in target_regions(version, parents, observed)
                    ],
                    "targetExtendedLocations": None
                    if spec.edge_zones is None
                    else [_edge_zone(each, replicas) for each in spec.edge_zones],
                    "replicaCount": replicas,
                    "replicationMode": _replication_mode(spec, observed),
                    "storageAccountStrategy": spec.storage_account_strategy,
                    "excludeFromLatest": leaves_latest or _either(spec.exclude_from_latest, unset),
                    "endOfLifeDate": resources.future(spec.end_of_life_date, now),
                },
                "storageProfile": source(spec.source, parents),
                "securityProfile": security(spec),
                "safetyProfile": {
                    "allowDeletionOfReplicatedLocations": safety.allow_region_removal if safety else unset,
                    "blockDeletionBeforeEndOfLife": safety.block_deletion_before_end_of_life if safety else None,
                },
            },
        }
    )


def _replication_mode(spec: ImageVersionSpec, observed: JSON | None) -> str | None:
    """Azure need not report that a version is Full; to name it then would be a change of what is immutable."""
    found = at(observed, "properties.publishingProfile.replicationMode")
    taken_for_granted = spec.replication_mode == "Full" and found is None
    return None if observed is not None and taken_for_granted else spec.replication_mode


def _either(value: bool | None, unset: bool | None) -> bool | None:
    return unset if value is None else value


def _replicas(spec: ImageVersionSpec, defaults: VersionDefaults) -> int | None:
    return 1 if spec.replication_mode == "Shallow" else spec.replicas or defaults.replicas


def _new(storage: JSON) -> JSON:
    """Return what only a new version gets where the spec says nothing."""
    return {
        "properties": {
            "publishingProfile": {**_PROFILE_DEFAULTS, **storage},
            "safetyProfile": {"blockDeletionBeforeEndOfLife": False},
        }
    }


def _region(wanted: TargetRegion, spec: ImageVersionSpec, replicas: int | None) -> JSON:
    sets = wanted.additional_replica_sets
    return {
        "name": regions.normalise(wanted.name),
        "regionalReplicaCount": replicas_for(wanted) or replicas,
        "storageAccountType": wanted.storage_account_type or spec.storage_account_type,
        "excludeFromLatest": wanted.exclude_from_latest,
        "encryption": _encryption(wanted.encryption),
        "additionalReplicaSets": None
        if sets is None
        else [
            {"storageAccountType": each.storage_account_type, "regionalReplicaCount": each.replicas} for each in sets
        ],
    }


def _edge_zone(wanted: EdgeZone, replicas: int | None) -> JSON:
    return {
        "name": regions.normalise(wanted.region),
        "extendedLocation": {"name": wanted.name, "type": "EdgeZone"},
        "extendedLocationReplicaCount": wanted.replicas or replicas,
        "storageAccountType": wanted.storage_account_type,
        "encryption": _encryption(wanted.encryption),
    }


def _encryption(wanted: Encryption | None) -> JSON | None:
    if wanted is None:
        return None
    return {
        "osDiskImage": _disk_encryption(wanted.os_disk) if wanted.os_disk else None,
        "dataDiskImages": [{"lun": each.lun, **_disk_encryption(each)} for each in wanted.data_disks]
        if wanted.data_disks
        else None,
    }


def _disk_encryption(wanted: DiskEncryption) -> JSON:
    profile = wanted.security_profile
    return {
        "diskEncryptionSetId": wanted.disk_encryption_set_id,
        "securityProfile": profile.model_dump(by_alias=True) if profile else None,
    }


def _fill_new_regions(body: JSON, observed: JSON | None, fresh: JSON) -> JSON:
    """A region that Azure has not yet gets explicit defaults; in one it has, what the spec leaves open stays."""
    present = _present(observed, TARGET_REGIONS)
    for region in body["properties"]["publishingProfile"]["targetRegions"]:
        if region["name"] not in present:
            region.update({key: value for key, value in fresh.items() if key not in region})
    zones = _present(observed, EDGE_ZONES)
    for zone in body["properties"]["publishingProfile"].get("targetExtendedLocations", ()):
        if zone["extendedLocation"]["name"].casefold() not in zones:
            zone.setdefault("storageAccountType", _DEFAULT_STORAGE)
            zone.setdefault("extendedLocationReplicaCount", fresh["regionalReplicaCount"])
    return body


def security(spec: ImageVersionSpec) -> JSON | None:
    """Return the security profile, if any."""
    uefi, secrets = spec.uefi_settings, spec.secrets_provisioning
    if uefi is None and secrets is None:
        return None
    return {
        "uefiSettings": uefi.model_dump(by_alias=True) if uefi else None,
        "secretsProvisioningSettings": secrets.model_dump(by_alias=True) if secrets else None,
    }


def source(wanted: Source, parents: Parents) -> JSON:
    """Return the storage profile of a source."""
    if wanted.disks is not None:
        disks = wanted.disks
        return {
            "osDiskImage": _disk(disks.os),
            "dataDiskImages": [{"lun": each.lun, **_disk(each)} for each in disks.data] if disks.data else None,
        }
    if wanted.virtual_machine is not None:
        return {"source": {"virtualMachineId": wanted.virtual_machine.id}}
    if wanted.community_gallery_image is not None:
        return {"source": {"communityGalleryImageId": wanted.community_gallery_image.id}}
    if wanted.managed_image is not None:
        return {"source": {"id": wanted.managed_image.id}}
    version = wanted.gallery_image_version
    return {"source": {"id": version.id or parents.source_version if version else None}}


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
    properties = resources.as_dict(body.get("properties"))
    found = resources.as_dict(properties.get("storageProfile"))
    profile = {key: value for key, value in found.items() if key not in others}
    return {**body, "properties": {**properties, "storageProfile": profile}}


def _disk(disk: DiskSource) -> JSON:
    by_id = disk.snapshot or disk.managed_disk
    vhd = disk.vhd
    return {
        "source": {
            "id": by_id.id if by_id else None,
            "uri": vhd.uri if vhd else None,
            "storageAccountId": vhd.storage_account_id if vhd else None,
        },
        "hostCaching": disk.host_caching,
    }
