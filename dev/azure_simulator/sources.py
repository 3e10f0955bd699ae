"""What versions are published from: managed images, disks, virtual machines, blobs, community galleries.

Disk encryption sets stand beside them: a version names them by id, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from dev.azure_simulator import regions

SOURCE_ID = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)/providers/(?P<nested>Microsoft\."
    r"(?:Compute/(?:images|snapshots|disks|virtualMachines|diskEncryptionSets)|Storage/storageAccounts)/[^/]+)",
    re.IGNORECASE,
)
#: A version in someone's community gallery, which is known by its public name.
COMMUNITY_ID = re.compile(
    r"/CommunityGalleries/(?P<gallery>[^/]+)/Images/(?P<image>[^/]+)/Versions/(?P<version>[^/]+)", re.IGNORECASE
)

PlanNames = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Facts:
    """What the service learns from a source when it publishes a version. None: the source does not say."""

    os_type: str | None
    os_state: str | None
    generation: str | None
    size_gb: int
    caching: str = "None"
    #: Data disks: LUN to size in GB.
    data_disks: tuple[tuple[int, int], ...] = ()
    #: publisher, offer and sku of the marketplace image the source was made from.
    platform: tuple[str, str, str] | None = None
    architecture: str | None = None
    #: publisher, product and name of the purchase plan.
    plan: PlanNames | None = None


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class DataDisk(_Part):
    """A data disk of a managed image or virtual machine."""

    lun: int = Field(ge=0, le=63)
    sizeGB: int = Field(32, ge=1)


class Plan(_Part):
    """A purchase plan of the marketplace."""

    name: str
    publisher: str
    product: str


class Blob(_Part):
    """A VHD in a storage account: `name` is its container and name, such as `vhds/os.vhd`."""

    name: str = Field(pattern=r"^[a-z0-9$-]+/[\w./-]+$", max_length=200)
    sizeGB: int = Field(30, ge=1)


class Source(_Part):
    """A resource to publish from, or to encrypt with. The switchboard adds more of them with `add_source`."""

    id: str = Field(max_length=1000)
    location: str
    osType: Literal["Linux", "Windows"] = "Linux"
    osState: Literal["Generalized", "Specialized"] = "Generalized"
    hyperVGeneration: Literal["V1", "V2"] = "V2"
    architecture: Literal["x64", "Arm64"] = "x64"
    sizeGB: int = Field(30, ge=1)
    isDataDisk: bool = False
    dataDisks: tuple[DataDisk, ...] = ()
    platform: tuple[str, str, str] | None = None
    plan: Plan | None = None
    diskControllerTypes: str | None = None
    #: Virtual machines and disks: what makes Azure refuse to publish from it.
    obstacle: Literal["EphemeralOSDisk", "UltraSSD", "UnmanagedDisk"] | None = None
    #: Storage accounts: the VHDs in them.
    blobs: tuple[Blob, ...] = ()
    #: Disk encryption sets: for confidential virtual machines.
    confidential: bool = False

    @field_validator("id")
    @classmethod
    def _check_id(cls, value: str) -> str:
        if SOURCE_ID.fullmatch(value) is None and COMMUNITY_ID.fullmatch(value) is None:
            msg = "not the id of something that a version names: an image, a disk, a machine, a storage account ..."
            raise ValueError(msg)
        return value

    @field_validator("location")
    @classmethod
    def _check_location(cls, value: str) -> str:
        if regions.find(value) is None:
            msg = "there is no such region"
            raise ValueError(msg)
        return value

    @property
    def name(self) -> str:
        return self.id.rsplit("/", 1)[1]

    @property
    def type(self) -> str:
        """The resource type."""
        if COMMUNITY_ID.fullmatch(self.id):
            return "Microsoft.Compute/locations/communityGalleries/images/versions"
        return "/".join(self.id.split("/")[6:8])

    @property
    def kind(self) -> str:
        """The last part of the resource type, in lower case; `communityversions` for those."""
        return "communityversions" if COMMUNITY_ID.fullmatch(self.id) else self.type.rsplit("/", 1)[1].lower()

    @property
    def region(self) -> str:
        return regions.normalise(self.location)

    def os_disk(self) -> Source | None:
        """Virtual machines: return the managed disk that holds the system."""
        if self.kind != "virtualmachines" or self.obstacle == "UnmanagedDisk":
            return None
        group = self.id.rsplit("/providers/", 1)[0]
        whole = self.model_dump(exclude={"obstacle", "dataDisks", "osState"})
        return Source.model_validate({**whole, "id": f"{group}/providers/Microsoft.Compute/disks/{self.name}-os"})

    @property
    def blob_endpoint(self) -> str:
        """Storage accounts: where their blobs are."""
        return f"https://{self.name.lower()}.blob.core.windows.net/"

    def facts(self) -> Facts:
        """Return what the service learns from this source."""
        is_disk = self.kind in {"disks", "snapshots"}
        os = not self.isDataDisk
        plan = (self.plan.publisher, self.plan.product, self.plan.name) if self.plan else None
        return Facts(
            os_type=self.osType if os else None,
            os_state=None if is_disk else self.osState,
            generation=self.hyperVGeneration if os else None,
            size_gb=self.sizeGB,
            caching="None" if is_disk else "ReadWrite",
            data_disks=tuple((disk.lun, disk.sizeGB) for disk in self.dataDisks),
            platform=self.platform,
            # a managed image shows neither: [?] then the service does not compare them
            architecture=self.architecture if os and self.kind != "images" else None,
            plan=plan if self.kind != "images" else None,
        )

    def blob(self, uri: str) -> Blob | None:
        """Storage accounts: return the blob at a URL."""
        return next((blob for blob in self.blobs if uri == self.blob_endpoint + blob.name), None)


class Sources:
    """The sources by id, in whatever case."""

    def __init__(self, sources: Iterable[Source] = ()) -> None:
        self._by_id: dict[str, Source] = {}
        for source in sources:
            self.add(source)

    def add(self, source: Source) -> None:
        """Add or replace a source; with a virtual machine comes its disk."""
        self._by_id[_key(source.id)] = source
        if (disk := source.os_disk()) is not None:
            self._by_id[_key(disk.id)] = disk

    def find(self, source_id: str) -> Source | None:
        return self._by_id.get(_key(source_id))

    def remove(self, source_id: str) -> bool:
        """Remove a source; tell whether it was there."""
        return self._by_id.pop(_key(source_id), None) is not None

    def __iter__(self) -> Iterator[Source]:
        return iter(self._by_id.values())


def _key(text: str) -> str:
    return text.rstrip("/").casefold()
