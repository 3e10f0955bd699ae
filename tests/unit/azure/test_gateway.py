"""The gateway against an https server that answers as ARM does."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from aiohttp import web
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError

from gallery_operator import __version__
from gallery_operator.api.arm_ids import ArmId, DefinitionId, GalleryId
from gallery_operator.azure import gateway as gateway_module
from gallery_operator.azure import transport as transport_module
from gallery_operator.azure.gateway import ArmGateway
from gallery_operator.azure.verdicts import Terminal, Throttled, Transient, Verdict, Waiting
from tests.unit.azure.conftest import (
    DEFINITION,
    GALLERY,
    KINDS,
    VERSION,
    Answerer,
    FixedCredential,
    ManualClock,
    Recorder,
    Servers,
    answers,
    drops,
    refuses,
    verdict_of,
)


@pytest.mark.parametrize("resource", KINDS)
async def test_get_returns_the_body_as_it_came(servers: Servers, gateway: ArmGateway, resource: ArmId) -> None:
    body = {"name": "x", "properties": {"provisioningState": "NeverHeardOf", "newField": [1, None]}}
    servers.arm.answer = answers(body)

    assert await gateway.get(resource) == body

    (request,) = servers.arm.seen
    assert (request.method, request.path) == ("GET", str(resource))
    assert dict(request.query) == {"api-version": "2026-03-03"}
    assert request.headers["Authorization"] == f"Bearer {FixedCredential.token}"
    assert request.headers["User-Agent"].startswith(f"gallery-operator/{__version__}")
    assert request.headers["x-ms-client-request-id"]


async def test_replication_status_is_expanded_on_demand(servers: Servers, gateway: ArmGateway) -> None:
    servers.arm.answer = answers({})

    await gateway.get(VERSION, expand="ReplicationStatus")

    assert servers.arm.seen[0].query["$expand"] == "ReplicationStatus"


@pytest.mark.parametrize("code", ["ResourceNotFound", "ParentResourceNotFound", "ResourceGroupNotFound"])
async def test_what_is_not_there_is_none(servers: Servers, gateway: ArmGateway, code: str) -> None:
    servers.arm.answer = refuses(404, code)

    assert await gateway.get(VERSION) is None
    assert await gateway.list_versions(DEFINITION) is None
    assert await gateway.delete(VERSION) is False


async def test_a_404_that_does_not_come_from_the_resource_proves_nothing(servers: Servers, gateway: ArmGateway) -> None:
    servers.arm.answer = answers({"title": "nothing here"}, status=404)

    assert isinstance(await verdict_of(gateway.get(VERSION)), Waiting)
    assert isinstance(await verdict_of(gateway.delete(VERSION)), Waiting)
    assert isinstance(await verdict_of(gateway.list_versions(DEFINITION)), Waiting)


@pytest.mark.parametrize("resource", KINDS)
async def test_put_sends_the_body_and_returns_the_first_answer(
    servers: Servers, gateway: ArmGateway, resource: ArmId
) -> None:
    servers.arm.answer = answers({"properties": {"provisioningState": "Creating"}}, status=201)

    answered = await gateway.put(resource, {"location": "westeurope", "tags": {"a": "ä"}})

    assert answered == {"properties": {"provisioningState": "Creating"}}
    (request,) = servers.arm.seen
    assert (request.method, request.path) == ("PUT", str(resource))
    assert request.content_type == "application/json"
    assert orjson.loads(servers.arm.bodies[0]) == {"location": "westeurope", "tags": {"a": "ä"}}


async def test_a_put_that_is_accepted_without_a_body_returns_nothing(servers: Servers, gateway: ArmGateway) -> None:
    servers.arm.answer = answers(status=202)

    assert await gateway.put(GALLERY, {}) == {}


@pytest.mark.parametrize(("status", "accepted"), [(200, True), (202, True), (204, False)])
async def test_delete_tells_whether_there_was_something(
    servers: Servers, gateway: ArmGateway, status: int, accepted: bool
) -> None:
    servers.arm.answer = answers(status=status)

    assert await gateway.delete(VERSION) is accepted


async def test_a_list_follows_its_pages(servers: Servers, gateway: ArmGateway, recorder: Recorder) -> None:
    async def pages(request: web.Request) -> web.StreamResponse:
        number = int(request.query.get("$skiptoken", "0"))
        page: dict[str, Any] = {"value": [{"name": f"{number}.0.0"}, "no version"]}
        if number < 2:
            page["nextLink"] = f"{servers.arm.url}{request.path}?api-version=x&$skiptoken={number + 1}"
        return web.json_response(page)

    servers.arm.answer = pages

    assert await gateway.list_versions(DEFINITION) == [{"name": "0.0.0"}, {"name": "1.0.0"}, {"name": "2.0.0"}]
    assert servers.arm.seen[0].path == f"{DEFINITION}/versions"
    assert recorder.requests == [("ListGalleryImageVersionsInGalleryImage", "200")] * 3


@pytest.mark.parametrize(("parent", "asked"), [(GALLERY, "/images"), (DEFINITION, "/versions")])
async def test_children_are_listed_by_name(
    parent: GalleryId | DefinitionId, asked: str, servers: Servers, gateway: ArmGateway
) -> None:
    async def pages(request: web.Request) -> web.StreamResponse:
        first = {"value": [], "nextLink": f"{servers.arm.url}/next"}
        return web.json_response({"value": [{"name": "one"}, 5]} if request.path == "/next" else first)

    servers.arm.answer = pages

    assert await gateway.children(parent) == ["one"]
    assert servers.arm.seen[0].path == f"{parent}{asked}"


async def test_a_list_keeps_of_each_version_what_the_caller_wants(servers: Servers, gateway: ArmGateway) -> None:
    servers.arm.answer = answers({"value": [{"name": "1.0.0"}, None, {"name": 2}]})

    assert await gateway.list_versions(DEFINITION, lambda body: body["name"]) == ["1.0.0", 2]


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (refuses(500, "InternalServerError"), Transient),
        (refuses(503, "ServiceUnavailable", **{"Retry-After": "1"}), Transient),
        (refuses(409, "MissingSubscriptionRegistration"), Waiting),
        (refuses(400, "InvalidParameter"), Terminal),
        (drops, Transient),
    ],
)
async def test_a_failed_request_is_judged_and_sent_once(
    servers: Servers, gateway: ArmGateway, answer: Answerer, verdict: type[Verdict]
) -> None:
    servers.arm.answer = answer

    assert isinstance(await verdict_of(gateway.put(VERSION, {})), verdict)
    assert len(servers.arm.seen) == 1, "neither retried nor answered with requests of the SDK's own"


async def test_a_429_keeps_further_requests_of_its_policy_from_azure(
    servers: Servers, gateway: ArmGateway, recorder: Recorder
) -> None:
    servers.arm.answer = refuses(429, "TooManyRequests", **{"Retry-After": "40"})

    first = await verdict_of(gateway.put(VERSION, {}))
    second = await verdict_of(gateway.put(DEFINITION.version("1.0.1"), {}))

    assert isinstance(first, Throttled)
    assert isinstance(second, Throttled)
    assert first.after == 40
    assert second.after >= 40
    assert len(servers.arm.seen) == 1
    assert recorder.throttles == ["CreateUpdateGalleryImageVersion", "writes"]

    servers.arm.answer = answers({})
    assert await gateway.get(VERSION) == {}, "reads go on"


async def test_each_subscription_has_a_budget_of_its_own(servers: Servers, gateway: ArmGateway) -> None:
    servers.arm.answer = refuses(429, "TooManyRequests")
    await verdict_of(gateway.put(GALLERY, {}))
    servers.arm.answer = answers({})

    await gateway.put(GalleryId("00000000-0000-0000-0000-000000000002", "rg", "g"), {})

    assert len(servers.arm.seen) == 2


async def test_requests_are_observed_by_operation_and_outcome(
    servers: Servers, gateway: ArmGateway, recorder: Recorder
) -> None:
    servers.arm.answer = answers({})
    await gateway.get(GALLERY)
    servers.arm.answer = refuses(404, "ResourceNotFound")
    await gateway.get(VERSION)
    servers.arm.answer = drops
    await verdict_of(gateway.delete(DEFINITION))

    assert recorder.requests == [
        ("GetGallery", "200"),
        ("GetGalleryImageVersion", "404"),
        ("DeleteGalleryImage", "ConnectionFailed"),
    ]


class NoCredential(FixedCredential):
    async def get_token(self, *scopes: str, **_: object) -> AccessToken:
        raise ClientAuthenticationError("no luck")


async def test_nothing_is_sent_without_a_credential(servers: Servers) -> None:
    gateway = ArmGateway(servers.cloud, NoCredential(), clock=ManualClock())

    verdict = await verdict_of(gateway.get(VERSION))
    await gateway.close()

    assert isinstance(verdict, Waiting)
    assert verdict.reason == "CredentialUnavailable"
    assert servers.arm.seen == []


class ScopedCredential(FixedCredential):
    def __init__(self) -> None:
        self.scopes: list[tuple[str, ...]] = []

    async def get_token(self, *scopes: str, **_: object) -> AccessToken:
        self.scopes.append(scopes)
        return AccessToken(self.token, 4_000_000_000)


async def test_each_subscription_is_asked_under_its_own_id_with_a_token_for_arm(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport_module, "_MAX_CLIENTS", 2)
    servers.arm.answer = answers({})
    credential = ScopedCredential()
    gateway = ArmGateway(servers.cloud, credential, clock=ManualClock())
    galleries = [GalleryId(f"subscription-{number}", "rg", "g") for number in (0, 1, 2, 0)]

    for gallery in galleries:
        await gateway.get(gallery)
        await gateway.list_versions(gallery.definition("d"))
    await gateway.close()

    asked = [path for each in galleries for path in (str(each), f"{each}/images/d/versions")]
    assert [request.path for request in servers.arm.seen] == asked
    assert set(credential.scopes) == {(servers.cloud.scope,)}


async def test_names_cannot_lead_to_another_resource(servers: Servers, gateway: ArmGateway) -> None:
    servers.arm.answer = answers({})

    await gateway.get(GalleryId("s", "rg", "g?x#y%2f{endpoint}"))
    assert servers.arm.seen[0].raw_path.startswith(
        f"{GalleryId('s', 'rg', 'g%3Fx%23y%252f%7Bendpoint%7D')}?api-version="
    )

    for gallery in (
        GalleryId("s", "..", "g"),
        GalleryId("s", "rg", "."),
        GalleryId("s", "", "g"),
        GalleryId("s", "rg", "a/../b"),
    ):
        assert await verdict_of(gateway.get(gallery)) == Terminal("InvalidId", f"not an ARM id: {gallery}")
    assert len(servers.arm.seen) == 1


def operation(servers: Servers) -> dict[str, str]:
    return {"Azure-AsyncOperation": f"{servers.arm.url}/operations/1?api-version=x&t=1&s=a%2Bb"}


FAILED = {"status": "Failed", "error": {"code": "ReplicationFailed", "message": "No space.\r\nhttps://x?sig=abc"}}


async def test_the_reason_of_a_failed_operation_is_read_once(
    servers: Servers, gateway: ArmGateway, recorder: Recorder
) -> None:
    servers.arm.answer = answers({}, status=201, headers=operation(servers))
    await gateway.put(VERSION, {})
    servers.arm.answer = answers(FAILED)

    assert await gateway.failure(VERSION) == ("ReplicationFailed", "No space. https://x?sig=REDACTED")
    assert servers.arm.seen[-1].raw_path == "/operations/1?api-version=x&t=1&s=a%2Bb"
    assert recorder.requests[-1] == ("GetOperationStatus", "200")

    assert await gateway.failure(VERSION) is None
    assert len(servers.arm.seen) == 2


async def test_a_running_operation_is_looked_at_again(servers: Servers, gateway: ArmGateway) -> None:
    servers.arm.answer = answers(status=202, headers=operation(servers))
    await gateway.delete(VERSION)
    servers.arm.answer = answers({"status": "InProgress"})
    assert await gateway.failure(VERSION) is None
    servers.arm.answer = refuses(503, "Busy")
    assert await gateway.failure(VERSION) is None

    servers.arm.answer = answers(FAILED)

    assert await gateway.failure(VERSION) is not None


@pytest.mark.parametrize("answer", [answers({"status": "Succeeded"}), refuses(404, "NotFound")])
async def test_an_operation_that_says_nothing_is_forgotten(
    servers: Servers, gateway: ArmGateway, answer: Answerer
) -> None:
    servers.arm.answer = answers({}, headers=operation(servers))
    await gateway.put(VERSION, {})
    servers.arm.answer = answer

    assert await gateway.failure(VERSION) is None
    assert await gateway.failure(VERSION) is None
    assert len(servers.arm.seen) == 2


async def test_an_operation_of_somebody_else_explains_nothing(servers: Servers, gateway: ArmGateway) -> None:
    assert await gateway.failure(VERSION) is None
    assert servers.arm.seen == []


async def test_only_the_last_operations_are_remembered(
    servers: Servers, gateway: ArmGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway_module, "_MAX_OPERATIONS", 2)
    servers.arm.answer = answers({}, headers=operation(servers))
    for resource in KINDS:
        await gateway.put(resource, {})
    servers.arm.answer = answers(FAILED)

    assert await gateway.failure(GALLERY) is None
    assert await gateway.failure(DEFINITION) is not None
    assert await gateway.failure(VERSION) is not None


async def test_connections_are_reused(servers: Servers, gateway: ArmGateway) -> None:
    servers.arm.answer = answers({})

    for _ in range(3):
        await gateway.get(VERSION)

    peers = {request.transport.get_extra_info("peername") for request in servers.arm.seen if request.transport}
    assert len(peers) == 1


async def test_without_a_token_of_the_sources_tenant_nothing_is_sent_and_the_field_is_named(
    servers: Servers,
) -> None:
    said = "AADSTS700016: Application 'a' was not found in the directory 'b'. Trace ID: 1"

    class UnknownThere(FixedCredential):
        async def get_token(self, *scopes: str, **options: object) -> AccessToken:
            if "tenant_id" in options:
                raise ClientAuthenticationError(said)
            return await super().get_token(*scopes)

    gateway = ArmGateway(servers.cloud, UnknownThere(), clock=ManualClock())

    verdict = await verdict_of(gateway.put(VERSION, {}, tenants=("11111111-2222-3333-4444-555555555555",)))

    assert (type(verdict), verdict.reason) == (Waiting, "CredentialUnavailable")
    assert "tenant 11111111-2222-3333-4444-555555555555 (spec.source.tenantId)" in verdict.message
    assert said.removesuffix(" Trace ID: 1") in verdict.message
    assert "consent" in verdict.message
    assert servers.arm.seen == []
    await gateway.close()


async def test_the_way_to_a_token_of_another_tenant_may_fail_like_any_other_way(servers: Servers) -> None:
    class Unreachable(FixedCredential):
        async def get_token(self, *scopes: str, **options: object) -> AccessToken:
            if "tenant_id" in options:
                raise ServiceRequestError("no way to the token endpoint")
            return await super().get_token(*scopes)

    gateway = ArmGateway(servers.cloud, Unreachable(), clock=ManualClock())

    verdict = await verdict_of(gateway.put(VERSION, {}, tenants=("11111111-2222-3333-4444-555555555555",)))

    assert isinstance(verdict, Transient)
    assert verdict.reason == "ConnectionFailed"
    assert servers.arm.seen == []
    await gateway.close()
