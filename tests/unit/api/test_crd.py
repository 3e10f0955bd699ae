"""The committed CRDs are those that the models say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gallery_operator.api import crd, names

CRDS = Path(__file__).parents[3] / "crds"
BY_KIND = pytest.mark.parametrize("kind", crd.KINDS, ids=lambda kind: kind.kind)

#: What a structural schema may hold (Kubernetes: JSONSchemaProps without what structural schemas forbid).
WORDS = frozenset(
    {"type", "format", "description", "default", "enum", "required", "properties", "items", "additionalProperties"}
    | {"minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "maxProperties", "pattern"}
    | {"x-kubernetes-validations", "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type"}
)


def schema_of(kind: crd.Kind) -> dict[str, Any]:
    schema: dict[str, Any] = crd.render(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def nodes(node: dict[str, Any], at: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield at, node
    for name, child in node.get("properties", {}).items():
        yield from nodes(child, f"{at}.{name}")
    for word in ("items", "additionalProperties"):
        if isinstance(node.get(word), dict):
            yield from nodes(node[word], f"{at}[]")


@BY_KIND
def test_the_committed_crd_is_the_rendered_one(kind: crd.Kind) -> None:
    committed = (CRDS / crd.file_name(kind)).read_text(encoding="utf-8")
    assert committed == crd.to_yaml(crd.render(kind)), "run `make crds`"


def test_no_crd_is_committed_that_no_model_says() -> None:
    assert {path.name for path in CRDS.iterdir()} == {crd.file_name(kind) for kind in crd.KINDS}


@BY_KIND
def test_yaml_reads_back_as_what_was_rendered(kind: crd.Kind) -> None:
    rendered = crd.render(kind)
    assert yaml.safe_load(crd.to_yaml(rendered)) == rendered


@BY_KIND
def test_a_schema_has_only_words_of_a_structural_schema(kind: crd.Kind) -> None:
    assert {word for _, node in nodes(schema_of(kind)) for word in node} <= WORDS


@BY_KIND
def test_every_text_and_list_and_map_of_a_schema_is_bounded(kind: crd.Kind) -> None:
    bounds = {"string": {"maxLength", "enum", "format"}, "array": {"maxItems"}}
    unbounded = [
        at
        for part in ("spec", "status")
        for at, node in nodes(schema_of(kind)["properties"][part], part)
        if (node["type"] in bounds and not bounds[node["type"]] & set(node))
        or ("additionalProperties" in node and "maxProperties" not in node)
    ]
    assert unbounded == []


@BY_KIND
def test_every_field_of_a_spec_is_described(kind: crd.Kind) -> None:
    # min and max of a range, and the three parts of a plan, say all with their names.
    plain = (".min", ".max", ".purchasePlan.name", ".purchasePlan.publisher", ".purchasePlan.product")
    spec = schema_of(kind)["properties"]["spec"]
    silent = [at for at, node in nodes(spec, "spec") if not node.get("description") and not at.endswith((*plain, "[]"))]
    assert silent == []


@BY_KIND
def test_generations_are_int64_as_in_kubernetes_and_other_numbers_int32_as_in_azure(kind: crd.Kind) -> None:
    formats = {
        (at.rpartition(".")[2], node["format"]) for at, node in nodes(schema_of(kind)) if node["type"] == "integer"
    }
    assert {name for name, format_ in formats if format_ == "int64"} == {"observedGeneration"}
    assert {format_ for _, format_ in formats} <= {"int32", "int64"}


def test_the_command_writes_the_files_and_refuses_anything_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "new" / "crds"
    assert crd.main([str(folder)]) == 0
    assert {path.name: path.read_text() for path in folder.iterdir()} == {
        path.name: path.read_text() for path in CRDS.iterdir()
    }
    for wrong in ([], ["--help"], ["a", "b"]):
        assert crd.main(wrong) == 2
    assert "usage:" in capsys.readouterr().err


def test_kinds_and_plurals_agree() -> None:
    assert {kind.kind: kind.plural for kind in crd.KINDS} == names.PLURALS
