"""What is refused of the source of an ImageVersion."""

from __future__ import annotations

from typing import Any, Final

from tests.integration.admission.asking import Refusal
from tests.integration.admission.manifests import COMPUTE, DEFINITION_ID, STORAGE
from tests.integration.admission.shared import OBJECT_NAME
from tests.integration.admission.sharing import UUID

_KIND: Final = "ImageVersion"
_ANY: Final = "/subscriptions/<id>/resourceGroups/<group>/providers"
_IDS: Final = f"{_ANY}/Microsoft.Compute"
_ONE_SOURCE: Final = (
    "set exactly one of managedImage, virtualMachine, galleryImageVersion, communityGalleryImage and disks"
)
_ONE_DISK: Final = "set exactly one of snapshot, managedDisk and vhd"
_ID_OR_REF: Final = "set exactly one of id (any image version in Azure) and ref (an ImageVersion in this namespace)"
_COMMUNITY: Final = "id looks like /CommunityGalleries/<public name>/Images/<image>/Versions/<version>"
_BLOB: Final = (
    "the URI of a page blob is https://<account>.blob.core.windows.net/<container>/<name>.vhd; access goes by "
    "storageAccountId, so leave a SAS token out"
)
_SAME_AS_OS: Final = "a data disk has the same source as the OS disk: name the snapshot, disk or VHD of the data disk"
_SAME: Final = "two data disks have the same source: name one of its own for each"

_IMAGE: Final = {"id": f"{COMPUTE}/images/ubuntu"}
_MACHINE: Final = {"id": f"{COMPUTE}/virtualMachines/ubuntu"}
_VERSION: Final = {"id": f"{DEFINITION_ID}/versions/1.0.0"}
_PUBLIC: Final = {"id": "/CommunityGalleries/contoso-1234/Images/ubuntu/Versions/1.0.0"}
_OS: Final = {"snapshot": {"id": f"{COMPUTE}/snapshots/os"}}
_SNAPSHOT: Final = {"snapshot": {"id": f"{COMPUTE}/snapshots/ubuntu-os"}}
_DISK: Final = {"managedDisk": {"id": f"{COMPUTE}/disks/ubuntu-os"}}
_URI: Final = "https://images.blob.core.windows.net/vhds/ubuntu.vhd"
_ACCOUNT: Final = f"{STORAGE}/images"
_VHD: Final = {"vhd": {"uri": _URI, "storageAccountId": _ACCOUNT}}


def _source(that: str, source: object, at: str, says: str) -> Refusal:
    return Refusal(_KIND, that, {"source": source}, f"spec.source{at}", says)


def _data(*disks: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"lun": lun, **disk} for lun, disk in enumerate(disks)]


def _wholes() -> list[Refusal]:
    wrong_types = (
        ("managedImage", _VERSION, f"{_IDS}/images/<name>"),
        ("managedImage", _MACHINE, f"{_IDS}/images/<name>"),
        ("managedImage", {"id": "ubuntu"}, f"{_IDS}/images/<name>"),
        ("virtualMachine", _IMAGE, f"{_IDS}/virtualMachines/<name>"),
        ("virtualMachine", {"id": f"{_MACHINE['id']}/extensions/x"}, f"{_IDS}/virtualMachines/<name>"),
        ("virtualMachine", {"id": f"{COMPUTE}/virtualMachines/.."}, f"{_IDS}/virtualMachines/<name>"),
    )
    return [
        _source("a version without a source", {}, "", _ONE_SOURCE),
        _source("a version with a tenant as only source", {"tenantId": "0" * 36}, "", _ONE_SOURCE),
        *(
            _source(f"{' and '.join(two)}", two, "", _ONE_SOURCE)
            for two in (
                {"managedImage": _IMAGE, "galleryImageVersion": _VERSION},
                {"managedImage": _IMAGE, "disks": {"os": _SNAPSHOT}},
                {"virtualMachine": _MACHINE, "communityGalleryImage": _PUBLIC},
            )
        ),
        *(
            _source(f"{value['id']} as {kind}", {kind: value}, f".{kind}.id", f"{kind}.id looks like {shape}")
            for kind, value, shape in wrong_types
        ),
    ]


def _versions() -> list[Refusal]:
    wrong = (_IMAGE["id"], DEFINITION_ID, _PUBLIC["id"], f"{DEFINITION_ID}/versions/1.0.0?x=y")
    public = (
        _VERSION["id"],
        "/CommunityGalleries/contoso-1234/Images/ubuntu",
        "/CommunityGalleries/a/Images/b/Versions/",
    )
    both = {**_VERSION, "ref": "ubuntu-24-04-1.0.0"}
    return [
        _source("a version by id and ref", {"galleryImageVersion": both}, ".galleryImageVersion", _ID_OR_REF),
        _source("a version by nothing", {"galleryImageVersion": {}}, ".galleryImageVersion", _ID_OR_REF),
        _source(
            "a version by a ref in capitals",
            {"galleryImageVersion": {"ref": "Ubuntu"}},
            ".galleryImageVersion.ref",
            OBJECT_NAME,
        ),
        *(
            _source(
                f"{text} as galleryImageVersion",
                {"galleryImageVersion": {"id": text}},
                ".galleryImageVersion.id",
                f"id looks like {_IDS}/galleries/<name>/images/<name>/versions/<name>",
            )
            for text in wrong
        ),
        *(
            _source(
                f"{text} of a community",
                {"communityGalleryImage": {"id": text}},
                ".communityGalleryImage.id",
                _COMMUNITY,
            )
            for text in public
        ),
        _source("a tenant by its domain", {"managedImage": _IMAGE, "tenantId": "contoso.com"}, ".tenantId", UUID),
    ]


def _disk(which: str, at: str, put: Any) -> list[Refusal]:
    """Return the refusals of one disk; `put` makes the disks of an image with it."""

    def refused(that: str, disk: dict[str, Any], where: str, says: str) -> Refusal:
        return _source(f"{that} as {which}", {"disks": put(disk)}, f".disks.{at}{where}", says)

    snapshots, disks = (
        f"snapshot.id looks like {_IDS}/snapshots/<name>",
        f"managedDisk.id looks like {_IDS}/disks/<name>",
    )
    accounts = f"storageAccountId looks like {_ANY}/Microsoft.Storage/storageAccounts/<name>"
    return [
        refused("nothing", {}, "", _ONE_DISK),
        refused("a snapshot and a disk", {**_SNAPSHOT, **_DISK}, "", _ONE_DISK),
        refused("a disk and a VHD", {**_DISK, **_VHD}, "", _ONE_DISK),
        refused("a disk for a snapshot", {"snapshot": _DISK["managedDisk"]}, ".snapshot.id", snapshots),
        refused("a snapshot for a disk", {"managedDisk": _SNAPSHOT["snapshot"]}, ".managedDisk.id", disks),
        *(
            refused(f"the VHD {uri!r}", {"vhd": {"uri": uri, "storageAccountId": _ACCOUNT}}, ".vhd.uri", says)
            for uri, says in (
                (f"{_URI}?sv=2024-11-04&sp=r&sig=c2VjcmV0", _BLOB),
                (_URI.replace("https", "http"), _BLOB),
                ("ubuntu.vhd", _BLOB),
                (f"{_URI}#1", _BLOB),
                ("https://images.blob.core.windows.net/", _BLOB),
                (_URI.replace("://", "://user:password@"), _BLOB),
                (_URI.replace("vhds", "my vhds"), _BLOB),
                (f"{_URI}x", "Azure takes fixed VHDs, not VHDX: convert the disk"),
            )
        ),
        *(
            refused(
                f"a VHD in {account}",
                {"vhd": {"uri": _URI, "storageAccountId": account}},
                ".vhd.storageAccountId",
                accounts,
            )
            for account in ("images", f"{_ACCOUNT}/blobServices/default", f"{COMPUTE}/disks/images")
        ),
        refused(
            "unknown host caching",
            {**_SNAPSHOT, "hostCaching": "Fast"},
            ".hostCaching",
            'Unsupported value: "Fast": supported values: "None", "ReadOnly", "ReadWrite"',
        ),
    ]  # fmt: skip


def _several_disks() -> list[Refusal]:
    def refused(that: str, data: object, at: str, says: str) -> Refusal:
        return _source(that, {"disks": {"os": _VHD, "data": data}}, f".disks.data{at}", says)

    capitals = {"snapshot": {"id": _SNAPSHOT["snapshot"]["id"].upper()}}
    return [
        refused(
            "two data disks with one logical unit number",
            [{"lun": 3, **_SNAPSHOT}, {"lun": 3, **_DISK}],
            "[1]",
            'Duplicate value: {"lun":3}',
        ),
        refused("the OS disk as data disk, too", _data(_SNAPSHOT, _VHD), "", _SAME_AS_OS),
        refused("one disk as two data disks", _data(_DISK, _SNAPSHOT, _DISK), "", _SAME),
        refused("one snapshot as two data disks, in two cases", _data(_SNAPSHOT, capitals), "", _SAME),
    ]


REFUSALS: Final = [
    *_wholes(),
    *_versions(),
    *_disk("OS disk", "os", lambda disk: {"os": disk}),
    *_disk("data disk", "data[0]", lambda disk: {"os": _OS, "data": _data(disk)}),
    *_several_disks(),
]
