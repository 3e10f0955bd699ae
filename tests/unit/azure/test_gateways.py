"""Gateways under the credentials of Secrets: whose they are is told, what they hold is not."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from azure.core.credentials_async import AsyncTokenCredential

from gallery_operator.azure.clouds import Cloud
from gallery_operator.azure.gateways import Connected, Gateways
from gallery_operator.azure.secret_credentials import SecretCredential, open_credential, read_secret
from gallery_operator.azure.verdicts import ArmError, Throttled, Waiting
from tests.unit.azure import certificates
from tests.unit.azure.conftest import GALLERY, Answerer, ManualClock, Servers, refuses, verdict_of

TENANT = "11111111-2222-3333-4444-555555555555"
CLIENT = "66666666-7777-8888-9999-aaaaaaaaaaaa"
SECRET = "a~client.secret_of-40-characters-or-so"
TOKEN = "an-opaque-token-which-is-nobodys-business"
DATA = {
    "AZURE_TENANT_ID": TENANT.encode(),
    "AZURE_CLIENT_ID": CLIENT.encode(),
    "AZURE_CLIENT_SECRET": SECRET.encode(),
}


@pytest.fixture
async def connected(servers: Servers) -> AsyncIterator[Connected]:
    connected = await Gateways(servers.cloud, ManualClock()).connect(read_secret("team-a/azure", DATA))
    yield connected
    await connected.close()


def arm_says(document: object, status: int = 200) -> Answerer:
    """Grant tokens, and answer everything else with the document."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/token"):
            return web.json_response({"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"})
        return web.json_response(document, status=status)

    return answer


async def refuse_token(_: web.Request) -> web.StreamResponse:
    description = f"AADSTS700016: Application {CLIENT} was not found in {TENANT}. You sent {SECRET}. Trace ID: 1"
    return web.json_response({"error": "unauthorized_client", "error_description": description}, status=400)


async def test_a_refusal_by_entra_names_the_secret_and_holds_nothing_of_it(
    servers: Servers, connected: Connected, log: io.StringIO
) -> None:
    servers.arm.answer = refuse_token

    with pytest.raises(ArmError) as caught:
        await connected.arm.get(GALLERY)

    assert caught.value.verdict == Waiting(
        "CredentialUnavailable",
        "Microsoft Entra refuses the credential in Secret team-a/azure: AADSTS700016: Application <AZURE_CLIENT_ID> "
        "was not found in <AZURE_TENANT_ID>. You sent <AZURE_CLIENT_SECRET>.",
    )
    assert "GetGallery" in log.getvalue()
    for value in (CLIENT, SECRET):
        assert value not in str(caught.value) + repr(caught.value) + log.getvalue()


async def test_a_token_that_is_granted_is_logged_nowhere_nor_for_whom(
    servers: Servers, connected: Connected, log: io.StringIO
) -> None:
    servers.arm.answer = arm_says({"name": "g"})

    assert await connected.arm.get(GALLERY) == {"name": "g"}

    ours = [line for line in log.getvalue().splitlines() if '"aiohttp.access"' not in line]  # the test's own server
    assert any("GetGallery" in line for line in ours)
    for value in (TENANT, CLIENT, SECRET, TOKEN):
        assert not any(value in line for line in ours)


async def test_what_arm_says_of_the_client_holds_its_key_instead_of_its_id(
    servers: Servers, connected: Connected
) -> None:
    said = f"The client '{CLIENT}' does not have authorization to perform action 'Microsoft.Compute/galleries/read'"
    servers.arm.answer = arm_says({"error": {"code": "AuthorizationFailed", "message": said}}, 403)

    with pytest.raises(ArmError) as caught:
        await connected.arm.get(GALLERY)

    assert isinstance(caught.value.verdict, Waiting)
    assert "The client '<AZURE_CLIENT_ID>' does not have authorization" in caught.value.message
    assert (caught.value.status, caught.value.code) == (403, "AuthorizationFailed")


@pytest.mark.parametrize("room", [0, 5, 12, 30])
async def test_a_secret_is_concealed_also_where_a_long_answer_of_arm_is_cut_off(
    servers: Servers, connected: Connected, room: int
) -> None:
    said = "x" * (999 - room) + SECRET
    servers.arm.answer = arm_says({"error": {"code": "BadRequest", "message": said}}, 400)

    with pytest.raises(ArmError) as caught:
        await connected.arm.get(GALLERY)

    assert SECRET[:3] not in caught.value.message


@pytest.mark.parametrize("state", ["replicationStatus", "sharingStatus"])
async def test_what_azure_says_of_a_region_holds_no_secret(servers: Servers, connected: Connected, state: str) -> None:
    said = f"cannot copy https://a.blob.core.windows.net/b.vhd?sig=c2lnbmF0dXJl with {SECRET}"
    rows = [{"region": "West Europe", "details": said}, {"region": "East US", "details": None}, "odd"]
    servers.arm.answer = arm_says({"name": "g", "properties": {state: {"summary": rows}}})

    found = await connected.arm.get(GALLERY)

    assert found is not None
    assert found["properties"][state]["summary"][0]["details"] == (
        "cannot copy https://a.blob.core.windows.net/b.vhd?sig=REDACTED with <AZURE_CLIENT_SECRET>"
    )


async def test_many_certificates_hold_neither_all_workers_nor_other_credentials_up(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = asyncio.Event()

    async def slow(secret: SecretCredential, cloud: Cloud) -> AsyncTokenCredential:
        if secret.mode == "ClientCertificate":
            await go_on.wait()
        return await open_credential(secret, cloud)

    monkeypatch.setattr("gallery_operator.azure.gateways.open_credential", slow)
    ids = {"AZURE_TENANT_ID": TENANT.encode(), "AZURE_CLIENT_ID": CLIENT.encode()}
    certificate = read_secret("team-b/azure", {**ids, "AZURE_CLIENT_CERTIFICATE": certificates.pem()})
    gateways = Gateways(servers.cloud, ManualClock())

    in_line = [asyncio.create_task(gateways.connect(certificate)) for _ in range(6)]
    await asyncio.sleep(0)
    assert isinstance(await verdict_of(gateways.connect(certificate)), Throttled)
    await (await gateways.connect(read_secret("team-a/azure", DATA))).close()

    go_on.set()
    for each in await asyncio.gather(*in_line):
        await each.close()
    await (await gateways.connect(certificate)).close()


@pytest.mark.parametrize("status", [400, 403])
async def test_an_identity_that_the_pod_does_not_have_is_told_of(
    servers: Servers, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    for name in ("IDENTITY_ENDPOINT", "MSI_ENDPOINT", "AZURE_FEDERATED_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", servers.arm.url)
    servers.arm.answer = refuses(status, "identity_not_found")
    secret = read_secret("team-a/azure", {"AUTH_MODE": b"ManagedIdentity"})
    connected = await Gateways(servers.cloud, ManualClock()).connect(secret)

    with pytest.raises(ArmError) as caught:
        await connected.arm.get(GALLERY)
    await connected.close()

    assert caught.value.message == (
        "No token for Azure with the credential in Secret team-a/azure: the identity that it names is not available to "
        "the operator's pod."
    )
