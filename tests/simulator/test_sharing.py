"""Sharing of galleries, through the real SDK and on the wire."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from azure.core.exceptions import HttpResponseError

from dev.azure_simulator import FailOperation, FailSharing, Switchboard
from tests.simulator.conftest import Paths
from tests.simulator.support import (
    GROUP,
    Http,
    Json,
    gallery,
    message,
    refusal,
    version,
)

Client = Any
QUICK: dict[str, Any] = {"polling_interval": 0.05}
NAMES = (GROUP, "shared")
INFO = {
    "publisherUri": "https://example.com",
    "publisherContact": "images@example.com",
    "eula": "https://example.com/eula",
    "publicNamePrefix": "example",
}


def community(**changes: str | None) -> Json:
    info = {name: value for name, value in {**INFO, **changes}.items() if value is not None}
    return gallery(sharingProfile={"permissions": "Community", "communityGalleryInfo": info})


def groups(permissions: str = "Groups") -> Json:
    return gallery(sharingProfile={"permissions": permissions})


def update(operation: str, *subscriptions: str, tenants: tuple[str, ...] = ()) -> Json:
    listed = [{"type": "Subscriptions", "ids": list(subscriptions)}, {"type": "AADTenants", "ids": list(tenants)}]
    return {"operationType": operation, "groups": [group for group in listed if group["ids"]]}


def ids(count: int) -> tuple[str, ...]:
    return tuple(str(UUID(int=number + 1)) for number in range(count))


def shown_groups(http: Http, path: str) -> dict[str, list[str]]:
    profile = http.get(path, expand="SharingProfile/Groups").json()["properties"]["sharingProfile"]
    return {group["type"]: group["ids"] for group in profile["groups"]}


def share(azure: Switchboard, http: Http, path: str, body: Json) -> None:
    answer = http.send("POST", f"{path}/share", body)
    assert answer.status_code == 202, answer.text
    azure.advance(timedelta(seconds=1))


def test_the_sdk_shares_with_subscriptions_and_tenants_and_takes_it_back(client: Client) -> None:
    client.galleries.begin_create_or_update(*NAMES, groups(), **QUICK).result()
    one, two, tenant = str(uuid4()), str(uuid4()), str(uuid4())
    shares = client.gallery_sharing_profile
    shares.begin_update(*NAMES, update("Add", one, tenants=(tenant,)), **QUICK).result()
    shares.begin_update(*NAMES, update("Add", two), **QUICK).result()
    shares.begin_update(*NAMES, update("Remove", one), **QUICK).result()
    read = client.galleries.get(*NAMES, expand="SharingProfile/Groups").properties.sharing_profile
    assert {group.type: group.ids for group in read.groups} == {"Subscriptions": [two], "AADTenants": [tenant]}
    assert client.galleries.get(*NAMES).properties.sharing_profile.groups is None
    selected = client.galleries.get(*NAMES, select="Permissions").properties.sharing_profile
    assert len(selected.groups) == 2
    with pytest.raises(HttpResponseError) as caught:
        client.galleries.begin_delete(*NAMES)
    assert caught.value.status_code == 409
    shares.begin_update(*NAMES, {"operationType": "Reset"}, **QUICK).result()
    assert client.galleries.get(*NAMES).properties.sharing_profile.permissions == "Private"
    client.galleries.begin_delete(*NAMES, **QUICK).result()


def test_the_sdk_makes_a_community_gallery_and_takes_it_back(client: Client) -> None:
    made = client.galleries.begin_create_or_update(*NAMES, community(), **QUICK).result().properties.sharing_profile
    (public_name,) = made.community_gallery_info.public_names
    assert made.community_gallery_info.community_gallery_enabled is False
    assert UUID(public_name.removeprefix("example-"))
    body = {"operationType": "EnableCommunity", "groups": []}
    client.gallery_sharing_profile.begin_update(*NAMES, body, **QUICK).result()
    info = client.galleries.get(*NAMES).properties.sharing_profile.community_gallery_info
    assert (info.community_gallery_enabled, info.public_names) == (True, [public_name])
    with pytest.raises(HttpResponseError):
        client.galleries.begin_delete(*NAMES)
    client.gallery_sharing_profile.begin_update(*NAMES, {"operationType": "Reset"}, **QUICK).result()
    assert client.galleries.get(*NAMES).properties.sharing_profile.permissions == "Private"
    client.galleries.begin_delete(*NAMES, **QUICK).result()


def test_a_share_is_accepted_and_watched_like_any_operation(azure: Switchboard, http: Http, paths: Paths) -> None:
    azure.create([(paths.gallery, groups())])
    answer = http.send("POST", f"{paths.gallery}/share", update("Add", *ids(1)))
    assert (answer.status_code, answer.content) == (202, b"")
    assert "Retry-After" not in answer.headers
    assert answer.headers["x-ms-ratelimit-remaining-resource"].startswith("Microsoft.Compute/PostShareGallery3Min;")
    assert http.get(answer.headers["Location"]).status_code == 202
    assert http.get(paths.gallery).json()["properties"]["provisioningState"] == "Updating"
    assert refusal(http.put(paths.gallery, groups())) == (409, "Conflict")
    azure.advance(timedelta(seconds=1))
    assert http.get(answer.headers["Azure-AsyncOperation"]).json()["status"] == "Succeeded"
    assert http.get(paths.gallery).json()["properties"]["provisioningState"] == "Succeeded"


def test_the_sharing_status_advances_in_the_regions_of_the_gallery_and_its_versions(
    azure: Switchboard, http: Http, parents: Paths
) -> None:
    azure.create([(parents.version, version("westeurope", "eastus2"))])
    assert "sharingStatus" not in http.get(parents.gallery).json()["properties"]
    http.put(parents.gallery, groups())
    azure.advance(timedelta(seconds=1))
    azure.fault(FailSharing(region="East US 2", details="not now"))
    share(azure, http, parents.gallery, update("Add", *ids(1)))
    status = http.get(parents.gallery).json()["properties"]["sharingStatus"]
    assert status["aggregatedState"] == "InProgress"
    azure.advance(timedelta(minutes=1))
    status = http.get(parents.gallery).json()["properties"]["sharingStatus"]
    assert status == {
        "aggregatedState": "Failed",
        "summary": [
            {"region": "West Europe", "state": "Succeeded", "details": ""},
            {"region": "East US 2", "state": "Failed", "details": "not now"},
        ],
    }
    share(azure, http, parents.gallery, update("Add", *ids(1)))
    azure.advance(timedelta(minutes=1))
    status = http.get(parents.gallery).json()["properties"]["sharingStatus"]
    assert status["aggregatedState"] == "Succeeded"


def test_a_failed_share_leaves_the_groups_as_they_were(azure: Switchboard, http: Http, paths: Paths) -> None:
    azure.create([(paths.gallery, groups())])
    azure.fault(FailOperation(match="POST .*/share"))
    share(azure, http, paths.gallery, update("Add", *ids(1)))
    assert shown_groups(http, paths.gallery) == {}
    assert http.get(paths.gallery).json()["properties"]["provisioningState"] == "Failed"
    share(azure, http, paths.gallery, update("Add", *ids(1)))
    assert shown_groups(http, paths.gallery) == {"Subscriptions": list(ids(1))}


def test_thirty_subscriptions_and_five_tenants_are_the_limit_all_adds_together(
    azure: Switchboard, http: Http, paths: Paths
) -> None:
    azure.create([(paths.gallery, groups())])
    share(azure, http, paths.gallery, update("Add", *ids(29), tenants=ids(5)))
    share(azure, http, paths.gallery, update("Add", *ids(30)))
    answer = http.send("POST", f"{paths.gallery}/share", update("Add", *ids(31)))
    assert refusal(answer) == (400, "InvalidParameter")
    assert "at most 30 Subscriptions" in message(answer)
    assert "at most 5 AADTenants" in message(http.send("POST", f"{paths.gallery}/share", update("Add", tenants=ids(6))))
    assert {kind: len(members) for kind, members in shown_groups(http, paths.gallery).items()} == {
        "Subscriptions": 30,
        "AADTenants": 5,
    }


@pytest.mark.parametrize("body", [groups("Private"), gallery(), community()])
def test_only_a_gallery_with_permissions_groups_is_shared_with_subscriptions(
    azure: Switchboard, http: Http, paths: Paths, body: Json
) -> None:
    azure.create([(paths.gallery, body)])
    for operation in ("Add", "Remove"):
        assert "needs 'Groups'" in message(http.send("POST", f"{paths.gallery}/share", update(operation, *ids(1))))


def test_only_a_community_gallery_is_enabled_for_the_community(azure: Switchboard, http: Http, paths: Paths) -> None:
    azure.create([(paths.gallery, groups())])
    answer = http.send("POST", f"{paths.gallery}/share", update("EnableCommunity"))
    assert "needs 'Community'" in message(answer)


@pytest.mark.parametrize(
    ("body", "target"),
    [
        ({}, "sharingUpdate.operationType"),
        ({"operationType": "Give"}, "sharingUpdate.operationType"),
        ({"operationType": "Add"}, "sharingUpdate.groups"),
        ({"operationType": "Add", "groups": []}, "sharingUpdate.groups"),
        (update("Add", "no-guid"), "sharingUpdate.groups[0].ids[0]"),
        ({"operationType": "Add", "groups": [{"type": "Users", "ids": []}]}, "sharingUpdate.groups[0].type"),
        ({"operationType": "Reset", "colour": 1}, "sharingUpdate.colour"),
    ],
)
def test_a_malformed_sharing_update_is_refused_naming_the_member(
    azure: Switchboard, http: Http, paths: Paths, body: Json, target: str
) -> None:
    azure.create([(paths.gallery, groups())])
    answer = http.send("POST", f"{paths.gallery}/share", body)
    assert refusal(answer) == (400, "InvalidParameter")
    assert answer.json()["error"]["target"] == target


def test_sharing_what_is_not_there_is_not_found(http: Http, paths: Paths) -> None:
    assert refusal(http.send("POST", f"{paths.gallery}/share", update("Reset"))) == (404, "ResourceNotFound")


@pytest.mark.parametrize("missing", list(INFO))
def test_a_community_gallery_needs_everything_about_its_publisher(http: Http, paths: Paths, missing: str) -> None:
    answer = http.put(paths.gallery, community(**{missing: None}))
    assert refusal(answer) == (400, "InvalidParameter")
    assert answer.json()["error"]["target"].endswith(f"communityGalleryInfo.{missing}")


@pytest.mark.parametrize("prefix", ["four", "seventeenletters1", "with-dash"])
def test_a_public_name_prefix_has_five_to_sixteen_letters_and_digits(http: Http, paths: Paths, prefix: str) -> None:
    assert refusal(http.put(paths.gallery, community(publicNamePrefix=prefix))) == (400, "InvalidParameter")


def test_publisher_data_belongs_to_community_galleries_only(http: Http, paths: Paths) -> None:
    body = gallery(sharingProfile={"permissions": "Groups", "communityGalleryInfo": INFO})
    assert refusal(http.put(paths.gallery, body)) == (400, "InvalidParameter")


def test_private_and_groups_change_into_each_other(azure: Switchboard, http: Http, paths: Paths) -> None:
    azure.create([(paths.gallery, gallery())])
    for permissions in ("Groups", "Private", "Groups"):
        assert http.put(paths.gallery, groups(permissions)).status_code == 200
        azure.advance(timedelta(seconds=1))
        shown = http.get(paths.gallery).json()["properties"]["sharingProfile"]
        assert shown == {"permissions": permissions}


@pytest.mark.parametrize(
    ("before", "after"), [(community(), groups()), (groups(), community()), (gallery(), community())]
)
def test_to_and_from_community_nothing_changes(
    azure: Switchboard, http: Http, paths: Paths, before: Json, after: Json
) -> None:
    azure.create([(paths.gallery, before)])
    answer = http.put(paths.gallery, after)
    assert refusal(answer) == (409, "PropertyChangeNotAllowed")
    assert answer.json()["error"]["target"] == "gallery.properties.sharingProfile.permissions"


def test_publisher_data_cannot_change_and_public_names_last(azure: Switchboard, http: Http, paths: Paths) -> None:
    azure.create([(paths.gallery, community())])
    before = http.get(paths.gallery).json()
    answer = http.put(paths.gallery, community(eula="https://example.com/other"))
    assert refusal(answer) == (409, "PropertyChangeNotAllowed")
    assert http.put(paths.gallery, {**before, "tags": {"a": "b"}}).status_code == 200
    azure.advance(timedelta(seconds=1))
    after = http.get(paths.gallery).json()
    assert after["properties"]["sharingProfile"] == before["properties"]["sharingProfile"]


def test_a_write_that_does_not_name_sharing_leaves_it(azure: Switchboard, http: Http, paths: Paths) -> None:
    azure.create([(paths.gallery, groups())])
    share(azure, http, paths.gallery, update("Add", *ids(2)))
    for method, body in (("PUT", gallery()), ("PUT", groups()), ("PATCH", {"properties": {"description": "x"}})):
        assert http.send(method, paths.gallery, body).status_code == 200
        azure.advance(timedelta(seconds=1))
        assert shown_groups(http, paths.gallery) == {"Subscriptions": list(ids(2))}


def test_ten_sharing_updates_in_three_minutes_are_the_limit(azure: Switchboard, http: Http, paths: Paths) -> None:
    azure.create([(paths.gallery, groups())])
    azure.configure(throttling=True)
    for _ in range(10):
        share(azure, http, paths.gallery, update("Add", *ids(1)))
    answer = http.send("POST", f"{paths.gallery}/share", update("Add", *ids(1)))
    assert answer.status_code == 429
    assert answer.json()["details"][0]["target"] == "PostShareGallery3Min"


def test_someone_else_can_change_the_groups(azure: Switchboard, http: Http, paths: Paths) -> None:
    azure.create([(paths.gallery, groups())])
    foreign = [{"type": "AADTenants", "ids": list(ids(1))}]
    azure.tamper(paths.gallery, {"properties": {"sharingProfile": {"groups": foreign}}})
    assert shown_groups(http, paths.gallery) == {"AADTenants": list(ids(1))}
    seen = azure.resource(paths.gallery)
    assert seen is not None
    assert seen["properties"]["sharingProfile"]["groups"] == foreign
