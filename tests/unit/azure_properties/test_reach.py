"""Each field of the table changes exactly the properties of Azure it is listed with, and they then hold its value."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import orjson
import pytest

from dev.azure_properties import Field, reached
from gallery_operator.azure.gateway import ArmGateway
from gallery_operator.domain import galleries
from gallery_operator.domain.plan import Create, Share
from gallery_operator.domain.resources import Attempts
from tests.unit.azure.conftest import GALLERY, Servers, answers
from tests.unit.azure_properties.schema import fields
from tests.unit.azure_properties.specs import Specs, all_specs, sent, source_version
from tests.unit.domain import build
from tests.unit.domain.build import NOW, OWNER

JSON = dict[str, Any]
#: (Model, path) -> what the body holds there, in every entry of the lists on the way.
Held = dict[tuple[str, str], list[Any]]

ROWS = [row for row in reached() if row.model != "SharingUpdate"]
PATHS = {(row.model, row.path) for row in ROWS}
FIELDS = fields()
NAMED = sorted({field for row in ROWS for field in row.fields})
#: A value that makes another one when it is changed at random.
NEXT = {
    "westeurope": "northeurope",
    "northeurope": "uksouth",
    "2027-06-30T00:00:00Z": "2028-06-30T00:00:00Z",
}
#: What a field says in Azure, where that is not the value itself: 21 machines, or 601 instances, need two replicas.
SAID: dict[str, Callable[[Any], Any]] = {
    "virtualMachines": lambda _: 2,
    "scaleSetInstances": lambda _: 2,
    "ref": source_version,
}


def another(value: Any, node: JSON) -> Any:
    """Return another value of a field."""
    if "enum" in node:
        return node["enum"][node["enum"].index(value) - 1]
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, dict):
        return {key: another(each, {}) for key, each in value.items()}
    if isinstance(value, list):
        return [another(each, node["items"]) for each in value]
    return NEXT.get(value, f"{value}x")


def holders(spec: JSON, path: str) -> Iterator[tuple[JSON, str]]:
    """Yield the objects in a spec that set the last part of a path, with that part."""
    first, _, rest = path.partition(".")
    name = first.removesuffix("[]")
    if name not in spec:
        return
    if not rest:
        yield spec, name
        return
    for inside in spec[name] if first != name else [spec[name]]:
        yield from holders(inside, rest)


def held(bodies: dict[str, JSON]) -> Held:
    found: Held = {}

    def note(model: str, path: str, value: Any) -> None:
        if isinstance(value, dict) and (model, path) not in PATHS:
            for name, inside in value.items():
                note(model, f"{path}.{name}".lstrip("."), inside)
        elif isinstance(value, list) and (model, path) not in PATHS:
            for inside in value:
                note(model, f"{path}[]", inside)
        else:
            found.setdefault((model, path), []).append(value)

    for model, body in bodies.items():
        note(model, "", body)
    return found


def says(value: Any, wanted: Any) -> bool:
    """Tell whether Azure's value is the wanted one; tags may hold more, and identities are the keys of a map."""
    if isinstance(value, dict):
        return value.items() >= wanted.items() if isinstance(wanted, dict) else list(value) == wanted
    return bool(value == wanted)


def changed(field: Field) -> tuple[Specs, Specs, Any]:
    """Return specs that set a field, the same with another value of it, and that value."""
    for specs in all_specs():
        other = copy.deepcopy(specs)
        places = list(holders(other.get(field.kind, {}), field.path))
        if places:
            holder, name = places[-1]
            holder[name] = another(holder[name], FIELDS[field])
            return specs, other, holder[name]
    pytest.fail(f"no spec sets {field}")


@pytest.mark.parametrize("field", NAMED, ids=str)
def test_a_field_reaches_the_properties_it_is_listed_with_and_no_other(field: Field) -> None:
    specs, other, value = changed(field)

    before, after = held(sent(specs)), held(sent(other))

    listed = {(row.model, row.path) for row in ROWS if field in row.fields}
    assert {each for each in before | after if before.get(each) != after.get(each)} == listed
    wanted = SAID.get(field.path.rpartition(".")[2], lambda same: same)(value)
    assert [each for each in listed if not any(says(one, wanted) for one in after[each])] == []


def test_the_operator_sends_nothing_that_is_not_in_the_table() -> None:
    for specs in all_specs():
        assert set(held(sent(specs))) - PATHS == set()


async def test_those_a_gallery_is_shared_with_reach_azure(servers: Servers, gateway: ArmGateway) -> None:
    servers.arm.answer = answers({})
    groups = {"subscriptions": [str(UUID(int=1))], "tenants": [str(UUID(int=2))]}
    gallery = build.gallery(sharing={"permissions": "Groups", **groups})
    created = galleries.plan(gallery, None, OWNER, Attempts(), NOW)
    assert isinstance(created, Create)
    created.body["properties"]["provisioningState"] = "Succeeded"

    step = galleries.plan(gallery, created.body, OWNER, Attempts(), NOW)

    assert isinstance(step, Share)
    await gateway.share(GALLERY, step)
    update = orjson.loads(servers.arm.bodies[-1])
    by_type = {each["type"]: each["ids"] for each in update["groups"]}
    assert by_type == {"Subscriptions": groups["subscriptions"], "AADTenants": groups["tenants"]}
