"""What the endpoint that issues tokens may answer instead of one, with the real azure-identity."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from gallery_operator.azure.gateways import Gateways
from gallery_operator.azure.secret_credentials import read_secret
from gallery_operator.azure.verdicts import Transient, Verdict, Waiting
from tests.unit.azure.conftest import VERSION, ManualClock, Servers, verdict_of

SECRET = {
    "AZURE_TENANT_ID": b"11111111-2222-3333-4444-555555555555",
    "AZURE_CLIENT_ID": b"66666666-7777-8888-9999-aaaaaaaaaaaa",
    "AZURE_CLIENT_SECRET": b"a~client.secret_of-40-characters-or-so",
}
TOKEN = "an-opaque-token-which-is-nobodys-business"


async def verdict(servers: Servers, **answer: Any) -> Verdict:
    """Answer every request for a token so; return what a request to Azure comes to."""

    async def respond(_: web.Request) -> web.StreamResponse:
        return web.Response(**{"content_type": "application/json", **answer})

    servers.arm.answer = respond
    connected = await Gateways(servers.cloud, ManualClock()).connect(read_secret("team-a/azure", SECRET))
    try:
        return await verdict_of(connected.arm.get(VERSION))
    finally:
        await connected.close()


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_an_outage_is_told_as_such_and_asked_about_once(servers: Servers, status: int) -> None:
    # The reconcile comes back by itself; a worker that heeds a Retry-After of the endpoint serves nobody else.
    said = await verdict(servers, status=status, body=b"{}", headers={"Retry-After": "60"})

    assert said == Transient(
        "NoToken",
        f"Microsoft Entra gives no token for the credential in Secret team-a/azure now: HTTP {status} without a reason",
    )
    assert len(servers.arm.seen) == 1


async def test_a_refusal_without_a_reason_is_not_blamed_on_the_operators_pod(servers: Servers) -> None:
    said = await verdict(servers, status=400, body=b'{"error": "invalid_client"}')

    assert said == Waiting(
        "CredentialUnavailable",
        "Microsoft Entra refuses the credential in Secret team-a/azure: HTTP 400 without a reason",
    )


@pytest.mark.parametrize(
    "body",
    [
        b"5",
        b'{"expires_in": 3600}',
        b'{"access_token": "x", "expires_in": "soon"}',
        b'{"access_token": "x", "expires_in": null}',
        b'{"access_token": {"a": 1}, "expires_in": 3600}',
        b'{"access_token": "' + TOKEN.encode(),
        b"\xff\xfe" + TOKEN.encode(),
    ],
)
async def test_what_is_no_token_is_a_failure_of_the_way_and_not_told(servers: Servers, body: bytes) -> None:
    said = await verdict(servers, body=body)

    assert isinstance(said, Transient)
    assert said.reason == "NoToken"
    assert TOKEN not in said.message
