"""Role assignments at a gallery or an image definition: who is to have which role, and who has it in Azure.

What is ours is told by its name alone: it follows from the object and from what the assignment says, so nothing has
to be remembered. Assignments of others, and those that are inherited from above, are never touched.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid5

from gallery_operator.api.arm_ids import ArmId
from gallery_operator.api.sharing import AccessEntry
from gallery_operator.domain.difference import ADDED, PRESENT
from gallery_operator.domain.plan import JSON, Change, Grant, Revoke
from gallery_operator.domain.resources import as_dict

_NAMESPACE: Final = UUID("7c1e2bd4-6a53-4f0e-9a64-0d1c1f6a9f3b")


@dataclass(frozen=True, slots=True)
class Assignment:
    """A role assignment at a resource itself. All texts are in lower case."""

    name: str
    """Its own UUID."""
    principal: str
    role: str
    """The UUID of the role definition, which is the same in every subscription."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An entry of spec.access, its role resolved."""

    entry: AccessEntry
    role_definition_id: str

    @property
    def key(self) -> tuple[str, str]:
        """Who, and which role: what Azure allows once at a scope."""
        return self.entry.principal_id.casefold(), role_of(self.role_definition_id)


@dataclass(frozen=True, slots=True)
class Scope:
    """A resource, and the object that is in charge of it."""

    id: ArmId
    owner: str
    """The value of the owner tag."""

    def name_of(self, principal: str, role: str) -> str:
        """Return the name of our assignment: a UUID that follows from object, resource, principal and role."""
        return str(uuid5(_NAMESPACE, f"{self.owner}|{self.id}|{principal}|{role}".casefold()))

    def is_ours(self, assignment: Assignment) -> bool:
        """Tell whether this object made an assignment."""
        return assignment.name == self.name_of(assignment.principal, assignment.role)


def role_of(role_definition_id: str) -> str:
    """Return the UUID that a role definition's id ends with."""
    return role_definition_id.rstrip("/").rpartition("/")[2].casefold()


def role_definition_id(subscription: str, role: str) -> str:
    """Return the id of a role definition, as a subscription spells it."""
    return f"/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}"


def read(listed: Iterable[JSON], scope: ArmId) -> frozenset[Assignment]:
    """Read a LIST of the assignments that hold at a resource; those that are inherited are left out."""
    here = str(scope).casefold()
    found = set()
    for each in listed:
        properties = as_dict(each.get("properties"))
        if str(properties.get("scope", "")).rstrip("/").casefold() == here:
            principal, role = str(properties.get("principalId", "")), str(properties.get("roleDefinitionId", ""))
            found.add(Assignment(str(each.get("name", "")).casefold(), principal.casefold(), role_of(role)))
    return frozenset(found)


def after(known: frozenset[Assignment], step: Grant | Revoke) -> frozenset[Assignment]:
    """Return the assignments that there are after a step was carried out."""
    if isinstance(step, Revoke):
        return frozenset(each for each in known if each.name != step.name)
    return known | {Assignment(step.name, step.principal_id.casefold(), role_of(step.role_definition_id))}


def next_step(
    wanted: Iterable[Wanted],
    known: frozenset[Assignment],
    scope: Scope,
    tried: Mapping[str, int],
    untold: Collection[str] = (),
) -> Grant | Revoke | None:
    """Return the next change of access; None: all is as wanted. Who is to lose access loses it first.

    :param tried: how often an assignment, by name, was asked for in vain: one that Azure refuses holds up no other.
    :param untold: principals with a role of which nobody can tell the id: what they have stays meanwhile.
    """
    entries = {each.key: each for each in wanted}
    if dropped := [each for each in _dropped(entries, known, scope) if each.principal not in untold]:
        return Revoke(dropped[0].name, f"taking role {dropped[0].role} from principal {dropped[0].principal}")
    missing = sorted((tried.get(scope.name_of(*key), 0), *key) for key in _missing(entries, known))
    if not missing:
        return None
    tries, *key = missing[0]
    others = any(other[0] == tries for other in missing[1:])
    each, name = entries[key[0], key[1]], scope.name_of(*key)
    entry = each.entry
    why = f"giving role {entry.role} to principal {entry.principal_id}"
    return Grant(name, each.role_definition_id, entry.principal_id, entry.principal_type, why, others)


def changes(wanted: Iterable[Wanted], known: frozenset[Assignment], scope: Scope) -> tuple[Change, ...]:
    """Return in what the role assignments of ours differ from the wish."""
    entries = {each.key: each for each in wanted}
    lost = [(each.principal, each.role) for each in _dropped(entries, known, scope)]
    return (
        *(Change(f"access[{who}, {role}]", PRESENT, None, "access") for who, role in lost),
        *(Change(f"access[{who}, {role}]", None, ADDED, "access") for who, role in _missing(entries, known)),
    )


def _dropped(wanted: Mapping[tuple[str, str], Wanted], known: frozenset[Assignment], scope: Scope) -> list[Assignment]:
    ours = (each for each in known if scope.is_ours(each) and (each.principal, each.role) not in wanted)
    return sorted(ours, key=lambda each: each.name)


def _missing(wanted: Mapping[tuple[str, str], Wanted], known: frozenset[Assignment]) -> list[tuple[str, str]]:
    """Return what nobody granted: an assignment of someone else serves as well."""
    return sorted(wanted.keys() - {(each.principal, each.role) for each in known})
