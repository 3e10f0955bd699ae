"""The clouds' endpoints are those that Azure's SDK knows, and explicit ones are checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from azure.core import AzureClouds
from azure.core.pipeline.transport import AioHttpTransport
from azure.identity import AzureAuthorityHosts
from azure.mgmt.core.tools import get_arm_endpoints

from gallery_operator.azure.clouds import CHINA, CLOUDS, PUBLIC, US_GOVERNMENT, Cloud, explicit_cloud
from gallery_operator.azure.secret_credentials import open_credential, read_secret

TENANT = "11111111-2222-3333-4444-555555555555"


class NotSentError(Exception):
    """Stands in for the network."""


@pytest.mark.parametrize(
    ("cloud", "sdk_name", "authority"),
    [
        (PUBLIC, AzureClouds.AZURE_PUBLIC_CLOUD, AzureAuthorityHosts.AZURE_PUBLIC_CLOUD),
        (CHINA, AzureClouds.AZURE_CHINA_CLOUD, AzureAuthorityHosts.AZURE_CHINA),
        (US_GOVERNMENT, AzureClouds.AZURE_US_GOVERNMENT, AzureAuthorityHosts.AZURE_GOVERNMENT),
    ],
)
def test_a_cloud_has_the_endpoints_that_the_sdk_has_for_it(cloud: Cloud, sdk_name: AzureClouds, authority: str) -> None:
    sdk = get_arm_endpoints(sdk_name)

    assert f"{cloud.arm_endpoint}/" == sdk["resource_manager"]
    assert [cloud.scope] == sdk["credential_scopes"]
    assert cloud.authority_host == f"https://{authority}"


@pytest.mark.parametrize("cloud", [PUBLIC, CHINA, US_GOVERNMENT])
async def test_a_secrets_credential_asks_the_authority_of_its_cloud_for_a_token_of_its_arm(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests are caught where they would leave, so that nobody is asked."""
    sent: list[tuple[str, str]] = []

    async def caught(_: AioHttpTransport, request: Any, **__: Any) -> Any:
        sent.append((request.url, (request.data or {}).get("scope", "")))
        raise NotSentError

    monkeypatch.setattr(AioHttpTransport, "send", caught)
    ids = {"AZURE_TENANT_ID": TENANT.encode(), "AZURE_CLIENT_ID": TENANT.encode()}
    secret = read_secret("team/azure", {**ids, "AZURE_CLIENT_SECRET": b"a secret"})

    async with await open_credential(secret, cloud) as credential:
        with pytest.raises(NotSentError):
            await credential.get_token(cloud.scope)

    assert sent == [(f"{cloud.authority_host}/{TENANT}/oauth2/v2.0/token", cloud.scope)]


def test_clouds_are_found_by_name() -> None:
    assert {name: cloud.name for name, cloud in CLOUDS.items()} == {
        "Public": "Public",
        "China": "China",
        "USGovernment": "USGovernment",
    }


def test_an_explicit_cloud_asks_for_tokens_of_its_own_endpoint() -> None:
    cloud = explicit_cloud("https://Localhost:8443/", "https://localhost:9443", ca_file=Path("/ca.pem"))

    assert cloud.arm_endpoint == "https://localhost:8443"
    assert cloud.scope == "https://localhost:8443/.default"
    assert cloud.authority_host == "https://localhost:9443"
    assert not cloud.well_known


def test_an_explicit_audience_is_used_as_given() -> None:
    cloud = explicit_cloud("https://arm.local", "https://login.local", audience="https://audience.local/")

    assert cloud.scope == "https://audience.local/.default"


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://localhost:8443",
        "localhost:8443",
        "https://",
        "https://user:secret@host",
        "https://host/path",
        "https://host?x=1",
        "https://a\\@b",
        "",
    ],
)
def test_an_endpoint_that_is_no_https_origin_is_refused(endpoint: str) -> None:
    with pytest.raises(ValueError, match="ARM endpoint is an https URL"):
        explicit_cloud(endpoint, "https://login.local")
    with pytest.raises(ValueError, match="authority host is an https URL"):
        explicit_cloud("https://arm.local", endpoint)
