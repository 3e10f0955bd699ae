"""The page of each kind says what the models say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gallery_operator.api import crd
from gallery_operator.api.conditions import Reason
from gallery_operator.azure import errors
from gallery_operator.azure.verdicts import Terminal

DOCS = Path(__file__).parents[3] / "docs"
#: Rows that explain a condition, with its reasons in the last cell.
CONDITIONS = ("`Published`", "`Replicated`", "`EndOfLife`", "`SoftDeleted`")
#: A field whose parts are those of another field, on this page or on another kind's, is one row.
LIKE_ANOTHER = re.compile(r"as (?:an? (\w+)'s )?`([^`]+)`")
BY_KIND = pytest.mark.parametrize("kind", crd.KINDS, ids=lambda kind: kind.kind)


def page(kind: crd.Kind) -> str:
    return (DOCS / f"{kind.kind.lower()}.md").read_text(encoding="utf-8")


def rows(text: str, columns: int) -> list[list[str]]:
    """Return the cells of the tables with that many columns, without heads."""
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in text.splitlines() if line[:3] == "| `"]
    return [each for each in cells if len(each) == columns]


def codes(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def fields(node: dict[str, Any], at: str = "", *, required: bool = False) -> Iterator[tuple[str, dict[str, Any], bool]]:
    if at:
        yield at, node, required
    for name, child in node.get("properties", {}).items():
        yield from fields(child, f"{at}.{name}".lstrip("."), required=name in node.get("required", ()))
    if "items" in node and "properties" in node["items"]:
        yield from (each for each in fields(node["items"], f"{at}[]") if each[0] != f"{at}[]")


def spec_of(kind: crd.Kind) -> dict[str, Any]:
    spec: dict[str, Any] = crd.structural_schema(kind.spec)
    return spec


def below(kind: crd.Kind, path: str) -> dict[str, tuple[dict[str, Any], bool]]:
    """Return the fields below a field: their paths from there, what they are, whether they are required."""
    inside = re.compile(re.escape(path) + r"(?:\[\])?\.(.+)")
    every = ((inside.fullmatch(at), node, required) for at, node, required in fields(spec_of(kind)))
    return {match[1]: (node, required) for match, node, required in every if match}


def shared(kind: crd.Kind) -> dict[str, tuple[crd.Kind, str]]:
    """Return the fields that are documented as another one, with that one; the end of its path may be enough."""
    kinds = {each.kind: each for each in crd.KINDS}
    result = {}
    for path, (type_, *_) in table(kind).items():
        if match := LIKE_ANOTHER.search(type_):
            of, name = kinds[match[1]] if match[1] else kind, match[2]
            (other,) = (each for each in table(of) if each == name or each.endswith(f".{name}"))
            result[path] = (of, other)
    return result


def own_fields(kind: crd.Kind) -> list[tuple[str, dict[str, Any], bool]]:
    """Return the fields that need a row of their own: not those below one that is documented as another one."""
    others = {f"{path}{part}" for path in shared(kind) for part in (".", "[].")}
    return [each for each in fields(spec_of(kind)) if not any(each[0].startswith(other) for other in others)]


def writing(kind: crd.Kind) -> str:
    return page(kind).partition("## Writing a spec")[2].partition("\n## ")[0]


def table(kind: crd.Kind) -> dict[str, list[str]]:
    """Return type, default, mutable and Azure property of every documented field of the spec."""
    lines = [line for line in writing(kind).splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.removeprefix("|").removesuffix("|").split("|")] for line in lines]
    return {codes(name)[0]: rest for name, *rest in cells if len(rest) == 4}


@BY_KIND
def test_every_field_is_documented_and_no_other(kind: crd.Kind) -> None:
    assert set(table(kind)) == {path for path, _, _ in own_fields(kind)}


@BY_KIND
def test_a_field_that_is_documented_as_another_one_has_the_same_parts(kind: crd.Kind) -> None:
    for path, (of, other) in shared(kind).items():
        assert below(kind, path) == below(of, other) != {}, path


@BY_KIND
def test_required_fields_values_and_defaults_are_documented(kind: crd.Kind) -> None:
    documented = table(kind)
    for path, node, required in own_fields(kind):
        type_, default, _, _ = documented[path]
        assert ("required" in type_) == required, path
        if "default" in node:
            shown = node["default"] if isinstance(node["default"], str) else str(node["default"]).lower()
            assert codes(default) == [shown], path
        if "enum" in node and "see below" in type_:
            assert set(node["enum"]) <= set(codes(writing(kind))), path
        elif "enum" in node and "storage" not in type_:
            assert set(codes(type_)) == set(node["enum"]), path
        if "minimum" in node and node["maximum"] < 2**31 - 1:
            assert f"{node['minimum']} to {node['maximum']}" in type_, path


@BY_KIND
def test_what_may_change_is_documented(kind: crd.Kind) -> None:
    messages: dict[str, str] = {}
    for each in spec_of(kind)["x-kubernetes-validations"]:
        messages[each["fieldPath"][1:]] = messages.get(each["fieldPath"][1:], "") + each["message"]
    fixed = tuple(field for field, message in messages.items() if "is immutable" in message)
    for path, (_, _, mutable, _) in table(kind).items():
        if path in fixed or path.startswith(tuple(f"{field}." for field in fixed)):
            wanted = "no"
        else:
            wanted = "not cleared" if "cannot be cleared" in messages.get(path, "") else "yes"
        assert mutable == wanted, path


@BY_KIND
def test_every_field_of_a_status_is_named(kind: crd.Kind) -> None:
    text = "".join(each.partition("## Status")[2] for each in (page(kind), page(crd.KINDS[0])))
    status = crd.structural_schema(kind.status)
    named = {part for code in codes(text) for part in re.split(r"[^\w]+", code)}
    assert {path.rpartition(".")[2] for path, _, _ in fields(status) if not path.startswith("conditions[]")} <= named


def test_every_reason_is_documented_and_no_other() -> None:
    own = {each.value for each in Reason}
    azure = {row.reason for row in errors.TABLE if row.reason}
    shown: set[str] = set()
    for kind in crd.KINDS:
        tables = page(kind).partition("### Conditions")[2]
        shown |= {code for name, _ in rows(tables, 2) for code in codes(name)}
        for name, _, last in rows(tables, 3):
            shown |= set(codes(last if name in CONDITIONS else name))
    assert shown - {"Ready", "Reconciling", "Stalled"} == own | azure


def test_the_docs_say_which_refusals_of_azure_are_tried_again() -> None:
    tables = page(crd.KINDS[2]).partition("### Reasons that come from Azure")[2]
    documented = {code: again for names, again, _ in rows(tables, 3) for code in codes(names)}
    table = {row.reason: "no" if row.verdict is Terminal else "yes" for row in errors.TABLE if row.reason}
    assert documented == table
