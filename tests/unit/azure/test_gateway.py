"""The gateway against an https server that answers as ARM does, and as ARM must never do."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from aiohttp import web
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from gallery_operator import __version__
from gallery_operator.api.arm_ids import ArmId, GalleryId
from gallery_operator.azure import gateway as gateway_module
from gallery_operator.azure import transport as transport_module
from gallery_operator.azure.clouds import explicit_cloud
from gallery_operator.azure.gateway import ArmGateway
from gallery_operator.azure.verdicts import ArmError, Terminal, Throttled, Transient, Verdict, Waiting
from tests.unit.azure.conftest import Answerer, FixedCredential, ManualClock, Recorder, Servers

GALLERY = GalleryId("00000000-0000-0000-0000-000000000001", "rg", "g")
DEFINITION = GALLERY.definition("d")
VERSION = DEFINITION.version("1.0.0")
KINDS: list[ArmId] = [GALLERY, DEFINITION, VERSION]


@pytest.fixture
async def gateway(servers: Servers, recorder: Recorder) -> AsyncIterator[ArmGateway]:
    gateway = ArmGateway(servers.cloud, FixedCredential(), clock=ManualClock(), observer=recorder)
    yield gateway
    await gateway.close()


def answers(document: object = None, *, status: int = 200, headers: dict[str, str] | None = None) -> Answerer:
    async def answer(_: web.Request) -> web.StreamResponse:
        body = b"" if document is None else orjson.dumps(document)
        return web.Response(body=body, status=status, headers=headers, content_type="application/json")

    return answer


def refuses(status: int, code: str, **headers: str) -> Answerer:
    return answers({"error": {"code": code, "message": "no"}}, status=status, headers=headers)


async def drops(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


async def verdict_of(attempt: Any) -> Verdict:
    with pytest.raises(ArmError) as caught:
        await attempt
    return caught.value.verdict


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

    await gateway.get(VERSION, replication_status=True)

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


async def test_a_list_without_end_is_given_up(
    servers: Servers, gateway: ArmGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway_module, "_MAX_PAGES", 3)
    servers.arm.answer = answers({"value": [], "nextLink": f"{servers.arm.url}/again"})

    assert (await verdict_of(gateway.list_versions(DEFINITION))).reason == "TooManyPages"
    assert len(servers.arm.seen) == 3


def foreign_links(servers: Servers) -> list[str]:
    return [
        f"{servers.foreign.url}/next",
        servers.arm.url.replace("https://", "http://") + "/next",
        servers.arm.url.replace("https://", "https://user:pass@") + "/next",
        f"{servers.arm.url}@{servers.foreign.url.removeprefix('https://')}/next",
        f"//{servers.foreign.url.removeprefix('https://')}/next",
        "https://[bad",
        "/relative",
    ]


async def test_a_next_link_to_another_host_is_not_followed(servers: Servers, gateway: ArmGateway) -> None:
    for link in foreign_links(servers):
        servers.arm.seen.clear()
        servers.arm.answer = answers({"value": [], "nextLink": link})

        verdict = await verdict_of(gateway.list_versions(DEFINITION))

        assert isinstance(verdict, Transient), link
        assert verdict.reason == "ForeignHost", link
        assert len(servers.arm.seen) == 1, link
    assert servers.foreign.seen == []


async def test_an_operation_url_on_another_host_is_neither_kept_nor_followed(
    servers: Servers, gateway: ArmGateway, recorder: Recorder
) -> None:
    for link in foreign_links(servers):
        recorder.requests.clear()
        servers.arm.answer = answers({}, headers={"Azure-AsyncOperation": link})
        await gateway.put(VERSION, {})
        servers.arm.seen.clear()

        assert await gateway.failure(VERSION) is None
        assert servers.arm.seen == []
        assert ("GetOperationStatus", "ForeignHost") in recorder.requests, link
    assert servers.foreign.seen == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(servers: Servers, gateway: ArmGateway, status: int) -> None:
    servers.arm.answer = answers(status=status, headers={"Location": f"{servers.foreign.url}/next"})

    assert (await verdict_of(gateway.get(VERSION))).reason == "UnexpectedRedirect"
    assert (await verdict_of(gateway.put(VERSION, {}))).reason == "UnexpectedRedirect"
    assert servers.foreign.seen == []
    assert len(servers.arm.seen) == 2


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


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"", b'"text"'])
async def test_an_answer_that_is_no_json_object_is_transient(
    servers: Servers, gateway: ArmGateway, body: bytes
) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(body=body)

    servers.arm.answer = answer

    assert (await verdict_of(gateway.get(VERSION))).reason == "UnreadableAnswer"


async def test_a_compressed_answer_is_bounded_by_what_it_unpacks_to(
    servers: Servers, gateway: ArmGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        packed = gzip.compress(orjson.dumps({"x": "y" * 100_000}))
        assert len(packed) < 1000
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"}, content_type="application/json")

    servers.arm.answer = answer
    assert await gateway.get(VERSION) == {"x": "y" * 100_000}

    monkeypatch.setattr(transport_module, "MAX_BODY", 10_000)

    assert (await verdict_of(gateway.get(VERSION))).reason == "AnswerTooLarge"


async def test_a_server_that_does_not_answer_is_given_up(
    servers: Servers, gateway: ArmGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport_module, "_TOTAL_TIMEOUT", 0.2)
    released = asyncio.Event()

    async def hang(_: web.Request) -> web.StreamResponse:
        await released.wait()
        return web.Response()

    servers.arm.answer = hang

    verdict = await verdict_of(gateway.get(VERSION))
    released.set()

    assert isinstance(verdict, Transient)
    assert verdict.reason == "Timeout"


async def test_a_certificate_of_another_authority_is_not_trusted(servers: Servers) -> None:
    cloud = explicit_cloud(servers.arm.url, servers.arm.url)
    gateway = ArmGateway(cloud, FixedCredential(), clock=ManualClock())

    verdict = await verdict_of(gateway.get(VERSION))
    await gateway.close()

    assert verdict.reason == "ConnectionFailed"
    assert servers.arm.seen == []


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


async def test_names_cannot_lead_to_another_resource(servers: Servers, gateway: ArmGateway) -> None:
    servers.arm.answer = answers({})

    await gateway.get(GalleryId("s", "rg", "g?x#y%2f"))
    assert servers.arm.seen[0].raw_path.startswith(f"{GalleryId('s', 'rg', 'g%3Fx%23y%252f')}?api-version=")

    for gallery in (GalleryId("s", "..", "g"), GalleryId("s", "rg", ".")):
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
