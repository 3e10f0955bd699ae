"""Refusals that several kinds have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from tests.integration.admission.asking import UNSET, Refusal

REGION: Final = "a region is written as Azure writes it: westeurope or West Europe"
REGION_TWICE: Final = "a region is listed twice (West US 2 and westus2 are the same region): keep one of them"
DATE: Final = "a date is a day that exists, with time and zone, in the years 2000 to 2999: 2027-06-30T00:00:00Z"
VERSION: Final = (
    "a version is Major.Minor.Patch, each a whole number from 0 to 2147483647 without leading zeros, for example 1.4.2"
)
OBJECT_NAME: Final = "the name of an object has lower-case letters, digits, and inside also dashes and periods"
STORAGE: Final = 'supported values: "Standard_LRS", "Standard_ZRS", "Premium_LRS", "PremiumV2_LRS"'
LONG_NAME: Final = "names in Azure have at most 80 characters: set azureName, or choose a shorter metadata.name"


def policies(kind: str) -> list[Refusal]:
    """Return the refusals of tags and policies, which every kind has."""
    reserved = "tag names that begin with gallery-operator. belong to the operator: choose another name"
    twice = "a tag is listed twice (Azure takes Team and team for the same tag): keep one of them"
    signs = "a tag's name has none of < > % & ? / \\"
    return [
        Refusal(kind, "a tag without a name", {"tags": {"": "x"}}, "spec.tags", "a tag's name has 1 to 512 characters"),
        Refusal(kind, "a tag twice, in two cases", {"tags": {"Team": "a", "team": "b"}}, "spec.tags", twice),
        *(
            Refusal(kind, f"a tag's name with {sign}", {"tags": {f"a{sign}b": "x"}}, "spec.tags", signs)
            for sign in "<>%&?/\\"
        ),
        Refusal(kind, "the owner's tag", {"tags": {"gallery-operator.owner": "me"}}, "spec.tags", reserved),
        Refusal(kind, "a reserved tag in capitals", {"tags": {"Gallery-Operator.x": "me"}}, "spec.tags", reserved),
        Refusal(
            kind,
            "an unknown deletion policy",
            {"deletionPolicy": "Orphan"},
            "spec.deletionPolicy",
            'Unsupported value: "Orphan": supported values: "Delete", "Retain"',
        ),
        Refusal(
            kind,
            "an unknown management policy",
            {"managementPolicy": "observe"},
            "spec.managementPolicy",
            'Unsupported value: "observe": supported values: "Manage", "Observe"',
        ),
        Refusal(
            kind,
            "an unknown drift policy",
            {"driftPolicy": "Ignore"},
            "spec.driftPolicy",
            'Unsupported value: "Ignore": supported values: "Correct", "Report"',
        ),
    ]


def immutable(
    kind: str,
    mend: str,
    fields: Mapping[str, Any],
    *,
    required: bool = False,
    on: Literal["full", "other"] = "full",
) -> list[Refusal]:
    """Return the refusals of a change of each field; of setting it later and unsetting it, too, if it is optional."""
    result = []
    for field, other in fields.items():
        at, says = f"spec.{field}", f"Forbidden: {field} is immutable: {mend}"
        result.append(Refusal(kind, f"changing {field}", {field: other}, at, says, on))
        if not required:
            result.append(Refusal(kind, f"unsetting {field}", {field: UNSET}, at, says, on))
            result.append(Refusal(kind, f"setting {field} later", {field: other}, at, says, "minimal"))
    return result


def replication(kind: str, prefix: str = "") -> list[Refusal]:
    """Return the refusals of target regions, replicas and storage; `prefix` is where they are in the spec."""
    regions = f"{prefix}targetRegions"
    first, at = f"{regions}[0]", f"spec.{regions}[0]"
    named = {f"{first}.name": "westeurope"}
    both = {**named, f"{first}.replicas": 1, f"{first}.capacity": {"virtualMachines": 1}}
    where = f" in {prefix.rstrip('.')}" if prefix else ""
    twice = [[{"name": "westus2"}, {"name": again}] for again in ("westus2", "West US 2", "WestUS2")]
    return [
        Refusal(kind, f"a target region with a dash{where}", {f"{first}.name": "west-europe"}, f"{at}.name", REGION),
        *(
            Refusal(kind, f"westus2 and {two[1]['name']}{where}", {regions: two}, f"spec.{regions}", REGION_TWICE)
            for two in twice
        ),
        Refusal(kind, f"replicas and capacity{where}", both, f"{at}.capacity", "set replicas or capacity, not both"),
        Refusal(
            kind,
            f"a capacity that says nothing{where}",
            {**named, f"{first}.capacity": {}},
            f"{at}.capacity",
            "set virtualMachines, scaleSetInstances or both",
        ),
        Refusal(
            kind, f"an unknown storage type{where}", {f"{prefix}storageAccountType": "LRS"},
            f"spec.{prefix}storageAccountType", STORAGE,
        ),
        Refusal(
            kind, f"an unknown storage type of a region{where}", {**named, f"{first}.storageAccountType": "LRS"},
            f"{at}.storageAccountType", STORAGE,
        ),
        *(
            Refusal(
                kind, f"{count} replicas{where}", {f"{prefix}replicas": count}, f"spec.{prefix}replicas",
                f"should be {bound}",
            )
            for count, bound in ((0, "greater than or equal to 1"), (101, "less than or equal to 100"))
        ),
        *(
            Refusal(
                kind, f"{count} replicas in a region{where}", {**named, f"{first}.replicas": count}, f"{at}.replicas",
                f"should be {bound}",
            )
            for count, bound in ((0, "greater than or equal to 1"), (101, "less than or equal to 100"))
        ),
    ]  # fmt: skip


def dates(kind: str) -> list[Refusal]:
    """Return the refusals of end-of-life dates."""
    wrong = {
        "a word as end of life": "tomorrow",
        "an end of life without a time": "2027-06-30",
        "an end of life without a zone": "2027-06-30T00:00:00",
        "an end of life on 30 February": "2027-02-30T00:00:00Z",
        "an end of life on 29 February 2027": "2027-02-29T00:00:00Z",
        "an end of life in month 13": "2027-13-01T00:00:00Z",
        "an end of life at 24 o'clock": "2027-06-30T24:00:00Z",
        "an end of life in the year 9999": "9999-12-31T23:59:59Z",
        "an end of life in the year 1999": "1999-12-31T23:59:59Z",
    }
    cleared = "Forbidden: endOfLifeDate cannot be cleared: Azure keeps the date it has; set a later one instead"
    return [
        *(Refusal(kind, that, {"endOfLifeDate": date}, "spec.endOfLifeDate", DATE) for that, date in wrong.items()),
        Refusal(kind, "clearing the end of life", {"endOfLifeDate": UNSET}, "spec.endOfLifeDate", cleared, "full"),
    ]


def references(kind: str, field: str, shape: str, wrong_type: str) -> list[Refusal]:
    """Return the refusals of a reference to a parent; `wrong_type` is the id of something else."""
    one = "set exactly one of name (an object in this namespace) and id (an ARM id that is not managed here)"
    at, says = f"spec.{field}.id", f"{field}.id looks like {shape}"
    inside = shape.replace("<id>", "s").replace("<group>", "g").replace("<name>", "{}", 1).replace("<name>", "n")
    return [
        Refusal(kind, f"a {field} without name and id", {field: {}}, f"spec.{field}", one),
        Refusal(kind, f"a {field} with name and id", {field: {"name": "a", "id": wrong_type}}, f"spec.{field}", one),
        Refusal(kind, f"a {field} in capitals", {field: {"name": "Platform"}}, f"spec.{field}.name", OBJECT_NAME),
        Refusal(kind, f"a {field} to something else", {field: {"id": wrong_type}}, at, says),
        *(
            Refusal(kind, f"a {field} whose id has the name {name!r}", {field: {"id": inside.format(name)}}, at, says)
            for name in ("", "..", "a?b", "a#b", "a%2fb", "a b", "a\n")
        ),
    ]
