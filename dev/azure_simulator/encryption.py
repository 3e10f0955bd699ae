"""Encryption of a version with customer-managed keys, region by region."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from dev.azure_simulator import errors, regions
from dev.azure_simulator.paths import Json
from dev.azure_simulator.rules import Draft
from dev.azure_simulator.sources import SOURCE_ID, Facts, Sources

_PROFILE = "galleryImageVersion.properties.publishingProfile"
#: [?] confidential encryption with customer-managed keys, which therefore needs a disk encryption set.
_WITH_OWN_KEY = frozenset({"EncryptedWithCmk", "DataDiskEncryptedWithCmk"})


class _Place(NamedTuple):
    """A target region or edge zone: where the request says so, the region, and how disks are encrypted there."""

    path: str
    region: str
    encryption: Json


class _Disk(NamedTuple):
    """The encryption of one disk in one place; no LUN: that of the OS disk."""

    path: str
    region: str
    lun: int | None
    settings: Json


def check(draft: Draft, publishing: Json, facts: Facts, sources: Sources) -> None:
    """Judge the encryption that a version is to have, in the regions that a write adds and in those there are.

    Raises ArmError when a rule forbids it. [?] the texts; that edge zones need not be encrypted when regions are.
    """
    targets = list(_target_regions(publishing))
    disks = [disk for place in (*targets, *_edge_zones(publishing)) for disk in _disks(place)]
    if not disks:
        return
    if publishing.get("replicationMode") == "Shallow":
        raise _refusal("Disk encryption sets are not allowed with shallow replication.", disks[0].path)
    _check_luns(disks, facts)
    for disk in disks:
        _check_sets(disk, draft, sources)
    _check_same_everywhere(targets)


def is_encrypted(publishing: Json) -> bool:
    """Tell whether a disk of a version is encrypted with a customer-managed key anywhere."""
    places = (*_target_regions(publishing), *_edge_zones(publishing))
    return any(_encrypted(place) for place in places)


def _target_regions(publishing: Json) -> Iterator[_Place]:
    for position, target in enumerate(publishing["targetRegions"]):
        path = f"{_PROFILE}.targetRegions[{position}].encryption"
        yield _Place(path, regions.normalise(target["name"]), target.get("encryption", {}))


def _edge_zones(publishing: Json) -> Iterator[_Place]:
    for position, zone in enumerate(publishing.get("targetExtendedLocations", [])):
        path = f"{_PROFILE}.targetExtendedLocations[{position}].encryption"
        yield _Place(path, regions.normalise(zone["name"]), zone.get("encryption", {}))


def _disks(place: _Place) -> Iterator[_Disk]:
    if os_disk := place.encryption.get("osDiskImage"):
        yield _Disk(f"{place.path}.osDiskImage", place.region, None, os_disk)
    for position, disk in enumerate(place.encryption.get("dataDiskImages", [])):
        yield _Disk(f"{place.path}.dataDiskImages[{position}]", place.region, disk["lun"], disk)


def _check_luns(disks: list[_Disk], facts: Facts) -> None:
    there = {lun for lun, _ in facts.data_disks}
    seen: set[str] = set()
    for disk in disks:
        if disk.lun is None:
            continue
        if disk.lun not in there:
            text = f"The lun '{disk.lun}' in the encryption of data disk images is not one of the source's data disks."
            raise _refusal(text, f"{disk.path}.lun")
        slot = f"{disk.path.rpartition('[')[0]} {disk.lun}"
        if slot in seen:
            raise _refusal(f"The encryption of data disk images has duplicate lun '{disk.lun}'.", f"{disk.path}.lun")
        seen.add(slot)


def _check_sets(disk: _Disk, draft: Draft, sources: Sources) -> None:
    security = disk.settings.get("securityProfile", {})
    secure_path = f"{disk.path}.securityProfile.secureVMDiskEncryptionSetId"
    if security.get("confidentialVMEncryptionType") in _WITH_OWN_KEY and not _secure_set(disk):
        kind = security["confidentialVMEncryptionType"]
        raise _refusal(f"Confidential VM encryption type '{kind}' needs a secure VM disk encryption set.", secure_path)
    for path, set_id, confidential in (
        (f"{disk.path}.diskEncryptionSetId", disk.settings.get("diskEncryptionSetId"), False),
        (secure_path, _secure_set(disk), True),
    ):
        if set_id:
            _check_set(path, set_id, disk.region, draft, sources)
            found = sources.find(set_id)
            if confidential and found and not found.confidential:
                raise _refusal(f"Disk encryption set '{set_id}' is not one for confidential virtual machines.", path)


def _check_set(path: str, set_id: str, region: str, draft: Draft, sources: Sources) -> None:
    match = SOURCE_ID.fullmatch(set_id)
    if match is None or not match["nested"].lower().startswith("microsoft.compute/diskencryptionsets/"):
        shown = path.removeprefix("galleryImageVersion.")
        text = f"Property id '{set_id[:300]}' at path '{shown}' is invalid. Expect fully qualified resource Id."
        raise errors.invalid_parameter(text, path)
    if match["subscription"].casefold() != draft.path.subscription.casefold():
        text = f"Disk encryption set '{set_id}' must be in the same subscription as the gallery image version."
        raise _refusal(text, path)
    found = sources.find(set_id)
    if found is None or found.region != region:
        text = f"Disk encryption set '{set_id}' is not found in region '{regions.display(region)}'."
        raise _refusal(text, path)


def _check_same_everywhere(targets: list[_Place]) -> None:
    """Refuse a disk that has a disk encryption set in some regions only. [?] per disk"""
    slots = [_encrypted(target) for target in targets]
    everywhere = set[str]().union(*slots)
    for target, present in zip(targets, slots, strict=True):
        if missing := everywhere - present:
            text = (
                f"A disk encryption set for the {min(missing)} must be provided in all target regions when it is in "
                f"one; '{regions.display(target.region)}' has none."
            )
            raise _refusal(text, target.path)


def _encrypted(place: _Place) -> set[str]:
    names = set()
    for disk in _disks(place):
        if disk.settings.get("diskEncryptionSetId") or _secure_set(disk):
            names.add("OS disk" if disk.lun is None else f"data disk at lun {disk.lun}")
    return names


def _secure_set(disk: _Disk) -> str | None:
    set_id: str | None = disk.settings.get("securityProfile", {}).get("secureVMDiskEncryptionSetId")
    return set_id


def _refusal(text: str, target: str) -> errors.ArmError:
    return errors.invalid_parameter(text, target)
