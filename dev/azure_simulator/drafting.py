"""Requests to write a resource and their answers; what is asked for before any rule of its kind is applied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dev.azure_simulator import errors, identities, schema, tags
from dev.azure_simulator.operations import Operation
from dev.azure_simulator.paths import Json, Kind, ResourcePath
from dev.azure_simulator.rules import Draft, checked_location
from dev.azure_simulator.store import Resource

_ENVELOPE = {"location", "tags", "properties", "id", "name", "type", "systemData"}

Tags = dict[str, str] | None


@dataclass(frozen=True)
class Answer:
    """The outcome of a write: status, body, and the operation to watch, in the region it runs in."""

    status: int
    body: Json | None = None
    operation: Operation | None = None
    location: str = ""


@dataclass(frozen=True)
class Request:
    """A PUT or PATCH. `instantly`: the switchboard's own writes take no time and meet no faults."""

    method: str
    path: ResourcePath
    body: Any
    api_version: str
    instantly: bool = False

    @property
    def text(self) -> str:
        return f"{self.method} {self.path.id}"


def new_draft(request: Request, envelope: Json, current: Resource | None, now: float) -> Draft:
    """Return what a request asks for: a PATCH upon what there is.

    Raises ArmError when location or properties are malformed.
    """
    kind = request.path.kind
    wanted = schema.writable(kind, envelope.get("properties", {}))
    location = envelope.get("location")
    if request.method == "PATCH" and current:
        wanted = merge(schema.writable(kind, current.properties), wanted)
        location = location or current.location
    checked = checked_location(location, request.path, current)
    properties = schema.check_shape(kind, wanted)
    identity = None
    if kind == "gallery":
        identity = identities.changed(current.identity if current else None, envelope.get("identity"), request.method)
    return Draft(request.path, checked, properties, current, request.api_version, now, identity)


def read_envelope(body: Any, kind: Kind) -> Json:
    """Return the members of a request body that are set.

    Raises ArmError 400 when it is no object or has unknown members.
    """
    if not isinstance(body, dict):
        raise errors.invalid_request_content("a JSON object was expected")
    unknown = body.keys() - (_ENVELOPE | {"identity"} if kind == "gallery" else _ENVELOPE)
    if unknown:
        raise errors.invalid_request_content(f"Could not find member '{min(unknown)[:100]}' on object")  # [?] text
    return {name: value for name, value in body.items() if value is not None}


def next_tags(envelope: Json, current: Resource | None, method: str) -> Tags:
    """Return the tags a write leaves: PUT drops those left out, PATCH keeps them. [?] PATCH replaces the whole map.

    Raises ArmError 400 when they are not as ARM wants them.
    """
    wanted = envelope.get("tags")
    if wanted is None:
        return current.tags if current and method == "PATCH" else None
    return tags.checked(wanted)


def merge(base: Json, patch: Any) -> Any:
    """Merge as PATCH does: objects merge, everything else is replaced. [?] not recorded for target regions."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(base)
    for name, value in patch.items():
        old = merged.get(name)
        merged[name] = merge(old, value) if isinstance(old, dict) else value
    return merged
