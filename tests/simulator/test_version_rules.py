"""Every rule for image versions, with the code and the text Azure uses."""

from __future__ import annotations

from datetime import timedelta

import pytest
import requests

from dev.azure_simulator import Source, Switchboard, source_id
from tests.simulator.conftest import Paths
from tests.simulator.support import IMAGE, Http, Json, changed, gallery, version

PUBLISHING = "properties.publishingProfile"
TARGETS = f"{PUBLISHING}.targetRegions"
STORAGE = "properties.storageProfile"
IMAGES = "Microsoft.Compute/images"


def refusal(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def message(answer: requests.Response) -> str:
    return str(answer.json()["error"]["message"])


@pytest.mark.parametrize("name", ["1.0", "1.0.0.0", "v1.0.0", "1.0.2147483648", "1.0.x", "1.0.٣"])
def test_a_version_name_follows_its_rule(http: Http, parents: Paths, name: str) -> None:
    answer = http.put(f"{parents.versions}/{name}", version())
    assert refusal(answer) == (400, "InvalidParameter")
    assert "should follow Major(int).Minor(int).Patch(int) format" in message(answer)


@pytest.mark.parametrize(
    ("path", "value", "text"),
    [
        (f"{PUBLISHING}.replicaCount", 101, "The value 101 of parameter 'galleryImageVersion.properties.publishing"),
        (f"{TARGETS}.0.regionalReplicaCount", 0, "is out of range. The value must be between 1 and 100, inclusive."),
        (f"{TARGETS}.0.name", "Atlantis", "The region 'Atlantis'"),
        (f"{TARGETS}.0.name", "eastus", "publishing profile regions {East US} must contain the location of image"),
        (TARGETS, [{"name": "westeurope"}, {"name": "West Europe"}], "Duplicate regions are not allowed in target"),
        (
            TARGETS,
            [{"name": "westeurope"}, {"name": "westus", "storageAccountType": "Standard_ZRS"}],
            "ZRS storage account type is not supported in this region.",
        ),
        (f"{PUBLISHING}.endOfLifeDate", "2020-01-01T00:00:00Z", "EndOfLifeDate must be set to a future date."),
        (f"{PUBLISHING}.storageAccountType", "Cheap", "must be one of Standard_LRS"),
        (
            PUBLISHING,
            {"storageAccountType": "Standard_LRS", "storageAccountStrategy": "PreferStandard_ZRS"},
            "cannot be specified together",
        ),
        (STORAGE, {}, "One and only one source type"),
        (f"{STORAGE}.source.virtualMachineId", "/x", "One and only one source type"),
        (f"{STORAGE}.osDiskImage", {"source": {"id": "/x"}}, "One and only one source type"),
        (f"{STORAGE}.source.id", "ubuntu", "Expect fully qualified resource Id"),
        (
            f"{STORAGE}.source.id",
            source_id(IMAGES, "none"),
            "/none is not found. Please check source exists, and is in",
        ),
        (f"{STORAGE}.source.id", source_id(IMAGES, "ubuntu-2404-eastus2"), "in the same region as gallery image"),
        (f"{STORAGE}.source.id", source_id("Microsoft.Compute/disks", "ubuntu-os"), "is not found"),
        (
            f"{STORAGE}.source.id",
            source_id(IMAGES, "ubuntu-2404-gen1"),
            "since the Hypervisor generation in the parent gallery image (V2) is not V1.",
        ),
        (
            f"{STORAGE}.source.id",
            source_id(IMAGES, "windows-2025-20261101"),
            "since the OS type in the parent gallery image (Linux) is not Windows.",
        ),
        (
            f"{STORAGE}.source",
            {"virtualMachineId": source_id("Microsoft.Compute/virtualMachines", "ubuntu-specialized")},
            "since the OS State in the parent gallery image (Generalized) is not Specialized.",
        ),
    ],
)
def test_a_version_is_checked(http: Http, parents: Paths, path: str, value: object, text: str) -> None:
    answer = http.put(parents.version, changed(version(), path, value))
    assert refusal(answer) == (400, "InvalidParameter")
    assert text in message(answer)
    assert http.get(parents.version).status_code == 404


def test_duplicate_regions_name_the_publishing_profile(http: Http, parents: Paths) -> None:
    answer = http.put(parents.version, version("westeurope", "WestEurope"))
    assert answer.json()["error"]["target"] == "galleryImageVersion.properties.publishingProfile"


def test_a_version_without_storage_profile_is_refused(http: Http, parents: Paths) -> None:
    answer = http.put(parents.version, gallery(publishingProfile={}))
    assert "Required parameter 'galleryImageVersion.properties.storageProfile' is missing" in message(answer)


def test_too_many_uefi_hashes_are_refused(http: Http, parents: Paths) -> None:
    keys = {"dbx": [{"type": "sha256", "value": ["aGFzaA=="] * 430}]}
    path = "properties.securityProfile.uefiSettings.additionalSignatures"
    answer = http.put(parents.version, changed(version(), path, keys))
    assert message(answer) == (
        "Exceeded the maximum number of UEFI Key elements of type 'sha256'. The maximum allowed is '256' and '430' was "
        "provided."
    )
    assert http.put(parents.version, changed(version(), path, {"dbx": [{"type": "x509", "value": ["a"] * 430}]})).ok


def disk(kind: str, name: str, **more: object) -> Json:
    return {"source": {"id": source_id(f"Microsoft.Compute/{kind}", name)}, **more}


@pytest.mark.parametrize("kind", ["snapshots", "disks"])
def test_a_version_can_be_published_from_disks(azure: Switchboard, http: Http, parents: Paths, kind: str) -> None:
    os_disk, data_disk = disk(kind, "ubuntu-os"), disk(kind, "ubuntu-data", lun=2)
    source = {"osDiskImage": os_disk, "dataDiskImages": [data_disk]}
    assert http.put(parents.version, version(source=source)).status_code == 201
    azure.advance(timedelta(minutes=10))
    storage = http.get(parents.version).json()["properties"]["storageProfile"]
    assert storage["osDiskImage"] == {"sizeInGB": 30, "hostCaching": "None"} | os_disk
    assert storage["dataDiskImages"] == [{"lun": 2, "sizeInGB": 64, "hostCaching": "None"} | data_disk]
    added = changed(version(source=source), f"{STORAGE}.dataDiskImages.0.lun", 3)
    assert "changing the LUN of a Data Disk" in message(http.put(parents.version, added))


def test_a_version_can_be_published_from_a_virtual_machine_or_a_blob(http: Http, parents: Paths) -> None:
    machine = {"virtualMachineId": source_id("Microsoft.Compute/virtualMachines", "ubuntu-generalized")}
    assert http.put(f"{parents.versions}/1.0.0", version(source={"source": machine})).status_code == 201
    account = source_id("Microsoft.Storage/storageAccounts", "simulatedvhds")
    blob = {"uri": "https://simulatedvhds.blob.core.windows.net/vhds/os.vhd", "storageAccountId": account}
    assert http.put(f"{parents.versions}/1.0.1", version(source={"osDiskImage": {"source": blob}})).status_code == 201


@pytest.mark.parametrize("other", [{"lun": 0, "name": "ubuntu-os"}, {"lun": 1, "name": "ubuntu-data"}])
def test_data_disks_need_different_luns_and_sources(http: Http, parents: Paths, other: Json) -> None:
    first = disk("snapshots", "ubuntu-data", lun=0)
    second = disk("snapshots", other["name"], lun=other["lun"])
    source = {"osDiskImage": disk("disks", "ubuntu-os"), "dataDiskImages": [first, second]}
    assert "different luns and different sources" in message(http.put(parents.version, version(source=source)))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("storageProfile.source.id", source_id(IMAGES, "ubuntu-2404-20261108")),
        ("publishingProfile.replicationMode", "Shallow"),
        ("publishingProfile.storageAccountType", "Premium_LRS"),
        ("securityProfile.uefiSettings", {"signatureTemplateNames": ["NoSignatureTemplate"]}),
        ("securityProfile.secretsProvisioningSettings", {"isSupported": True}),
        ("publishingProfile.targetRegions.0.storageAccountType", "Standard_ZRS"),
        ("publishingProfile.targetRegions.0.encryption", {"osDiskImage": {"diskEncryptionSetId": "/x"}}),
    ],
)
def test_what_is_fixed_in_a_version_cannot_change(
    azure: Switchboard, http: Http, parents: Paths, path: str, value: object
) -> None:
    azure.create([(parents.version, version())])
    answer = http.put(parents.version, changed(version(), f"properties.{path}", value))
    assert refusal(answer) == (409, "PropertyChangeNotAllowed")
    shown = path.replace("targetRegions.0", "targetRegions[0]")
    assert message(answer) == f"Changing property 'galleryImageVersion.properties.{shown}' is not allowed."


def test_the_source_id_is_compared_without_regard_to_case(azure: Switchboard, http: Http, parents: Paths) -> None:
    azure.create([(parents.version, version())])
    assert http.put(parents.version, changed(version(), f"{STORAGE}.source.id", IMAGE.upper())).status_code == 200


def test_a_region_must_repeat_a_storage_type_that_differs_from_the_general_one(
    azure: Switchboard, http: Http, parents: Paths
) -> None:
    zonal = changed(version(), f"{TARGETS}.0.storageAccountType", "Standard_ZRS")
    azure.create([(parents.version, zonal)])
    body = version(storageAccountType="Standard_LRS")
    del body["properties"]["publishingProfile"]["targetRegions"][0]["storageAccountType"]
    answer = http.put(parents.version, body)
    assert message(answer) == (
        "Global storage account type does not match the storage account type in the existing TargetRegion: "
        "'West Europe'. Please specify 'Standard_ZRS' as the storage account type for this region."
    )


def test_encryption_that_an_update_leaves_out_stays(azure: Switchboard, http: Http, parents: Paths) -> None:
    set_id = source_id("Microsoft.Compute/diskEncryptionSets", "des-westeurope")
    encryption = {"osDiskImage": {"diskEncryptionSetId": set_id}}
    azure.create([(parents.version, changed(version(), f"{TARGETS}.0.encryption", encryption))])
    (target,) = http.put(parents.version, version()).json()["properties"]["publishingProfile"]["targetRegions"]
    assert target["encryption"] == encryption


def test_deletion_can_be_blocked_until_the_end_of_life(azure: Switchboard, http: Http, parents: Paths) -> None:
    soon = (azure.now() + timedelta(days=30)).isoformat()
    body = changed(version(endOfLifeDate=soon), "properties.safetyProfile.blockDeletionBeforeEndOfLife", True)
    azure.create([(parents.version, body)])
    answer = http.delete(parents.version)
    assert refusal(answer) == (409, "DeleteGalleryImageVersionBlockedBeforeEndOfLife")
    azure.advance(timedelta(days=31))
    assert http.delete(parents.version).status_code == 202


def test_an_added_source_can_be_published_from_and_a_removed_one_cannot(
    azure: Switchboard, http: Http, parents: Paths
) -> None:
    added = source_id(IMAGES, "added")
    azure.add_source(Source(id=added, location="West Europe"))
    assert http.put(parents.version, version(source={"source": {"id": added}})).status_code == 201
    azure.remove(added)
    assert "is not found" in message(http.put(f"{parents.versions}/1.0.1", version(source={"source": {"id": added}})))
