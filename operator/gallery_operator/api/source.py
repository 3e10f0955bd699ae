"""What an image version is made from."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from gallery_operator.api.base import (
    ApiModel,
    ArmResourceId,
    ObjectName,
    Uuid,
    each_once,
    model_rules,
    names_resource,
    rule,
    rules,
)
from gallery_operator.api.target_regions import Lun


class SourceById(ApiModel):
    """A source that is named by its ARM id."""

    id: ArmResourceId
    """The ARM id."""


class VersionSource(ApiModel):
    """Another image version: exactly one of `id` and `ref`."""

    model_config = model_rules(
        rule(
            "has(self.id) != has(self.ref)",
            "set exactly one of id (any image version in Azure) and ref (an ImageVersion in this namespace)",
        ),
        names_resource("id", "Microsoft.Compute/galleries/images/versions", optional=True),
    )

    id: ArmResourceId | None = None
    """ARM id of an image version that is replicated to the home region."""
    ref: ObjectName | None = None
    """Name of an ImageVersion in this namespace; it is waited for until it is replicated to the home region."""


class CommunitySource(ApiModel):
    """A version that a community gallery offers."""

    id: Annotated[
        str,
        Field(
            max_length=512,
            json_schema_extra=rules(
                rule(
                    "self.matches('(?i)^/CommunityGalleries/[^/?#%\\\\s]+/Images/[^/?#%\\\\s]+/Versions/[^/?#%\\\\s]+$')",
                    "id looks like /CommunityGalleries/<public name>/Images/<image>/Versions/<version>",
                )
            ),
        ),
    ]
    """/CommunityGalleries/<public name>/Images/<image>/Versions/<version>."""


class Vhd(ApiModel):
    """A VHD in a storage account."""

    model_config = model_rules(
        names_resource("storageAccountId", "Microsoft.Storage/storageAccounts"),
    )

    uri: Annotated[
        str,
        Field(
            max_length=1024,
            json_schema_extra=rules(
                rule(
                    "self.matches('^https://[^/ ?#@]+/[^ ?#]+$')",
                    "the URI of a page blob is https://<account>.blob.core.windows.net/<container>/<name>.vhd; access "
                    "goes by storageAccountId, so leave a SAS token out",
                ),
                rule("!self.lowerAscii().endsWith('.vhdx')", "Azure takes fixed VHDs, not VHDX: convert the disk"),
            ),
        ),
    ]
    """Where the VHD is: https://<account>.blob.core.windows.net/<container>/<name>.vhd."""
    storage_account_id: ArmResourceId
    """ARM id of the storage account, which is in the home region."""


class DiskSource(ApiModel):
    """Where a disk of the image comes from: exactly one of snapshot, managedDisk and vhd."""

    model_config = model_rules(
        rule(
            "[has(self.snapshot), has(self.managedDisk), has(self.vhd)].filter(x, x).size() == 1",
            "set exactly one of snapshot, managedDisk and vhd",
        ),
        names_resource("snapshot.id", "Microsoft.Compute/snapshots", optional=True),
        names_resource("managedDisk.id", "Microsoft.Compute/disks", optional=True),
    )

    snapshot: SourceById | None = None
    """A snapshot in the home region."""
    managed_disk: SourceById | None = None
    """A managed disk in the home region."""
    vhd: Vhd | None = None
    """A VHD in a storage account in the home region."""
    host_caching: Literal["None", "ReadOnly", "ReadWrite"] | None = None
    """Host caching of disks made from the image."""


class DataDiskSource(DiskSource):
    """Where a data disk of the image comes from."""

    lun: Lun
    """The logical unit number."""


_DISK: Final = (
    "(has({0}.snapshot) ? {0}.snapshot.id.lowerAscii() : has({0}.managedDisk) ? {0}.managedDisk.id.lowerAscii() :"
    " has({0}.vhd) ? {0}.vhd.uri : '')"
)


class DiskSources(ApiModel):
    """An image put together from disks."""

    model_config = model_rules(
        rule(
            f"!has(self.data) || self.data.all(d, {_DISK.format('d')} != {_DISK.format('self.os')})",
            "a data disk has the same source as the OS disk: name the snapshot, disk or VHD of the data disk",
            fieldPath=".data",
        )
    )

    os: DiskSource
    """The disk with the operating system."""
    data: (
        Annotated[
            list[DataDiskSource],
            Field(
                max_length=64,
                json_schema_extra={
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["lun"],
                    **rules(each_once(_DISK, "two data disks have the same source: name one of its own for each")),
                },
            ),
        ]
        | None
    ) = None
    """Data disks."""


class Source(ApiModel):
    """What the version is made from: exactly one kind."""

    model_config = model_rules(
        rule(
            "[has(self.managedImage), has(self.virtualMachine), has(self.galleryImageVersion),"
            " has(self.communityGalleryImage), has(self.disks)].filter(x, x).size() == 1",
            "set exactly one of managedImage, virtualMachine, galleryImageVersion, communityGalleryImage and disks",
        ),
        names_resource("managedImage.id", "Microsoft.Compute/images", optional=True),
        names_resource("virtualMachine.id", "Microsoft.Compute/virtualMachines", optional=True),
    )

    managed_image: SourceById | None = None
    """A managed image in the home region."""
    virtual_machine: SourceById | None = None
    """A virtual machine in the home region, generalized or specialized as the definition's osState says."""
    gallery_image_version: VersionSource | None = None
    """Another image version, replicated to the home region."""
    community_gallery_image: CommunitySource | None = None
    """A version that a community gallery offers."""
    disks: DiskSources | None = None
    """Snapshots, managed disks and VHDs in the home region."""
    tenant_id: Uuid | None = None
    """The Microsoft Entra tenant of the source, if it is not the credential's: a token of that tenant is sent, too."""
