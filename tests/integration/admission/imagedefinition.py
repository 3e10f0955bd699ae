"""What is refused of an ImageDefinition."""

from __future__ import annotations

from typing import Final

from tests.integration.admission import encryption
from tests.integration.admission.asking import Refusal
from tests.integration.admission.manifests import COMPUTE, GALLERY_ID
from tests.integration.admission.shared import (
    LONG_NAME,
    REGION,
    VERSION,
    dates,
    immutable,
    policies,
    references,
    replication,
)
from tests.integration.admission.sharing import access

_KIND: Final = "ImageDefinition"
_MEND: Final = "create another ImageDefinition"
_GALLERY: Final = "/subscriptions/<id>/resourceGroups/<group>/providers/Microsoft.Compute/galleries/<name>"
_NAME: Final = "an image definition's name has letters, digits, and inside also underscores, periods, dashes"
_URI: Final = "a URI looks like https://example.com/eula"
_DURATION: Final = "a duration is a whole number of hours, days or weeks: 36h, 180d, 26w"
_OFFSET: Final = "an offset is a whole number of hours, days or weeks: -14d, 0d, 36h"
_RANGE: Final = "min must not be greater than max: swap them"
_ARM64: Final = "architecture Arm64 needs hyperVGeneration V2"

_ENUMS: Final = (
    ("an unknown operating system", "osType", "linux", '"Windows", "Linux"'),
    ("an unknown state of the operating system", "osState", "Sysprepped", '"Generalized", "Specialized"'),
    ("an unknown generation", "hyperVGeneration", "V3", '"V1", "V2"'),
    ("an unknown architecture", "architecture", "amd64", '"x64", "Arm64"'),
    (
        "an unknown disk type",
        "disallowedDiskTypes[0]",
        "HDD",
        '"Standard_LRS", "StandardSSD_LRS", "StandardSSD_ZRS", "Premium_LRS", "Premium_ZRS", "PremiumV2_LRS", '
        '"UltraSSD_LRS"',
    ),
)


def _identifier(part: str, limit: int) -> list[Refusal]:
    says = f"1 to {limit} letters, digits, periods, dashes and underscores, not ending with a period"
    path = f"identifier.{part}"
    return [
        Refusal(_KIND, f"the {part} {text!r}", {path: text}, f"spec.{path}", says)
        for text in ("Contoso Ltd", "contoso.", "a/b")
    ]


def _durations(path: str, says: str, *, signed: bool) -> list[Refusal]:
    # removeRetiredAfter needs stages.delete; it is there so that only the duration is wrong.
    around = {} if path.startswith("lifecycle.stages") else {"lifecycle.stages.delete": "0d"}
    wrong = ("1.5d", "10m", "P7D", "7", "7 d", "d", "+7d", "\u0661d", "--1d", "", *(() if signed else ("-7d",)))
    return [
        Refusal(_KIND, f"{text!r} as {path}", {**around, path: text}, f"spec.{path}", says)
        for text in wrong
    ]  # fmt: skip


REFUSALS: Final = [
    *policies(_KIND),
    *references(_KIND, "galleryRef", _GALLERY, f"{GALLERY_ID}/images/ubuntu"),
    Refusal(
        _KIND,
        "a virtual machine as gallery",
        {"galleryRef": {"id": f"{COMPUTE}/virtualMachines/vm"}},
        "spec.galleryRef.id",
        f"galleryRef.id looks like {_GALLERY}",
    ),
    *(
        Refusal(_KIND, f"the name {name!r} in Azure", {"azureName": name}, "spec.azureName", _NAME)
        for name in ("-ubuntu", "ubuntu.", "ubuntu 24", "")
    ),
    Refusal(_KIND, "a long metadata.name without azureName", {}, "spec.azureName", LONG_NAME, name="a" * 81),
    Refusal(_KIND, "a location with a dash", {"location": "west-europe"}, "spec.location", REGION),
    *(
        Refusal(_KIND, that, {path: value}, f"spec.{path}", f'Unsupported value: "{value}": supported values: {known}')
        for that, path, value, known in _ENUMS
    ),
    *_identifier("publisher", 128),
    *_identifier("offer", 64),
    *_identifier("sku", 64),
    *(
        Refusal(_KIND, f"the {field} {text!r}", {field: text}, f"spec.{field}", _URI)
        for field in ("privacyStatementUri", "releaseNoteUri")
        for text in ("see the wiki", "/eula", "example.com", "https://")
    ),
    *dates(_KIND),
    *(
        Refusal(_KIND, f"{part} from 8 to 4", {f"recommended.{part}": {"min": 8, "max": 4}}, at, _RANGE)
        for part in ("vCPUs", "memoryGB")
        for at in (f"spec.recommended.{part}",)
    ),
    Refusal(
        _KIND,
        "a feature from version 1.0 on",
        {"features": [{"name": "SecurityType", "value": "TrustedLaunch", "startsAtVersion": "1.0"}]},
        "spec.features[0].startsAtVersion",
        VERSION,
    ),
    *(
        Refusal(
            _KIND,
            f"the feature value {value[:20]!r}",
            {"features": [{"name": "SecurityType", "value": value}]},
            "spec.features[0].value",
            "a feature's value has 1 to 100 letters, digits, spaces and commas: True, or SCSI, NVMe",
        )
        for value in ("", "Trusted-Launch", "x" * 101)
    ),
    *(
        Refusal(
            _KIND,
            f"a feature twice, as {again}",
            {"features": [{"name": name, "value": "True"} for name in ("IsHibernateSupported", again)]},
            "spec.features",
            "a feature is listed twice (the case of its name does not matter): keep one of them",
        )
        for again in ("IsHibernateSupported", "ishibernatesupported")
    ),
    Refusal(
        _KIND,
        "a disk type twice",
        {"disallowedDiskTypes": ["Premium_LRS", "Premium_LRS"]},
        "spec.disallowedDiskTypes",
        "a disk type is listed twice: keep one of them",
    ),
    *access(_KIND),
    *replication(_KIND, "versionDefaults."),
    *encryption.refusals(_KIND, encryption.DEFAULT_REGIONS),
    *encryption.in_one_region_only(_KIND, encryption.DEFAULT_REGIONS),
    *_durations("lifecycle.endOfLife.after", _DURATION, signed=False),
    *_durations("lifecycle.removeRetiredAfter", _DURATION, signed=False),
    *_durations("lifecycle.stages.excludeFromLatest", _OFFSET, signed=True),
    *_durations("lifecycle.stages.delete", _OFFSET, signed=True),
    *(
        Refusal(
            _KIND,
            f"removeRetiredAfter with {that}",
            {"lifecycle": {"removeRetiredAfter": "7d", **stages}},
            "spec.lifecycle.removeRetiredAfter",
            "removeRetiredAfter needs stages.delete, which retires versions",
        )
        for that, stages in (("no stages", {}), ("no delete stage", {"stages": {"excludeFromLatest": "0d"}}))
    ),
    Refusal(
        _KIND,
        "Arm64 of generation V1",
        {"architecture": "Arm64", "hyperVGeneration": "V1"},
        "spec.hyperVGeneration",
        _ARM64,
    ),
    *immutable(
        _KIND,
        _MEND,
        {
            "galleryRef": {"name": "other"},
            "osType": "Windows",
            "osState": "Generalized",
            "hyperVGeneration": "V1",
            "architecture": "x64",
            "identifier": {"publisher": "contoso", "offer": "ubuntu", "sku": "26.04"},
        },
        required=True,
    ),
    *immutable(
        _KIND,
        _MEND,
        {
            "azureName": "other",
            "location": "northeurope",
            "eula": "https://example.com/other",
            "privacyStatementUri": "https://example.com/other",
            "purchasePlan": {"name": "other"},
        },
    ),
]
