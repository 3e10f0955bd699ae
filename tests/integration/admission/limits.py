"""The limits that a schema sets, each with a value beyond it: refusals that follow from the rendered CRDs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from gallery_operator.api import crd
from tests.integration.admission.asking import JSON, UNSET, Refusal
from tests.integration.admission.manifests import MINIMAL

#: A value that is of no scalar type, no list and no object where one is expected.
_WRONG: Final = {"string": ["a"], "integer": "a", "boolean": "yes", "array": "a", "object": "a"}


def schemas() -> Iterator[tuple[str, JSON]]:
    """Yield every kind with its structural schema."""
    for kind in crd.KINDS:
        yield kind.kind, crd.render(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def rules_of(node: JSON, at: str = "") -> Iterator[tuple[str, str]]:
    """Yield (field without indices, message) of every CEL rule below a schema node."""
    for rule in node.get("x-kubernetes-validations", ()):
        yield (at + rule.get("fieldPath", "")).lstrip("."), rule["message"]
    for name, child in node.get("properties", {}).items():
        yield from rules_of(child, f"{at}.{name}")
    if "items" in node:
        yield from rules_of(node["items"], at)
    if isinstance(node.get("additionalProperties"), dict):
        yield from rules_of(node["additionalProperties"], f"{at}.*")


def fields(node: JSON, at: str = "") -> Iterator[str]:
    """Yield the path of every field below a schema node; entries of lists have the path of the list."""
    for name, child in node.get("properties", {}).items():
        here = f"{at}.{name}".lstrip(".")
        yield here
        yield from fields(child.get("items", child), here)


def without_indices(field: str) -> str:
    """Return a field as `rules_of` writes it."""
    return re.sub(r"\[\d+\]", "", field)


def refusals() -> list[Refusal]:
    """Return a refusal for every limit of every spec."""
    return [
        Refusal(kind, f"spec.{path} {that}", changes, f"spec.{path}", says)
        for kind, schema in schemas()
        for path, that, changes, says in _below(schema["properties"]["spec"], "", kind)
    ]


Limit = tuple[str, str, dict[str, Any], str]


def _below(node: JSON, path: str, kind: str) -> Iterator[Limit]:
    if path:
        yield from _own(node, path)
    yield from _required(node, path, kind)
    for name, child in node.get("properties", {}).items():
        yield from _below(child, f"{path}.{name}".lstrip("."), kind)
    if "items" in node:
        yield from _below(node["items"], f"{path}[0]", kind)
    if isinstance(node.get("additionalProperties"), dict):
        yield from _below(node["additionalProperties"], f"{path}.key", kind)


def _own(node: JSON, path: str) -> Iterator[Limit]:
    yield path, f"that is no {node['type']}", {path: _WRONG[node["type"]]}, f"must be of type {node['type']}"
    if "enum" in node:
        known = ", ".join(f'"{value}"' for value in node["enum"])
        yield (
            path,
            "with an unknown value",
            {path: "Unheard"},
            f'Unsupported value: "Unheard": supported values: {known}',
        )
    if "minimum" in node:
        low = node["minimum"]
        yield path, f"below {low}", {path: low - 1}, f"should be greater than or equal to {low}"
    if "maximum" in node:
        high = node["maximum"]
        yield path, f"above {high}", {path: high + 1}, f"should be less than or equal to {high}"
    yield from _sizes(node, path)


def _sizes(node: JSON, path: str) -> Iterator[Limit]:
    if "minLength" in node:
        yield path, "that is empty", {path: ""}, f"should be at least {node['minLength']} chars long"
    if "maxLength" in node:
        high = node["maxLength"]
        yield path, f"of more than {high} characters", {path: "a" * (high + 1)}, f"may not be more than {high} bytes"
    if "minItems" in node:
        yield path, "that is empty", {path: []}, f"should have at least {node['minItems']} items"
    if "maxItems" in node:
        high = node["maxItems"]
        yield path, f"of more than {high} items", {path: [{}] * (high + 1)}, f"must have at most {high} items"
    if "maxProperties" in node:
        high = node["maxProperties"]
        many = {f"key{number}": "" for number in range(high + 1)}
        yield path, f"of more than {high} entries", {path: many}, f"must have at most {high} items"
    if node.get("x-kubernetes-list-type") == "set":
        yield path + "[1]", "that repeats another", {path: ["a", "a"]}, 'Duplicate value: "a"'
    elif node.get("x-kubernetes-list-type") == "map":
        key = node["x-kubernetes-list-map-keys"][0]
        yield path + "[1]", f"whose {key} repeats", {path: [{key: 1}, {key: 1}]}, "Duplicate value"


def _required(node: JSON, path: str, kind: str) -> Iterator[Limit]:
    for name in node.get("required", ()):
        here = f"{path}.{name}".lstrip(".")
        present = not path and name in MINIMAL[kind]
        yield here, "that is missing", {here: UNSET} if present else {path: {}}, "Required value"
