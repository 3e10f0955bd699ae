"""Tokens: as azure-identity gets them, and what ARM says to others."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientAssertionCredential, ClientSecretCredential, WorkloadIdentityCredential

from dev.azure_simulator import AzureSimulator, Switchboard
from dev.azure_simulator.errors import ArmError
from dev.azure_simulator.identity import Identity, signing_key
from dev.azure_simulator.seeds import SECOND_SUBSCRIPTION_ID, SUBSCRIPTION_ID
from tests.simulator.conftest import Paths
from tests.simulator.support import Http, get_token

#: Seconds since 1970, far in the future.
FAR = 4_000_000_000
TRUSTED = {"iss": "https://localhost", "sub": "system:serviceaccount:gallery-operator:gallery-operator"}


def assertion(**claims: object) -> str:
    valid = {**TRUSTED, "aud": "api://AzureADTokenExchange", "exp": int(time.time()) + 600}
    return jwt.encode({**valid, **claims}, "a secret that nobody checks: 32 bytes", algorithm="HS256")


def works(simulator: AzureSimulator, token: str) -> bool:
    http = Http(simulator.endpoints)
    http.session.headers["Authorization"] = f"Bearer {token}"
    return http.get(http.galleries).status_code == 200


def options(simulator: AzureSimulator) -> dict[str, object]:
    return {
        "authority": simulator.endpoints.url,
        "disable_instance_discovery": True,
        "connection_verify": str(simulator.endpoints.ca_file),
    }


def scope(simulator: AzureSimulator) -> str:
    return f"{simulator.endpoints.url}/.default"


def test_a_client_secret_gets_a_token(simulator: AzureSimulator, azure: Switchboard) -> None:
    ends = simulator.endpoints
    credential = ClientSecretCredential(ends.tenant_id, ends.client_id, ends.client_secret, **options(simulator))
    token = credential.get_token(scope(simulator))
    assert works(simulator, token.token)
    assert 3000 < token.expires_on - time.time() <= 3600


def test_a_wrong_client_secret_gets_none(simulator: AzureSimulator, azure: Switchboard) -> None:
    ends = simulator.endpoints
    credential = ClientSecretCredential(ends.tenant_id, ends.client_id, "wrong", **options(simulator))
    with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
        credential.get_token(scope(simulator))


def test_a_federated_assertion_gets_a_token(simulator: AzureSimulator, azure: Switchboard) -> None:
    ends = simulator.endpoints
    credential = ClientAssertionCredential(ends.tenant_id, ends.client_id, assertion, **options(simulator))
    assert works(simulator, credential.get_token(scope(simulator)).token)


def test_workload_identity_gets_a_token(simulator: AzureSimulator, azure: Switchboard, tmp_path: Path) -> None:
    azure.trust("https://issuer.example", "system:serviceaccount:team:publisher")
    file = tmp_path / "token"
    file.write_text(assertion(iss="https://issuer.example", sub="system:serviceaccount:team:publisher"))
    ends = simulator.endpoints
    credential = WorkloadIdentityCredential(
        tenant_id=ends.tenant_id, client_id=ends.client_id, token_file_path=str(file), **options(simulator)
    )
    assert works(simulator, credential.get_token(scope(simulator)).token)


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"tenant": "00000000-0000-0000-0000-00000000000b"}, 400, "AADSTS90002"),
        ({"client_id": "nobody"}, 400, "AADSTS700016"),
        ({"client_secret": ""}, 401, "AADSTS7000215"),
        ({"grant_type": "password"}, 400, "AADSTS70003"),
        ({"scope": "https://elsewhere.example/.default"}, 400, "AADSTS500011"),
        ({"client_assertion": "no token"}, 401, "AADSTS50027"),
        ({"claims": {"exp": 1}}, 401, "AADSTS700024"),
        ({"claims": {"sub": "system:serviceaccount:other:other"}}, 400, "AADSTS700213"),
        ({"claims": {}, "client_assertion_type": "other"}, 401, "AADSTS50027"),
    ],
)
def test_a_bad_token_request_is_refused(
    simulator: AzureSimulator, azure: Switchboard, changes: dict[str, Any], status: int, code: str
) -> None:
    if "claims" in changes:  # signed only now: what was signed at collection may have expired
        changes = {**changes, "client_assertion": assertion(**changes["claims"])}
        del changes["claims"]
    kind = {"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}
    answer = get_token(simulator.endpoints, **(kind | changes if "client_assertion" in changes else changes))
    assert (answer.status_code, answer.json()["error_description"].split(":")[0]) == (status, code)


@pytest.mark.parametrize(
    "scope", ["https://management.azure.com/.default", "https://management.core.windows.net//.default"]
)
def test_tokens_for_the_public_names_of_arm_are_accepted(
    simulator: AzureSimulator, azure: Switchboard, scope: str
) -> None:
    assert works(simulator, get_token(simulator.endpoints, scope=scope).json()["access_token"])


def unauthenticated(http: Http, path: str, header: str | None) -> requests.Response:
    headers = {"Authorization": header} if header else {}
    url = f"{http.url}{path}?api-version=2026-03-03"
    return requests.get(url, headers=headers, verify=http.session.verify, timeout=30)


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "AuthenticationFailed"),
        ("Basic eDp5", "AuthenticationFailed"),
        ("Bearer nonsense", "InvalidAuthenticationToken"),
        (f"Bearer {assertion(exp=FAR)}", "InvalidAuthenticationToken"),
    ],
)
def test_a_request_without_a_valid_token_is_challenged(
    http: Http, paths: Paths, azure: Switchboard, header: str | None, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    answer = unauthenticated(http, paths.gallery, header)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, code)
    assert answer.headers["WWW-Authenticate"].startswith('Bearer authorization_uri="https://localhost:')
    assert azure.journal()[-1].error == code


def test_tokens_do_not_age_with_the_clock(simulator: AzureSimulator, azure: Switchboard) -> None:
    token = get_token(simulator.endpoints).json()["access_token"]
    azure.advance(timedelta(days=2))
    assert works(simulator, token)


def test_an_expired_token_is_refused(simulator: AzureSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant = Identity(simulator.endpoints.url)
    header = f"Bearer {get_token(simulator.endpoints).json()['access_token']}"
    assert tenant.authenticate(header).object_id == simulator.endpoints.client_id
    later = time.time() + 3601
    monkeypatch.setattr(time, "time", lambda: later)
    with pytest.raises(ArmError, match="401 ExpiredAuthenticationToken"):
        tenant.authenticate(header)


def test_a_token_for_another_service_is_refused(simulator: AzureSimulator) -> None:
    token = get_token(simulator.endpoints).json()["access_token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    forged = jwt.encode(claims | {"aud": "https://vault.azure.net"}, signing_key(), algorithm="RS256")
    with pytest.raises(ArmError, match="401 InvalidAuthenticationTokenAudience"):
        Identity(simulator.endpoints.url).authenticate(f"Bearer {forged}")


def test_tokens_can_be_verified_with_the_published_keys(simulator: AzureSimulator, http: Http) -> None:
    tenant = simulator.endpoints.tenant_id
    configuration = http.get(f"/{tenant}/v2.0/.well-known/openid-configuration").json()
    (key,) = http.session.get(configuration["jwks_uri"], timeout=30).json()["keys"]
    token = get_token(simulator.endpoints).json()["access_token"]
    claims = jwt.decode(token, jwt.PyJWK(key), audience=simulator.endpoints.url, issuer=configuration["issuer"])
    assert claims["tid"] == tenant


def test_the_azure_cli_finds_cloud_tenant_and_subscription(simulator: AzureSimulator, http: Http) -> None:
    cloud = http.get("/metadata/endpoints", api="2022-09-01").json()
    assert cloud["authentication"]["loginEndpoint"] == simulator.endpoints.url
    assert cloud["suffixes"]["storage"] == "core.windows.net"
    subscriptions = http.get("/subscriptions", api="2022-12-01").json()["value"]
    assert [each["subscriptionId"] for each in subscriptions] == [SUBSCRIPTION_ID, SECOND_SUBSCRIPTION_ID]
    assert http.get("/tenants", api="2022-12-01").json()["value"][0]["tenantId"] == simulator.endpoints.tenant_id
    assert http.get(http.subscription, api="2022-12-01").json()["state"] == "Enabled"
