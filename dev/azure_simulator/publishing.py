"""The publishing profile of a version: target regions, replicas, storage types, dates."""

from __future__ import annotations

from dev.azure_simulator import edge_zones, errors, regions
from dev.azure_simulator.operations import timestamp
from dev.azure_simulator.paths import Json
from dev.azure_simulator.regions import Region
from dev.azure_simulator.rules import NEW_DEFAULTS, Draft, check_end_of_life, check_replicas, refuse_changes, same

_PATH = "galleryImageVersion.properties.publishingProfile"
#: Members that keep their value when a PUT leaves them out.
_LASTING = ("endOfLifeDate", "storageAccountType", "storageAccountStrategy", "replicationMode")


def build(draft: Draft) -> Json:
    """Return the publishing profile that this write leaves: with display names and defaults.

    Raises ArmError when a rule forbids it.
    """
    old: Json = draft.old.get("publishingProfile", {})
    wanted: Json = draft.properties.get("publishingProfile", old)  # [?] left out altogether: all of it stays
    check_end_of_life(draft, wanted.get("endOfLifeDate"), old.get("endOfLifeDate"))
    refuse_changes(draft, ("publishingProfile.replicationMode", "publishingProfile.storageAccountStrategy"))
    check_replicas(wanted.get("replicaCount"), f"{_PATH}.replicaCount")
    if "storageAccountType" in wanted and "storageAccountStrategy" in wanted:
        text = "StorageAccountType and StorageAccountStrategy cannot be specified together."
        raise errors.invalid_parameter(text, f"{_PATH}.storageAccountStrategy")  # [?] text
    # [?] left out altogether: those that exist stay, a new version goes to its home region.
    unsaid: list[Json] = old.get("targetRegions", [{"name": draft.location}])
    asked: list[Json] = wanted.get("targetRegions", unsaid)
    targets = _targets(draft, asked, wanted)
    names = [regions.normalise(target["name"]) for target in targets]
    zones = edge_zones.build(draft, wanted)
    _check_drops(draft, [*names, *(edge_zones.name_of(zone) for zone in zones)])
    refuse_changes(draft, ("publishingProfile.storageAccountType",))
    places: Json = {"targetRegions": targets, **({"targetExtendedLocations": zones} if zones else {})}
    profile = _assemble(places, wanted, old, draft.now)
    _check_shallow(profile)
    return profile


def _assemble(places: Json, wanted: Json, old: Json, now: float) -> Json:
    profile = {
        **places,
        "replicaCount": wanted.get("replicaCount", 1),
        "excludeFromLatest": wanted.get("excludeFromLatest", False),
        "publishedDate": old.get("publishedDate", timestamp(now)),
    }
    for name in _LASTING:
        if (value := wanted.get(name, old.get(name))) is not None:
            profile[name] = value
    if "storageAccountType" not in profile and "storageAccountStrategy" not in profile:
        profile["storageAccountType"] = "Standard_LRS"  # as in the official examples of 2026-03-03, too
    return profile


def _check_shallow(profile: Json) -> None:
    """Refuse copies of a version that is not to be copied: [?] texts; the rule is that of Terraform's provider."""
    if profile.get("replicationMode") != "Shallow":
        return
    targets = profile["targetRegions"]
    if len(targets) > 1 or "targetExtendedLocations" in profile:
        text = "Shallow replication is only possible in the region of the image version, and nowhere else."
        raise errors.invalid_parameter(text, f"{_PATH}.targetRegions")
    if targets[0]["regionalReplicaCount"] > 1 or targets[0].get("additionalReplicaSets"):
        text = "Shallow replication allows one replica only."
        raise errors.invalid_parameter(text, f"{_PATH}.targetRegions[0].regionalReplicaCount")


def _targets(draft: Draft, asked: list[Json], profile: Json) -> list[Json]:
    known = [_region(target["name"], position) for position, target in enumerate(asked)]
    names = [region.name for region in known]
    if len(set(names)) != len(names):
        raise errors.duplicate_regions()
    if draft.location not in names:
        shown = ",".join(region.display_name for region in known)
        text = (
            f"Gallery image version publishing profile regions {{{shown}}} must contain the location of image version "
            f"{{{draft.location}}}."
        )
        raise errors.invalid_parameter(text, f"{_PATH}.targetRegions")
    pairs = zip(known, asked, strict=True)
    return [_target(draft, region, target, profile, position) for position, (region, target) in enumerate(pairs)]


def _region(name: str, position: int) -> Region:
    region = regions.find(name)
    if region is None:
        raise errors.unknown_region(name, position)
    return region


def _target(draft: Draft, region: Region, asked: Json, profile: Json, position: int) -> Json:
    path = f"{_PATH}.targetRegions[{position}]"
    check_replicas(asked.get("regionalReplicaCount"), f"{path}.regionalReplicaCount")
    for number, replica_set in enumerate(asked.get("additionalReplicaSets", [])):
        count_path = f"{path}.additionalReplicaSets[{number}].regionalReplicaCount"
        check_replicas(replica_set.get("regionalReplicaCount"), count_path)
        _check_zones(replica_set.get("storageAccountType"), region, f"{path}.additionalReplicaSets[{number}]")
    storage_type = asked.get("storageAccountType") or _default_type(draft, region, profile)
    _check_zones(storage_type, region, path)
    existing = _existing(draft, region)
    if existing and existing["storageAccountType"] != storage_type:
        if "storageAccountType" in asked:
            raise errors.property_change(f"{path}.storageAccountType")  # [?] an explicit change
        raise errors.storage_type_mismatch(region.display_name, existing["storageAccountType"])
    if existing and "encryption" in asked and not same(asked["encryption"], existing.get("encryption")):
        raise errors.property_change(f"{path}.encryption")
    target = {
        "name": region.display_name,
        "regionalReplicaCount": asked.get("regionalReplicaCount") or profile.get("replicaCount", 1),
        "storageAccountType": storage_type,
    }
    kept = {"encryption": existing["encryption"]} if existing and "encryption" in existing else {}
    return target | kept | {name: value for name, value in asked.items() if name not in target}


def _check_zones(storage_type: str | None, region: Region, path: str) -> None:
    if storage_type == "Standard_ZRS" and not region.has_zones:
        text = "ZRS storage account type is not supported in this region."
        raise errors.invalid_parameter(text, f"{path}.storageAccountType")


def _default_type(draft: Draft, region: Region, profile: Json) -> str:
    if "storageAccountType" in profile:
        return str(profile["storageAccountType"])
    default = "PreferStandard_ZRS" if draft.api_version >= NEW_DEFAULTS else "DefaultStandard_LRS"
    prefers_zones = profile.get("storageAccountStrategy", default) == "PreferStandard_ZRS"
    return "Standard_ZRS" if prefers_zones and region.has_zones else "Standard_LRS"


def _existing(draft: Draft, region: Region) -> Json | None:
    targets: list[Json] = draft.old.get("publishingProfile", {}).get("targetRegions", [])
    return next((target for target in targets if target["name"] == region.display_name), None)


def _check_drops(draft: Draft, wanted: list[str]) -> None:
    """Refuse to drop regions the version was replicated to.

    [?] a region whose replication failed may go freely; edge zones are regions here.
    """
    if draft.current is None or draft.properties.get("safetyProfile", {}).get("allowDeletionOfReplicatedLocations"):
        return
    dropped = [
        regions.display(region)
        for region, copy in draft.current.copies.items()
        if region not in wanted and not copy.failed(draft.now)
    ]
    if dropped:
        raise errors.region_drop_not_allowed(dropped)
