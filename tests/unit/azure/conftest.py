"""Clocks and a stand-in for ARM that the tests of the Azure side share."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import trustme
from aiohttp import web
from azure.core.credentials import AccessToken

from gallery_operator.api.arm_ids import ArmId, GalleryId
from gallery_operator.azure.clouds import Cloud, explicit_cloud
from gallery_operator.azure.gateway import ArmGateway
from gallery_operator.azure.verdicts import ArmError, Verdict

GALLERY = GalleryId("00000000-0000-0000-0000-000000000001", "rg", "g")
DEFINITION = GALLERY.definition("d")
VERSION = DEFINITION.version("1.0.0")
KINDS: list[ArmId] = [GALLERY, DEFINITION, VERSION]

EPOCH = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


class LoopClock:
    """Shows what the event loop's time says, so that looptime moves it."""

    longest_nap: float | None = None

    def __init__(self) -> None:
        self._zero = asyncio.get_running_loop().time()

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=asyncio.get_running_loop().time() - self._zero)

    def real_seconds(self, seconds: float) -> float:
        return seconds


class ManualClock:
    """Moves only when a test moves it."""

    longest_nap: float | None = 0.01

    def __init__(self) -> None:
        self.shown = EPOCH

    def now(self) -> datetime:
        return self.shown

    def real_seconds(self, seconds: float) -> float:
        return seconds

    def advance(self, seconds: float) -> None:
        self.shown += timedelta(seconds=seconds)


@dataclass
class Recorder:
    """An ArmObserver that remembers."""

    requests: list[tuple[str, str]] = field(default_factory=list)
    throttles: list[str] = field(default_factory=list)

    def request(self, operation: str, code: str, seconds: float) -> None:
        assert seconds >= 0
        self.requests.append((operation, code))

    def throttled(self, policy: str) -> None:
        self.throttles.append(policy)


class FixedCredential:
    """Gives out one token."""

    token = "the-token-that-must-not-leave"

    async def get_token(self, *scopes: str, **_: object) -> AccessToken:
        return AccessToken(self.token, 4_000_000_000)

    async def close(self) -> None:
        pass

    async def __aenter__(self) -> FixedCredential:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass


Answerer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class TlsServer:
    """An https server on localhost that answers as a test says and remembers each request."""

    def __init__(self) -> None:
        self.seen: list[web.Request] = []
        self.bodies: list[bytes] = []
        self.answer: Answerer = self._nothing
        self.url = ""

    async def _nothing(self, _: web.Request) -> web.StreamResponse:
        return web.json_response({"error": {"code": "ResourceNotFound", "message": "not found"}}, status=404)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(request)
        self.bodies.append(await request.read())
        return await self.answer(request)

    async def start(self, tls: ssl.SSLContext) -> web.AppRunner:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "localhost", 0, ssl_context=tls).start()
        self.url = f"https://localhost:{runner.addresses[0][1]}"
        return runner


@dataclass
class Servers:
    """ARM, and another host with a certificate that is just as good."""

    arm: TlsServer
    foreign: TlsServer
    cloud: Cloud


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[Servers]:
    authority = trustme.CA()
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(ca_file)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(tls)
    arm, foreign = TlsServer(), TlsServer()
    runners = [await arm.start(tls), await foreign.start(tls)]
    yield Servers(arm, foreign, explicit_cloud(arm.url, arm.url, ca_file=ca_file))
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


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
