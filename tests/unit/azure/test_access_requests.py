"""Requests that change sharing and role assignments, against an https server that answers as ARM does, or must not."""

from __future__ import annotations

import orjson
import pytest
from aiohttp import web

from gallery_operator.azure.gateway import ArmGateway
from gallery_operator.azure.verdicts import Terminal, Transient, Waiting
from gallery_operator.domain.plan import Grant, Share
from tests.unit.azure.conftest import DEFINITION, GALLERY, FixedCredential, Servers, answers, drops, refuses, verdict_of

NAME = "11111111-2222-5333-8444-555555555555"
ROLE = "/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"
GRANT = Grant(NAME, ROLE, "a0000000-0000-4000-8000-000000000001", "Group", "why")
PATH = f"{DEFINITION}/providers/Microsoft.Authorization/roleAssignments/{NAME}"


@pytest.mark.parametrize("status", [200, 201])
async def test_a_role_assignment_is_sent_whole(servers: Servers, gateway: ArmGateway, status: int) -> None:
    servers.arm.answer = answers({"id": "x"}, status=status)

    await gateway.grant(DEFINITION, GRANT)

    (request,) = servers.arm.seen
    assert (request.method, request.path) == ("PUT", PATH)
    assert dict(request.query) == {"api-version": "2022-04-01"}
    assert request.headers["Authorization"] == f"Bearer {FixedCredential.token}"
    assert orjson.loads(servers.arm.bodies[0]) == {
        "properties": {
            "roleDefinitionId": ROLE,
            "principalId": "a0000000-0000-4000-8000-000000000001",
            "principalType": "Group",
        }
    }


@pytest.mark.parametrize("status", [200, 204])
async def test_a_role_assignment_that_is_gone_is_as_good_as_deleted(
    servers: Servers, gateway: ArmGateway, status: int
) -> None:
    servers.arm.answer = answers({"id": "x"} if status == 200 else None, status=status)

    await gateway.revoke(DEFINITION, NAME)

    assert [(each.method, each.path) for each in servers.arm.seen] == [("DELETE", PATH)]


async def test_an_assignment_that_says_the_same_under_another_name_is_fine(
    servers: Servers, gateway: ArmGateway
) -> None:
    servers.arm.answer = refuses(409, "RoleAssignmentExists")
    await gateway.grant(DEFINITION, GRANT)
    servers.arm.answer = refuses(409, "Conflict")
    assert isinstance(await verdict_of(gateway.grant(DEFINITION, GRANT)), Waiting)


async def test_refusals_of_role_assignments_are_judged_like_all_others(servers: Servers, gateway: ArmGateway) -> None:
    servers.arm.answer = refuses(400, "RoleDefinitionDoesNotExist")
    assert isinstance(await verdict_of(gateway.grant(DEFINITION, GRANT)), Terminal)
    servers.arm.answer = refuses(500, "InternalServerError")
    assert isinstance(await verdict_of(gateway.revoke(DEFINITION, NAME)), Transient)
    servers.arm.answer = drops
    assert isinstance(await verdict_of(gateway.grant(DEFINITION, GRANT)), Transient)
    assert isinstance(await verdict_of(gateway.revoke(DEFINITION, NAME)), Transient)


@pytest.mark.parametrize("body", [b"", b"no json", b"[1]", b"null", b'{"properties": 7}', b"\xff" * 100])
async def test_what_azure_says_of_a_role_assignment_is_not_read(
    servers: Servers, gateway: ArmGateway, body: bytes
) -> None:
    async def junk(_: web.Request) -> web.StreamResponse:
        return web.Response(body=body, status=201 if servers.arm.seen[-1].method == "PUT" else 200)

    servers.arm.answer = junk

    await gateway.grant(DEFINITION, GRANT)
    await gateway.revoke(DEFINITION, NAME)

    assert [each.method for each in servers.arm.seen] == ["PUT", "DELETE"]


async def test_a_change_of_sharing_names_groups_by_azures_types(servers: Servers, gateway: ArmGateway) -> None:
    servers.arm.answer = answers(status=202)

    await gateway.share(GALLERY, Share("Add", "why", ("a", "b"), ("t",)))
    await gateway.share(GALLERY, Share("Reset", "why"))

    assert {(each.method, each.path) for each in servers.arm.seen} == {("POST", f"{GALLERY}/share")}
    assert list(map(orjson.loads, servers.arm.bodies)) == [
        {
            "operationType": "Add",
            "groups": [{"type": "Subscriptions", "ids": ["a", "b"]}, {"type": "AADTenants", "ids": ["t"]}],
        },
        {"operationType": "Reset", "groups": []},
    ]
