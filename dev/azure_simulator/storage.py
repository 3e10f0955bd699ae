"""The storage profile of a version: how it names its source, and what the service fills in."""

from __future__ import annotations

from dev.azure_simulator import errors
from dev.azure_simulator.paths import Json
from dev.azure_simulator.rules import Draft, refuse_changes, same
from dev.azure_simulator.sources import Facts

_PATH = "galleryImageVersion.properties.storageProfile"
_SOURCES = "gallery artifact version source can only be specified either directly under storageProfile or within "
_LUNS = (0, 63)
_IMMUTABLE = (
    "storageProfile.source.id",
    "storageProfile.source.virtualMachineId",
    "storageProfile.source.communityGalleryImageId",
)


def build(draft: Draft) -> Json:
    """Return the storage profile that this write leaves.

    Raises ArmError when a rule forbids it.
    """
    wanted: Json = draft.properties["storageProfile"]
    if draft.current is None:
        _check_luns(wanted)
        _check_one_kind_of_source(wanted)
        return {name: value for name, value in wanted.items() if value}
    refuse_changes(draft, _IMMUTABLE)
    facts = draft.current.facts
    luns = {lun for lun, _ in facts.data_disks} if facts else set()
    if any(disk["lun"] not in luns for disk in wanted.get("dataDiskImages", [])):
        text = "Adding new Data Disks or changing the LUN of a Data Disk in an existing Image is not allowed."
        raise errors.invalid_parameter(text, f"{_PATH}.dataDiskImages")
    kept: Json = draft.old["storageProfile"]
    _check_disks(wanted, with_disks(kept, facts) if facts else kept)
    return kept


def _check_disks(wanted: Json, existing: Json) -> None:
    """Refuse other sources of data disks, and other host caching. [?] that host caching is as fixed as the source"""
    data = {disk["lun"]: disk for disk in existing.get("dataDiskImages", [])}
    pairs = [("osDiskImage", wanted.get("osDiskImage", {}), existing.get("osDiskImage", {}))]
    for position, disk in enumerate(wanted.get("dataDiskImages", [])):
        pairs.append((f"dataDiskImages[{position}]", disk, data[disk["lun"]]))
    for where, disk, old in pairs:
        for name, value in disk.get("source", {}).items():
            if not same(value, old.get("source", {}).get(name)):
                raise errors.property_change(f"{_PATH}.{where}.source.{name}")
        if "hostCaching" in disk and disk["hostCaching"] != old.get("hostCaching"):
            raise errors.property_change(f"{_PATH}.{where}.hostCaching")


def with_disks(profile: Json, facts: Facts) -> Json:
    """Return a storage profile with what the service fills in when the version is built."""
    asked_os: Json = profile.get("osDiskImage", {})
    asked_data = {disk["lun"]: disk for disk in profile.get("dataDiskImages", [])}
    os_disk = {"sizeInGB": facts.size_gb, "hostCaching": facts.caching, "source": {}} | asked_os
    data = [
        {"lun": lun, "sizeInGB": size, "hostCaching": "None"} | asked_data.get(lun, {})
        for lun, size in facts.data_disks
    ]
    return {**profile, "osDiskImage": os_disk, **({"dataDiskImages": data} if data else {})}


def _check_luns(profile: Json) -> None:
    for position, disk in enumerate(profile.get("dataDiskImages", [])):
        low, high = _LUNS
        if not low <= disk["lun"] <= high:
            raise errors.out_of_range(disk["lun"], f"{_PATH}.dataDiskImages[{position}].lun", low, high)  # [?]


def _check_one_kind_of_source(profile: Json) -> None:
    data = profile.get("dataDiskImages", [])
    disks = [profile.get("osDiskImage", {}), *data]
    disk_sources = [disk["source"] for disk in disks if disk.get("source")]
    whole = len(profile.get("source", {})) == 1 and not disk_sources
    by_disk = not profile.get("source") and len(disk_sources) == len(disks)
    by_disk = by_disk and not any("id" in source and "uri" in source for source in disk_sources)
    if not whole and not by_disk:
        text = _SOURCES + "individual OS or data disks. One and only one source type must be specified."
        raise errors.invalid_parameter(text, _PATH)
    blobs = [(source.get("id") or source.get("uri", "")).casefold() for source in disk_sources]
    luns = [disk["lun"] for disk in data]
    if len(set(luns)) < len(luns) or len(set(blobs)) < len(blobs):
        text = "Disks of an image version must have different luns and different sources."
        raise errors.invalid_parameter(text, f"{_PATH}.dataDiskImages")  # [?] text
