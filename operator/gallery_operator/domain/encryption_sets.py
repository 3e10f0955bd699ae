"""Disk encryption sets of a version: in its subscription, in the region where they are used, and for disks it has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gallery_operator.api.conditions import Reason
from gallery_operator.domain import regions
from gallery_operator.domain.difference import PLACES, TARGET_REGIONS, entries_of
from gallery_operator.domain.plan import JSON, Blocked
from gallery_operator.domain.resources import as_dict, as_list


@dataclass(frozen=True, slots=True)
class SetReference:
    """A disk encryption set that a version names."""

    field: str
    id: str
    region: str
    """Where it is used, normalised."""
    confidential: bool = False
    """Whether it is for confidential virtual machines."""

    @property
    def subscription(self) -> str:
        return self.id.split("/")[2] if self.id.count("/") > 2 else ""


@dataclass(frozen=True, slots=True)
class _Disk:
    field: str
    region: str
    lun: int | None
    settings: JSON


def named(body: JSON, observed: JSON | None) -> list[SetReference]:
    """Return the sets that a PUT names for regions and edge zones which Azure does not have yet."""
    found: dict[tuple[str, str, bool], SetReference] = {}
    for disk in _disks(body, observed):
        for reference in _sets(disk):
            found.setdefault((reference.id.casefold(), disk.region, reference.confidential), reference)
    return list(found.values())


def _sets(disk: _Disk) -> list[SetReference]:
    security = as_dict(disk.settings.get("securityProfile"))
    return [
        SetReference(f"{disk.field}.{name}", id_.rstrip("/"), disk.region, confidential)
        for name, id_, confidential in (
            ("diskEncryptionSetId", disk.settings.get("diskEncryptionSetId"), False),
            ("securityProfile.secureVMDiskEncryptionSetId", security.get("secureVMDiskEncryptionSetId"), True),
        )
        if isinstance(id_, str) and id_
    ]


def _disks(body: JSON, observed: JSON | None) -> Iterator[_Disk]:
    for path, name in PLACES.items():
        known = entries_of(observed or {}, path)
        for key, place in entries_of(body, path).items():
            if key not in known:
                region = regions.normalise(str(place.get("name", "")))
                yield from _encrypted(f"{name}[{key}].encryption", region, as_dict(place.get("encryption")))


def _encrypted(field: str, region: str, encryption: JSON) -> Iterator[_Disk]:
    if os_disk := as_dict(encryption.get("osDiskImage")):
        yield _Disk(f"{field}.osDisk", region, None, os_disk)
    for disk in map(as_dict, as_list(encryption.get("dataDiskImages"))):
        lun = disk.get("lun")
        yield _Disk(f"{field}.dataDisks[{lun}]", region, lun if isinstance(lun, int) else None, disk)


def uneven(body: JSON, observed: JSON | None) -> Blocked | None:
    """Return that a PUT names sets in some regions only: Azure wants one in every region or none.

    What Azure has already is not judged, whatever it is.
    """
    with_sets, without = _by_sets(body)
    if not with_sets or not without or all(_by_sets(observed or {})):
        return None
    named, missing = ", ".join(with_sets), ", ".join(without)
    return Blocked(
        Reason.ENCRYPTION_DIFFERS,
        f"targetRegions: a disk encryption set in one region needs one in every region, but there is one in "
        f"{named[:300]}, and none in {missing[:300]}: set encryption there, too, or in no region of a new version",
    )


def _by_sets(body: JSON) -> tuple[list[str], list[str]]:
    """Return the target regions with a disk encryption set, and those without."""
    found: tuple[list[str], list[str]] = ([], [])
    for name, place in entries_of(body, TARGET_REGIONS).items():
        disks = _encrypted("", "", as_dict(place.get("encryption")))
        found[0 if any(_sets(disk) for disk in disks) else 1].append(str(name))
    return found


def unknown_luns(body: JSON, luns: frozenset[int]) -> Blocked | None:
    """Return that disks are to be encrypted which the source, whose data disks are at `luns`, does not have."""
    missing = sorted({disk.lun for disk in _disks(body, None) if disk.lun is not None} - luns)
    if not missing:
        return None
    there = ", ".join(map(str, sorted(luns))) or "none"
    return Blocked(
        Reason.SOURCE_DIFFERS,
        f"targetRegions[].encryption.dataDisks: the source has no data disk at LUN {', '.join(map(str, missing))} "
        f"(it has: {there}); leave it out, or correct the LUN",
    )


def foreign(references: list[SetReference], subscription: str) -> Blocked | None:
    """Return that a set is not in the version's subscription, as Azure asks."""
    for each in references:
        if each.subscription.casefold() != subscription.casefold():
            return Blocked(
                Reason.ENCRYPTION_DIFFERS,
                f"{each.field}: the disk encryption set is in subscription {each.subscription[:64]}, the version is in "
                f"{subscription}: use a set in the version's subscription",
            )
    return None


def misfit(reference: SetReference, body: JSON) -> Blocked | None:
    """Return why a set, as Azure describes it (DiskEncryptionSet), cannot be used."""
    location = regions.location_of(body)
    purpose = str(as_dict(body.get("properties")).get("encryptionType") or "")
    problem = None
    if location and location != reference.region:
        problem = f"is in {location[:64]}: use one in {reference.region}"
    elif reference.confidential and purpose and purpose != "ConfidentialVmEncryptedWithCustomerKey":
        problem = f"has the encryption type {purpose[:64]}: use one with ConfidentialVmEncryptedWithCustomerKey"
    if problem is None:
        return None
    return Blocked(Reason.ENCRYPTION_DIFFERS, f"{reference.field}: the disk encryption set {reference.id} {problem}")
