"""The operator's own identity, with the real azure-identity against a token endpoint of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web
from azure.core.exceptions import ClientAuthenticationError

from gallery_operator.azure.credentials import credential_error, operator_credential
from gallery_operator.azure.verdicts import Waiting
from tests.unit.azure.conftest import Servers

TENANT = "11111111-2222-3333-4444-555555555555"


@pytest.fixture(autouse=True)
def _no_identity_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "AZURE_TOKEN_CREDENTIALS",
        "AZURE_CLIENT_ID",
        "AZURE_CLIENT_SECRET",
        "AZURE_CLIENT_CERTIFICATE_PATH",
        "AZURE_FEDERATED_TOKEN_FILE",
        "AZURE_AUTHORITY_HOST",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AZURE_TENANT_ID", TENANT)


@pytest.fixture
def workload_identity(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    token_file = tmp_path / "token"
    token_file.write_text("the-federated-token")
    monkeypatch.setenv("AZURE_CLIENT_ID", "workload-client")
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(token_file))


@pytest.fixture
def service_principal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_CLIENT_ID", "principal-client")
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "the-client-secret")


async def grant(_: web.Request) -> web.StreamResponse:
    return web.json_response({"access_token": "granted", "expires_in": 3600, "token_type": "Bearer"})


async def refuse(_: web.Request) -> web.StreamResponse:
    description = (
        "AADSTS7000215: Invalid client secret provided. Ensure the secret being sent is the value. "
        "Trace ID: 1 Correlation ID: 2 Timestamp: 3"
    )
    return web.json_response({"error": "invalid_client", "error_description": description}, status=401)


@pytest.mark.usefixtures("workload_identity")
async def test_workload_identity_asks_the_authority_of_the_cloud_and_no_other(servers: Servers) -> None:
    servers.arm.answer = grant

    async with operator_credential(servers.cloud) as credential:
        token = await credential.get_token(servers.cloud.scope)

    assert token.token == "granted"
    assert [request.path for request in servers.arm.seen] == [f"/{TENANT}/oauth2/v2.0/token"]
    assert b"client_assertion=the-federated-token" in servers.arm.bodies[0]
    assert b"client_id=workload-client" in servers.arm.bodies[0]


@pytest.mark.usefixtures("service_principal", "workload_identity")
async def test_workload_identity_comes_before_a_secret_in_the_environment(servers: Servers) -> None:
    servers.arm.answer = grant

    async with operator_credential(servers.cloud) as credential:
        await credential.get_token(servers.cloud.scope)

    assert b"client_assertion" in servers.arm.bodies[0]


@pytest.mark.usefixtures("workload_identity")
async def test_workload_identity_can_be_chosen_alone(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "WorkloadIdentityCredential")
    servers.arm.answer = grant

    async with operator_credential(servers.cloud) as credential:
        await credential.get_token(servers.cloud.scope)

    assert b"client_assertion" in servers.arm.bodies[0]


@pytest.mark.usefixtures("service_principal", "workload_identity")
async def test_another_credential_can_be_chosen(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    servers.arm.answer = grant

    async with operator_credential(servers.cloud) as credential:
        await credential.get_token(servers.cloud.scope)

    assert b"client_assertion" not in servers.arm.bodies[0]


@pytest.mark.usefixtures("service_principal")
async def test_a_service_principal_in_the_environment_is_used(servers: Servers) -> None:
    servers.arm.answer = grant

    async with operator_credential(servers.cloud) as credential:
        await credential.get_token(servers.cloud.scope)

    assert b"client_secret=the-client-secret" in servers.arm.bodies[0]


@pytest.mark.usefixtures("service_principal")
async def test_a_refusal_by_entra_is_told_with_its_code_and_without_the_secret(servers: Servers) -> None:
    servers.arm.answer = refuse

    async with operator_credential(servers.cloud) as credential:
        with pytest.raises(ClientAuthenticationError) as caught:
            await credential.get_token(servers.cloud.scope)
    error = credential_error(caught.value)

    assert error.verdict == Waiting(
        "CredentialUnavailable",
        "Microsoft Entra refuses the operator's credential: AADSTS7000215: Invalid client secret provided. Ensure the "
        "secret being sent is the value.",
    )


async def test_a_missing_credential_says_what_to_set_up() -> None:
    error = credential_error(ClientAuthenticationError("DefaultAzureCredential failed: client_secret=oops"))

    assert isinstance(error.verdict, Waiting)
    assert "Set up workload identity" in error.message
    assert "oops" not in error.message


async def test_a_credential_that_does_not_exist_is_refused(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "MadeUpCredential")

    with pytest.raises(ValueError, match="madeupcredential"):
        operator_credential(servers.cloud)
