"""What a client may write, walked from two witnesses: the recorded surface of API 2026-03-03 and the installed SDK.

Read-only properties are not entered: what is below them is only ever answered.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import Any, Final, NamedTuple, get_args, get_origin, get_type_hints

from azure.mgmt.compute import models

RECORDED: Final = Path(__file__).parent / "data" / "gallery-api-surface-2026-03-03.json"
#: The bodies that the operator sends.
ROOTS: Final = ("Gallery", "GalleryImage", "GalleryImageVersion", "SharingUpdate")

#: (Model, path) of a property -> the values of its enum; empty: none.
Surface = dict[tuple[str, str], frozenset[str]]


class Member(NamedTuple):
    """One field of a model."""

    name: str
    """On the wire."""
    read_only: bool
    model: str | None
    """The model of the value, of its entries, or of its values by key."""
    in_list: bool
    values: frozenset[str]


Members = Callable[[str], Iterator[Member]]


def recorded() -> Surface:
    """Return the surface that was recorded from the specification."""
    surface = json.loads(RECORDED.read_text(encoding="utf-8"))["models"]

    def members(model: str) -> Iterator[Member]:
        for name, field in surface[model]["fields"].items():
            values = frozenset(value for each in field.get("enum", {}).values() for value in each)
            reference = next(iter(field["refs"]), None)
            yield Member(name, field["readOnly"], reference, "list[" in field["type"], values)

    return _surface(members)


def installed() -> Surface:
    """Return the surface of the SDK that is installed."""
    return _surface(_sdk_members)


def _surface(members: Members) -> Surface:
    return {(root, path): values for root in ROOTS for path, values in _walk(members, root, "")}


def _walk(members: Members, model: str, at: str) -> Iterator[tuple[str, frozenset[str]]]:
    for each in members(model):
        if each.read_only:
            continue
        path = f"{at}{each.name}"
        inside = list(_walk(members, each.model, f"{path}[]." if each.in_list else f"{path}.")) if each.model else []
        yield from inside or [(path, each.values)]


def _sdk_members(model: str) -> Iterator[Member]:
    cls = getattr(models, model)
    cls()  # the SDK learns the names on the wire of a model's fields when the first one is made
    hints = get_type_hints(cls, localns={"_models": models})
    for attribute, field in cls._attr_to_rest_field.items():
        parts = list(_parts(hints[attribute]))
        own: list[type] = [each for each in parts if _is_of_the_sdk(each)]
        values = frozenset(str(value.value) for each in own if issubclass(each, Enum) for value in each)
        reference = next((each.__name__ for each in own if not issubclass(each, Enum)), None)
        yield Member(field._rest_name, field._visibility == ["read"], reference, list in parts, values)


def _is_of_the_sdk(part: Any) -> bool:
    return isinstance(part, type) and getattr(models, part.__name__, None) is part


def _parts(hint: Any) -> Iterator[Any]:
    """Yield a type and all that it is made of: `Optional[list[Union[str, Color]]]` -> ..., list, ..., str, Color."""
    yield get_origin(hint) or hint
    for each in get_args(hint):
        yield from _parts(each)
