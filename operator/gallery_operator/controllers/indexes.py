"""How children are found: the store indexes definitions by their gallery, versions by their definition."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

JSON = dict[str, Any]


def children_value(namespace: str, name: str) -> str:
    """Return the index value of the children of an object."""
    return f"{namespace}/{name}"


def _by_reference(field: str) -> Callable[[JSON], Iterable[str]]:
    def values(obj: JSON) -> list[str]:
        reference = (obj.get("spec") or {}).get(field) or {}
        name = reference.get("name")
        return [children_value(obj["metadata"]["namespace"], name)] if isinstance(name, str) else []

    return values


INDEXES: Mapping[str, Callable[[JSON], Iterable[str]]] = {
    "ImageDefinition": _by_reference("galleryRef"),
    "ImageVersion": _by_reference("imageDefinitionRef"),
}
