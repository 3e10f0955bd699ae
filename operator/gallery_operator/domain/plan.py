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

    @property
    def entry(self) -> str:
        """The key of the first list entry in the path: the region of …targetRegions[West Europe].storageAccountType."""
        return self.path.partition("[")[2].partition("]")[0]


def _show(value: Any) -> str:
    return "unset" if value is None else str(value)[:120]


@dataclass(frozen=True, slots=True)
class Create:
    """PUT a resource that does not exist."""

    body: JSON
    tenants: tuple[str, ...] = ()
    """Other tenants whose tokens Azure needs, too, to read what the body names."""


@dataclass(frozen=True, slots=True)
class Update:
    """PUT an existing resource: `changes` are put right, or `why` says what else the PUT is for."""

    body: JSON
    changes: tuple[Change, ...] = ()
    why: str = ""
    repaired: tuple[str, ...] = ()
    """Regions that this PUT repairs; empty for anything but a repair."""
    tenants: tuple[str, ...] = ()
    """Other tenants whose tokens Azure needs, too, to read what the body names."""

    def __str__(self) -> str:
        return "; ".join((*((self.why,) if self.why else ()), *map(str, self.changes)))


@dataclass(frozen=True, slots=True)
class Delete:
    """DELETE the resource."""

    why: str
    bypass_soft_delete: bool = False
    """For good, although the gallery has soft delete."""


@dataclass(frozen=True, slots=True)
class Restore:
    """Bring a soft-deleted version back."""

    why: str


@dataclass(frozen=True, slots=True)
class Share:
    """Change with whom a gallery is shared: `operation` is Add, Remove, Reset or EnableCommunity (SharingUpdate)."""

    operation: str
    why: str
    subscriptions: tuple[str, ...] = ()
    tenants: tuple[str, ...] = ()
    repair: bool = False
    """Whether it is sent once more because Azure could not carry it out everywhere."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Create a role assignment at the resource."""

    name: str
    """The assignment's own UUID."""
    role_definition_id: str
    principal_id: str
    principal_type: str
    why: str
    others: bool = False
    """Whether others wait for their turn, should Azure refuse this one."""


@dataclass(frozen=True, slots=True)
class Revoke:
    """Delete a role assignment at the resource."""

    name: str
    """The assignment's own UUID."""
    why: str


@dataclass(frozen=True, slots=True)
class Retire:
    """Write the decision to retire the version on its object; deleting it in Azure is a later step."""

    why: str


@dataclass(frozen=True, slots=True)
class Recreate:
    """Write the decision on the object that this incarnation of the version, whose creation failed, is given up."""

    incarnation: str
    """Its publishing date, as Azure writes it."""
    why: str


@dataclass(frozen=True, slots=True)
class MarkApplied:
    """Write on the object which wish Azure has met: what differs from then on is drift, not an edit."""

    digest: str | None
    """None: no wish in particular; what the object says of an earlier one is taken away."""


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
    drift: tuple[Change, ...] = ()
    """What others changed in Azure, and driftPolicy Report leaves so."""


@dataclass(frozen=True, slots=True)
class Blocked:
    """Someone must act: the object is Stalled until its spec, its parents or Azure change."""

    reason: str
    message: str


#: Calls for a call that changes Azure.
Mutation = Create | Update | Delete | Restore | Share | Grant | Revoke
#: Calls for a write to the object's metadata.
Decision = Retire | Recreate | MarkApplied | RemoveObject
Plan = Mutation | Decision | Wait | UpToDate | Blocked
