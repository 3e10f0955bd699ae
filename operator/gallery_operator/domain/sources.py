"""What an image version is made from, held against what it is to become, before Azure is asked to make it.

Azure checks the same (azure-gallery-api.md §5, §6.15, §6.21), some of it only after a long build. What cannot be read
is left to Azure: a field that is None was not told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal

from gallery_operator.api.conditions import Reason
from gallery_operator.api.image_definition import ImageDefinitionSpec
from gallery_operator.api.source import DiskSource, Source
from gallery_operator.domain import regions
from gallery_operator.domain.difference import at
from gallery_operator.domain.observed import read_replication, read_version
from gallery_operator.domain.plan import JSON, Blocked, Wait
from gallery_operator.domain.replication import COMPLETED
from gallery_operator.domain.resources import as_dict, as_list

Kind = Literal["image", "virtualMachine", "version", "communityVersion", "snapshot", "disk", "storageAccount"]

#: GB of the largest disk that can be replicated (azure-gallery-api.md §4).
_LARGEST: Final = {"Full": 2_048, "Shallow": 32_768}


@dataclass(frozen=True, slots=True)
class Reference:
    """One resource that a source names."""

    field: str
    """As people read it: source.disks.data[3].snapshot."""
    kind: Kind
    id: str
    os: bool = True
    """Whether it holds the operating system."""
    uri: str | None = None
    """Of a VHD in the storage account that `id` names."""

    def __str__(self) -> str:
        return f"{self.field} ({self.id[:300]})"


def references(source: Source, source_version: str | None) -> list[Reference]:
    """Return the resources that a source names; that of the operating system comes first.

    :param source_version: what `galleryImageVersion.ref` stands for.
    """
    if source.disks is not None:
        data = [_disk(f"source.disks.data[{each.lun}]", each, os=False) for each in source.disks.data or ()]
        return [_disk("source.disks.os", source.disks.os, os=True), *data]
    if source.managed_image is not None:
        return [Reference("source.managedImage", "image", source.managed_image.id)]
    if source.virtual_machine is not None:
        return [Reference("source.virtualMachine", "virtualMachine", source.virtual_machine.id)]
    if source.community_gallery_image is not None:
        return [Reference("source.communityGalleryImage", "communityVersion", source.community_gallery_image.id)]
    version = source.gallery_image_version
    named = source_version or (version.id if version else None)
    return [Reference("source.galleryImageVersion", "version", named)] if named else []


def _disk(where: str, disk: DiskSource, *, os: bool) -> Reference:
    if disk.snapshot is not None:
        return Reference(f"{where}.snapshot", "snapshot", disk.snapshot.id, os)
    if disk.managed_disk is not None:
        return Reference(f"{where}.managedDisk", "disk", disk.managed_disk.id, os)
    vhd = disk.vhd
    return Reference(
        f"{where}.vhd", "storageAccount", vhd.storage_account_id if vhd else "", os, vhd.uri if vhd else ""
    )


# --- what a source is ------------------------------------------------------------------------------------------------

Plan = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a source, or what an image definition asks of it."""

    os_type: str | None = None
    os_state: str | None = None
    generation: str | None = None
    architecture: str | None = None
    plan: Plan | None = None
    """Publisher, product and name of the purchase plan."""
    location: str | None = None
    """Normalised."""
    sizes: tuple[int, ...] = ()
    """GB of each disk."""
    luns: frozenset[int] | None = None
    """Of the data disks."""
    obstacles: tuple[str, ...] = ()
    """What keeps Azure from publishing it, whatever it is to become."""


def of_definition(spec: ImageDefinitionSpec) -> Facts:
    """Return what the object of an image definition asks of a source."""
    plan = spec.purchase_plan
    return Facts(
        spec.os_type,
        spec.os_state,
        spec.hyper_v_generation,
        spec.architecture,
        (plan.publisher or "", plan.product or "", plan.name or "") if plan else None,
    )


def of_body(body: JSON) -> Facts:
    """Return what an image definition in Azure asks of a source, or offers as one (GalleryImage)."""
    inside = as_dict(body.get("properties"))
    return Facts(
        _text(inside.get("osType")),
        _text(inside.get("osState")),
        _text(inside.get("hyperVGeneration")),
        _text(inside.get("architecture")),
        _plan(inside.get("purchasePlan")),
    )


def read(reference: Reference, body: JSON) -> Facts:
    """Read what Azure answers about a source, versions excepted."""
    inside = as_dict(body.get("properties"))
    location = regions.normalise(_text(body.get("location")) or "")[:64] or None
    match reference.kind:
        case "image":
            return _image(inside, location)
        case "virtualMachine":
            return _virtual_machine(inside, body, location)
        case "snapshot" | "disk":
            return _managed_disk(inside, body, location, os=reference.os)
        case _:
            return Facts(location=location)


def _image(inside: JSON, location: str | None) -> Facts:
    profile = as_dict(inside.get("storageProfile"))
    os_disk, data = as_dict(profile.get("osDisk")), list(map(as_dict, as_list(profile.get("dataDisks"))))
    return Facts(
        os_type=_text(os_disk.get("osType")),
        os_state=_text(os_disk.get("osState")),
        generation=_text(inside.get("hyperVGeneration")),
        location=location,
        sizes=_sizes((os_disk, *data)),
        luns=_luns(data),
    )


def _virtual_machine(inside: JSON, body: JSON, location: str | None) -> Facts:
    profile = as_dict(inside.get("storageProfile"))
    os_disk, data = as_dict(profile.get("osDisk")), list(map(as_dict, as_list(profile.get("dataDisks"))))
    obstacles = []
    if os_disk.get("diffDiskSettings"):
        obstacles.append("it has an ephemeral OS disk")
    if os_disk.get("vhd"):
        obstacles.append("it has unmanaged disks: convert them (az vm convert), or publish the VHD")
    types = [as_dict(each.get("managedDisk")).get("storageAccountType") for each in data]
    if any(str(each).startswith("Ultra") for each in types):
        obstacles.append("it has Ultra disks")
    return Facts(
        os_type=_text(os_disk.get("osType")),
        os_state=_os_state(inside),
        plan=_plan(body.get("plan")),
        location=location,
        sizes=_sizes((os_disk, *data)),
        luns=_luns(data),
        obstacles=tuple(obstacles),
    )


def os_disk(body: JSON) -> str | None:
    """Return the id of the managed disk that holds the system of a virtual machine."""
    named = at(body, "properties.storageProfile.osDisk.managedDisk.id")
    return named if isinstance(named, str) else None


def with_os_disk(machine: Facts, disk: JSON) -> Facts:
    """Return what is known of a virtual machine, with what only its OS disk tells."""
    told = _managed_disk(as_dict(disk.get("properties")), disk, None, os=True)
    return replace(machine, generation=told.generation, architecture=told.architecture)


def _os_state(inside: JSON) -> str | None:
    """Return the OS state: a machine tells it among the statuses of its instance view, if it is generalized."""
    view = inside.get("instanceView")
    if not isinstance(view, dict):
        return None
    codes = {str(as_dict(each).get("code")).casefold() for each in as_list(view.get("statuses"))}
    return "Generalized" if "osstate/generalized" in codes else "Specialized"


def _managed_disk(inside: JSON, body: JSON, location: str | None, *, os: bool) -> Facts:
    ultra = str(as_dict(body.get("sku")).get("name", "")).startswith("Ultra")
    system = inside if os else {}
    return Facts(
        os_type=_text(system.get("osType")),
        generation=_text(system.get("hyperVGeneration")),
        architecture=_text(as_dict(system.get("supportedCapabilities")).get("architecture")),
        plan=_plan(system.get("purchasePlan")),
        location=location,
        sizes=_sizes((inside,)),
        obstacles=("it is an Ultra disk",) if ultra else (),
    )


def _sizes(disks: Iterable[JSON]) -> tuple[int, ...]:
    return tuple(size for each in disks if isinstance(size := each.get("diskSizeGB") or each.get("sizeInGB"), int))


def _luns(data: Iterable[JSON]) -> frozenset[int]:
    return frozenset(lun for each in data if isinstance(lun := each.get("lun"), int))


def of_version(body: JSON, definition: JSON, *, foreign: bool = False) -> Facts:
    """Return what an image version offers as a source, its image definition (GalleryImage) telling the rest.

    :param foreign: whether it is in another subscription: then Azure takes none that is encrypted by a set.
    """
    inside = as_dict(body.get("properties"))
    profile = as_dict(inside.get("storageProfile"))
    data = list(map(as_dict, as_list(profile.get("dataDiskImages"))))
    targets = as_list(as_dict(inside.get("publishingProfile")).get("targetRegions"))
    encrypted = foreign and any(as_dict(each).get("encryption") for each in targets)
    return replace(
        of_body(definition),
        sizes=_sizes((as_dict(profile.get("osDiskImage")), *data)),
        luns=_luns(data) if profile else None,
        obstacles=("it is encrypted with keys of your own, and in another subscription",) if encrypted else (),
    )


def _text(value: object) -> str | None:
    return value[:256] if isinstance(value, str) and value else None


def _plan(value: object) -> Plan | None:
    plan = as_dict(value)
    named = tuple(_text(plan.get(key)) or "" for key in ("publisher", "product", "name"))
    return (named[0], named[1], named[2]) if any(named) else None


# --- whether it is there ---------------------------------------------------------------------------------------------

#: A version in one of these states is usable where its replication is complete.
_USABLE: Final = frozenset({"Creating", "Updating", "Succeeded"})
#: Seconds between two looks at a source that is not there, or not ready.
LOOK: Final = 60.0


def not_found(reference: Reference, home: str) -> Wait:
    """Return the wait for a source that does not exist."""
    where = f" in {home}" if reference.kind == "communityVersion" else ""
    message = f"{reference} does not exist in Azure{where}: check the id, or create it"
    return Wait(Reason.SOURCE_NOT_FOUND, message, LOOK)


def not_ready(reference: Reference, body: JSON, home: str) -> Wait | None:
    """Return the wait for another version: it must be replicated to the home region (§6.15), wherever else it goes."""
    facts, states = read_version(reference.id.rpartition("/")[2], body), read_replication(body) or {}
    here = states.get(home)
    problem = None
    if home not in {each.name for each in facts.regions}:
        problem = f"is not in {home}, the home region (location): add {home} to its target regions"
    elif here is not None and here.state != COMPLETED:
        problem = f"is not replicated to {home} yet ({here.state}, {here.progress} %)"
    elif facts.state not in (_USABLE if here is not None else {"Succeeded"}):
        problem = f"is {facts.state}"
    return Wait(Reason.SOURCE_NOT_READY, f"{reference} {problem}", LOOK) if problem else None


# --- whether it fits -------------------------------------------------------------------------------------------------


def misfit(reference: Reference, facts: Facts, wanted: Facts, home: str, mode: str) -> Blocked | None:
    """Return why a version cannot be made from a source.

    :param wanted: what the image definition asks.
    :param home: the region where the version is to live, normalised.
    :param mode: the replication mode, Full or Shallow.
    """
    problems = [*_elsewhere(facts, home), *_differences(facts, wanted), *_too_large(facts, mode), *facts.obstacles]
    return Blocked(Reason.SOURCE_DIFFERS, f"{reference}: {'; '.join(problems)}"[:1000]) if problems else None


def _elsewhere(facts: Facts, home: str) -> Iterator[str]:
    if facts.location is not None and facts.location != home:
        yield (
            f"it is in {facts.location}, the home region (location) is {home}: copy it to {home}, or make "
            f"{facts.location} the home region"
        )


def _differences(facts: Facts, wanted: Facts) -> Iterator[str]:
    pairs = (
        ("osType", facts.os_type, wanted.os_type),
        ("osState", facts.os_state, wanted.os_state),
        ("hyperVGeneration", facts.generation, wanted.generation),
        ("architecture", facts.architecture, wanted.architecture),
    )
    for name, found, asked in pairs:
        if found is not None and asked is not None and found.casefold() != asked.casefold():
            yield (
                f"its {name} is {found}, the image definition's is {asked}: publish it into an image definition with "
                f"{name} {found}"
            )
    if facts.plan is not None and not _same_plan(facts.plan, wanted.plan):
        asked = " / ".join(wanted.plan) if wanted.plan else "unset"
        yield (
            f"its purchase plan is {' / '.join(facts.plan)}, the image definition's purchasePlan is {asked}: publish "
            "it into an image definition with that purchasePlan"
        )


def _same_plan(found: Plan, asked: Plan | None) -> bool:
    """Compare plans without case; what the image definition leaves open fits anything."""
    pairs = zip(found, asked, strict=True) if asked is not None else ()
    return asked is not None and all(not wanted or wanted.casefold() == has.casefold() for has, wanted in pairs)


def _too_large(facts: Facts, mode: str) -> Iterator[str]:
    limit, largest = _LARGEST.get(mode, _LARGEST["Full"]), max(facts.sizes, default=0)
    if largest > limit:
        mend = " (Shallow: 32768 GB)" if mode != "Shallow" else ""
        yield f"a disk of it has {largest} GB, replicationMode {mode} takes up to {limit} GB{mend}: take a smaller disk"
