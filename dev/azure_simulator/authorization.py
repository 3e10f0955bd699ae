"""Role assignments: who has which role at which scope, and what that permits. Requests themselves are not judged by it.

Codes and texts are those that people report. [?] their statuses where marked, and that assignments go with the
resource they were made at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dev.azure_simulator import roles, seeds
from dev.azure_simulator.errors import ArmError, invalid_request_content
from dev.azure_simulator.operations import timestamp
from dev.azure_simulator.paths import Json, Kind, ResourcePath
from dev.azure_simulator.roles import Role
from dev.azure_simulator.schema import without_nulls

PrincipalType = Literal["User", "Group", "ServicePrincipal", "ForeignGroup", "Device"]
_READ: dict[Kind, str] = {
    "gallery": "Microsoft.Compute/galleries/read",
    "definition": "Microsoft.Compute/galleries/images/read",
    "version": "Microsoft.Compute/galleries/images/versions/read",
}
_AT_SCOPE = re.compile(r"atScope\(\)", re.IGNORECASE)
_OF_PRINCIPAL = re.compile(
    r"(?:principalId eq '(?P<id>[^']{1,100})'"
    r"|(?:atScope\(\) and )?assignedTo\('(?P<assignee>[^']{1,100})'\))",
    re.IGNORECASE,
)


class Properties(BaseModel):
    """What a client says of an assignment."""

    model_config = ConfigDict(extra="ignore")

    roleDefinitionId: str = Field(max_length=500)
    principalId: UUID
    principalType: PrincipalType | None = None
    description: str | None = Field(None, max_length=1024)
    condition: str | None = Field(None, max_length=8192)
    conditionVersion: str | None = Field(None, max_length=10)
    delegatedManagedIdentityResourceId: str | None = Field(None, max_length=1000)


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore")

    properties: Properties


@dataclass(frozen=True)
class Assignment:
    """A role assignment. `scope` without a trailing slash; times in Unix seconds of the clock."""

    name: str
    scope: str
    role: Role
    wanted: Properties
    principal_type: str
    created: float
    created_by: str
    updated: float
    updated_by: str

    @property
    def id(self) -> str:
        return f"{self.scope}/providers/Microsoft.Authorization/roleAssignments/{self.name}"

    def body(self) -> Json:
        """Return the assignment as it is read."""
        properties = self.wanted.model_dump(mode="json") | {
            "roleDefinitionId": self.role.id_in(self.scope.split("/")[2]),
            "principalType": self.principal_type,
            "scope": self.scope,
            "createdOn": timestamp(self.created),
            "updatedOn": timestamp(self.updated),
            "createdBy": self.created_by,
            "updatedBy": self.updated_by,
        }
        return {
            "id": self.id,
            "name": self.name,
            "type": "Microsoft.Authorization/roleAssignments",
            "properties": properties,
        }


class Authorization:
    """The role assignments of a simulator, and the principals it knows.

    `made` gives the principals of the managed identities that exist now.
    """

    def __init__(self, made: Callable[[], set[str]]) -> None:
        self._made = made
        self._assignments: dict[str, Assignment] = {}
        self._principals: dict[str, PrincipalType] = {}
        self.clear()

    def clear(self) -> None:
        """Forget assignments and added principals."""
        self._assignments.clear()
        self._principals = {seeds.CLIENT_ID: "ServicePrincipal"}

    def add_principal(self, principal: str, kind: PrincipalType) -> None:
        """Let the directory know a user, group or application."""
        self._principals[principal.lower()] = kind

    def put(self, scope: str, name: str, body: object, caller: str, now: float) -> tuple[int, Json]:
        """Create or update an assignment; return status and body.

        [?] an update may change description and condition only; repeating an assignment as it is changes nothing.
        Raises ArmError when it is malformed or in conflict with another one.
        """
        name = _checked_name(name)
        wanted = _properties(body)
        role = roles.find(wanted.roleDefinitionId)
        if role is None:
            raise role_not_found(wanted.roleDefinitionId, 400)
        existing = self._assignments.get(name)
        if existing:
            _check_update(existing, scope, role, wanted)
        else:
            self._check_new(scope, role, wanted)
        kind = existing.principal_type if existing else self._principal_type(wanted)
        created, creator = (existing.created, existing.created_by) if existing else (now, caller)
        made = Assignment(name, scope, role, wanted, kind, created, creator, now, caller)
        self._assignments[name] = made
        return (200 if existing else 201), made.body()

    def get(self, scope: str, name: str) -> Json:
        """Return an assignment made at this scope.

        Raises ArmError 404 when there is none of this name.
        """
        found = self._find(scope, name)
        if found is None:
            text = f"The role assignment '{name[:100]}' is not found."
            raise ArmError(404, "RoleAssignmentNotFound", text)
        return found.body()

    def delete(self, scope: str, name: str) -> Json | None:
        """Delete an assignment and return it; None when there is none."""
        found = self._find(scope, name)
        if found:
            del self._assignments[found.name]
        return found.body() if found else None

    def list(self, scope: str, query: str = "") -> list[Json]:
        """Return the assignments at a scope and above it, and (but for `atScope()`) below it.

        Raises ArmError 400 for a filter that is not served.
        """
        at_scope, principal = _parse_filter(query)
        return [
            assignment.body()
            for assignment in self._assignments.values()
            if (_covers(assignment.scope, scope) or (not at_scope and _covers(scope, assignment.scope)))
            and principal in {None, str(assignment.wanted.principalId)}
        ]

    def may(self, principal: str, action: str, scope: str) -> bool:
        """Tell whether the roles of a principal at a scope or above it permit an action."""
        return any(
            assignment.role.allows(action)
            for assignment in self._assignments.values()
            if str(assignment.wanted.principalId) == principal.lower() and _covers(assignment.scope, scope)
        )

    def may_read(self, principal: str, path: ResourcePath) -> bool:
        """Tell whether a principal can read a gallery, definition or version."""
        return self.may(principal, _READ[path.kind], path.id)

    def forget(self, path: ResourcePath) -> None:
        """Drop the assignments made at a resource that is gone."""
        gone = [name for name, item in self._assignments.items() if item.scope.casefold() == path.key]
        for name in gone:
            del self._assignments[name]

    def _find(self, scope: str, name: str) -> Assignment | None:
        found = self._assignments.get(name.lower())
        return found if found and found.scope.casefold() == scope.casefold() else None

    def _check_new(self, scope: str, role: Role, wanted: Properties) -> None:
        for other in self._assignments.values():
            same_scope = other.scope.casefold() == scope.casefold()
            if same_scope and (other.role, other.wanted.principalId) == (role, wanted.principalId):
                text = (
                    "The role assignment already exists. The ID of the existing role assignment is "
                    f"{other.name.replace('-', '')}."
                )
                raise ArmError(409, "RoleAssignmentExists", text)

    def _principal_type(self, wanted: Properties) -> str:
        principal = str(wanted.principalId)
        known = self._principals.get(principal)
        if known is None and principal in self._made():
            known = "ServicePrincipal"
        if wanted.principalType is None:
            if known is None:
                raise _principal_not_found(principal)
            return known
        if known not in {None, wanted.principalType}:
            text = (
                f"The PrincipalId '{wanted.principalId.hex}' has type '{known}' , which is different from specified "
                f"PrinciaplType '{wanted.principalType}'."
            )
            raise ArmError(400, "UnmatchedPrincipalType", text)
        return wanted.principalType


def role_not_found(role_id: str, status: int) -> ArmError:
    """A role that does not exist. [?] 400 where an assignment names it; 404 is reported where it is read."""
    name = role_id.rpartition("/")[2][:100].replace("-", "")
    return ArmError(
        status, "RoleDefinitionDoesNotExist", f"The specified role definition with ID '{name}' does not exist."
    )


def _principal_not_found(principal: str) -> ArmError:
    text = (
        f"Principal {principal.replace('-', '')} does not exist in the directory {seeds.TENANT_ID}. Check that you "
        "have the correct principal ID. If you are creating this principal and then immediately assigning a role, "
        "this error might be related to a replication delay. In this case, set the role assignment principalType "
        "property to a value, such as ServicePrincipal, User, or Group.  See https://aka.ms/docs-principaltype"
    )
    return ArmError(400, "PrincipalNotFound", text)


def _checked_name(name: str) -> str:
    try:
        return str(UUID(name))
    except ValueError:
        text = f"The role assignment ID '{name[:100]}' is not valid. The role assignment ID must be a GUID."
        raise ArmError(400, "InvalidRoleAssignmentId", text) from None


def _properties(body: object) -> Properties:
    try:
        return _Body.model_validate(without_nulls(body)).properties
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in problem["loc"])
        raise invalid_request_content(f"{place}: {problem['msg']}") from None  # [?] code and text


def _check_update(existing: Assignment, scope: str, role: Role, wanted: Properties) -> None:
    before = (existing.scope.casefold(), existing.role, existing.wanted.principalId)
    if before != (scope.casefold(), role, wanted.principalId):
        text = "Tenant ID, application ID, principal ID, and scope are not allowed to be updated."
        raise ArmError(400, "RoleAssignmentUpdateNotPermitted", text)


def _covers(outer: str, inner: str) -> bool:
    return f"{inner}/".casefold().startswith(f"{outer}/".casefold())


def _parse_filter(query: str) -> tuple[bool, str | None]:
    """Return whether only the scope and what is above it counts, and the principal asked for, if any."""
    query = query.strip()
    if not query or _AT_SCOPE.fullmatch(query):
        return bool(query), None
    match = _OF_PRINCIPAL.fullmatch(query)
    if match is None:
        text = f"The filter '{query[:200]}' is not supported. Supported are atScope(), principalId eq and assignedTo()."
        raise ArmError(400, "UnsupportedFilter", text)  # [?] code and text
    return query.lower().startswith("atscope()"), (match["id"] or match["assignee"]).lower()


def listed_roles(query: str) -> Iterable[Role]:
    """Return the roles that a filter (`roleName eq '...'`, or none) names.

    Raises ArmError 400 for a filter that is not served.
    """
    query = query.strip()
    if not query:
        return roles.BUILT_IN
    match = re.fullmatch(r"roleName eq '(?P<name>[^']{1,200})'|type eq 'BuiltInRole'", query, re.IGNORECASE)
    if match is None:
        text = f"The filter '{query[:200]}' is not supported. Supported are roleName eq and type eq 'BuiltInRole'."
        raise ArmError(400, "UnsupportedFilter", text)  # [?] code and text
    wanted = match["name"]
    return [role for role in roles.BUILT_IN if wanted is None or role.name.casefold() == wanted.casefold()]
