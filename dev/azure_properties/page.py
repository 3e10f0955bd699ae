"""Writes the table as a page of the documentation."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from itertools import groupby

from dev.azure_properties.model import Group, Property
from dev.azure_properties.own import OWN
from dev.azure_properties.table import TABLE

_WIDTH = 120
_HEAD = """\
# Azure properties and their fields

<!-- Rendered from dev/azure_properties by `make docs`; do not edit. -->

Every property that a client may write in Azure's gallery API 2026-03-03, and the field of a spec that says it; or why
there is none. Properties that Azure marks as read-only, and all that is below them, are only ever answered: they are
not listed. Tests compare this page with Azure's own description of the API and with the SDK that the operator uses,
and try that each field changes exactly the properties it is listed with.

A path that begins with a period continues the one above its table. Several fields for one property: they are
alternatives, or one is the default of the other, as the pages of the kinds say:
[Gallery](gallery.md#writing-a-spec), [ImageDefinition](imagedefinition.md#writing-a-spec),
[ImageVersion](imageversion.md#writing-a-spec)."""
_OWN_HEAD = """\
## Fields of our own

These fields say no property of a gallery, image definition or image version in Azure."""


def render() -> str:
    """Return the page as Markdown."""
    blocks = [_HEAD]
    for kind, groups in groupby(TABLE, lambda each: each.kind):
        tables = [each for group in groups for each in _group(group)]
        blocks += [f"## {kind}", *tables]
    blocks.append(_OWN_HEAD)
    for kind, fields in OWN.items():
        rows = [f"| `{field}` | {purpose} |" for field, purpose in fields.items()]
        blocks.append("\n".join([f"| Field of {kind} | What it is for |", "|---|---|", *rows]))
    return "\n\n".join(blocks) + "\n"


def _group(group: Group) -> Iterator[str]:
    yield f"### {group.title}"
    place = _below([group.path])
    yield _wrap(f"Property: of `{group.model}`{place}. Field: of the spec of {group.kind}{_below(group.fields)}.")
    head = ["| Azure property | Field |", "|---|---|"]
    yield "\n".join([*head, *(row for each in group.properties for row in _rows(group, each))])
    if notes := [_wrap(f"- `{_name(group, each)}`: {each.note}", "  ") for each in group.properties if each.note]:
        yield "\n".join(notes)


def _below(paths: Iterable[str]) -> str:
    places = " or ".join(f"below `{each}`" for each in paths if each)
    return f", {places}" if places else ""


def _name(group: Group, each: Property) -> str:
    return f".{each.name}" if group.path else each.name


def _rows(group: Group, each: Property) -> Iterator[str]:
    """Yield a row per field; the property is written once."""
    shown = f"`{_name(group, each)}`"
    if not each.fields:
        yield f"| {shown} | *left out* |"
    for field in each.fields:
        yield f"| {shown} | `{field if any(group.fields) else field.lstrip('.')}` |"
        shown = "or"


def _wrap(text: str, indent: str = "") -> str:
    return textwrap.fill(text, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
