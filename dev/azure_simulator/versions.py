"""Image versions: rules, sources, and what the service fills in."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime

from dev.azure_simulator import edge_zones, errors, publishing, regions, replication, storage
from dev.azure_simulator.paths import Json
from dev.azure_simulator.rules import Draft, member, refuse_changes
from dev.azure_simulator.sources import Facts
from dev.azure_simulator.store import Resource

_INT32 = 2**31 - 1
_UEFI_HASHES = 256
#: How much a replication mode takes at most, in GB.
_LARGEST_GB = {"Full": 2048, "Shallow": 32768}


def build(draft: Draft) -> Json:
    """Return the properties that this write leaves.

    Raises ArmError when a rule forbids it.
    """
    if draft.current is None:
        _check_name(draft.path.name)
    refuse_changes(draft, ("securityProfile.uefiSettings", "securityProfile.secretsProvisioningSettings"))
    _check_uefi(draft.properties)
    properties = {
        "publishingProfile": publishing.build(draft),
        "storageProfile": storage.build(draft),
        "safetyProfile": _safety(draft),
    }
    security = draft.old.get("securityProfile", {}) | draft.properties.get("securityProfile", {})
    return properties | ({"securityProfile": security} if security else {})


def natural_failure(properties: Json, facts: Facts) -> str | None:
    """Return why replication must fail in every region, as Azure words it, or None."""
    largest = _LARGEST_GB[properties["publishingProfile"].get("replicationMode", "Full")]
    if facts.size_gb <= largest:
        return None
    return (
        f"Replication failed in this region due to 'The GalleryImageVersion source resource size {facts.size_gb} "
        f"exceeds the max size {largest} supported'"
    )


def check_deletion(version: Resource, now: float) -> None:
    """Refuse a deletion that the safety profile blocks. [?] without a date nothing is blocked."""
    date = member(version.properties, "publishingProfile.endOfLifeDate")
    blocked = member(version.properties, "safetyProfile.blockDeletionBeforeEndOfLife")
    if blocked and date and datetime.fromisoformat(date).timestamp() > now:
        raise errors.deletion_blocked()


def render(version: Resource, now: float, expand: Collection[str] = ()) -> Json:
    """Return the properties as read, without the provisioning state.

    The replication status and the UEFI settings are shown only to those who ask. [?] what remains of the security
    profile is shown to all.
    """
    properties = dict(version.properties)
    if "uefisettings" not in expand and "securityProfile" in properties:
        rest = {name: value for name, value in properties.pop("securityProfile").items() if name != "uefiSettings"}
        properties |= {"securityProfile": rest} if rest else {}
    built = _is_built(version, now)
    if built and version.facts:
        properties["storageProfile"] = storage.with_disks(properties["storageProfile"], version.facts)
    if version.state(now) != "Updating":
        properties["validationsProfile"] = _validations(version.facts if built else None)
    if "replicationstatus" in expand:
        properties["replicationStatus"] = replication.status(version.copies, now)
    return properties


def _is_built(version: Resource, now: float) -> bool:
    copy = version.copies.get(version.location)
    creating = version.operation.verb == "create" and not version.operation.done(now)
    return copy is not None and copy.completed(now) and not creating


def _validations(facts: Facts | None) -> Json:
    profile: Json = {"validationOperationStatus": "NotExecuted"}
    if facts and facts.platform:
        names = ("source_image_publisher", "source_image_offer", "source_image_sku")
        pairs = zip(names, facts.platform, strict=True)
        profile["platformAttributes"] = [{"name": name, "value": value} for name, value in pairs]
    return profile


def _safety(draft: Draft) -> Json:
    defaults = {"reportedForPolicyViolation": False, "allowDeletionOfReplicatedLocations": False}
    wanted: Json = draft.properties.get("safetyProfile", {})
    return defaults | wanted


def _check_name(name: str) -> None:
    if not re.fullmatch(r"\d{1,10}\.\d{1,10}\.\d{1,10}", name, re.ASCII) or max(map(int, name.split("."))) > _INT32:
        text = (
            "The image version name is invalid. The image version name should follow Major(int).Minor(int).Patch(int) "
            "format, for e.g: 1.0.0, 2018.12.1 etc"
        )
        raise errors.invalid_parameter(text)


def _check_uefi(properties: Json) -> None:
    signatures = member(properties, "securityProfile.uefiSettings.additionalSignatures") or {}
    lists = (keys for keys in signatures.values() if isinstance(keys, list))
    hashes = sum(len(key.get("value", [])) for keys in lists for key in keys if key.get("type") == "sha256")
    if hashes > _UEFI_HASHES:
        text = (
            "Exceeded the maximum number of UEFI Key elements of type 'sha256'. The maximum allowed is "
            f"'{_UEFI_HASHES}' and '{hashes}' was provided."
        )
        path = "galleryImageVersion.properties.securityProfile.uefiSettings.additionalSignatures"
        raise errors.invalid_parameter(text, path)


def use_display_names(properties: Json) -> None:
    """Spell the target regions and those of edge zones as the service shows them.

    Raises KeyError when a region is unknown.
    """
    publishing = properties["publishingProfile"]
    for target in (*publishing["targetRegions"], *publishing.get("targetExtendedLocations", ())):
        target["name"] = regions.display(target["name"])


def wanted_regions(properties: Json) -> list[str]:
    """Return the ARM names of the target regions, and then those of the edge zones."""
    publishing = properties["publishingProfile"]
    names = [regions.normalise(target["name"]) for target in publishing["targetRegions"]]
    return [*names, *(edge_zones.name_of(zone) for zone in publishing.get("targetExtendedLocations", ()))]
