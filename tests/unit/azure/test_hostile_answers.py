"""The gateway against an https server that answers as ARM must never do."""

from __future__ import annotations

import asyncio
import gzip

import orjson
import pytest
from aiohttp import web
from azure.core.rest import HttpRequest

from gallery_operator.azure import gateway as gateway_module
from gallery_operator.azure import transport as transport_module
from gallery_operator.azure.clouds import explicit_cloud
from gallery_operator.azure.gateway import ArmGateway
from gallery_operator.azure.verdicts import Terminal, Transient
from tests.unit.azure.conftest import (
    DEFINITION,
    VERSION,
    Answerer,
    FixedCredential,
    ManualClock,
    Recorder,
    Servers,
    answers,
    drops,
    verdict_of,
)


@pytest.mark.parametrize("date", ["Mon, 23 Nov 2026 10:01:00 GMT", "9" * 5000, "60, 60", ""])
async def test_an_accepted_request_may_say_when_to_return_in_any_way(
    servers: Servers, gateway: ArmGateway, date: str
) -> None:
    servers.arm.answer = answers({"name": "x"}, status=201, headers={"Retry-After": date})
    assert await gateway.put(VERSION, {}) == {"name": "x"}

    servers.arm.answer = answers(status=202, headers={"Retry-After": date})
    assert await gateway.delete(VERSION) is True


async def test_braces_in_a_link_are_no_placeholders(servers: Servers, gateway: ArmGateway) -> None:
    async def pages(request: web.Request) -> web.StreamResponse:
        first = "token" not in request.query
        link = f"{servers.arm.url}/{{endpoint}}/next?token={{endpoint.x}}{{0}}{{"
        return web.json_response({"value": [], "nextLink": link} if first else {"value": [{"name": "1.0.0"}]})

    servers.arm.answer = pages

    assert await gateway.list_versions(DEFINITION) == [{"name": "1.0.0"}]
    assert servers.arm.seen[1].path == "/{endpoint}/next"
    assert servers.arm.seen[1].query == {"token": "{endpoint.x}{0}{"}


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
        servers.arm.url.replace("https://", "https://:pass@") + "/next",
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


async def test_no_client_lets_a_token_go_to_another_host(servers: Servers) -> None:
    transport = transport_module.ArmTransport(servers.cloud, FixedCredential())
    client = transport._client("subscription")
    for link in (f"{servers.foreign.url}/next", servers.arm.url.replace("https://", "http://")):
        verdict = await verdict_of(client.send_request(HttpRequest("GET", link)))
        assert verdict.reason == "ForeignHost"
    await transport.close()

    assert servers.foreign.seen == servers.arm.seen == []


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


def sends(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Answerer:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(body=body, status=status, headers={"Content-Type": "application/json"} | (headers or {}))

    return answer


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"", b'"text"', b"\xff", b"[" * 5000, b'{"a":' * 5000])
async def test_an_answer_that_is_no_json_object_is_transient(
    servers: Servers, gateway: ArmGateway, body: bytes
) -> None:
    servers.arm.answer = sends(body)

    assert (await verdict_of(gateway.get(VERSION))).reason == "UnreadableAnswer"
    assert (await verdict_of(gateway.list_versions(DEFINITION))).reason == "UnreadableAnswer"
    if body:
        assert (await verdict_of(gateway.put(VERSION, {}))).reason == "UnreadableAnswer"
    assert await gateway.delete(VERSION) is True, "nobody reads what a DELETE answers"


HOSTILE_BODIES = [
    b"",
    b"<html>",
    b"\xff\xfe",
    b"[5]",
    b'{"error": 5}',
    b'{"error": {"code": {}, "message": [1], "details": [5, null, {"code": 7}], "innererror": 3}}',
    b'{"error": {"code": "X", "message": "no", "innererror": ' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}}",
    b'{"error": ' + b'{"code": "X", "message": "no", "details": [' * 900 + b"]}" * 900 + b"}",
    b"[" * 100_000,
]


@pytest.mark.parametrize("body", HOSTILE_BODIES, ids=range(len(HOSTILE_BODIES)))
@pytest.mark.parametrize("charset", ["utf-8", "no-such-charset", "base64"])
async def test_no_error_body_breaks_the_judgement(
    servers: Servers, gateway: ArmGateway, caplog: pytest.LogCaptureFixture, body: bytes, charset: str
) -> None:
    servers.arm.answer = sends(body, 400, {"Content-Type": f"application/json; charset={charset}"})

    for attempt in (
        gateway.get(VERSION),
        gateway.put(VERSION, {}),
        gateway.delete(VERSION),
        gateway.list_versions(DEFINITION),
    ):
        assert isinstance(await verdict_of(attempt), Terminal)

    assert [record for record in caplog.records if record.levelname != "INFO"] == []


@pytest.mark.parametrize("status", [201, 202, 203, 204, 205, 206])
async def test_a_get_that_is_answered_with_another_success_is_no_resource(
    servers: Servers, gateway: ArmGateway, status: int
) -> None:
    servers.arm.answer = answers(status=status)

    assert (await verdict_of(gateway.get(VERSION))).reason == "UnreadableAnswer"


@pytest.mark.parametrize("status", [200, 202, 400])
@pytest.mark.parametrize("announced", [True, False])
async def test_an_answer_that_is_too_large_is_not_read_to_its_end(
    servers: Servers, gateway: ArmGateway, monkeypatch: pytest.MonkeyPatch, status: int, announced: bool
) -> None:
    monkeypatch.setattr(transport_module, "MAX_BODY", 10_000)
    sent: list[int] = []
    chunks = 1000

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=status)
        response.content_length = chunks * 100_000 if announced else None
        await response.prepare(request)
        sent.append(0)
        try:
            for _ in range(chunks):
                await response.write(b" " * 100_000)
                sent[-1] += 1
        except ConnectionError:
            pass
        return response

    servers.arm.answer = answer
    for attempt in (
        gateway.get(VERSION),
        gateway.put(VERSION, {}),
        gateway.delete(VERSION),
        gateway.list_versions(DEFINITION),
    ):
        assert (await verdict_of(attempt)).reason == "AnswerTooLarge"
    assert len(sent) == 4
    assert max(sent) < chunks


async def test_a_compressed_answer_is_bounded_by_what_it_unpacks_to(
    servers: Servers, gateway: ArmGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = gzip.compress(orjson.dumps({"x": "y" * 100_000}))
    assert len(packed) < 1000
    servers.arm.answer = sends(packed, headers={"Content-Encoding": "gzip"})
    assert await gateway.get(VERSION) == {"x": "y" * 100_000}
    assert await gateway.put(VERSION, {}) == {"x": "y" * 100_000}

    monkeypatch.setattr(transport_module, "MAX_BODY", 10_000)

    assert (await verdict_of(gateway.get(VERSION))).reason == "AnswerTooLarge"
    assert (await verdict_of(gateway.put(VERSION, {}))).reason == "AnswerTooLarge"


async def test_an_answer_that_breaks_off_is_transient(servers: Servers, gateway: ArmGateway) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_length = 1000
        await response.prepare(request)
        await response.write(b'{"name": ')
        return await drops(request)

    servers.arm.answer = answer

    for attempt in (gateway.get(VERSION), gateway.put(VERSION, {}), gateway.list_versions(DEFINITION)):
        assert (await verdict_of(attempt)).reason == "ConnectionFailed"


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
