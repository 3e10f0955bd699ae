"""Renders `crds/*.yaml` from the models. `python -m gallery_operator.api.crd crds` writes them."""

from __future__ import annotations

import inspect
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from gallery_operator.api import names
from gallery_operator.api.base import RULES, ApiModel, Policies
from gallery_operator.api.gallery import Gallery, GallerySpec, GalleryStatus
from gallery_operator.api.image_definition import ImageDefinition, ImageDefinitionSpec, ImageDefinitionStatus
from gallery_operator.api.image_version import ImageVersion, ImageVersionSpec, ImageVersionStatus
from gallery_operator.api.resource import Resource, Status

JSON = dict[str, Any]

#: JSON-schema words that a structural schema has not, or that only repeat what is known.
_DROPPED: Final = ("title", "$defs", "const", "discriminator")


@dataclass(frozen=True)
class Kind:
    """One custom resource: its models, its names and what `kubectl get` shows."""

    kind: str
    short: str
    resource: type[Resource[Any, Any]]
    spec: type[Policies]
    status: type[Status]
    columns: tuple[JSON, ...]
    selectable: tuple[str, ...] = ()

    @property
    def plural(self) -> str:
        return names.PLURALS[self.kind]


def _column(name: str, path: str, type_: str = "string", *, wide: bool = False, description: str = "") -> JSON:
    column: JSON = {"name": name, "type": type_, "jsonPath": path}
    if description:
        column["description"] = description
    return column | ({"priority": 1} if wide else {})


_READY: Final = '.status.conditions[?(@.type=="Ready")]'
_STATE: Final = (
    _column("Ready", f"{_READY}.status"),
    _column("State", f"{_READY}.reason"),
)
_TAIL: Final = (
    _column("Age", ".metadata.creationTimestamp", "date"),
    _column("Message", f"{_READY}.message", wide=True),
    _column("Azure Id", ".status.id", wide=True),
)

KINDS: Final = (
    Kind(
        "Gallery",
        "gal",
        Gallery,
        GallerySpec,
        GalleryStatus,
        (*_STATE, _column("Location", ".spec.location"), *_TAIL),
    ),
    Kind(
        "ImageDefinition",
        "imgdef",
        ImageDefinition,
        ImageDefinitionSpec,
        ImageDefinitionStatus,
        (
            *_STATE,
            _column("OS", ".spec.osType"),
            _column("Latest", ".status.latestVersion"),
            _column("Versions", ".status.versions.total", "integer"),
            _column("Next", ".status.nextActions[0].action"),
            _column("Next At", ".status.nextActions[0].at", wide=True),
            *_TAIL,
        ),
        (".spec.galleryRef.name",),
    ),
    Kind(
        "ImageVersion",
        "imgver",
        ImageVersion,
        ImageVersionSpec,
        ImageVersionStatus,
        (
            _column("Version", ".spec.version"),
            *_STATE,
            _column("Regions", ".status.replication.summary", description="Regions completed / wanted"),
            _column("Percent", ".status.replication.progress", "integer"),
            _column("Latest", ".status.latest", "boolean"),
            _column("End of Life", ".status.endOfLife.date"),
            _column("Life", ".status.endOfLife.stage", wide=True),
            *_TAIL,
        ),
        (".spec.imageDefinitionRef.name", ".spec.version"),
    ),
)


def render(kind: Kind) -> JSON:
    """Return the CustomResourceDefinition of one kind."""
    version: JSON = {
        "name": names.VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": list(kind.columns),
        "schema": {"openAPIV3Schema": _object_schema(kind)},
    }
    if kind.selectable:
        version["selectableFields"] = [{"jsonPath": path} for path in kind.selectable]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{names.GROUP}"},
        "spec": {
            "group": names.GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind.kind,
                "listKind": f"{kind.kind}List",
                "plural": kind.plural,
                "singular": kind.kind.lower(),
                "shortNames": [kind.short],
                # Not "gallery": kubectl takes a category before a kind, and `get gallery NAME` would name three kinds.
                "categories": ["azure", "compute-gallery"],
            },
            "versions": [version],
        },
    }


def _object_schema(kind: Kind) -> JSON:
    status = structural_schema(kind.status)
    # A newborn object is InProgress for kstatus only if its status says that no generation was seen.
    status["default"] = {"observedGeneration": -1}
    extra = kind.resource.model_config.get("json_schema_extra")
    return {
        "description": inspect.getdoc(kind.resource) or "",
        "type": "object",
        "required": ["spec"],
        **(extra if isinstance(extra, dict) else {}),
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": structural_schema(kind.spec),
            "status": status,
        },
    }


def structural_schema(model: type[ApiModel]) -> JSON:
    """Return the structural schema (Kubernetes' subset of OpenAPI v3) of a model."""
    schema = model.model_json_schema(by_alias=True, mode="validation")
    return _structural(schema, schema.get("$defs", {}))


def _structural(node: JSON, definitions: JSON) -> JSON:
    node = _flatten(node, definitions)
    result: JSON = {key: value for key, value in node.items() if key not in _DROPPED}
    if "const" in node:
        result["enum"] = [node["const"]]
    if isinstance(result.get("description"), str):
        result["description"] = " ".join(result["description"].split())
    if result.get("type") == "integer":
        # Generations are int64 in metav1.ObjectMeta; everything else follows Azure's int32.
        result["format"] = "int64" if node.get("title") == "Observedgeneration" else "int32"
    if "properties" in result:
        result["properties"] = {name: _structural(each, definitions) for name, each in result["properties"].items()}
    if "items" in result:
        result["items"] = _structural(result["items"], definitions)
    if isinstance(result.get("additionalProperties"), dict):
        result["additionalProperties"] = _structural(result["additionalProperties"], definitions)
    if result.get("default", ...) is None or ("default" in result and result["default"] == []):
        del result["default"]
    _rename_for_maps(result)
    return result


def _flatten(node: JSON, definitions: JSON) -> JSON:
    """Resolve `$ref`, `allOf` with one member and `X | None`; CEL rules of all layers add up."""
    layers = [{key: value for key, value in node.items() if key not in ("$ref", "anyOf", "allOf")}]
    if "$ref" in node:
        layers.insert(0, _flatten(definitions[node["$ref"].rsplit("/", 1)[1]], definitions))
    for branch in (*node.get("allOf", ()), *(each for each in node.get("anyOf", ()) if each.get("type") != "null")):
        layers.insert(0, _flatten(branch, definitions))
    merged: JSON = {}
    for layer in layers:
        added = [*merged.get(RULES, []), *layer.get(RULES, [])]
        merged |= layer
        if added:
            merged[RULES] = added
    return merged


def _rename_for_maps(schema: JSON) -> None:
    """A map's bounds are called maxProperties; pydantic calls them so, too, but only without extras."""
    if schema.get("type") == "object" and "maxLength" in schema:
        schema["maxProperties"] = schema.pop("maxLength")


class _Dumper(yaml.SafeDumper):
    """Writes long strings in one piece and never uses aliases."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def to_yaml(crd: JSON) -> str:
    """Return the YAML text of one CustomResourceDefinition."""
    head = "# Rendered from the models in operator/gallery_operator/api by `make crds`; do not edit.\n"
    return head + yaml.dump(crd, Dumper=_Dumper, sort_keys=False, width=118, allow_unicode=True)


def file_name(kind: Kind) -> str:
    """Return the file a kind's CRD is committed as."""
    return f"{names.GROUP}_{kind.plural}.yaml"


def main(arguments: list[str]) -> int:
    """Write every CRD into the folder that is given."""
    if len(arguments) != 1 or re.match(r"^-", arguments[0]):
        sys.stderr.write("usage: python -m gallery_operator.api.crd FOLDER\n")
        return 2
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    for kind in KINDS:
        (folder / file_name(kind)).write_text(to_yaml(render(kind)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
