"""The storage profile of a version: where it is published from, and what the service learns from there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from dev.azure_simulator import errors
from dev.azure_simulator.paths import Json, resource_path
from dev.azure_simulator.rules import Draft, refuse_changes
from dev.azure_simulator.sources import Facts, Sources
from dev.azure_simulator.store import Resource, Store

_PATH = "galleryImageVersion.properties.storageProfile"
_SOURCES = "gallery artifact version source can only be specified either directly under storageProfile or within "
_IMMUTABLE = (
    "storageProfile.source.id",
    "storageProfile.source.virtualMachineId",
    "storageProfile.source.communityGalleryImageId",
    "storageProfile.osDiskImage.source.id",
    "storageProfile.osDiskImage.source.uri",
    "storageProfile.osDiskImage.source.storageAccountId",
)


class Reference(NamedTuple):
    """One source that a request names: where it says so, the ARM id, and the kinds that may stand there."""

    path: str
    id: str
    kinds: frozenset[str]


def build(draft: Draft) -> Json:
    """Return the storage profile that this write leaves.

    Raises ArmError when a rule forbids it.
    """
    wanted: Json = draft.properties["storageProfile"]
    if draft.current is None:
        _check_one_kind_of_source(wanted)
        return {name: value for name, value in wanted.items() if value}
    refuse_changes(draft, _IMMUTABLE)
    facts = draft.current.facts
    luns = {lun for lun, _ in facts.data_disks} if facts else set()
    if any(disk["lun"] not in luns for disk in wanted.get("dataDiskImages", [])):
        text = "Adding new Data Disks or changing the LUN of a Data Disk in an existing Image is not allowed."
        raise errors.invalid_parameter(text, f"{_PATH}.dataDiskImages")
    kept: Json = draft.old["storageProfile"]
    return kept


def learn(draft: Draft, definition: Resource, store: Store, sources: Sources) -> Facts:
    """Return what is known of the source of a new version.

    Raises ArmError when a source is missing, elsewhere, or does not fit the definition.
    """
    profile = draft.properties["storageProfile"]
    references = list(_references(profile))
    found = [_find(reference, draft, store, sources) for reference in references]
    facts = found[0]
    if not profile.get("source"):
        luns = [disk["lun"] for disk in profile.get("dataDiskImages", [])]
        facts = replace(facts, data_disks=tuple(zip(luns, (disk.size_gb for disk in found[1:]), strict=True)))
    _check_fit(references[0].id, facts, definition)
    rest = definition.properties
    return replace(facts, os_type=rest["osType"], os_state=rest["osState"], generation=rest["hyperVGeneration"])


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


def _check_one_kind_of_source(profile: Json) -> None:
    data = profile.get("dataDiskImages", [])
    disks = [profile.get("osDiskImage", {}), *data]
    disk_sources = [disk["source"] for disk in disks if disk.get("source")]
    whole = len(profile.get("source", {})) == 1 and not disk_sources
    by_disk = not profile.get("source") and len(disk_sources) == len(disks)
    if not whole and not by_disk:
        text = _SOURCES + "individual OS or data disks. One and only one source type must be specified."
        raise errors.invalid_parameter(text, _PATH)
    blobs = [(source.get("id") or source.get("uri", "")).casefold() for source in disk_sources]
    luns = [disk["lun"] for disk in data]
    if len(set(luns)) < len(luns) or len(set(blobs)) < len(blobs):
        text = "Disks of an image version must have different luns and different sources."
        raise errors.invalid_parameter(text, f"{_PATH}.dataDiskImages")  # [?] text


def _references(profile: Json) -> Iterator[Reference]:
    """Yield the sources: of the whole, or of the OS disk followed by the data disks."""
    kinds = {"id": {"images", "version"}, "virtualMachineId": {"virtualmachines"}}
    for name, source_id in profile.get("source", {}).items():
        yield Reference(f"source.{name}", source_id, frozenset(kinds.get(name, ())))
    if profile.get("source"):
        return
    disks = [("osDiskImage", profile["osDiskImage"])]
    disks += [(f"dataDiskImages[{position}]", disk) for position, disk in enumerate(profile.get("dataDiskImages", []))]
    for path, disk in disks:
        source = disk["source"]
        if "id" in source:
            yield Reference(f"{path}.source.id", source["id"], frozenset({"disks", "snapshots"}))
        else:
            account = source.get("storageAccountId", "")
            yield Reference(f"{path}.source.storageAccountId", account, frozenset({"storageaccounts"}))


def _find(reference: Reference, draft: Draft, store: Store, sources: Sources) -> Facts:
    if not reference.id.startswith("/"):
        path = f"properties.storageProfile.{reference.path}"
        text = f"Property id '{reference.id[:300]}' at path '{path}' is invalid. Expect fully qualified resource Id."
        raise errors.invalid_parameter(text, f"{_PATH}.{reference.path}")
    facts = _version_facts(reference, draft, store)
    source = sources.find(reference.id)
    if source and source.kind in reference.kinds and source.region == draft.location:
        facts = source.facts()
    if facts is None:
        text = (
            f"Source {reference.id} is not found. Please check source exists, and is in the same region as gallery "
            "image version being created."
        )
        raise errors.invalid_parameter(text, f"{_PATH}.{reference.path}")
    return facts


def _version_facts(reference: Reference, draft: Draft, store: Store) -> Facts | None:
    """Return the facts of another version. [?] it must be replicated to the home region of the new one."""
    path = resource_path(reference.id)
    version = store.get(path) if path and path.kind in reference.kinds else None
    copy = version.copies.get(draft.location) if version else None
    return version.facts if version and copy and copy.completed(draft.now) else None


def _check_fit(source_id: str, facts: Facts, definition: Resource) -> None:
    wanted = definition.properties
    for what, name, value in (
        ("OS State", "osState", facts.os_state),
        ("Hypervisor generation", "hyperVGeneration", facts.generation),
        ("OS type", "osType", facts.os_type),
    ):
        if value is not None and value != wanted[name]:
            text = (
                f"Cannot create Gallery Image Version from: {source_id} since the {what} in the parent gallery image "
                f"({wanted[name]}) is not {value}."
            )
            raise errors.invalid_parameter(text)
