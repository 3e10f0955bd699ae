"""The requests that are sent to ARM: how Azure counts each, and what some of them say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from gallery_operator.api.arm_ids import DefinitionId, GalleryId, VersionId
from gallery_operator.azure.budget import Kind


@dataclass(frozen=True, slots=True)
class Operation:
    """A request as Azure counts it: by the name of its compute policy, and by ARM's bucket."""

    name: str
    method: str

    @property
    def kind(self) -> Kind:
        kinds: dict[str, Kind] = {"GET": "reads", "DELETE": "deletes"}
        return kinds.get(self.method, "writes")


GET = {
    GalleryId: Operation("GetGallery", "GET"),
    DefinitionId: Operation("GetGalleryImage", "GET"),
    VersionId: Operation("GetGalleryImageVersion", "GET"),
}
PUT = {
    GalleryId: Operation("CreateUpdateGallery", "PUT"),
    DefinitionId: Operation("CreateUpdateGalleryImage", "PUT"),
    VersionId: Operation("CreateUpdateGalleryImageVersion", "PUT"),
}
DELETE = {
    GalleryId: Operation("DeleteGallery", "DELETE"),
    DefinitionId: Operation("DeleteGalleryImage", "DELETE"),
    VersionId: Operation("DeleteGalleryImageVersion", "DELETE"),
}
LIST_DEFINITIONS = Operation("ListGalleryImagesInGallery", "GET")
LIST_VERSIONS = Operation("ListGalleryImageVersionsInGalleryImage", "GET")
LIST_SOFT_DELETED = Operation("ListSoftDeletedResourcesInGallery", "GET")
GET_OPERATION = Operation("GetOperationStatus", "GET")
RESTORE = Operation("CreateUpdateGalleryImageVersion", "PATCH")
SHARE = Operation("PostShareGallery", "POST")
GRANT = Operation("PutRoleAssignment", "PUT")
REVOKE = Operation("DeleteRoleAssignment", "DELETE")


class SharingUpdate(Protocol):
    """A change of a gallery's sharing: Add, Remove, Reset or EnableCommunity."""

    @property
    def operation(self) -> str: ...
    @property
    def subscriptions(self) -> tuple[str, ...]: ...
    @property
    def tenants(self) -> tuple[str, ...]: ...


class RoleAssignment(Protocol):
    """Who is to have which role."""

    @property
    def name(self) -> str: ...
    @property
    def role_definition_id(self) -> str: ...
    @property
    def principal_id(self) -> str: ...
    @property
    def principal_type(self) -> str: ...
