"""What is refused of an ImageVersion."""

from __future__ import annotations

from typing import Any, Final

from tests.integration.admission import encryption, sources
from tests.integration.admission.asking import UNSET, Refusal, Start
from tests.integration.admission.manifests import COMPUTE, DISKS, ENCRYPTION, GALLERY_ID
from tests.integration.admission.shared import REGION, VERSION, dates, immutable, policies, references, replication

_KIND: Final = "ImageVersion"
_MEND: Final = "publish another version"
_IDS: Final = "/subscriptions/<id>/resourceGroups/<group>/providers/Microsoft.Compute"
_DEFINITION: Final = f"{_IDS}/galleries/<name>/images/<name>"
_HOME: Final = "the home region (location) must be one of targetRegions: add it there"
_IMAGE: Final = {"id": f"{COMPUTE}/images/ubuntu"}
_VERSIONS: Final = (
    "1", "1.2", "1.2.3.4", "v1.2.3", "1.2.3-rc1", "1.2.x", "01.2.3", "1.2.03", "-1.2.3", "1..3", "", " 1.2.3",
    "2147483648.0.0", "0.2147483648.0", "0.0.2147483648", "0.0.9999999999",
)  # fmt: skip


_ZONE: Final = {"name": "microsoftlosangeles1", "region": "westus"}
_SHALLOW: Final = (
    "replicationMode Shallow goes to the home region only, with one replica and without encryption: name only that "
    "region, without replicas, capacity, encryption and additionalReplicaSets"
)
_HASHES: Final = "all keys of type sha256 together have at most 256 values: drop some"


def _hashes(count: int) -> dict[str, Any]:
    return {"type": "sha256", "value": ["3q2+7w=="] * count}


def _uefi(that: str, uefi: object, at: str, says: str) -> Refusal:
    return Refusal(_KIND, that, {"uefiSettings": uefi}, f"spec.uefiSettings{at}", says)


def _shallow(that: str, changes: dict[str, Any], at: str, says: str) -> Refusal:
    return Refusal(_KIND, f"shallow replication {that}", {"replicationMode": "Shallow", **changes}, f"spec.{at}", says)


_REPLICATION_MODES: Final = [
    *(
        _shallow(that, {"targetRegions": regions}, "targetRegions", _SHALLOW)
        for that, regions in (
            ("to two regions", [{"name": "westeurope"}, {"name": "northeurope"}]),
            ("with two replicas in the region", [{"name": "westeurope", "replicas": 2}]),
            ("by capacity", [{"name": "westeurope", "capacity": {"virtualMachines": 1}}]),
            ("with encryption", [{"name": "westeurope", "encryption": {"osDisk": ENCRYPTION["osDisk"]}}]),
            (
                "with more replicas",
                [{"name": "westeurope", "additionalReplicaSets": [{"storageAccountType": "PremiumV2_LRS"}]}],
            ),
        )
    ),
    _shallow(
        "with two replicas", {"replicas": 2}, "replicas", "replicationMode Shallow has one replica: leave replicas out"
    ),
    _shallow(
        "to an edge zone",
        {"edgeZones": [_ZONE]},
        "edgeZones",
        "replicationMode Shallow goes to no edge zone: leave edgeZones out",
    ),
    Refusal(
        _KIND,
        "a storage type and a strategy",
        {"storageAccountType": "Standard_LRS", "storageAccountStrategy": "DefaultStandard_LRS"},
        "spec.storageAccountStrategy",
        "set storageAccountType or storageAccountStrategy, not both",
    ),
    Refusal(
        _KIND,
        "turning shallow replication into full by leaving the mode out",
        {"replicationMode": UNSET},
        "spec.replicationMode",
        f"Forbidden: replicationMode is immutable: {_MEND}",
        "other",
    ),
]

_EDGE_ZONES: Final = [
    Refusal(
        _KIND,
        "an edge zone twice",
        {"edgeZones": [_ZONE, {**_ZONE, "name": "MicrosoftLosAngeles1"}]},
        "spec.edgeZones",
        "an edge zone is listed twice: keep one of them",
    ),
    *(
        Refusal(
            _KIND,
            f"the edge zone {name!r}",
            {"edgeZones": [{**_ZONE, "name": name}]},
            "spec.edgeZones[0].name",
            "an edge zone is written as Azure does: microsoftlosangeles1",
        )
        for name in ("Los Angeles", "los/angeles", "-losangeles")
    ),
    Refusal(
        _KIND,
        "an edge zone in a region with a dash",
        {"edgeZones": [{**_ZONE, "region": "west-us"}]},
        "spec.edgeZones[0].region",
        REGION,
    ),
]

_SECURITY: Final = [
    _uefi("UEFI settings that say nothing", {}, "", "set signatureTemplateNames, additionalSignatures or both"),
    _uefi(
        "a key that is no base64",
        {"additionalSignatures": {"db": [{"type": "x509", "value": ["not base64!"]}]}},
        ".additionalSignatures.db[0].value[0]",
        "should match",
    ),
    _uefi("no additional key", {"additionalSignatures": {}}, ".additionalSignatures", "set pk, kek, db or dbx"),
    *(
        _uefi(f"257 hashes: {that}", {"additionalSignatures": keys}, ".additionalSignatures", _HASHES)
        for that, keys in (
            ("in two lists", {"db": [_hashes(200)], "dbx": [_hashes(57)]}),
            ("in one list", {"dbx": [_hashes(200), _hashes(57)]}),
            ("with the platform key", {"pk": _hashes(1), "kek": [_hashes(256)]}),
            ("with exchange keys", {"kek": [_hashes(1)], "db": [_hashes(256)]}),
        )
    ),
]


def _source_change(that: str, changes: dict[str, Any], on: Start) -> Refusal:
    return Refusal(_KIND, that, changes, "spec.source", f"Forbidden: source is immutable: {_MEND}", on)


_SOURCE_CHANGES: Final = [
    _source_change("taking the tenant from a source", {"source.tenantId": UNSET}, "full"),
    _source_change("another data disk", {"source.disks.data[0].snapshot.id": f"{COMPUTE}/snapshots/other"}, "other"),
    _source_change("one data disk less", {"source.disks.data": DISKS["data"][:2]}, "other"),
    _source_change("other host caching of a disk", {"source.disks.os.hostCaching": "ReadWrite"}, "other"),
]


REFUSALS: Final = [
    *policies(_KIND),
    *references(_KIND, "imageDefinitionRef", _DEFINITION, GALLERY_ID),
    *(Refusal(_KIND, f"the version {text!r}", {"version": text}, "spec.version", VERSION) for text in _VERSIONS),
    *sources.REFUSALS,
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
    *encryption.refusals(_KIND, encryption.REGIONS),
    *encryption.refusals(_KIND, encryption.EDGE_ZONES),
    *encryption.in_one_region_only(_KIND, encryption.REGIONS),
    *encryption.of_disks_the_source_has_not(_KIND, encryption.REGIONS),
    *encryption.of_disks_the_source_has_not(_KIND, encryption.EDGE_ZONES),
    encryption.of_a_disk_twice(_KIND),
    *_REPLICATION_MODES,
    *_EDGE_ZONES,
    *_SECURITY,
    *dates(_KIND),
    *immutable(
        _KIND,
        _MEND,
        {
            "imageDefinitionRef": {"name": "other"},
            "version": "1.0.1",
            "source": {"managedImage": _IMAGE},
            "replicationMode": "Shallow",
        },
        required=True,
    ),
    *_SOURCE_CHANGES,
    *immutable(
        _KIND,
        _MEND,
        {
            "location": "northeurope",
            "uefiSettings": {"signatureTemplateNames": ["NoSignatureTemplate"]},
            "secretsProvisioning": {"isSupported": False},
        },
    ),
    *immutable(_KIND, _MEND, {"storageAccountStrategy": "DefaultStandard_LRS"}, on="other"),
    *immutable(_KIND, "set it per target region, for regions that are added", {"storageAccountType": "Standard_ZRS"}),
    Refusal(_KIND, "unsetting the version", {"version": UNSET}, "spec.version", "Required value", "full"),
]
