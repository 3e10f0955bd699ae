"""What is refused of the encryption of a region or edge zone, wherever it stands."""

from __future__ import annotations

from typing import Any, Final

from tests.integration.admission.asking import Refusal
from tests.integration.admission.manifests import COMPUTE, DISKS, ENCRYPTION, SUBSCRIPTION

SHAPE: Final = (
    "a disk encryption set looks like "
    "/subscriptions/<id>/resourceGroups/<group>/providers/Microsoft.Compute/diskEncryptionSets/<name>"
)
EVERYWHERE: Final = "encryption in one region needs encryption in every region: add it to the others"
KEY: Final = "encryption with a customer-managed key needs secureVMDiskEncryptionSetId"
LUN: Final = "encryption names a data disk that source.disks.data has not: correct its lun, or add the disk"

_BOTH: Final = "set osDisk, dataDisks or both"
_ONE: Final = "set diskEncryptionSetId, securityProfile or both"
_SET: Final = {"diskEncryptionSetId": f"{COMPUTE}/diskEncryptionSets/data"}
_NO_SETS: Final = {
    "a key vault": f"/subscriptions/{SUBSCRIPTION}/resourceGroups/g/providers/Microsoft.KeyVault/vaults/keys",
    "a disk": f"{COMPUTE}/disks/os",
    "a name": "platform-keys",
    "a key in the set": f"{COMPUTE}/diskEncryptionSets/os/keys/one",
}

#: A place is the path of a list, and an entry of it without encryption.
Place = tuple[str, dict[str, Any]]
REGIONS: Final[Place] = ("targetRegions", {"name": "westeurope"})
DEFAULT_REGIONS: Final[Place] = ("versionDefaults.targetRegions", {"name": "westeurope"})
EDGE_ZONES: Final[Place] = ("edgeZones", {"name": "microsoftlosangeles1", "region": "westus"})


def refusals(kind: str, place: Place) -> list[Refusal]:
    """Return the refusals of encryption at a place."""
    path, entry = place
    at = f"spec.{path}[0].encryption"

    def refused(that: str, encryption: object, where: str, says: str) -> Refusal:
        return Refusal(kind, f"{that} in {path}", {path: [{**entry, "encryption": encryption}]}, f"{at}{where}", says)

    result = [refused("encryption of nothing", {}, "", _BOTH)]
    for disk, where in (("osDisk", ".osDisk"), ("dataDisks", ".dataDisks[0]")):
        result += [
            refused(f"{that} as encryption set of {disk}", _disk(disk, {"diskEncryptionSetId": text}),
                    f"{where}.diskEncryptionSetId", SHAPE)
            for that, text in _NO_SETS.items()
        ]  # fmt: skip
        result.append(refused(f"{disk} without a way to encrypt it", _disk(disk, {}), where, _ONE))
        for type_ in ("EncryptedWithCmk", "DataDiskEncryptedWithCmk"):
            profile = {"confidentialVMEncryptionType": type_}
            here = f"{where}.securityProfile.secureVMDiskEncryptionSetId"
            result.append(refused(f"{type_} of {disk} without a key", _disk(disk, _secure(profile)), here, KEY))
            profile = {**profile, "secureVMDiskEncryptionSetId": f"{COMPUTE}/disks/os"}
            result.append(refused(f"{type_} of {disk} by a disk", _disk(disk, _secure(profile)), here, SHAPE))
    return result


def _secure(profile: dict[str, str]) -> dict[str, Any]:
    return {"securityProfile": profile}


def _disk(disk: str, how: dict[str, Any]) -> dict[str, Any]:
    return {"osDisk": how} if disk == "osDisk" else {"dataDisks": [{"lun": 0, **how}]}


def in_one_region_only(kind: str, place: Place) -> list[Refusal]:
    """Return the refusals of encryption that some regions lack."""
    path, _ = place
    encrypted = {"name": "westeurope", "encryption": {"osDisk": _SET}}
    return [
        Refusal(kind, f"encryption {that} of {path}", {path: regions}, f"spec.{path}", EVERYWHERE)
        for that, regions in (
            ("in the first region only", [encrypted, {"name": "northeurope"}]),
            ("in the last region only", [{"name": "northeurope"}, encrypted]),
            ("in two regions of three", [encrypted, {"name": "uksouth"}, {**encrypted, "name": "northeurope"}]),
        )
    ]


def of_disks_the_source_has_not(kind: str, place: Place) -> list[Refusal]:
    """Return the refusals of encrypting data disks that are not in `source.disks`."""
    path, entry = place
    encrypted = [{**entry, "encryption": {"dataDisks": [{"lun": 2, **_SET}]}}]
    at = f"spec.{path}"
    return [
        Refusal(kind, f"encryption in {path} of {that}", {"source": {"disks": disks}, path: encrypted}, at, LUN)
        for that, disks in (
            ("a data disk of a source without data disks", {"os": DISKS["os"]}),
            ("a data disk of a source with an empty list", {"os": DISKS["os"], "data": []}),
            ("a data disk that the source has not", DISKS),
        )
    ]


def of_a_disk_twice(kind: str) -> Refusal:
    """Return the refusal of two encryptions of one data disk."""
    twice = [{**REGIONS[1], "encryption": {"dataDisks": [ENCRYPTION["dataDisks"][0]] * 2}}]
    where = "spec.targetRegions[0].encryption.dataDisks[1]"
    return Refusal(
        kind, "encryption of a data disk twice", {"targetRegions": twice}, where, 'Duplicate value: {"lun":0}'
    )
