"""What the table is made of.

Paths are written alike on both sides: names on the wire, joined by periods; `[]` marks the entries of a list, and a
list of texts or a map of tags is one property.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple


class Field(NamedTuple):
    """A field of the spec of one of our kinds."""

    kind: str
    path: str

    def __str__(self) -> str:
        return f"{self.kind}.{self.path}"


@dataclass(frozen=True)
class Property:
    """A property of Azure that a client may write, and the fields that say it."""

    name: str
    """Its path below the group's."""
    fields: tuple[str, ...] = ()
    """`.name`: below the fields of the group; `name`: of the group's kind; `Kind.name`: of another kind. None: the
    property is left out, and `note` says why."""
    note: str = ""
    """What is not obvious from the names."""
    values: tuple[str, ...] = ()
    """Values of Azure's enum that no field takes."""


@dataclass(frozen=True)
class Group:
    """Properties of one Azure model that belong together."""

    title: str
    model: str
    """Gallery, GalleryImage, GalleryImageVersion or SharingUpdate."""
    kind: str
    """Our kind."""
    path: str
    """What the paths of the properties begin with; empty: nothing."""
    fields: tuple[str, ...]
    """What `.name` stands for: each of these, followed by it. An empty one: the spec itself."""
    properties: tuple[Property, ...]


@dataclass(frozen=True)
class Reach:
    """A property with its whole path, and the fields that say it."""

    model: str
    path: str
    fields: tuple[Field, ...]
    note: str
    values: tuple[str, ...]


def reaches(group: Group) -> Iterator[Reach]:
    """Yield the properties of a group with their whole paths."""
    for each in group.properties:
        path = f"{group.path}.{each.name}" if group.path else each.name
        fields = tuple(field for name in each.fields for field in _fields(group, name))
        yield Reach(group.model, path, fields, each.note, each.values)


def _fields(group: Group, name: str) -> Iterator[Field]:
    names = [f"{prefix}{name}".lstrip(".") for prefix in group.fields] if name.startswith(".") else [name]
    for each in names:
        kind, _, path = each.partition(".")
        yield Field(kind, path) if kind[:1].isupper() else Field(group.kind, each)
