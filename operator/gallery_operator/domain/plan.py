"""A plan is data: what a reconcile is to do. A controller carries out at most one mutating ARM call of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

JSON = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """One field in which Azure differs from the wish."""

    path: str
    """The field as people read it, with the keys of list entries: …targetRegions[westeurope].regionalReplicaCount."""
    found: Any
    wanted: Any
    rule: str = ""
    """The path without keys, by which rules name the field."""

    def __str__(self) -> str:
        return f"{self.path}: {_show(self.found)} -> {_show(self.wanted)}"


def _show(value: Any) -> str:
    return "unset" if value is None else str(value)[:120]


@dataclass(frozen=True, slots=True)
class Create:
    """PUT a resource that does not exist."""

    body: JSON


@dataclass(frozen=True, slots=True)
class Update:
    """PUT an existing resource: `changes` are put right, or `why` says what else the PUT is for."""

    body: JSON
    changes: tuple[Change, ...] = ()
    why: str = ""
    repaired: tuple[str, ...] = ()
    """Regions that this PUT repairs; empty for anything but a repair."""

    def __str__(self) -> str:
        return "; ".join((*((self.why,) if self.why else ()), *map(str, self.changes)))


@dataclass(frozen=True, slots=True)
class Delete:
    """DELETE the resource."""

    why: str


@dataclass(frozen=True, slots=True)
class Retire:
    """Write the decision to retire the version on its object; deleting it in Azure is a later step."""

    why: str


@dataclass(frozen=True, slots=True)
class RemoveObject:
    """Delete the Kubernetes object of a retired version."""

    why: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing can be done now; look again after `after` seconds (None: as progress suggests)."""

    reason: str
    message: str
    after: float | None = None


@dataclass(frozen=True, slots=True)
class UpToDate:
    """Azure is as wanted; look again at `next_look` (None: at the next resync)."""

    next_look: datetime | None = None


@dataclass(frozen=True, slots=True)
class Blocked:
    """Someone must act: the object is Stalled until its spec, its parents or Azure change."""

    reason: str
    message: str


Plan = Create | Update | Delete | Retire | RemoveObject | Wait | UpToDate | Blocked

#: Plans that call for a mutating ARM call.
MUTATIONS = (Create, Update, Delete)
