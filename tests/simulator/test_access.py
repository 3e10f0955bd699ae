"""Applications and tenants: how they get tokens, and what these open."""

from __future__ import annotations

import base64
import time
from typing import Any

import jwt
import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import CertificateCredential, ClientSecretCredential
from azure.identity.aio import ManagedIdentityCredential
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from dev.azure_simulator import AzureSimulator, Switchboard, source_id
from dev.azure_simulator.seeds import (
    CLIENT_ID,
    FOREIGN_SUBSCRIPTION_ID,
    OTHER_TENANT_ID,
    SECOND_SUBSCRIPTION_ID,
    SUBSCRIPTION_ID,
    TENANT_ID,
)
from tests.simulator.conftest import Paths
from tests.simulator.support import Http, get_token, message, refusal, version
from tests.unit.azure import certificates

APP = "66666666-7777-8888-9999-aaaaaaaaaaaa"
PEM = certificates.pem()
KIND = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def options(simulator: AzureSimulator) -> dict[str, Any]:
    ends = simulator.endpoints
    return {"authority": ends.url, "disable_instance_discovery": True, "connection_verify": str(ends.ca_file)}


def with_token(http: Http, token: str, path: str, *auxiliary: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"}
    if auxiliary:
        headers["x-ms-authorization-auxiliary"] = ", ".join(f"Bearer {each}" for each in auxiliary)
    url = f"{http.url}{path}?api-version=2026-03-03"
    return http.session.get(url, headers=headers, timeout=30)


def galleries(subscription: str) -> str:
    return f"/subscriptions/{subscription}/providers/Microsoft.Compute/galleries"


def token_of(simulator: AzureSimulator, **changes: str) -> str:
    answer = get_token(simulator.endpoints, **changes)
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["access_token"]
    return token


@pytest.fixture
def app(azure: Switchboard) -> str:
    """An application of the first tenant that may use its second subscription only."""
    azure.add_app(APP, TENANT_ID, secret="first", certificate=PEM.decode(), subscriptions=[SECOND_SUBSCRIPTION_ID])
    return APP


def test_an_application_uses_the_subscriptions_that_it_is_allowed_and_no_other(
    simulator: AzureSimulator, http: Http, app: str, azure: Switchboard
) -> None:
    token = token_of(simulator, client_id=app, client_secret="first")

    assert with_token(http, token, galleries(SECOND_SUBSCRIPTION_ID)).status_code == 200
    refused = with_token(http, token, f"{http.galleries}/shared")
    assert refusal(refused) == (403, "AuthorizationFailed")
    assert message(refused).startswith(
        f"The client '{APP}' with object id '{APP}' does not have authorization to perform action "
        f"'Microsoft.Compute/galleries/read' over scope '{http.galleries}/shared'"
    )
    assert [each.client_id for each in azure.journal()] == [APP, APP]

    azure.allow(APP, SUBSCRIPTION_ID)
    assert with_token(http, token, galleries(SUBSCRIPTION_ID)).status_code == 200


def test_an_application_sees_the_subscriptions_that_it_may_use(simulator: AzureSimulator, http: Http, app: str) -> None:
    listed = with_token(http, token_of(simulator, client_id=app, client_secret="first"), "/subscriptions").json()

    assert [each["subscriptionId"] for each in listed["value"]] == [SECOND_SUBSCRIPTION_ID]


def test_a_token_of_another_tenant_opens_nothing_here(simulator: AzureSimulator, http: Http) -> None:
    foreign = token_of(simulator, tenant=OTHER_TENANT_ID)

    assert with_token(http, foreign, galleries(FOREIGN_SUBSCRIPTION_ID)).status_code == 200
    refused = with_token(http, foreign, galleries(SUBSCRIPTION_ID))
    assert refusal(refused) == (401, "InvalidAuthenticationTokenTenant")
    assert f'authorization_uri="{http.url}/{TENANT_ID}"' in refused.headers["WWW-Authenticate"]


def test_an_application_is_known_in_its_tenants_only(simulator: AzureSimulator, app: str) -> None:
    answer = get_token(simulator.endpoints, tenant=OTHER_TENANT_ID, client_id=app, client_secret="first")

    assert answer.status_code == 400
    assert answer.json()["error_description"].startswith("AADSTS700016")


def test_a_source_in_another_tenant_takes_tokens_of_both(simulator: AzureSimulator, http: Http, parents: Paths) -> None:
    source = source_id("Microsoft.Compute/images", "ubuntu-2404-foreign", FOREIGN_SUBSCRIPTION_ID)
    url = f"{http.url}{parents.version}?api-version=2026-03-03"
    headers = {"x-ms-authorization-auxiliary": f"Bearer {token_of(simulator, tenant=OTHER_TENANT_ID)}"}

    answer = http.session.put(url, json=version(source={"source": {"id": source}}), headers=headers, timeout=30)

    assert answer.status_code == 201, answer.text


def test_a_source_in_a_subscription_without_rights_is_refused(
    simulator: AzureSimulator, http: Http, parents: Paths, azure: Switchboard
) -> None:
    azure.add_app(APP, TENANT_ID, secret="first", subscriptions=[SUBSCRIPTION_ID])
    token = token_of(simulator, client_id=APP, client_secret="first")
    source = source_id("Microsoft.Compute/images", "any", SECOND_SUBSCRIPTION_ID)

    url = f"{http.url}{parents.version}?api-version=2026-03-03"
    headers = {"Authorization": f"Bearer {token}"}
    answer = http.session.put(url, json=version(source={"source": {"id": source}}), headers=headers, timeout=30)

    assert refusal(answer) == (403, "LinkedAuthorizationFailed")


def test_a_rotated_secret_opens_and_the_old_one_does_not(
    simulator: AzureSimulator, azure: Switchboard, app: str
) -> None:
    def credential(secret: str) -> ClientSecretCredential:
        return ClientSecretCredential(TENANT_ID, app, secret, **options(simulator))

    scope = f"{simulator.endpoints.url}/.default"
    azure.rotate_secret(app, "second")

    assert credential("second").get_token(scope).token
    with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
        credential("first").get_token(scope)


def test_a_client_certificate_gets_a_token(simulator: AzureSimulator, http: Http, app: str) -> None:
    credential = CertificateCredential(TENANT_ID, app, certificate_data=PEM, **options(simulator))
    token = credential.get_token(f"{simulator.endpoints.url}/.default").token

    assert with_token(http, token, galleries(SECOND_SUBSCRIPTION_ID)).status_code == 200


def test_a_certificate_that_is_not_registered_gets_none(simulator: AzureSimulator, app: str) -> None:
    stranger = certificates.pem(certificates.rsa_key(3072))
    credential = CertificateCredential(TENANT_ID, app, certificate_data=stranger, **options(simulator))

    with pytest.raises(ClientAuthenticationError, match="AADSTS700027"):
        credential.get_token(f"{simulator.endpoints.url}/.default")


@pytest.mark.parametrize(
    ("claims", "key_bits", "code"),
    [
        ({}, 2048, None),
        ({"exp": 1}, 2048, "AADSTS700024"),
        ({"aud": "https://elsewhere.example"}, 2048, "AADSTS700027"),
        ({"sub": CLIENT_ID}, 2048, "AADSTS700021"),
        ({}, 3072, "AADSTS700027"),
    ],
)
def test_what_a_certificate_signs_is_checked(
    simulator: AzureSimulator, azure: Switchboard, claims: dict[str, Any], key_bits: int, code: str | None
) -> None:
    registered, app = certificates.certificate(), APP
    pem = registered.public_bytes(Encoding.PEM).decode()
    azure.add_app(app, TENANT_ID, certificate=pem)
    digest = registered.fingerprint(hashes.SHA256())
    audience = f"{simulator.endpoints.url}/{TENANT_ID}/oauth2/v2.0/token"
    valid = {"aud": audience, "iss": app, "sub": app, "exp": int(time.time()) + 60}
    header = {"x5t#S256": base64.urlsafe_b64encode(digest).decode().rstrip("=")}
    signed = jwt.encode({**valid, **claims}, certificates.rsa_key(key_bits), "PS256", headers=header)

    answer = get_token(simulator.endpoints, client_id=app, client_assertion=signed, client_assertion_type=KIND)

    assert answer.json().get("error_description", "").partition(":")[0] == (code or "")


async def test_the_node_gives_out_tokens_of_its_identities(
    simulator: AzureSimulator, http: Http, azure: Switchboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("IDENTITY_ENDPOINT", "MSI_ENDPOINT", "AZURE_FEDERATED_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", simulator.endpoints.url)
    azure.add_app(APP, TENANT_ID, on_node=True, subscriptions=[SUBSCRIPTION_ID])

    for client_id in (APP, None):
        async with ManagedIdentityCredential(client_id=client_id, **options(simulator)) as credential:
            token = (await credential.get_token(f"{simulator.endpoints.url}/.default")).token
        assert with_token(http, token, galleries(SUBSCRIPTION_ID)).status_code == 200

    async with ManagedIdentityCredential(client_id=CLIENT_ID, retry_total=0, **options(simulator)) as credential:
        with pytest.raises(ClientAuthenticationError, match="has not been assigned"):
            await credential.get_token(f"{simulator.endpoints.url}/.default")


def test_the_nodes_endpoint_wants_its_header(simulator: AzureSimulator, http: Http, azure: Switchboard) -> None:
    azure.add_app(APP, TENANT_ID, on_node=True)
    path = f"{http.url}/metadata/identity/oauth2/token?resource={http.url}&api-version=2018-02-01"

    assert http.session.get(path, timeout=30).status_code == 400
    assert http.session.get(path, headers={"Metadata": "true"}, timeout=30).json()["client_id"] == APP


def test_a_service_account_stands_for_the_application_that_trusts_it(
    simulator: AzureSimulator, azure: Switchboard, app: str
) -> None:
    claims = {"iss": "https://issuer.example", "sub": "system:serviceaccount:a:b", "exp": int(time.time()) + 60}
    assertion = jwt.encode(claims, "a secret that nobody checks: 32 bytes", algorithm="HS256")
    proof = {"client_assertion": assertion, "client_assertion_type": KIND}

    azure.trust("https://issuer.example", "system:serviceaccount:a:b", APP)

    assert get_token(simulator.endpoints, client_id=APP, **proof).status_code == 200
    assert get_token(simulator.endpoints, **proof).json()["error_codes"] == [700213]


def test_a_reset_leaves_the_seeded_application_only(simulator: AzureSimulator, azure: Switchboard, app: str) -> None:
    azure.rotate_secret(CLIENT_ID, "other")
    azure.reset()

    assert get_token(simulator.endpoints).status_code == 200
    assert get_token(simulator.endpoints, client_id=app, client_secret="first").status_code == 400


def test_a_new_subscription_has_its_groups_and_trusts_its_tenant(
    simulator: AzureSimulator, http: Http, azure: Switchboard
) -> None:
    subscription = "00000000-0000-0000-0000-0000000000ff"
    azure.add_subscription(subscription, TENANT_ID)
    token = token_of(simulator)

    assert refusal(with_token(http, token, galleries(subscription))) == (403, "AuthorizationFailed")
    azure.allow(CLIENT_ID, subscription)
    groups = with_token(http, token, f"/subscriptions/{subscription}/resourceGroups").json()["value"]
    assert {each["name"] for each in groups} == {"images-rg", "sources-rg"}
