"""What the service learns from the sources of a version, and when it refuses them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from dev.azure_simulator import communities, encryption, errors
from dev.azure_simulator.paths import Json, ResourcePath, resource_path
from dev.azure_simulator.rules import Draft
from dev.azure_simulator.sources import COMMUNITY_ID, Facts, PlanNames, Source, Sources
from dev.azure_simulator.store import Resource, Store

_PATH = "galleryImageVersion.properties.storageProfile"
_KINDS = {
    "id": frozenset({"images", "version"}),
    "virtualMachineId": frozenset({"virtualmachines"}),
    "communityGalleryImageId": frozenset({"communityversions"}),
}
_OBSTACLES = {  # [?] texts
    "EphemeralOSDisk": "Virtual machines with ephemeral OS disks are not allowed as source.",
    "UltraSSD": "UltraSSD disks are not allowed as source.",
    "UnmanagedDisk": "Virtual machines with unmanaged disks are not allowed as source.",
}


class Reference(NamedTuple):
    """One source that a request names: where it says so, the id, and the kinds that may stand there."""

    path: str
    id: str
    kinds: frozenset[str]
    #: A VHD in the storage account that `id` names.
    uri: str | None = None


def references(profile: Json) -> Iterator[Reference]:
    """Yield the sources that a storage profile names: of the whole, or of the OS disk followed by the data disks."""
    for name, source_id in profile.get("source", {}).items():
        yield Reference(f"source.{name}", source_id, _KINDS[name])
    if profile.get("source") or "osDiskImage" not in profile:
        return
    disks = [("osDiskImage", profile["osDiskImage"])]
    disks += [(f"dataDiskImages[{position}]", disk) for position, disk in enumerate(profile.get("dataDiskImages", []))]
    for path, disk in disks:
        source = disk["source"]
        if "id" in source:
            yield Reference(f"{path}.source.id", source["id"], frozenset({"disks", "snapshots"}))
        else:
            account = source.get("storageAccountId", "")
            kinds = frozenset({"storageaccounts"})
            yield Reference(f"{path}.source.storageAccountId", account, kinds, source.get("uri", ""))


@dataclass(frozen=True)
class Lookup:
    """Finds what a new version is made from."""

    store: Store
    sources: Sources

    def facts_of(self, draft: Draft, properties: Json) -> Facts:
        """Return what is known of the source of a version that is to have these properties.

        Raises ArmError when a source does not do, or the encryption.
        """
        facts = draft.current.facts if draft.current else None
        if facts is None:
            definition = self.store.get(draft.path.parent) if draft.path.parent else None
            if definition is None:
                raise errors.parent_not_found(draft.path.name)
            facts = self.learn(draft, definition)
        encryption.check(draft, properties["publishingProfile"], facts, self.sources)
        self._check_gallery(draft, properties["publishingProfile"])
        return facts

    def learn(self, draft: Draft, definition: Resource) -> Facts:
        """Return what is known of the source of a new version.

        Raises ArmError when a source is missing, elsewhere, not allowed, or does not fit the definition.
        """
        profile = draft.properties["storageProfile"]
        named = list(references(profile))
        found = [self._find(reference, draft) for reference in named]
        facts = found[0]
        if not profile.get("source"):
            luns = [disk["lun"] for disk in profile.get("dataDiskImages", [])]
            facts = replace(facts, data_disks=tuple(zip(luns, (disk.size_gb for disk in found[1:]), strict=True)))
        _check_fit(named[0].id, facts, definition)
        rest = definition.properties
        return replace(
            facts,
            os_type=rest["osType"],
            os_state=rest["osState"],
            generation=rest["hyperVGeneration"],
            architecture=rest["architecture"],
            plan=_plan(definition),
        )

    def _check_gallery(self, draft: Draft, publishing: Json) -> None:
        """Refuse what cannot be in a gallery that is shared. Documented are the rules, [?] not when and how."""
        gallery = self.store.get(ResourcePath(draft.path.subscription, draft.path.group, draft.path.names[:1]))
        permissions = (gallery.properties.get("sharingProfile") or {}).get("permissions") if gallery else None
        if permissions in {"Groups", "Community"} and encryption.is_encrypted(publishing):
            text = f"Encrypted image versions are not allowed in a gallery with permissions '{permissions}'."
            raise errors.invalid_parameter(text, "galleryImageVersion.properties.publishingProfile.targetRegions")
        if gallery and permissions == "Community" and draft.location != gallery.location:
            text = f"Image versions of a community gallery must be in its region '{gallery.location}'."
            raise errors.invalid_parameter(text, "galleryImageVersion.location")

    def _find(self, reference: Reference, draft: Draft) -> Facts:
        _check_id(reference)
        facts = self._version_facts(reference, draft)
        if facts is None and "communityversions" in reference.kinds:
            shown = communities.find(reference.id, draft.location, self.store, self.sources, draft.now)
            facts = shown.facts if shown else None
        source = self.sources.find(reference.id)
        if facts is None and source and source.kind in reference.kinds and source.region == draft.location:
            facts = _usable_facts(source, reference)
        if facts is None:
            text = (
                f"Source {reference.uri or reference.id} is not found. Please check source exists, and is in the same "
                "region as gallery image version being created."
            )
            raise errors.invalid_parameter(text, f"{_PATH}.{reference.path}")
        return facts

    def _version_facts(self, reference: Reference, draft: Draft) -> Facts | None:
        """Return the facts of another version. [?] it must be replicated to the home region of the new one."""
        path = resource_path(reference.id)
        version = self.store.get(path) if path and path.kind in reference.kinds else None
        copy = version.copies.get(draft.location) if version else None
        if version is None or copy is None or not copy.completed(draft.now):
            return None
        foreign = version.path.subscription.casefold() != draft.path.subscription.casefold()
        if foreign and encryption.is_encrypted(version.properties["publishingProfile"]):
            text = f"Source {reference.id} in another subscription is encrypted with customer-managed keys."  # [?] text
            raise errors.invalid_parameter(text, f"{_PATH}.{reference.path}")
        return version.facts


def _check_id(reference: Reference) -> None:
    community = "communityversions" in reference.kinds
    pattern_fits = COMMUNITY_ID.fullmatch(reference.id) if community else reference.id.startswith("/")
    if not pattern_fits:
        path = f"properties.storageProfile.{reference.path}"
        text = f"Property id '{reference.id[:300]}' at path '{path}' is invalid. Expect fully qualified resource Id."
        raise errors.invalid_parameter(text, f"{_PATH}.{reference.path}")


def _usable_facts(source: Source, reference: Reference) -> Facts | None:
    if source.obstacle:
        raise errors.invalid_parameter(_OBSTACLES[source.obstacle], f"{_PATH}.{reference.path}")
    if reference.uri is None:
        return source.facts()
    if not reference.uri.startswith(source.blob_endpoint):
        path = f"{_PATH}.{reference.path.replace('storageAccountId', 'uri')}"
        text = f"The blob '{reference.uri[:300]}' is not an https URL in the storage account {source.id}."  # [?] text
        raise errors.invalid_parameter(text, path)
    blob = source.blob(reference.uri)
    return Facts(None, None, None, blob.sizeGB) if blob else None


def _check_fit(source_id: str, facts: Facts, definition: Resource) -> None:
    wanted = definition.properties
    for what, of_definition, of_source in (
        ("OS State", wanted["osState"], facts.os_state),
        ("Hypervisor generation", wanted["hyperVGeneration"], facts.generation),
        ("OS type", wanted["osType"], facts.os_type),
        ("Architecture", wanted["architecture"], facts.architecture),  # [?] this word, and the next one
        ("Purchase Plan", _plan(definition), facts.plan),
    ):
        if of_source is not None and of_source != of_definition:
            text = (
                f"Cannot create Gallery Image Version from: {source_id} since the {what} in the parent gallery image "
                f"({_shown(of_definition)}) is not {_shown(of_source)}."
            )
            raise errors.invalid_parameter(text)


def _plan(definition: Resource) -> PlanNames | None:
    plan = definition.properties.get("purchasePlan")
    return (plan.get("publisher", ""), plan.get("product", ""), plan.get("name", "")) if plan else None


def _shown(value: str | PlanNames | None) -> str:
    return "/".join(value) if isinstance(value, tuple) else value or "none"
