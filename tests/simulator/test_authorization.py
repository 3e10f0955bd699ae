"""Role assignments and role definitions, through the real SDK and on the wire."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.identity import ClientSecretCredential
from azure.mgmt.authorization import AuthorizationManagementClient

from dev.azure_simulator import AzureSimulator, Switchboard, roles
from tests.simulator.conftest import Paths
from tests.simulator.support import (
    GROUP,
    Http,
    Json,
    credential_options,
    gallery,
    message,
    options,
    refusal,
    version,
)

Client = Any
API = "2022-04-01"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
IMAGE_READER = "cf7c76d2-98a3-4358-a134-615aa78bf44d"
SHARING_ADMIN = "1ef6a3be-d0ac-425d-8c01-acb62866290b"
ANN = "a0000000-0000-4000-8000-000000000001"
BOB = "b0000000-0000-4000-8000-000000000002"


@pytest.fixture
def client(azure: Switchboard, simulator: AzureSimulator) -> Iterator[AuthorizationManagementClient]:
    credential = ClientSecretCredential(**credential_options(simulator))
    with AuthorizationManagementClient(credential, **options(simulator)) as made:
        yield made


def body(role: str = READER, principal: str = ANN, kind: str | None = "User", **more: str) -> Json:
    role_id = f"/subscriptions/x/providers/Microsoft.Authorization/roleDefinitions/{role}"
    properties = {"roleDefinitionId": role_id, "principalId": principal, "principalType": kind, **more}
    return {"properties": {name: value for name, value in properties.items() if value is not None}}


def assignment(scope: str, name: str | None = None) -> str:
    return f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name or uuid4()}"


def assign(http: Http, scope: str, **wanted: Any) -> str:
    """Assign a role and return the id of the assignment."""
    answer = http.put(assignment(scope), body(**wanted), api=API)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def listed(http: Http, scope: str, query: str | None = None) -> set[str]:
    filters = {} if query is None else {"filter": query}
    answer = http.get(f"{scope}/providers/Microsoft.Authorization/roleAssignments", api=API, **filters)
    return {item["id"] for item in answer.json()["value"]}


def test_the_sdk_assigns_reads_lists_and_deletes(client: Client, parents: Paths) -> None:
    name = str(uuid4())
    (reader,) = client.role_definitions.list(parents.gallery, filter="roleName eq 'Reader'")
    assert (reader.name, reader.role_name, reader.role_type) == (READER, "Reader", "BuiltInRole")
    wanted = {"roleDefinitionId": reader.id, "principalId": ANN, "principalType": "Group", "description": "why"}
    made = client.role_assignments.create(parents.definition, name, {"properties": wanted})
    assert made.id == assignment(parents.definition, name)
    assert (made.scope, made.principal_type, made.description) == (parents.definition, "Group", "why")
    assert made.role_definition_id.endswith(READER)
    assert client.role_assignments.get_by_id(made.id).created_on == made.created_on
    assert [item.name for item in client.role_assignments.list_for_scope(parents.definition)] == [name]
    assert client.role_assignments.delete(parents.definition, name).name == name
    assert client.role_assignments.delete(parents.definition, name) is None
    with pytest.raises(ResourceNotFoundError) as caught:
        client.role_assignments.get(parents.definition, name)
    assert caught.value.error is not None
    assert caught.value.error.code == "RoleAssignmentNotFound"


def test_the_sdk_gets_role_definitions_by_id(client: Client, parents: Paths) -> None:
    role = client.role_definitions.get_by_id(f"/providers/Microsoft.Authorization/roleDefinitions/{SHARING_ADMIN}")
    assert role.role_name == "Compute Gallery Sharing Admin"
    assert role.permissions[0].actions == ["Microsoft.Compute/galleries/share/action"]
    assert client.role_definitions.get(parents.gallery, READER).role_name == "Reader"
    assert len(list(client.role_definitions.list(parents.gallery))) == len(roles.BUILT_IN)
    assert list(client.role_definitions.list(parents.gallery, filter="roleName eq 'Nobody'")) == []
    with pytest.raises(ResourceNotFoundError) as caught:
        client.role_definitions.get(parents.gallery, str(uuid4()))
    assert caught.value.error is not None
    assert caught.value.error.code == "RoleDefinitionDoesNotExist"


def test_the_same_assignment_under_another_name_exists_already(client: Client, http: Http, parents: Paths) -> None:
    existing = assign(http, parents.gallery)
    with pytest.raises(ResourceExistsError) as caught:
        client.role_assignments.create(parents.gallery, str(uuid4()), body())
    assert caught.value.error is not None
    assert caught.value.error.code == "RoleAssignmentExists"
    assert UUID(existing.rpartition("/")[2]).hex in str(caught.value.error.message)
    assign(http, parents.definition)
    assign(http, parents.gallery, role=OWNER)
    assign(http, parents.gallery, principal=BOB)


@pytest.mark.parametrize("change", [{"principal": BOB}, {"role": OWNER}])
def test_principal_and_role_of_an_assignment_cannot_change(http: Http, parents: Paths, change: Json) -> None:
    made = assign(http, parents.gallery)
    assert refusal(http.put(made, body(**change), api=API)) == (400, "RoleAssignmentUpdateNotPermitted")


def test_the_name_of_an_assignment_belongs_to_one_scope(http: Http, parents: Paths) -> None:
    name = assign(http, parents.gallery).rpartition("/")[2]
    answer = http.put(assignment(parents.definition, name), body(), api=API)
    assert refusal(answer) == (400, "RoleAssignmentUpdateNotPermitted")
    assert http.get(assignment(parents.definition, name), api=API).status_code == 404
    assert http.delete(assignment(parents.definition, name), api=API).status_code == 204


def test_the_description_of_an_assignment_can_change(azure: Switchboard, http: Http, parents: Paths) -> None:
    made = assign(http, parents.gallery)
    azure.advance(timedelta(hours=1))
    answer = http.put(made, body(description="new"), api=API)
    assert answer.status_code == 200
    properties = http.get(made, api=API).json()["properties"]
    assert properties["description"] == "new"
    assert properties["createdOn"] < properties["updatedOn"]


def test_a_principal_must_be_known_or_its_type_be_given(azure: Switchboard, http: Http, parents: Paths) -> None:
    answer = http.put(assignment(parents.gallery), body(kind=None), api=API)
    assert refusal(answer) == (400, "PrincipalNotFound")
    assert f"Principal {UUID(ANN).hex} does not exist in the directory" in message(answer)
    azure.add_principal(ANN, "Group")
    answer = http.put(assignment(parents.gallery), body(kind=None), api=API)
    assert answer.json()["properties"]["principalType"] == "Group"
    assert refusal(http.put(assignment(parents.gallery), body(role=OWNER), api=API)) == (400, "UnmatchedPrincipalType")


def test_the_identity_of_a_gallery_is_a_known_principal(azure: Switchboard, http: Http, paths: Paths) -> None:
    azure.create([(paths.gallery, gallery() | {"identity": {"type": "SystemAssigned"}})])
    principal = http.get(paths.gallery).json()["identity"]["principalId"]
    answer = http.put(assignment(paths.gallery), body(principal=principal, kind=None), api=API)
    assert answer.json()["properties"]["principalType"] == "ServicePrincipal"


@pytest.mark.parametrize(
    ("name", "wanted", "code"),
    [
        ("no-guid", body(), "InvalidRoleAssignmentId"),
        (None, body(role=str(UUID(int=9))), "RoleDefinitionDoesNotExist"),
        (None, body(principal="ann"), "InvalidRequestContent"),
        (None, body(kind="Robot"), "InvalidRequestContent"),
        (None, {"properties": {"principalId": ANN}}, "InvalidRequestContent"),
        (None, [], "InvalidRequestContent"),
    ],
)
def test_a_malformed_assignment_is_refused(
    http: Http, parents: Paths, name: str | None, wanted: Json, code: str
) -> None:
    assert refusal(http.put(assignment(parents.gallery, name), wanted, api=API)) == (400, code)
    assert listed(http, parents.gallery) == set()


def test_a_list_shows_what_is_above_and_below_unless_told_otherwise(http: Http, parents: Paths) -> None:
    group = f"{http.subscription}/resourceGroups/{GROUP}"
    above = {assign(http, http.subscription), assign(http, group)}
    here = {assign(http, parents.gallery), assign(http, parents.gallery, principal=BOB)}
    below = {assign(http, parents.definition)}
    assert listed(http, parents.gallery) == above | here | below
    assert listed(http, parents.gallery, "atScope()") == above | here
    bobs = {made for made in here if http.get(made, api=API).json()["properties"]["principalId"] == BOB}
    assert listed(http, parents.gallery, f"principalId eq '{BOB}'") == bobs
    assert listed(http, parents.gallery, f"assignedTo('{BOB}')") == bobs
    assert listed(http, parents.gallery, f"atScope() and assignedTo('{ANN}')") == (above | here) - bobs
    assert listed(http, parents.definition.upper().replace("/SUBSCRIPTIONS", "/subscriptions")) == above | here | below


def test_an_unknown_filter_is_refused(http: Http, parents: Paths) -> None:
    for kind in ("roleAssignments", "roleDefinitions"):
        answer = http.get(f"{parents.gallery}/providers/Microsoft.Authorization/{kind}", api=API, filter="nonsense")
        assert refusal(answer) == (400, "UnsupportedFilter")


def test_a_scope_must_exist(http: Http, paths: Paths) -> None:
    assert refusal(http.put(assignment(paths.gallery), body(), api=API)) == (404, "ResourceNotFound")
    elsewhere = f"{http.subscription}/resourceGroups/none"
    assert refusal(http.put(assignment(elsewhere), body(), api=API)) == (404, "ResourceGroupNotFound")
    strange = f"{http.subscription}/resourceGroups/{GROUP}/providers/Microsoft.Network/virtualNetworks/v"
    assert refusal(http.put(assignment(strange), body(), api=API)) == (404, "InvalidResourceType")
    assert http.put(assignment(""), body(), api=API).status_code == 404


def test_assignments_go_with_the_resource_they_were_made_at(azure: Switchboard, http: Http, parents: Paths) -> None:
    azure.create([(parents.version, version())])
    kept = assign(http, parents.gallery)
    assign(http, parents.definition)
    assign(http, parents.version)
    azure.remove(parents.definition)
    assert [item["id"] for item in azure.role_assignments(parents.gallery)] == [kept]
    azure.reset()
    assert azure.role_assignments(parents.gallery) == []


@pytest.mark.parametrize(
    ("granted", "readable"),
    [
        ("gallery", {"gallery", "definition", "version", "sibling"}),
        ("definition", {"definition", "version"}),
        ("version", {"version"}),
    ],
)
def test_the_sharing_matrix_holds(
    azure: Switchboard, http: Http, parents: Paths, granted: str, readable: set[str]
) -> None:
    sibling = f"{parents.gallery}/images/sibling"
    triple = {"publisher": "example", "offer": "linux", "sku": "sibling"}
    sibling_body = {"osType": "Linux", "osState": "Generalized", "identifier": triple}
    azure.create([(parents.version, version()), (sibling, {"location": "westeurope", "properties": sibling_body})])
    places = {
        "gallery": parents.gallery,
        "definition": parents.definition,
        "version": parents.version,
        "sibling": sibling,
    }
    assign(http, places[granted])
    assert {name for name, place in places.items() if azure.access(ANN, place)} == readable
    assert not any(azure.access(BOB, place) for place in places.values())


def test_roles_permit_what_they_say(azure: Switchboard, http: Http, parents: Paths) -> None:
    assign(http, parents.gallery, role=IMAGE_READER)
    assert (azure.access(ANN, parents.gallery), azure.access(ANN, parents.definition)) == (False, True)
    assign(http, parents.gallery, role=SHARING_ADMIN, principal=BOB)
    assert not azure.access(BOB, parents.definition)
    assign(http, http.subscription, role=OWNER, principal=BOB)
    assert azure.access(BOB, parents.definition)


def test_a_contributor_may_do_everything_but_share_and_assign() -> None:
    contributor = next(role for role in roles.BUILT_IN if role.name == "Contributor")
    assert contributor.allows("Microsoft.Compute/galleries/write")
    assert not contributor.allows("microsoft.compute/galleries/share/action")
    assert not contributor.allows("Microsoft.Authorization/roleAssignments/write")


def test_reading_roles_needs_no_other_method(http: Http, parents: Paths) -> None:
    path = f"{parents.gallery}/providers/Microsoft.Authorization/roleDefinitions/{READER}"
    assert http.put(path, {}, api=API).status_code == 405
    assert (
        http.put(f"{parents.gallery}/providers/Microsoft.Authorization/roleAssignments", {}, api=API).status_code == 405
    )
    assert http.patch(assignment(parents.gallery), body(), api=API).status_code == 405


def test_the_sdk_reports_an_unknown_principal(client: Client, parents: Paths) -> None:
    with pytest.raises(HttpResponseError) as caught:
        client.role_assignments.create(parents.gallery, str(uuid4()), body(kind=None))
    assert caught.value.error is not None
    assert (caught.value.status_code, caught.value.error.code) == (400, "PrincipalNotFound")
