"""The official request and response examples of the API, replayed.

What the service was seen to do goes before what an example shows: locations come back in lower case without spaces,
ids in their plain form, and policy violations are nothing a simulator invents.
"""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dev.azure_simulator import DataDisk, Source, Switchboard
from tests.simulator.support import Http, Json, definition, gallery

DATA = Path(__file__).parent / "data"
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
IMAGE = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/myResourceGroup/providers/Microsoft.Compute/images/myImage"
PLACEHOLDERS = {
    "{subscription-id}": SUBSCRIPTION,
    "{subscriptionId}": SUBSCRIPTION,
    "{resourceGroup}": "myResourceGroup",
    "{imageName}": "myImage",
    "/diskEncryptionSet/": "/diskEncryptionSets/",  # a slip of the examples
}
#: Members of the examples that say how it was in 2018, or that depend on what was published.
VARYING = {"id", "location", "publishedDate", "policyViolations", "reportedForPolicyViolation", "validationsProfile"}


def example(name: str) -> Json:
    text = (DATA / f"{name}.json").read_text()
    for placeholder, value in PLACEHOLDERS.items():
        text = text.replace(placeholder, value)
    loaded: Json = json.loads(text)
    return loaded


def assert_shown(expected: Any, actual: Any, path: str = "") -> None:
    """Assert that everything an example shows is in the answer."""
    if isinstance(expected, dict):
        for name in expected.keys() - VARYING:
            assert name in actual, f"{path}.{name}"
            assert_shown(expected[name], actual[name], f"{path}.{name}")
    elif isinstance(expected, list):
        assert len(expected) == len(actual), path
        for position, (one, other) in enumerate(zip(expected, actual, strict=True)):
            assert_shown(one, other, f"{path}[{position}]")
    else:
        assert expected == actual, path


@pytest.fixture
def root(azure: Switchboard, http: Http) -> str:
    azure.add_group("myResourceGroup", "westus")
    azure.configure(durations={"home_region": 1, "further_region": 1, "version_create": 1, "gallery": 1})
    disks = (DataDisk(lun=0, sizeGB=20), DataDisk(lun=1, sizeGB=10))
    azure.add_source(Source(id=IMAGE, location="westus", sizeGB=10, dataDisks=disks))
    sets = IMAGE.replace("images/myImage", "diskEncryptionSets")
    for prefix in ("my", "myOther"):
        for region in ("WestUS", "EastUS"):
            azure.add_source(Source(id=f"{sets}/{prefix}{region}DiskEncryptionSet", location=region.lower()))
    return f"{http.subscription}/resourceGroups/myResourceGroup/providers/Microsoft.Compute/galleries/myGalleryName"


@pytest.fixture
def image(azure: Switchboard, root: str) -> str:
    path = f"{root}/images/myGalleryImageName"
    west = {"location": "West US"}
    azure.create([(root, gallery() | west), (path, definition() | west)])
    return path


def test_create_a_gallery_with_soft_deletion(azure: Switchboard, http: Http, root: str) -> None:
    shown = example("Gallery_Create_SoftDeletionEnabled")
    created = http.put(root, shown["parameters"]["gallery"])
    assert created.status_code == 201
    assert_shown(shown["responses"]["201"]["body"], created.json())
    azure.advance(timedelta(seconds=2))
    updated = http.put(root, shown["parameters"]["gallery"])
    assert_shown(shown["responses"]["200"]["body"], updated.json())


@pytest.mark.parametrize("name", ["GalleryImageVersion_Create", "GalleryImageVersion_Create_WithAdditionalReplicaSets"])
def test_create_a_version(azure: Switchboard, http: Http, image: str, name: str) -> None:
    shown = example(name)
    created = http.put(f"{image}/versions/1.0.0", shown["parameters"]["galleryImageVersion"])
    assert created.status_code == 201, created.text
    expected = shown["responses"]["201"]["body"]
    disks = {disk: expected["properties"]["storageProfile"].pop(disk) for disk in ("osDiskImage", "dataDiskImages")}
    assert_shown(expected, created.json())
    azure.advance(timedelta(minutes=5))
    storage = http.get(f"{image}/versions/1.0.0").json()["properties"]["storageProfile"]
    assert storage["osDiskImage"]["sizeInGB"] == disks["osDiskImage"]["sizeInGB"]
    assert_shown(disks["dataDiskImages"], storage["dataDiskImages"][1:])  # the example encrypts two and shows one
    updated = http.put(f"{image}/versions/1.0.0", shown["parameters"]["galleryImageVersion"])
    assert updated.status_code == 200, updated.text
    assert updated.json()["properties"]["provisioningState"] == "Updating"


def test_get_a_version_with_its_replication_status(azure: Switchboard, http: Http, image: str) -> None:
    azure.create(
        [(f"{image}/versions/1.0.0", example("GalleryImageVersion_Create")["parameters"]["galleryImageVersion"])]
    )
    shown = example("GalleryImageVersion_Get_WithValidationProfileAndReplicationStatus")
    expand = shown["parameters"]["$expand"]
    answer = http.get(f"{image}/versions/1.0.0", expand=expand).json()
    expected = shown["responses"]["200"]["body"]["properties"]
    assert_shown(expected["replicationStatus"], answer["properties"]["replicationStatus"])
    assert answer["properties"]["provisioningState"] == expected["provisioningState"]


def test_update_the_features_of_a_definition(azure: Switchboard, http: Http, root: str) -> None:
    shown = example("GalleryImage_UpdateFeatures")
    wanted = shown["parameters"]["galleryImage"]["properties"]
    before = {name: wanted[name] for name in ("osType", "osState", "hyperVGeneration", "identifier")}
    path = f"{root}/images/myGalleryImageName"
    azure.create([(root, gallery() | {"location": "West US"})])
    azure.create([(path, {"location": "West US", "properties": before})])
    refused = http.patch(path, {"properties": {**wanted, "allowUpdateImage": False}})
    assert refused.json()["error"]["code"] == "PropertyChangeNotAllowed"
    answer = http.patch(path, shown["parameters"]["galleryImage"])
    assert answer.status_code == 200
    assert_shown(shown["responses"]["200"]["body"], answer.json())
    assert "allowUpdateImage" not in answer.json()["properties"]


def test_list_and_restore_a_soft_deleted_version(azure: Switchboard, http: Http, image: str, root: str) -> None:
    azure.create([(root, gallery(softDeletePolicy={"isSoftDeleteEnabled": True}) | {"location": "West US"})])
    created = example("GalleryImageVersion_Create")["parameters"]["galleryImageVersion"]
    version = f"{image}/versions/1.0.0"
    azure.create([(version, created)])
    before = http.get(version).json()
    http.delete(version)
    azure.advance(timedelta(minutes=3))
    listed = example("GallerySoftDeletedResource_ListByArtifactName")["responses"]["200"]["body"]["value"]
    (shown,) = http.get(f"{root}/softDeletedArtifactTypes/images/artifacts/myGalleryImageName/versions").json()["value"]
    (expected,) = listed
    assert shown["id"] == expected["id"]
    assert shown["properties"]["resourceArmId"] == expected["properties"]["resourceArmId"]
    assert shown["properties"].keys() >= expected["properties"].keys()
    restoring = example("GalleryImageVersion_Update_RestoreSoftDeleted")
    restored = http.patch(version, restoring["parameters"]["galleryImageVersion"])
    assert restored.status_code == 200
    assert restored.json()["properties"]["provisioningState"] == "Updating"
    azure.advance(timedelta(minutes=3))
    assert http.get(version).json() == before
