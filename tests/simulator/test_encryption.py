"""Encryption of versions with customer-managed keys, per region."""

from __future__ import annotations

from typing import Any

import pytest
from azure.mgmt.compute import models

from dev.azure_simulator import Switchboard, source_id
from dev.azure_simulator.seeds import SECOND_SUBSCRIPTION_ID
from tests.simulator.conftest import Paths
from tests.simulator.support import GROUP, Http, Json, changed, message, refusal, version

Client = Any
HOME = "properties.publishingProfile.targetRegions.0.encryption"
DATA_IMAGE = {"source": {"id": source_id("Microsoft.Compute/images", "ubuntu-2404-data")}}


def des(name: str, **more: str) -> str:
    return source_id("Microsoft.Compute/diskEncryptionSets", name, **more)


def encrypted(*regions: str, luns: tuple[int, ...] = ()) -> Json:
    """Return a version whose disks are encrypted in each region by a set of that region."""
    body = version(*regions, source=DATA_IMAGE)
    for target in body["properties"]["publishingProfile"]["targetRegions"]:
        set_id = des(f"des-{target['name']}")
        data = [{"lun": lun, "diskEncryptionSetId": set_id} for lun in luns]
        target["encryption"] = {"osDiskImage": {"diskEncryptionSetId": set_id}, "dataDiskImages": data}
    return body


def confidential(kind: str, secure: str | None = None) -> Json:
    profile = {"confidentialVMEncryptionType": kind}
    if secure:
        profile["secureVMDiskEncryptionSetId"] = secure
    return changed(version(), HOME, {"osDiskImage": {"securityProfile": profile}})


def test_the_sdk_reads_back_the_encryption_of_every_region(client: Client, parents: Paths) -> None:
    body = models.GalleryImageVersion(encrypted("westeurope", "northeurope", luns=(0, 1)))
    names = (GROUP, "shared", "ubuntu", "1.0.0")
    client.gallery_image_versions.begin_create_or_update(*names, body, polling=False)
    targets = client.gallery_image_versions.get(*names).properties.publishing_profile.target_regions
    assert [target.encryption.os_disk_image.disk_encryption_set_id for target in targets] == [
        des("des-westeurope"),
        des("des-northeurope"),
    ]
    assert [[disk.lun for disk in target.encryption.data_disk_images] for target in targets] == [[0, 1], [0, 1]]
    shown = client.disk_encryption_sets.get("sources-rg", "des-westeurope")
    assert shown.properties.encryption_type == "EncryptionAtRestWithCustomerKey"


@pytest.mark.parametrize(
    ("set_id", "text"),
    [
        (des("des-northeurope"), "is not found in region 'West Europe'."),
        (des("none"), "is not found in region 'West Europe'."),
        (des("des-second", subscription=SECOND_SUBSCRIPTION_ID), "must be in the same subscription as the gallery"),
        (source_id("Microsoft.Compute/images", "ubuntu-2404-20261101"), "Expect fully qualified resource Id."),
        ("des-westeurope", "Expect fully qualified resource Id."),
    ],
)
def test_a_disk_encryption_set_must_be_there_in_the_region(http: Http, parents: Paths, set_id: str, text: str) -> None:
    answer = http.put(
        parents.version, changed(encrypted("westeurope"), f"{HOME}.osDiskImage.diskEncryptionSetId", set_id)
    )
    assert refusal(answer) == (400, "InvalidParameter")
    assert text in message(answer)


def test_a_set_in_one_region_needs_one_in_all(http: Http, parents: Paths) -> None:
    body = encrypted("westeurope", "northeurope", luns=(0,))
    for path in ("encryption", "encryption.osDiskImage", "encryption.dataDiskImages"):
        partly = changed(body, f"properties.publishingProfile.targetRegions.1.{path}", {} if "data" not in path else [])
        answer = http.put(parents.version, partly)
        assert refusal(answer) == (400, "InvalidParameter")
        assert "must be provided in all target regions" in message(answer)
        assert "North Europe" in message(answer)
    assert http.put(parents.version, body).status_code == 201


def test_an_added_region_needs_its_set_too(azure: Switchboard, http: Http, parents: Paths) -> None:
    azure.create([(parents.version, encrypted("westeurope"))])
    unencrypted = version("westeurope", "northeurope", source=DATA_IMAGE)
    assert "must be provided in all target regions" in message(http.put(parents.version, unencrypted))
    assert http.put(parents.version, encrypted("westeurope", "northeurope")).status_code == 200


def test_luns_must_be_those_of_the_source_and_occur_once(http: Http, parents: Paths) -> None:
    assert "The lun '7'" in message(http.put(parents.version, encrypted("westeurope", luns=(0, 7))))
    assert "duplicate lun '1'" in message(http.put(parents.version, encrypted("westeurope", luns=(1, 1))))


def test_encryption_and_shallow_replication_exclude_each_other(http: Http, parents: Paths) -> None:
    body = changed(encrypted("westeurope"), "properties.publishingProfile.replicationMode", "Shallow")
    assert "not allowed with shallow replication" in message(http.put(parents.version, body))


@pytest.mark.parametrize("kind", ["EncryptedVMGuestStateOnlyWithPmk", "EncryptedWithPmk", "NonPersistedTPM"])
def test_confidential_encryption_with_platform_keys_needs_no_set(http: Http, parents: Paths, kind: str) -> None:
    answer = http.put(parents.version, confidential(kind))
    assert answer.status_code == 201, answer.text
    (target,) = answer.json()["properties"]["publishingProfile"]["targetRegions"]
    assert target["encryption"]["osDiskImage"]["securityProfile"] == {"confidentialVMEncryptionType": kind}


def test_confidential_encryption_with_own_keys_needs_a_set_for_it(http: Http, parents: Paths) -> None:
    without = http.put(parents.version, confidential("EncryptedWithCmk"))
    assert "needs a secure VM disk encryption set" in message(without)
    wrong = http.put(parents.version, confidential("EncryptedWithCmk", des("des-westeurope")))
    assert "is not one for confidential virtual machines" in message(wrong)
    right = http.put(parents.version, confidential("EncryptedWithCmk", des("cvm-westeurope")))
    assert right.status_code == 201, right.text


def test_an_encrypted_version_is_no_source_for_another_subscription(
    azure: Switchboard, http: Http, parents: Paths
) -> None:
    azure.create([(parents.version, encrypted("westeurope"))])
    there = parents.gallery.replace(http.subscription, f"/subscriptions/{SECOND_SUBSCRIPTION_ID}")
    image = f"{there}/images/ubuntu"
    parents_there = [(there, http.get(parents.gallery).json()), (image, http.get(parents.definition).json())]
    azure.create([(path, {name: body[name] for name in ("location", "properties")}) for path, body in parents_there])
    copied = version(source={"source": {"id": parents.version}})
    answer = http.put(f"{image}/versions/1.0.0", copied)
    assert "is encrypted with customer-managed keys" in message(answer)
    assert http.put(f"{parents.versions}/2.0.0", copied).status_code == 201
