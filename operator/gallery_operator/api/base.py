"""What the models of the three kinds share: field types, CEL rules, references and policies.

The models are the one source of the API: `crd.py` renders them to `crds/*.yaml`, and the operator parses with them
what the API server delivers. A rule that needs no Azure is a CEL rule here, so that a wrong manifest is refused at
`kubectl apply` with the field and the mend.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel

RULES = "x-kubernetes-validations"


class ApiModel(BaseModel):
    """A piece of the API: camelCase on the wire, docstrings become descriptions in the CRD."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        use_attribute_docstrings=True,
        frozen=True,
        extra="ignore",
    )


def rule(expression: str, message: str, **extra: str) -> dict[str, str]:
    """Return one CEL rule (Kubernetes API, `x-kubernetes-validations`)."""
    return {"rule": expression, "message": message, **extra}


def rules(*each: dict[str, str]) -> dict[str, Any]:
    """Return the `json_schema_extra` that attaches CEL rules to a field or model."""
    return {RULES: list(each)}


#: Of objects that may become empty: of any other one that does, server-side apply makes a null, which is refused.
ATOMIC_MAP: Final = {"x-kubernetes-map-type": "atomic"}


def model_rules(*each: dict[str, str], atomic: bool = False) -> ConfigDict:
    """Return the `model_config` that attaches CEL rules to a model; the rest of the configuration is inherited.

    :param atomic: whether the object may become empty (`ATOMIC_MAP`).
    """
    return ConfigDict(json_schema_extra={**(ATOMIC_MAP if atomic else {}), **(rules(*each) if each else {})})


def immutable(field: str, mend: str, *, required: bool = False) -> dict[str, str]:
    """Return the rule that an optional (or required) field of this object is never set, changed or unset later."""
    same = f"self.{field} == oldSelf.{field}"
    if not required:
        same = f"has(self.{field}) == has(oldSelf.{field}) && (!has(self.{field}) || {same})"
    return rule(same, f"{field} is immutable: {mend}", fieldPath=f".{field}", reason="FieldValueForbidden")


def not_cleared(field: str, mend: str) -> dict[str, str]:
    """Return the rule that a field, once set, is changed but not unset."""
    expression = f"!has(oldSelf.{field}) || has(self.{field})"
    return rule(expression, f"{field} cannot be cleared: {mend}", fieldPath=f".{field}", reason="FieldValueForbidden")


#: Of lists where empty means none, but unset means "as it is": of any other list that becomes empty, server-side apply
#: removes the field.
ATOMIC: Final = {"x-kubernetes-list-type": "atomic"}


def each_once(key: str, message: str) -> dict[str, str]:
    """Return the rule that no two entries of a list (or names of a map) have one `key`: CEL, `{0}` is the entry."""
    return rule(f"self.all(a, self.exists_one(b, {key.format('b')} == {key.format('a')}))", message)


def same_region_cel(one: str, other: str) -> str:
    """Return the CEL expression that two region names are the same after normalisation (`West US 2` = `westus2`)."""
    return f"{one}.lowerAscii().replace(' ', '') == {other}.lowerAscii().replace(' ', '')"


def immutable_region(field: str, mend: str, *, required: bool = False) -> dict[str, str]:
    """Return the rule that a region keeps its value; another spelling of the same region is no change."""
    same = same_region_cel(f"self.{field}", f"oldSelf.{field}")
    if not required:
        same = f"has(self.{field}) == has(oldSelf.{field}) && (!has(self.{field}) || {same})"
    return rule(same, f"{field} is immutable: {mend}", fieldPath=f".{field}", reason="FieldValueForbidden")


# --- strings ---------------------------------------------------------------------------------------------------------

Region = Annotated[
    str,
    Field(
        min_length=1,
        max_length=64,
        json_schema_extra=rules(
            rule(
                "self.matches('^[A-Za-z0-9][A-Za-z0-9 ]*$')",
                "a region is written as Azure writes it: westeurope or West Europe",
            )
        ),
    ),
]

#: What it is the id of is a rule of the model that holds it: `names_resource`.
ArmResourceId = Annotated[str, Field(min_length=1, max_length=1024)]


def names_resource(field: str, type_: str, *, optional: bool = False) -> dict[str, str]:
    """Return the rule that `holder.id` is the ARM id of a resource of one type: `Microsoft.Compute/galleries/images`.

    Ids of parents become parts of URLs, so a name has nothing that a URL gives a meaning to, and is never `.` or `..`.
    """
    provider, *types = type_.split("/")
    name = r"[^/?#%\\s]*[^/?#%\\s.]"
    pattern = f"(?i)^/subscriptions/{name}/resourceGroups/{name}/providers/{provider.replace('.', '[.]')}"
    pattern += "".join(f"/{each}/{name}" for each in types) + "$"
    shape = f"/subscriptions/<id>/resourceGroups/<group>/providers/{provider}/{'/<name>/'.join(types)}/<name>"
    holders = dict.fromkeys((field.partition(".")[0], field)) if optional else ()
    guard = "".join(f"!has(self.{each}) || " for each in holders)
    return rule(f"{guard}self.{field}.matches('{pattern}')", f"{field} looks like {shape}", fieldPath=f".{field}")


Text = Annotated[str, Field(max_length=2048)]
#: The limit leaves room for `/subscriptions/<id>`, so that who writes that is told the mend.
Uuid = Annotated[
    str,
    Field(
        max_length=64,
        json_schema_extra=rules(
            rule(
                "self.matches('^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$')",
                "an id is a UUID such as 11111111-2222-3333-4444-555555555555",
            )
        ),
    ),
]
Uri = Annotated[
    str,
    Field(
        max_length=2048,
        json_schema_extra=rules(
            rule("self == '' || self.matches('^https?://[^ ]+$')", "a URI looks like https://example.com/eula")
        ),
    ),
]

#: Major.Minor.Patch. One version has one spelling: 01.0.0 would be another object for the same version in Azure.
Version = Annotated[
    str,
    Field(
        max_length=32,
        json_schema_extra=rules(
            rule(
                "self.matches('^(0|[1-9][0-9]{0,9})([.](0|[1-9][0-9]{0,9})){2}$')"
                " && self.split('.').all(p, int(p) <= 2147483647)",
                "a version is Major.Minor.Patch, each a whole number from 0 to 2147483647 without leading zeros, "
                "for example 1.4.2",
            )
        ),
    ),
]

Tags = Annotated[
    dict[str, Annotated[str, Field(max_length=256)]],
    Field(
        max_length=48,
        json_schema_extra={
            **ATOMIC_MAP,
            **rules(
                rule("self.all(k, size(k) > 0 && size(k) <= 512)", "a tag's name has 1 to 512 characters"),
                each_once(
                    "{0}.lowerAscii()",
                    "a tag is listed twice (Azure takes Team and team for the same tag): keep one of them",
                ),
                rule("self.all(k, !k.matches('[<>%&?/\\\\\\\\]'))", "a tag's name has none of < > % & ? / \\"),
                rule(
                    "self.all(k, !k.lowerAscii().startsWith('gallery-operator.'))",
                    "tag names that begin with gallery-operator. belong to the operator: choose another name",
                ),
            ),
        },
    ),
]

# Not `format: date-time`: with it the API server takes times without a zone, and its refusal names no mend. The years
# leave room for every offset of a lifecycle.
EndOfLifeDate = Annotated[
    AwareDatetime,
    WithJsonSchema(
        {
            "type": "string",
            "maxLength": 40,
            **rules(
                rule(
                    "self.matches('^2[0-9]{3}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?"
                    "(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])$') && timestamp(self).getFullYear() >= 1999",
                    "a date is a day that exists, with time and zone, in the years 2000 to 2999: 2027-06-30T00:00:00Z",
                )
            ),
        }
    ),
]

_HOURS = {"h": 1, "d": 24, "w": 24 * 7}


def parse_duration(value: object) -> object:
    """Turn `36h`, `-14d` or `26w` into a timedelta; leave anything else to pydantic to refuse."""
    if isinstance(value, str) and value[-1:] in _HOURS and value[:-1].lstrip("-").isdigit():
        return timedelta(hours=int(value[:-1]) * _HOURS[value[-1]])
    return value


def _duration(pattern: str, message: str) -> Any:
    schema = {"type": "string", "maxLength": 8, **rules(rule(f"self.matches('{pattern}')", message))}
    return WithJsonSchema(schema)


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    _duration("^[0-9]{1,5}[hdw]$", "a duration is a whole number of hours, days or weeks: 36h, 180d, 26w"),
]
Offset = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    _duration("^-?[0-9]{1,5}[hdw]$", "an offset is a whole number of hours, days or weeks: -14d, 0d, 36h"),
]

# --- enums, spelled as Azure spells them -----------------------------------------------------------------------------


class DeletionPolicy(StrEnum):
    DELETE = "Delete"
    RETAIN = "Retain"


class ManagementPolicy(StrEnum):
    MANAGE = "Manage"
    OBSERVE = "Observe"


class DriftPolicy(StrEnum):
    CORRECT = "Correct"
    REPORT = "Report"


# --- references and policies -----------------------------------------------------------------------------------------

ObjectName = Annotated[
    str,
    Field(
        max_length=253,
        json_schema_extra=rules(
            rule(
                "self.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$')",
                "the name of an object has lower-case letters, digits, and inside also dashes and periods",
            )
        ),
    ),
]


class Reference(ApiModel):
    """Points to a parent: exactly one of `name` and `id`."""

    model_config = model_rules(
        rule(
            "has(self.name) != has(self.id)",
            "set exactly one of name (an object in this namespace) and id (an ARM id that is not managed here)",
        )
    )

    name: ObjectName | None = None
    """Name of an object in the same namespace."""
    id: ArmResourceId | None = None
    """ARM id of a resource that is not managed in this cluster."""


class Policies(ApiModel):
    """Fields that every kind has."""

    tags: Tags | None = None
    """Azure tags. Only the keys named here (and the operator's own) are managed; other tags stay as they are."""
    deletion_policy: DeletionPolicy | None = None
    """What becomes of the Azure resource when this object is deleted. Unset: Delete what the operator created, Retain
    what existed before."""
    management_policy: ManagementPolicy = ManagementPolicy.MANAGE
    """Manage: make Azure match this object. Observe: only report what exists, write nothing to Azure."""
    drift_policy: DriftPolicy = DriftPolicy.CORRECT
    """What becomes of changes that others make in Azure to what this object says. Correct: they are put right. Report:
    they are shown, and stay."""


#: Azure's limit for the names of galleries and image definitions.
AZURE_NAME_LIMIT = 80


def short_enough_name() -> dict[str, str]:
    """Return the rule, for a whole object, that its name can be its name in Azure, too, if no other one is given."""
    return rule(
        f"has(self.spec.azureName) || size(self.metadata.name) <= {AZURE_NAME_LIMIT}",
        f"names in Azure have at most {AZURE_NAME_LIMIT} characters: set azureName, or choose a shorter metadata.name",
        fieldPath=".spec.azureName",
    )
