"""Sources of another tenant: ARM wants a token of that tenant with the request."""

from __future__ import annotations

import pytest

from dev.azure_simulator import source_id
from dev.azure_simulator.errors import ArmError
from dev.azure_simulator.linked import bearer_tokens, check
from dev.azure_simulator.paths import ResourcePath
from dev.azure_simulator.platform import Platform
from dev.azure_simulator.seeds import FOREIGN_SUBSCRIPTION_ID, OTHER_TENANT_ID, SUBSCRIPTION_ID, TENANT_ID
from tests.simulator.conftest import Paths
from tests.simulator.support import Http, Json, message, refusal, version


def foreign(kind: str, name: str) -> str:
    return source_id(f"Microsoft.Compute/{kind}", name, FOREIGN_SUBSCRIPTION_ID)


IMAGE = {"source": {"id": foreign("images", "ubuntu-2404-foreign")}}
SNAPSHOT = {"osDiskImage": {"source": {"id": foreign("snapshots", "ubuntu-os-foreign")}}}


@pytest.mark.parametrize(("source", "action"), [(IMAGE, "images/read"), (SNAPSHOT, "snapshots/write")])
def test_a_source_of_another_tenant_needs_a_token_of_that_tenant(
    http: Http, parents: Paths, source: Json, action: str
) -> None:
    answer = http.put(parents.version, version(source=source))
    assert refusal(answer) == (403, "LinkedAuthorizationFailed")
    assert message(answer) == (
        f"The client has permission to perform action 'Microsoft.Compute/{action}' on scope '{parents.version}', "
        f"however the current tenant '{TENANT_ID}' is not authorized to access linked subscription "
        f"'{FOREIGN_SUBSCRIPTION_ID}'."
    )


@pytest.mark.parametrize(
    ("token", "outcome"),
    [("own", (403, "LinkedAuthorizationFailed")), ("Bearer x", (401, "InvalidAuthenticationToken"))],
)
def test_auxiliary_tokens_must_be_valid_and_of_the_right_tenant(
    http: Http, parents: Paths, token: str, outcome: tuple[int, str]
) -> None:
    value = str(http.session.headers["Authorization"]) if token == "own" else token
    url = f"{http.url}{parents.version}?api-version=2026-03-03"
    headers = {"x-ms-authorization-auxiliary": value}
    assert refusal(http.session.put(url, json=version(source=IMAGE), headers=headers, timeout=30)) == outcome


def test_tokens_of_both_tenants_do() -> None:
    platform = Platform()
    path = ResourcePath(SUBSCRIPTION_ID, "images-rg", ("shared", "ubuntu", "1.0.0"))
    check(version(source=IMAGE), path, platform, (TENANT_ID, OTHER_TENANT_ID))
    with pytest.raises(ArmError, match="LinkedAuthorizationFailed"):
        check(version(source=IMAGE), path, platform, (TENANT_ID,))


@pytest.mark.parametrize("body", [None, [], {"properties": 3}, {"properties": {"storageProfile": ["/subscriptions/"]}}])
def test_bodies_that_make_no_sense_are_left_to_the_service(body: object) -> None:
    path = ResourcePath(SUBSCRIPTION_ID, "images-rg", ("shared", "ubuntu", "1.0.0"))
    check(body, path, Platform(), (TENANT_ID,))


def test_several_auxiliary_tokens_come_in_one_header() -> None:
    assert bearer_tokens("Bearer a, Bearer b") == ["Bearer a", "Bearer b"]
    assert bearer_tokens(None) == []
