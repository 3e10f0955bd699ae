"""What is refused of an ImageVersion."""

from __future__ import annotations

from typing import Final

from tests.integration.admission.asking import UNSET, Refusal
from tests.integration.admission.manifests import COMPUTE, DEFINITION_ID, GALLERY_ID
from tests.integration.admission.shared import REGION, VERSION, dates, immutable, policies, references, replication

_KIND: Final = "ImageVersion"
_MEND: Final = "publish another version"
_IDS: Final = "/subscriptions/<id>/resourceGroups/<group>/providers/Microsoft.Compute"
_DEFINITION: Final = f"{_IDS}/galleries/<name>/images/<name>"
_ONE_SOURCE: Final = "set exactly one of managedImage, galleryImageVersion and disks"
_HOME: Final = "the home region (location) must be one of targetRegions: add it there"
_IMAGE: Final = {"id": f"{COMPUTE}/images/ubuntu"}
_VERSION: Final = {"id": f"{DEFINITION_ID}/versions/1.0.0"}
_SNAPSHOT: Final = {"snapshot": {"id": f"{COMPUTE}/snapshots/ubuntu-os"}}
_DISK_IN_PLACE_OF_SNAPSHOT: Final = {"snapshot": {"id": f"{COMPUTE}/disks/ubuntu-os"}}
_NOT_A_SNAPSHOT: Final = f"snapshot.id looks like {_IDS}/snapshots/<name>"

_VERSIONS: Final = (
    "1", "1.2", "1.2.3.4", "v1.2.3", "1.2.3-rc1", "1.2.x", "01.2.3", "1.2.03", "-1.2.3", "1..3", "", " 1.2.3",
    "2147483648.0.0", "0.2147483648.0", "0.0.2147483648", "0.0.9999999999",
)  # fmt: skip


def _source(that: str, source: object, at: str, says: str) -> Refusal:
    return Refusal(_KIND, that, {"source": source}, f"spec.source{at}", says)


REFUSALS: Final = [
    *policies(_KIND),
    *references(_KIND, "imageDefinitionRef", _DEFINITION, GALLERY_ID),
    *(Refusal(_KIND, f"the version {text!r}", {"version": text}, "spec.version", VERSION) for text in _VERSIONS),
    _source("a version without a source", {}, "", _ONE_SOURCE),
    _source("a version with two sources", {"managedImage": _IMAGE, "galleryImageVersion": _VERSION}, "", _ONE_SOURCE),
    _source("an image and disks", {"managedImage": _IMAGE, "disks": {"os": _SNAPSHOT}}, "", _ONE_SOURCE),
    _source(
        "a gallery image version as managed image",
        {"managedImage": _VERSION},
        ".managedImage.id",
        f"managedImage.id looks like {_IDS}/images/<name>",
    ),
    _source(
        "a managed image as gallery image version",
        {"galleryImageVersion": _IMAGE},
        ".galleryImageVersion.id",
        f"galleryImageVersion.id looks like {_DEFINITION}/versions/<name>",
    ),
    _source(
        "a disk as snapshot", {"disks": {"os": _DISK_IN_PLACE_OF_SNAPSHOT}}, ".disks.os.snapshot.id", _NOT_A_SNAPSHOT
    ),
    _source(
        "a disk as snapshot of a data disk",
        {"disks": {"os": _SNAPSHOT, "data": [{"lun": 0, **_DISK_IN_PLACE_OF_SNAPSHOT}]}},
        ".disks.data[0].snapshot.id",
        _NOT_A_SNAPSHOT,
    ),
    _source(
        "two data disks with one logical unit number",
        {"disks": {"os": _SNAPSHOT, "data": [{"lun": 3, **_SNAPSHOT}, {"lun": 3, **_SNAPSHOT}]}},
        ".disks.data[1]",
        'Duplicate value: {"lun":3}',
    ),
    *(
        _source(
            f"unknown host caching of the {which}",
            {"disks": {"os": _SNAPSHOT, "data": [{"lun": 0, **_SNAPSHOT}]} | disks},
            f".disks.{at}.hostCaching",
            'Unsupported value: "Fast": supported values: "None", "ReadOnly", "ReadWrite"',
        )
        for which, at, disks in (
            ("OS disk", "os", {"os": {**_SNAPSHOT, "hostCaching": "Fast"}}),
            ("data disk", "data[0]", {"data": [{"lun": 0, **_SNAPSHOT, "hostCaching": "Fast"}]}),
        )
    ),
    Refusal(_KIND, "a location with a dash", {"location": "west-europe"}, "spec.location", REGION),
    Refusal(
        _KIND,
        "a home region that is no target region",
        {"location": "westeurope", "targetRegions": [{"name": "North Europe"}, {"name": "eastus2"}]},
        "spec.targetRegions",
        _HOME,
    ),
    Refusal(
        _KIND,
        "dropping the home region",
        {"targetRegions": [{"name": "northeurope"}]},
        "spec.targetRegions",
        _HOME,
        "full",
    ),
    *replication(_KIND),
    *dates(_KIND),
    *immutable(
        _KIND,
        _MEND,
        {"imageDefinitionRef": {"name": "other"}, "version": "1.0.1", "source": {"managedImage": _IMAGE}},
        required=True,
    ),
    *immutable(_KIND, _MEND, {"location": "northeurope"}),
    *immutable(_KIND, "set it per target region, for regions that are added", {"storageAccountType": "Standard_ZRS"}),
    Refusal(_KIND, "unsetting the version", {"version": UNSET}, "spec.version", "Required value", "full"),
]
