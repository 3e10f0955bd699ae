"""What the real SDK lets through and Azure does not: mistakes of a sender that must not pass unnoticed in tests."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.compute import models

from dev.azure_simulator import Switchboard, source_id
from tests.simulator.conftest import Paths
from tests.simulator.support import GROUP, IMAGE, Http, Json, changed, definition, gallery, version

Client = Any
NAMES = (GROUP, "shared", "ubuntu", "1.0.0")
PUBLISHING = "properties.publishingProfile"
TARGETS = f"{PUBLISHING}.targetRegions"
STORAGE = "properties.storageProfile"
ACCOUNT = source_id("Microsoft.Storage/storageAccounts", "simulatedvhds")
VHD = "https://simulatedvhds.blob.core.windows.net/vhds/os.vhd"
COMMUNITY = {
    "publisherUri": "https://example.com",
    "publisherContact": "images@example.com",
    "eula": "https://example.com/eula",
    "publicNamePrefix": "example",
}


def snapshot(name: str, **more: object) -> Json:
    return {"source": {"id": source_id("Microsoft.Compute/snapshots", name)}, **more}


DISKS: Json = {"osDiskImage": snapshot("ubuntu-os"), "dataDiskImages": [snapshot("ubuntu-data", lun=2)]}


def refused(call: Any, *arguments: Any) -> tuple[int | None, str, str]:
    """Return status, code and text of a refusal as the SDK reads them."""
    with pytest.raises(HttpResponseError) as caught:
        call(*arguments)
    assert caught.value.error is not None
    return caught.value.status_code, str(caught.value.error.code), str(caught.value.error.message)


def put(client: Client, body: Json) -> Any:
    return client.gallery_image_versions.begin_create_or_update(*NAMES, body, polling=False)


# --- kinds of values --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (f"{PUBLISHING}.replicaCount", "3"),
        (f"{PUBLISHING}.replicaCount", True),
        (f"{PUBLISHING}.replicaCount", 2.0),
        (f"{PUBLISHING}.excludeFromLatest", "yes"),
        (f"{PUBLISHING}.excludeFromLatest", 1),
        (f"{PUBLISHING}.endOfLifeDate", 4102444800),
        (f"{TARGETS}.0.name", 7),
    ],
)
def test_a_value_of_another_type_is_refused(client: Client, parents: Paths, path: str, value: object) -> None:
    status, code, text = refused(put, client, changed(version(), path, value))
    assert (status, code) == (400, "InvalidParameter")
    assert path.rpartition(".")[2] in text


# --- tags -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tags", "code", "text"),
    [
        ({f"t{number}": "" for number in range(51)}, "TagCountLimitExceeded", "51 tags were provided"),
        ({"team/web": "x"}, "InvalidTagNameCharacters", "The tag names 'team/web' have reserved characters"),
        ({"line\nbreak": "x"}, "InvalidTagNameCharacters", "control characters"),
        ({"": "x"}, "InvalidTagName", "must have 1 to 512 characters"),
        ({"n" * 513: "x"}, "InvalidTagName", "must have 1 to 512 characters"),
        ({"team": "x" * 257}, "InvalidTagValue", "must have at most 256 characters"),
        ({"team": "x", "Team": "y"}, "InvalidRequestContent", "one comes twice"),
    ],
)
def test_tags_keep_the_limits_of_arm(client: Client, parents: Paths, tags: Json, code: str, text: str) -> None:
    written = models.GalleryUpdate({"tags": tags})
    status, found, message = refused(client.galleries.begin_update, *NAMES[:2], written)
    assert (status, found) == (400, code)
    assert text in message


def test_fifty_tags_of_the_greatest_length_are_accepted(client: Client, parents: Paths) -> None:
    tags = {f"{number:02}{'n' * 510}": "v" * 256 for number in range(50)}
    written = models.GalleryUpdate({"tags": tags})
    assert client.galleries.begin_update(*NAMES[:2], written, polling=False).result().tags == tags


# --- what a resource does not have ------------------------------------------------------------------------------------


def test_a_version_has_no_identity(client: Client, parents: Paths) -> None:
    status, code, _ = refused(put, client, version() | {"identity": {"type": "SystemAssigned"}})
    assert (status, code) == (400, "InvalidRequestContent")


def test_an_expansion_that_the_resource_does_not_have_is_refused(
    azure: Switchboard, client: Client, http: Http, parents: Paths
) -> None:
    azure.create([(parents.version, version())])
    versions, galleries = client.gallery_image_versions, client.galleries
    for call in (
        lambda: versions.get(*NAMES, expand="ReplicationState"),
        lambda: galleries.get(*NAMES[:2], expand="SharingProfile"),
        lambda: galleries.get(*NAMES[:2], select="Groups"),
    ):
        assert refused(call)[:2] == (400, "InvalidParameter")
    assert http.get(parents.definition, expand="ReplicationStatus").status_code == 400
    assert versions.get(*NAMES, expand="ValidationProfile,ReplicationStatus").properties.replication_status
    assert galleries.get(*NAMES[:2], select="Permissions").name == "shared"


# --- image definitions ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("features", "text"),
    [
        (
            [{"name": "SecurityType", "value": "Trusted-Launch"}],
            "The value 'Trusted-Launch' for feature 'SecurityType'",
        ),
        ([{"name": "SecurityType", "value": "x" * 101}], "cannot exceed 100 characters"),
        ([{"name": "SecurityType"}], "for feature 'SecurityType' is invalid"),
        ([{"value": "True"}], "for feature '' is invalid"),
        ([{"name": name, "value": "Standard"} for name in ("SecurityType", "securitytype")], "Duplicate features"),
    ],
)
def test_features_are_checked(client: Client, parents: Paths, features: list[Json], text: str) -> None:
    body = changed(definition(features=features), "properties.identifier.sku", "other")
    status, code, message = refused(client.gallery_images.begin_create_or_update, *NAMES[:2], "other", body)
    assert (status, code) == (400, "InvalidParameter")
    assert text in message


def test_a_feature_may_list_values(client: Client, parents: Paths) -> None:
    features = [{"name": "DiskControllerTypes", "value": "SCSI, NVMe"}, {"name": "SecurityType", "value": "Standard"}]
    body = changed(definition(features=features), "properties.identifier.sku", "other")
    made = client.gallery_images.begin_create_or_update(*NAMES[:2], "other", body, polling=False).result()
    assert [feature.value for feature in made.properties.features] == ["SCSI, NVMe", "Standard"]


def test_a_definition_of_a_community_gallery_is_in_its_region(azure: Switchboard, client: Client, paths: Paths) -> None:
    shared = gallery(sharingProfile={"permissions": "Community", "communityGalleryInfo": COMMUNITY})
    azure.create([(paths.gallery, shared)])
    create = client.gallery_images.begin_create_or_update
    status, code, text = refused(create, *NAMES[:3], definition() | {"location": "eastus2"})
    assert (status, code) == (400, "InvalidParameter")
    assert "must be in its region 'westeurope'" in text
    assert create(*NAMES[:3], definition(), polling=False).result().location == "westeurope"


# --- image versions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (changed(version(), TARGETS, []), "regions {} must contain the location of image version {westeurope}"),
        (
            changed(
                version("westeurope", "westus"),
                f"{TARGETS}.1.additionalReplicaSets",
                [{"storageAccountType": "Standard_ZRS", "regionalReplicaCount": 1}],
            ),
            "ZRS storage account type is not supported in this region.",
        ),
        (
            changed(
                version(source=DISKS),
                f"{STORAGE}.osDiskImage.source",
                {
                    **DISKS["osDiskImage"]["source"],
                    "uri": VHD,
                    "storageAccountId": ACCOUNT,
                },
            ),
            "One and only one source type",
        ),
        (changed(version(source=DISKS), f"{STORAGE}.dataDiskImages.0.lun", -1), "must be between 0 and 63"),
        (changed(version(source=DISKS), f"{STORAGE}.dataDiskImages.0.lun", 64), "must be between 0 and 63"),
    ],
)
def test_a_version_that_cannot_be_is_refused(client: Client, parents: Paths, body: Json, text: str) -> None:
    status, code, message = refused(put, client, body)
    assert (status, code) == (400, "InvalidParameter")
    assert text in message


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("dataDiskImages[0].source.id", source_id("Microsoft.Compute/snapshots", "other")),
        ("dataDiskImages[0].hostCaching", "ReadOnly"),
        ("osDiskImage.source.id", source_id("Microsoft.Compute/snapshots", "other")),
        ("osDiskImage.hostCaching", "ReadOnly"),
        ("source.id", IMAGE),
    ],
)
def test_disks_of_a_version_are_those_it_was_made_from(
    azure: Switchboard, client: Client, parents: Paths, path: str, value: str
) -> None:
    made = version(source=DISKS)
    azure.create([(parents.version, made)])
    body = changed(made, f"{STORAGE}.{path.replace('[0]', '.0')}", value)
    status, code, text = refused(put, client, body)
    assert (status, code) == (409, "PropertyChangeNotAllowed")
    assert text == f"Changing property 'galleryImageVersion.properties.storageProfile.{path}' is not allowed."


def test_what_was_read_can_be_written_back(azure: Switchboard, client: Client, parents: Paths) -> None:
    azure.create([(parents.version, version(source=DISKS))])
    read = client.gallery_image_versions.get(*NAMES)
    assert put(client, read).result().properties.storage_profile == read.properties.storage_profile


# --- operations -------------------------------------------------------------------------------------------------------


def test_the_url_of_an_operation_has_no_spaces_when_the_region_was_sent_with_some(http: Http, paths: Paths) -> None:
    answer = http.put(paths.gallery, gallery() | {"location": "West Europe"})
    url = answer.headers["Azure-AsyncOperation"]
    assert "/locations/WestEurope/capsOperations/" in url
    assert http.get(url).status_code == 200
