"""The fields of our API, as the CRDs say them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dev.azure_properties import Field
from gallery_operator.api import crd

JSON = dict[str, Any]


def fields() -> dict[Field, JSON]:
    """Return every field of the three specs that holds a value, with its schema; lists of texts and maps are one."""
    return {
        Field(kind.kind, path): node
        for kind in crd.KINDS
        for path, node in _leaves(crd.structural_schema(kind.spec), "")
    }


def _leaves(node: JSON, at: str) -> Iterator[tuple[str, JSON]]:
    if "properties" in node:
        for name, child in node["properties"].items():
            yield from _leaves(child, f"{at}.{name}".lstrip("."))
    elif "properties" in node.get("items", {}):
        yield from _leaves(node["items"], f"{at}[]")
    else:
        yield at, node


def values(node: JSON) -> frozenset[str]:
    """Return the values of a field's enum; empty: it takes any text."""
    return frozenset(node.get("enum", node.get("items", {}).get("enum", ())))
