"""The real Azure CLI against the simulator: image versions from every source, everywhere, changed and brought back."""

from __future__ import annotations

import pytest

from dev.azure_simulator import Switchboard, source_id
from tests.simulator.azure_cli import DEFINITION, AzureCli, let_operations_end_at_once, needs_az
from tests.simulator.conftest import Paths
from tests.simulator.support import GROUP, IMAGE, Json, definition, gallery, version

pytestmark = needs_az
VERSION = (*DEFINITION, "-e", "1.0.0")
CREATE = ("sig", "image-version", "create", *VERSION)
UPDATE = ("sig", "image-version", "update", *VERSION)
DELETE = ("sig", "image-version", "delete", *VERSION)
SHOW = ("sig", "image-version", "show", *VERSION)
IMAGE_WITH_DATA = source_id("Microsoft.Compute/images", "ubuntu-2404-data")
MACHINE = source_id("Microsoft.Compute/virtualMachines", "ubuntu-generalized")
SNAPSHOT, DATA_SNAPSHOT = (source_id("Microsoft.Compute/snapshots", f"ubuntu-{what}") for what in ("os", "data"))
ACCOUNT = source_id("Microsoft.Storage/storageAccounts", "simulatedvhds")
VHD, DATA_VHD = (f"https://simulatedvhds.blob.core.windows.net/vhds/{what}.vhd" for what in ("os", "data"))


@pytest.fixture(autouse=True)
def _quick(azure: Switchboard) -> None:
    let_operations_end_at_once(azure)


def encryption_set(kind: str, region: str) -> str:
    return source_id("Microsoft.Compute/diskEncryptionSets", f"{kind}-{region}")


def targets(shown: Json) -> list[tuple[str, int, str]]:
    """Return name, replicas and storage type of the target regions."""
    return [
        (each["name"], each["regionalReplicaCount"], each["storageAccountType"])
        for each in shown["publishingProfile"]["targetRegions"]
    ]


def os_disk(published: Json) -> Json:
    disk: Json = published["storageProfile"]["osDiskImage"]["source"]
    return disk


def data_disks(published: Json) -> list[tuple[int, Json]]:
    return [(disk["lun"], disk["source"]) for disk in published["storageProfile"]["dataDiskImages"]]


def publish(az: AzureCli, azure: Switchboard, paths: Paths, *options: str) -> Json:
    """Create the version and return the properties that Azure then has."""
    assert az(*CREATE, *options)["provisioningState"] == "Succeeded"
    found = azure.resource(paths.version)
    assert found is not None
    properties: Json = found["properties"]
    return properties


# --- sources ----------------------------------------------------------------------------------------------------------


def test_az_publishes_a_virtual_machine(az: AzureCli, azure: Switchboard, parents: Paths) -> None:
    made = publish(az, azure, parents, "--virtual-machine", MACHINE)
    assert made["storageProfile"]["source"] == {"virtualMachineId": MACHINE}


def test_az_publishes_snapshots_of_the_os_and_of_data_disks(az: AzureCli, azure: Switchboard, parents: Paths) -> None:
    disks = ("--os-snapshot", SNAPSHOT, "--data-snapshots", DATA_SNAPSHOT, "--data-snapshot-luns", "3")
    made = publish(az, azure, parents, *disks)
    assert (os_disk(made), data_disks(made)) == ({"id": SNAPSHOT}, [(3, {"id": DATA_SNAPSHOT})])


def test_az_publishes_vhds_of_the_os_and_of_data_disks(az: AzureCli, azure: Switchboard, parents: Paths) -> None:
    data = ("--data-vhds-uris", DATA_VHD, "--data-vhds-sa", ACCOUNT, "--data-vhds-luns", "1")
    made = publish(az, azure, parents, "--os-vhd-uri", VHD, "--os-vhd-storage-account", ACCOUNT, *data)
    assert os_disk(made) == {"uri": VHD, "storageAccountId": ACCOUNT}
    assert data_disks(made) == [(1, {"uri": DATA_VHD, "storageAccountId": ACCOUNT})]


def test_az_publishes_another_version(az: AzureCli, azure: Switchboard, parents: Paths) -> None:
    other = f"{parents.versions}/0.9.0"
    azure.create([(other, version())])
    made = publish(az, azure, parents, "--image-version", other)
    assert made["storageProfile"]["source"] == {"id": other}


# --- where and how ----------------------------------------------------------------------------------------------------


def test_az_names_replicas_and_storage_for_every_region(az: AzureCli, azure: Switchboard, parents: Paths) -> None:
    regions = ("--target-regions", "westeurope", "northeurope=standard_zrs", "eastus2=3=standard_lrs")
    made = az(
        *CREATE, "--managed-image", IMAGE, "--storage-account-type", "Premium_LRS", "--replica-count", "2", *regions
    )
    assert targets(made) == [
        ("West Europe", 2, "Premium_LRS"),
        ("North Europe", 2, "Standard_ZRS"),
        ("East US 2", 3, "Standard_LRS"),
    ]


def test_az_encrypts_os_and_data_disks_in_every_region(az: AzureCli, azure: Switchboard, parents: Paths) -> None:
    regions = ("westeurope", "northeurope")
    sets = [encryption_set("des", region) for region in regions]
    keys = [f"{each},0,{each},1,{each}" for each in sets]
    options = ("--managed-image", IMAGE_WITH_DATA, "--target-regions", *regions, "--target-region-encryption", *keys)
    made = publish(az, azure, parents, *options)
    assert [each["encryption"] for each in made["publishingProfile"]["targetRegions"]] == [
        {
            "osDiskImage": {"diskEncryptionSetId": each},
            "dataDiskImages": [{"lun": lun, "diskEncryptionSetId": each} for lun in (0, 1)],
        }
        for each in sets
    ]


def test_az_encrypts_confidential_machines_with_the_keys_of_each_region(
    az: AzureCli, azure: Switchboard, parents: Paths
) -> None:
    azure.remove(parents.definition)
    azure.create([(parents.definition, definition(features=[{"name": "SecurityType", "value": "ConfidentialVM"}]))])
    regions = ("westeurope", "northeurope")
    keys = [f"EncryptedWithCmk,{encryption_set('cvm', region)}" for region in regions]
    options = ("--os-snapshot", SNAPSHOT, "--target-regions", *regions, "--target-region-cvm-encryption", *keys)
    made = publish(az, azure, parents, *options)
    profiles = [
        each["encryption"]["osDiskImage"]["securityProfile"] for each in made["publishingProfile"]["targetRegions"]
    ]
    assert [
        f"{each['confidentialVMEncryptionType']},{each['secureVMDiskEncryptionSetId']}" for each in profiles
    ] == keys


def test_az_publishes_to_edge_zones_and_clears_them(az: AzureCli, azure: Switchboard, parents: Paths) -> None:
    zone = ("--target-edge-zones", "westus=microsoftlosangeles1=2=standardssd_lrs")
    made = az(*CREATE, "--managed-image", IMAGE, "--target-regions", "westeurope", "westus", *zone)
    assert made["publishingProfile"]["targetExtendedLocations"] == [
        {
            "name": "West US",
            "extendedLocation": {"name": "microsoftlosangeles1", "type": "EdgeZone"},
            "extendedLocationReplicaCount": 2,
            "storageAccountType": "StandardSSD_LRS",
        }
    ]
    status = az(*SHOW, "--expand", "ReplicationStatus")["replicationStatus"]
    assert [row["region"] for row in status["summary"]] == ["West Europe", "West US", "microsoftlosangeles1"]
    allowed = ("--allow-replicated-location-deletion", "true")
    left = az(*UPDATE, "--target-edge-zones", "None", *allowed)
    assert "targetExtendedLocations" not in left["publishingProfile"]
    assert len(targets(left)) == 2


def test_az_publishes_a_shallow_version(az: AzureCli, azure: Switchboard, parents: Paths) -> None:
    made = az(*CREATE, "--managed-image", IMAGE, "--replication-mode", "Shallow")
    assert made["publishingProfile"]["replicationMode"] == "Shallow"
    assert targets(made) == [("West Europe", 1, "Standard_LRS")]


# --- changes ----------------------------------------------------------------------------------------------------------


def test_az_adds_regions_and_removes_them_only_when_that_is_allowed(
    az: AzureCli, azure: Switchboard, parents: Paths
) -> None:
    azure.create([(parents.version, version("westeurope", "northeurope") | {"tags": {"build": "17"}})])
    more = ("--add", "publishingProfile.targetRegions", "name=eastus2", "regionalReplicaCount=2")
    added = az(*UPDATE, *more, "--set", "tags.team=images", "publishingProfile.excludeFromLatest=true")
    assert [name for name, *_ in targets(added)] == ["West Europe", "North Europe", "East US 2"]
    assert (added["tags"], added["publishingProfile"]["excludeFromLatest"]) == ({"build": "17", "team": "images"}, True)
    fewer = ("--remove", "publishingProfile.targetRegions", "1")
    assert "Missing locations: 'North Europe'" in az.refused(*UPDATE, *fewer)
    allowed = ("--allow-replicated-location-deletion", "true")
    assert targets(az(*UPDATE, *fewer, *allowed)) == [
        ("West Europe", 1, "Standard_LRS"),
        ("East US 2", 2, "Standard_LRS"),
    ]
    home = az(*UPDATE, "--target-regions", "westeurope=3=standard_lrs", *allowed)
    assert targets(home) == [("West Europe", 3, "Standard_LRS")]


def test_az_deletes_no_version_that_is_protected_until_its_end_of_life(
    az: AzureCli, azure: Switchboard, parents: Paths
) -> None:
    protected = ("--block-deletion-before-end-of-life", "true", "--end-of-life-date", "2099-12-31")
    made = az(*CREATE, "--managed-image", IMAGE, *protected, "--exclude-from-latest")
    assert made["safetyProfile"]["blockDeletionBeforeEndOfLife"] is True
    assert made["publishingProfile"]["endOfLifeDate"] == "2099-12-31T12:59:59Z"
    assert "(DeleteGalleryImageVersionBlockedBeforeEndOfLife)" in az.refused(*DELETE)
    az(*UPDATE, "--block-deletion-before-end-of-life", "false")
    az(*DELETE)
    assert azure.resource(parents.version) is None


@pytest.fixture
def recycled(azure: Switchboard, paths: Paths) -> Paths:
    """The paths of a version in a gallery with soft deletion."""
    policy: Json = {"isSoftDeleteEnabled": True, "retentionPeriodInDays": 10, "gracePeriodInDays": 3}
    azure.create([(paths.gallery, gallery(softDeletePolicy=policy)), (paths.definition, definition())])
    azure.create([(paths.version, version("westeurope", "northeurope"))])
    return paths


def test_az_brings_back_a_version_that_was_soft_deleted(az: AzureCli, azure: Switchboard, recycled: Paths) -> None:
    az(*DELETE)
    (deleted,) = az("sig", "image-version", "list-soft-deleted", *DEFINITION)
    assert (deleted["name"], deleted["resourceArmId"]) == ("1.0.0", recycled.version)
    assert deleted["softDeletedTime"] < deleted["consumptionEndTime"] < deleted["hardDeletionTargetTime"]
    assert "(CannotDeleteResource)" in az.refused("sig", "image-definition", "delete", *DEFINITION)
    restored = az("sig", "image-version", "undelete", *VERSION)
    assert [name for name, *_ in targets(restored)] == ["West Europe", "North Europe"]
    assert az("sig", "image-version", "list-soft-deleted", *DEFINITION) == []


def test_az_deletes_a_version_for_good(az: AzureCli, azure: Switchboard, recycled: Paths) -> None:
    az(*DELETE)
    az(*DELETE, "--bypass-soft-delete", "true")
    assert azure.soft_deleted(recycled.gallery) == []
    az("sig", "image-definition", "delete", *DEFINITION)
    assert az("sig", "image-definition", "list", "-g", GROUP, "-r", "shared") == []
