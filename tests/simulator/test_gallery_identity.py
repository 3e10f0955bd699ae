"""Managed identities of galleries, through the real SDK and on the wire."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from dev.azure_simulator import Switchboard
from tests.simulator.conftest import Paths
from tests.simulator.support import GROUP, Http, Json, gallery, refusal

Client = Any
QUICK: dict[str, Any] = {"polling_interval": 0.05}
NAMES = (GROUP, "shared")
ROOT = (
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/images-rg/providers/"
    "Microsoft.ManagedIdentity/userAssignedIdentities"
)
ONE, TWO = f"{ROOT}/one", f"{ROOT}/two"


def identity(kind: str, *ids: str) -> Json:
    users: Json = {"userAssignedIdentities": {name: {} for name in ids}} if ids else {}
    return {"identity": {"type": kind, **users}}


def test_the_sdk_gives_a_gallery_both_kinds_of_identity(azure: Switchboard, client: Client) -> None:
    azure.configure(durations={"gallery": 0.1})
    body = gallery() | identity("SystemAssigned, UserAssigned", ONE)
    made = client.galleries.begin_create_or_update(*NAMES, body, **QUICK).result().identity
    assert made.type == "SystemAssigned, UserAssigned"
    assert UUID(made.principal_id) != UUID(made.tenant_id)
    (user,) = made.user_assigned_identities.values()
    assert UUID(user.principal_id) != UUID(user.client_id)
    patched = client.galleries.begin_update(*NAMES, identity("SystemAssigned"), **QUICK).result().identity
    assert patched.principal_id == made.principal_id
    assert patched.user_assigned_identities is None
    assert client.galleries.begin_update(*NAMES, identity("None"), **QUICK).result().identity is None


def put(azure: Switchboard, http: Http, path: str, body: Json) -> Json | None:
    assert http.put(path, body).status_code == 200
    azure.advance(timedelta(seconds=1))
    found: Json | None = http.get(path).json().get("identity")
    return found


def test_a_put_without_identity_leaves_it(azure: Switchboard, http: Http, paths: Paths) -> None:
    azure.create([(paths.gallery, gallery() | identity("SystemAssigned"))])
    before = http.get(paths.gallery).json()["identity"]
    assert put(azure, http, paths.gallery, gallery()) == before


def test_a_put_replaces_user_identities_and_a_patch_merges_them(azure: Switchboard, http: Http, paths: Paths) -> None:
    azure.create([(paths.gallery, gallery() | identity("UserAssigned", ONE))])
    replaced = put(azure, http, paths.gallery, gallery() | identity("UserAssigned", TWO))
    assert replaced is not None
    assert list(replaced["userAssignedIdentities"]) == [TWO]
    assert http.patch(paths.gallery, identity("UserAssigned", ONE)).status_code == 200
    azure.advance(timedelta(seconds=1))
    assert set(http.get(paths.gallery).json()["identity"]["userAssignedIdentities"]) == {ONE, TWO}
    removal = {"identity": {"userAssignedIdentities": {TWO.upper().replace("/SUBSCRIPTIONS", "/subscriptions"): None}}}
    assert http.patch(paths.gallery, removal).status_code == 200
    azure.advance(timedelta(seconds=1))
    assert set(http.get(paths.gallery).json()["identity"]["userAssignedIdentities"]) == {ONE}


def test_a_system_identity_made_anew_is_another_principal(azure: Switchboard, http: Http, paths: Paths) -> None:
    azure.create([(paths.gallery, gallery() | identity("SystemAssigned"))])
    first = http.get(paths.gallery).json()["identity"]["principalId"]
    assert put(azure, http, paths.gallery, gallery() | identity("None")) is None
    second = put(azure, http, paths.gallery, gallery() | identity("systemassigned"))
    assert second is not None
    assert second["principalId"] != first


def test_a_user_identity_is_the_same_principal_everywhere(azure: Switchboard, http: Http, paths: Paths) -> None:
    other = f"{paths.gallery}2"
    azure.create([(path, gallery() | identity("UserAssigned", ONE)) for path in (paths.gallery, other)])
    one, two = (http.get(path).json()["identity"]["userAssignedIdentities"] for path in (paths.gallery, other))
    assert one == two


@pytest.mark.parametrize(
    "wrong",
    [
        identity("Everything"),
        identity("UserAssigned"),
        identity("SystemAssigned", ONE),
        identity("UserAssigned", "/subscriptions/x"),
        {"identity": {"type": "UserAssigned", "userAssignedIdentities": [ONE]}},
        {"identity": {}},
        {"identity": "SystemAssigned"},
    ],
)
def test_a_malformed_identity_is_refused(http: Http, paths: Paths, wrong: Json) -> None:
    status, code = refusal(http.put(paths.gallery, gallery() | wrong))
    assert (status, code in {"InvalidParameter", "InvalidRequestContent"}) == (400, True)
    assert http.get(paths.gallery).status_code == 404
