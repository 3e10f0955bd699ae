"""What versions are published from: managed images, snapshots, disks, virtual machines and storage accounts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from dev.azure_simulator import regions
from dev.azure_simulator.paths import Json

SOURCE_ID = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)/providers/"
    r"(?P<nested>Microsoft\.(?:Compute/(?:images|snapshots|disks|virtualMachines)|Storage/storageAccounts)/[^/]+)",
    re.IGNORECASE,
)


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


class DataDisk(BaseModel):
    """A data disk of a managed image or virtual machine."""

    model_config = ConfigDict(extra="forbid")

    lun: int = Field(ge=0, le=63)
    sizeGB: int = Field(32, ge=1)


class Source(BaseModel):
    """A resource to publish from. The switchboard adds more of them with `add_source`."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(max_length=1000)
    location: str
    osType: Literal["Linux", "Windows"] = "Linux"
    osState: Literal["Generalized", "Specialized"] = "Generalized"
    hyperVGeneration: Literal["V1", "V2"] = "V2"
    sizeGB: int = Field(30, ge=1)
    isDataDisk: bool = False
    dataDisks: tuple[DataDisk, ...] = ()
    platform: tuple[str, str, str] | None = None

    @field_validator("id")
    @classmethod
    def _check_id(cls, value: str) -> str:
        if SOURCE_ID.fullmatch(value) is None:
            msg = "not the id of a managed image, snapshot, disk, virtual machine or storage account"
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
    def type(self) -> str:
        """The resource type."""
        return "/".join(self.id.split("/")[6:8])

    @property
    def kind(self) -> str:
        """The last part of the resource type, in lower case."""
        return self.type.rsplit("/", 1)[1].lower()

    @property
    def region(self) -> str:
        return regions.normalise(self.location)

    def facts(self) -> Facts:
        """Return what the service learns from this source."""
        if self.kind == "storageaccounts":
            return Facts(None, None, None, self.sizeGB)
        disks = tuple((disk.lun, disk.sizeGB) for disk in self.dataDisks)
        is_disk = self.kind in {"disks", "snapshots"}
        return Facts(
            None if self.isDataDisk else self.osType,
            None if is_disk else self.osState,
            None if self.isDataDisk else self.hyperVGeneration,
            self.sizeGB,
            "None" if is_disk else "ReadWrite",
            disks,
            self.platform,
        )

    def body(self) -> Json:
        """Return the resource as a GET on its id does."""
        body: Json = {"id": self.id, "name": self.id.rsplit("/", 1)[1], "type": self.type, "location": self.region}
        return body | _BODIES[self.kind](self)


def _image(source: Source) -> Json:
    disks = [
        {"lun": disk.lun, "diskSizeGB": disk.sizeGB, "caching": "None", "storageAccountType": "Standard_LRS"}
        for disk in source.dataDisks
    ]
    os_disk = {
        "osType": source.osType,
        "osState": source.osState,
        "diskSizeGB": source.sizeGB,
        "caching": "ReadWrite",
        "storageAccountType": "Standard_LRS",
    }
    profile = {"osDisk": os_disk, "dataDisks": disks, "zoneResilient": False}
    properties = {
        "storageProfile": profile,
        "provisioningState": "Succeeded",
        "hyperVGeneration": source.hyperVGeneration,
    }
    return {"properties": properties}


def _disk(source: Source) -> Json:
    properties: Json = {
        "diskSizeGB": source.sizeGB,
        "creationData": {"createOption": "Empty"},
        "provisioningState": "Succeeded",
        "diskState": "Unattached",
    }
    if not source.isDataDisk:
        properties |= {"osType": source.osType, "hyperVGeneration": source.hyperVGeneration}
    return {"sku": {"name": "Standard_LRS", "tier": "Standard"}, "properties": properties}


def _virtual_machine(source: Source) -> Json:
    os_disk = {"osType": source.osType, "createOption": "FromImage", "diskSizeGB": source.sizeGB}
    disks = [{"lun": disk.lun, "diskSizeGB": disk.sizeGB, "createOption": "Empty"} for disk in source.dataDisks]
    return {
        "properties": {
            "hardwareProfile": {"vmSize": "Standard_D2s_v5"},
            "storageProfile": {"osDisk": os_disk, "dataDisks": disks},
            "provisioningState": "Succeeded",
        }
    }


def _storage_account(source: Source) -> Json:
    name = source.id.rsplit("/", 1)[1]
    return {
        "kind": "StorageV2",
        "sku": {"name": "Standard_LRS", "tier": "Standard"},
        "properties": {
            "provisioningState": "Succeeded",
            "primaryLocation": source.region,
            "primaryEndpoints": {"blob": f"https://{name}.blob.core.windows.net/"},
        },
    }


_BODIES = {
    "images": _image,
    "snapshots": _disk,
    "disks": _disk,
    "virtualmachines": _virtual_machine,
    "storageaccounts": _storage_account,
}


class Sources:
    """The sources by id, in whatever case."""

    def __init__(self, sources: Iterable[Source] = ()) -> None:
        self._by_id: dict[str, Source] = {}
        for source in sources:
            self.add(source)

    def add(self, source: Source) -> None:
        """Add or replace a source."""
        self._by_id[_key(source.id)] = source

    def find(self, source_id: str) -> Source | None:
        return self._by_id.get(_key(source_id))

    def remove(self, source_id: str) -> bool:
        """Remove a source; tell whether it was there."""
        return self._by_id.pop(_key(source_id), None) is not None

    def __iter__(self) -> Iterator[Source]:
        return iter(self._by_id.values())


def _key(text: str) -> str:
    return text.rstrip("/").casefold()
