"""Soft deletion of versions and their restoration, through the real SDK and on the wire."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import ResourceNotFoundError

from dev.azure_simulator import FailOperation, FailRegion, Switchboard
from tests.simulator.conftest import Paths
from tests.simulator.support import GROUP, Http, Json, definition, gallery, message, refusal, version

Client = Any
QUICK: dict[str, Any] = {"polling_interval": 0.05}
NAMES = (GROUP, "shared", "ubuntu", "1.0.0")
DAY = timedelta(days=1)
RESTORE: Json = {"properties": {"restore": True, "storageProfile": {}}}
POLICY = {"isSoftDeleteEnabled": True, "retentionPeriodInDays": 10, "gracePeriodInDays": 5}


@pytest.fixture
def soft(azure: Switchboard, paths: Paths) -> Paths:
    """The paths of a version in a gallery with soft deletion."""
    azure.create(
        [
            (paths.gallery, gallery(softDeletePolicy=POLICY)),
            (paths.definition, definition()),
            (paths.version, version("westeurope", "eastus2") | {"tags": {"a": "b"}}),
        ]
    )
    return paths


def delete(azure: Switchboard, http: Http, path: str) -> None:
    answer = http.delete(path)
    assert answer.status_code == 202, answer.text
    azure.advance(timedelta(minutes=3))


def restore(azure: Switchboard, http: Http, path: str, body: Json | None = None) -> None:
    answer = http.patch(path, RESTORE) if body is None else http.put(path, body)
    assert answer.status_code == 200, answer.text
    azure.advance(timedelta(minutes=3))


def test_the_sdk_deletes_softly_lists_and_restores(azure: Switchboard, client: Client, soft: Paths) -> None:
    azure.configure(durations={"soft_delete": 0.1, "restore": 0.1})
    before = client.gallery_image_versions.get(*NAMES).properties.publishing_profile
    client.gallery_image_versions.begin_delete(*NAMES, **QUICK).result()
    with pytest.raises(ResourceNotFoundError):
        client.gallery_image_versions.get(*NAMES)
    assert list(client.gallery_image_versions.list_by_gallery_image(*NAMES[:3])) == []
    (deleted,) = client.soft_deleted_resource.list_by_artifact_name(GROUP, "shared", "Images", "ubuntu")
    assert deleted.properties.resource_arm_id == soft.version
    dates = deleted.properties
    assert dates.consumption_end_time - datetime.fromisoformat(dates.soft_deleted_time) == 10 * DAY
    assert dates.hard_deletion_target_time - dates.consumption_end_time == 5 * DAY
    restored = client.gallery_image_versions.begin_update(*NAMES, RESTORE, **QUICK).result()
    assert restored.properties.publishing_profile == before
    assert azure.soft_deleted(soft.definition) == []


def test_the_sdk_deletes_for_good(azure: Switchboard, client: Client, soft: Paths) -> None:
    azure.configure(durations={"version_delete": 0.1})
    client.gallery_image_versions.begin_delete(*NAMES, bypass_soft_delete=True, **QUICK).result()
    assert azure.soft_deleted(soft.gallery) == []
    client.gallery_images.begin_delete(*NAMES[:3], **QUICK).result()
    client.galleries.begin_delete(*NAMES[:2], **QUICK).result()


def test_a_soft_deleted_version_is_listed_as_the_official_example_shows(
    azure: Switchboard, http: Http, soft: Paths
) -> None:
    answer = http.delete(soft.version)
    assert http.get(soft.version).json()["properties"]["provisioningState"] == "Deleting"
    assert azure.soft_deleted(soft.definition) == []
    azure.advance(timedelta(seconds=149))
    assert http.get(answer.headers["Azure-AsyncOperation"]).json()["status"] == "InProgress"
    azure.advance(timedelta(seconds=10))
    listing = f"{soft.gallery}/softdeletedartifacttypes/images/artifacts/ubuntu/versions"
    answer = http.get(listing)
    assert "ListSoftDeletedResourcesInGallery3Min" in answer.headers["x-ms-ratelimit-remaining-resource"]
    (shown,) = answer.json()["value"]
    assert shown["id"] == f"{soft.gallery}/softDeletedArtifactTypes/Images/artifacts/ubuntu/versions/1.0.0"
    assert shown["type"] == "Microsoft.Compute/galleries/softDeletedArtifactTypes/artifacts/versions"
    assert (shown["name"], shown["location"]) == ("1.0.0", "westeurope")
    assert shown["properties"]["softDeletedArtifactType"] == "Images"
    assert shown["properties"].keys() == {
        "resourceArmId",
        "softDeletedArtifactType",
        "softDeletedTime",
        "consumptionEndTime",
        "hardDeletionTargetTime",
    }


def test_the_list_of_soft_deleted_versions_comes_in_pages(azure: Switchboard, http: Http, soft: Paths) -> None:
    azure.create((f"{soft.versions}/2.0.{patch}", version()) for patch in range(4))
    for name in ("2.0.0", "2.0.1", "2.0.2", "2.0.3"):
        delete(azure, http, f"{soft.versions}/{name}")
    page = http.get(f"{soft.gallery}/softDeletedArtifactTypes/Images/artifacts/ubuntu/versions").json()
    rest = http.get(page["nextLink"]).json()
    assert [item["name"] for item in page["value"] + rest["value"]] == ["2.0.0", "2.0.1", "2.0.2", "2.0.3"]
    assert "nextLink" not in rest


def test_what_is_soft_deleted_of_an_unknown_gallery_is_not_found(http: Http, paths: Paths) -> None:
    listing = f"{paths.gallery}/softDeletedArtifactTypes/Images/artifacts/ubuntu/versions"
    assert http.get(listing).status_code == 404


@pytest.mark.parametrize("full", [False, True])
def test_a_put_restores_with_the_original_properties(azure: Switchboard, http: Http, soft: Paths, full: bool) -> None:
    before = http.get(soft.version).json()
    delete(azure, http, soft.version)
    other = version("westeurope", endOfLifeDate="2099-01-01T00:00:00Z")
    body: Json = other if full else {"location": "West Europe"}
    answer = http.put(soft.version, body)
    assert (answer.status_code, answer.headers["Retry-After"]) == (200, "60")
    assert answer.json()["properties"]["provisioningState"] == "Updating"
    assert refusal(http.put(soft.version, version())) == (409, "Conflict")
    azure.advance(timedelta(seconds=150))
    after = http.get(soft.version, expand="ReplicationStatus").json()
    assert after["properties"].pop("replicationStatus")["aggregatedState"] == "Completed"
    assert after == before


def test_a_restoring_put_may_bring_other_tags(azure: Switchboard, http: Http, soft: Paths) -> None:
    delete(azure, http, soft.version)
    restore(azure, http, soft.version, {"location": "westeurope", "tags": {"x": "y"}})
    assert http.get(soft.version).json()["tags"] == {"x": "y"}


def test_a_version_is_restored_only_in_its_home_region(azure: Switchboard, http: Http, soft: Paths) -> None:
    delete(azure, http, soft.version)
    answer = http.put(soft.version, {"location": "eastus2"})
    assert refusal(answer) == (400, "InvalidParameter")
    assert "original location 'westeurope'" in message(answer)
    assert http.put(soft.version, {}).status_code == 400
    assert len(azure.soft_deleted(soft.definition)) == 1


def test_a_patch_that_does_not_restore_finds_nothing(azure: Switchboard, http: Http, soft: Paths) -> None:
    delete(azure, http, soft.version)
    bodies: list[Json] = [{"tags": {}}, {"properties": {"restore": False, "storageProfile": {}}}, {"properties": []}]
    for body in bodies:
        assert refusal(http.patch(soft.version, body)) == (404, "ResourceNotFound")


def test_restoring_what_is_not_deleted_changes_nothing(azure: Switchboard, http: Http, soft: Paths) -> None:
    before = http.get(soft.version).json()
    restore(azure, http, soft.version)
    assert http.get(soft.version).json() == before


def test_a_restored_version_can_be_deleted_again(azure: Switchboard, http: Http, soft: Paths) -> None:
    for _ in range(2):
        delete(azure, http, soft.version)
        restore(azure, http, soft.version)
    assert http.get(soft.version).json()["properties"]["provisioningState"] == "Succeeded"


def test_after_retention_and_grace_a_version_is_gone(azure: Switchboard, http: Http, soft: Paths) -> None:
    delete(azure, http, soft.version)
    azure.advance(14 * DAY + timedelta(hours=23))
    assert len(azure.soft_deleted(soft.definition)) == 1
    azure.advance(timedelta(hours=1))
    assert azure.soft_deleted(soft.definition) == []
    assert refusal(http.patch(soft.version, RESTORE)) == (404, "ResourceNotFound")
    assert http.put(soft.version, version()).status_code == 201


def test_a_policy_without_periods_keeps_for_seven_days(azure: Switchboard, http: Http, soft: Paths) -> None:
    http.put(soft.gallery, gallery(softDeletePolicy={"isSoftDeleteEnabled": True}))
    azure.advance(timedelta(seconds=1))
    delete(azure, http, soft.version)
    (item,) = azure.soft_deleted(soft.definition)
    dates = {name: datetime.fromisoformat(item["properties"][name]) for name in item["properties"] if "Time" in name}
    assert dates["consumptionEndTime"] - dates["softDeletedTime"] == 7 * DAY
    assert dates["hardDeletionTargetTime"] == dates["consumptionEndTime"]


def test_a_soft_deleted_version_can_be_deleted_for_good(azure: Switchboard, http: Http, soft: Paths) -> None:
    delete(azure, http, soft.version)
    assert http.delete(soft.version).status_code == 204
    url = f"{http.url}{soft.version}?api-version=2026-03-03&bypassSoftDelete=true"
    answer = http.session.delete(url, timeout=30)
    assert answer.status_code == 202
    assert len(azure.soft_deleted(soft.definition)) == 1
    assert refusal(http.patch(soft.version, RESTORE)) == (409, "OperationNotAllowed")
    azure.advance(timedelta(minutes=3))
    assert azure.soft_deleted(soft.definition) == []
    assert http.session.delete(url, timeout=30).status_code == 204


def test_parents_of_soft_deleted_versions_stay(azure: Switchboard, http: Http, soft: Paths) -> None:
    delete(azure, http, soft.version)
    answer = http.delete(soft.definition)
    assert refusal(answer) == (409, "CannotDeleteResource")
    assert "galleries/shared/images/ubuntu/versions/1.0.0" in message(answer)
    restore(azure, http, soft.version)
    http.session.delete(f"{http.url}{soft.version}?api-version=2026-03-03&bypassSoftDelete=true", timeout=30)
    azure.advance(timedelta(minutes=3))
    assert http.delete(soft.definition).status_code == 202


def test_without_a_policy_a_deletion_is_for_good(azure: Switchboard, http: Http, parents: Paths) -> None:
    azure.create([(parents.version, version())])
    delete(azure, http, parents.version)
    assert azure.soft_deleted(parents.definition) == []
    assert http.put(parents.version, {"location": "westeurope"}).status_code == 400


def test_a_failed_soft_deletion_leaves_the_version(azure: Switchboard, http: Http, soft: Paths) -> None:
    azure.fault(FailOperation(match="DELETE"))
    delete(azure, http, soft.version)
    assert http.get(soft.version).json()["properties"]["provisioningState"] == "Failed"
    assert azure.soft_deleted(soft.definition) == []


def test_a_failed_version_is_deleted_for_good_only(azure: Switchboard, http: Http, soft: Paths) -> None:
    azure.fault(FailRegion(region="westeurope"))
    http.put(f"{soft.versions}/2.0.0", version())
    azure.advance(timedelta(hours=1))
    assert refusal(http.delete(f"{soft.versions}/2.0.0")) == (409, "OperationNotAllowed")
    url = f"{http.url}{soft.versions}/2.0.0?api-version=2026-03-03&bypassSoftDelete=true"
    assert http.session.delete(url, timeout=30).status_code == 202


def test_soft_delete_cannot_be_enabled_over_several_regions(azure: Switchboard, http: Http, paths: Paths) -> None:
    azure.create([(paths.gallery, gallery()), (paths.definition, definition() | {"location": "eastus2"})])
    answer = http.put(paths.gallery, gallery(softDeletePolicy=POLICY))
    assert refusal(answer) == (400, "InvalidParameter")
    assert "images/ubuntu' is in another location" in message(answer)


@pytest.mark.parametrize(("name", "days"), [("retentionPeriodInDays", 0), ("gracePeriodInDays", -1)])
def test_periods_are_sensible(http: Http, paths: Paths, name: str, days: int) -> None:
    answer = http.put(paths.gallery, gallery(softDeletePolicy=POLICY | {name: days}))
    assert answer.json()["error"]["target"] == f"gallery.properties.softDeletePolicy.{name}"


def test_a_gallery_removed_by_someone_else_leaves_nothing_soft_deleted(
    azure: Switchboard, http: Http, soft: Paths
) -> None:
    delete(azure, http, soft.version)
    azure.remove(soft.gallery)
    assert azure.soft_deleted(soft.gallery) == []
