"""What a version is made from, held against what it is to become."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gallery_operator.api.source import Source
from gallery_operator.domain import encryption_sets, sources, vhds
from gallery_operator.domain.plan import JSON
from gallery_operator.domain.sources import Facts, Reference
from tests.unit.domain import build
from tests.unit.domain.build import GROUP_ID, HOME, arm_version, region

WANTED = Facts("Linux", "Generalized", "V2", "x64")
SNAPSHOT = Reference("source.disks.os.snapshot", "snapshot", f"{GROUP_ID}/snapshots/os")
IMAGE = Reference("source.managedImage", "image", f"{GROUP_ID}/images/web")
MACHINE = Reference("source.virtualMachine", "virtualMachine", f"{GROUP_ID}/virtualMachines/web")
VERSION = Reference("source.galleryImageVersion", "version", f"{GROUP_ID}/galleries/g/images/i/versions/1.0.0")
ACCOUNT = f"{GROUP_ID.replace('Compute', 'Storage')}/storageAccounts/vhds"


def source(**spec: Any) -> Source:
    return Source.model_validate(spec)


# --- what is named ---------------------------------------------------------------------------------------------------


def test_every_disk_of_a_source_is_named_that_of_the_system_first() -> None:
    disks = {
        "os": {"vhd": {"uri": "https://vhds.blob.core.windows.net/a/os.vhd", "storageAccountId": ACCOUNT}},
        "data": [{"lun": 3, "snapshot": {"id": "/s"}}, {"lun": 0, "managedDisk": {"id": "/d"}}],
    }
    found = sources.references(source(disks=disks), None)
    assert [(each.field, each.kind, each.id, each.os) for each in found] == [
        ("source.disks.os.vhd", "storageAccount", ACCOUNT, True),
        ("source.disks.data[3].snapshot", "snapshot", "/s", False),
        ("source.disks.data[0].managedDisk", "disk", "/d", False),
    ]
    assert found[0].uri == "https://vhds.blob.core.windows.net/a/os.vhd"


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        ({"managedImage": {"id": "/x"}}, "image"),
        ({"virtualMachine": {"id": "/x"}}, "virtualMachine"),
        ({"communityGalleryImage": {"id": "/x"}}, "communityVersion"),
        ({"galleryImageVersion": {"id": "/x"}}, "version"),
    ],
)
def test_a_source_that_is_a_whole_is_named_once(spec: JSON, kind: str) -> None:
    assert [(each.kind, each.id) for each in sources.references(source(**spec), None)] == [(kind, "/x")]


def test_a_reference_to_a_version_here_stands_for_its_id() -> None:
    spec = source(galleryImageVersion={"ref": "web"})
    assert [each.id for each in sources.references(spec, "/the/id")] == ["/the/id"]
    assert sources.references(spec, None) == []


# --- what is read ----------------------------------------------------------------------------------------------------


def test_a_managed_image_tells_its_system_its_disks_and_where_it_is() -> None:
    os_disk = {"osType": "Windows", "osState": "Generalized", "diskSizeGB": 127}
    data = [{"lun": 2, "diskSizeGB": 64}, {"lun": 5}]
    properties = {"hyperVGeneration": "V1", "storageProfile": {"osDisk": os_disk, "dataDisks": data}}
    found = sources.read(IMAGE, {"location": "West Europe", "properties": properties})
    assert found == Facts(
        "Windows", "Generalized", "V1", location="westeurope", sizes=(127, 64), luns=frozenset({2, 5})
    )


@pytest.mark.parametrize(
    ("view", "state"),
    [
        (None, None),
        ({"statuses": [{"code": "OSState/generalized"}]}, "Generalized"),
        ({"statuses": [{"code": "PowerState/deallocated"}, "odd"]}, "Specialized"),
    ],
)
def test_a_machine_tells_whether_it_is_generalized_only_in_its_instance_view(view: Any, state: str | None) -> None:
    assert sources.read(MACHINE, {"properties": {"instanceView": view}}).os_state == state


@pytest.mark.parametrize(
    ("profile", "told"),
    [
        ({"osDisk": {"diffDiskSettings": {"option": "Local"}}}, "ephemeral"),
        ({"osDisk": {"vhd": {"uri": "https://x"}}}, "unmanaged"),
        ({"dataDisks": [{"lun": 0, "managedDisk": {"storageAccountType": "UltraSSD_LRS"}}]}, "Ultra"),
    ],
)
def test_a_machine_that_azure_never_takes_is_an_obstacle(profile: JSON, told: str) -> None:
    found = sources.read(MACHINE, {"properties": {"storageProfile": profile}})
    refused = sources.misfit(MACHINE, found, WANTED, HOME, "Full")
    assert refused is not None
    assert told in refused.message


def test_of_a_data_disk_nothing_is_asked_that_concerns_a_system() -> None:
    body = {"properties": {"osType": "Windows", "hyperVGeneration": "V1", "diskSizeGB": 10}, "location": HOME}
    data = Reference("source.disks.data[0].snapshot", "snapshot", "/s", os=False)
    assert sources.misfit(data, sources.read(data, body), WANTED, HOME, "Full") is None
    assert sources.misfit(SNAPSHOT, sources.read(SNAPSHOT, body), WANTED, HOME, "Full") is not None


@pytest.mark.parametrize(
    "kind", ["image", "virtualMachine", "version", "communityVersion", "snapshot", "disk", "storageAccount"]
)
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"properties": None},
        {"properties": {"storageProfile": 3, "purchasePlan": "x"}},
        {"location": 7, "sku": [], "plan": 1},
    ],
)
def test_answers_that_make_no_sense_tell_nothing(kind: Any, body: JSON) -> None:
    reference = Reference("source", kind, "/x")
    found = sources.read(reference, body)
    assert sources.misfit(reference, found, WANTED, HOME, "Full") is None
    assert sources.misfit(reference, sources.of_version(body, body), WANTED, HOME, "Full") is None


def test_the_os_disk_of_a_machine_tells_generation_and_architecture() -> None:
    profile = {"osDisk": {"osType": "Linux", "managedDisk": {"id": "/disks/os"}}}
    machine: JSON = {"location": HOME, "properties": {"storageProfile": profile}}
    disk: JSON = {"properties": {"hyperVGeneration": "V1", "supportedCapabilities": {"architecture": "Arm64"}}}

    found = sources.read(MACHINE, machine)

    assert sources.os_disk(machine) == "/disks/os"
    assert sources.with_os_disk(found, disk) == replace(found, generation="V1", architecture="Arm64")
    assert sources.with_os_disk(found, {}) == found, "it must not be read"


@pytest.mark.parametrize("profile", [None, {}, {"osDisk": {"vhd": {"uri": "x"}}}, {"osDisk": {"managedDisk": 7}}])
def test_a_machine_without_a_managed_os_disk_has_none_to_ask(profile: Any) -> None:
    assert sources.os_disk({"properties": {"storageProfile": profile}}) is None


# --- whether it fits -------------------------------------------------------------------------------------------------


def test_a_source_that_fits_is_not_refused_whatever_the_case() -> None:
    fits = Facts("LINUX", "generalized", "v2", "X64", location=HOME, sizes=(30, 2048))
    assert sources.misfit(IMAGE, fits, WANTED, HOME, "Full") is None


@pytest.mark.parametrize(
    ("found", "field"),
    [
        (Facts(os_type="Windows"), "osType"),
        (Facts(os_state="Specialized"), "osState"),
        (Facts(generation="V1"), "hyperVGeneration"),
        (Facts(architecture="Arm64"), "architecture"),
    ],
)
def test_a_difference_names_the_field_both_values_and_the_mend(found: Facts, field: str) -> None:
    refused = sources.misfit(IMAGE, found, WANTED, HOME, "Full")
    assert refused is not None
    assert refused.reason == "SourceDiffers"
    value = next(each for each in (found.os_type, found.os_state, found.generation, found.architecture) if each)
    assert f"its {field} is {value}, the image definition's is" in refused.message
    assert f"publish it into an image definition with {field} {value}" in refused.message
    assert IMAGE.id in refused.message


PLAN = ("canonical", "ubuntu-pro", "pro")


@pytest.mark.parametrize(
    ("found", "asked", "fits"),
    [
        (None, None, True),
        (None, PLAN, True),
        (PLAN, None, False),
        (PLAN, PLAN, True),
        (PLAN, ("Canonical", "Ubuntu-Pro", "PRO"), True),
        (PLAN, ("", "", "pro"), True),
        (PLAN, ("", "", "lite"), False),
    ],
)
def test_a_purchase_plan_of_the_source_must_be_the_definitions(found: Any, asked: Any, *, fits: bool) -> None:
    refused = sources.misfit(IMAGE, Facts(plan=found), Facts(plan=asked), HOME, "Full")
    assert (refused is None) == fits


def test_what_an_object_and_what_azure_asks_of_a_source_is_the_same() -> None:
    spec = build.definition(purchasePlan={"name": "pro", "publisher": "canonical", "product": "ubuntu-pro"}).spec
    plan = {"name": "pro", "publisher": "canonical", "product": "ubuntu-pro"}
    assert sources.of_definition(spec) == sources.of_body(build.arm_definition(purchasePlan=plan))


@pytest.mark.parametrize(
    ("mode", "size", "fits"),
    [("Full", 2048, True), ("Full", 2049, False), ("Shallow", 32768, True), ("Shallow", 40000, False)],
)
def test_a_disk_has_a_largest_size_in_each_mode(mode: str, size: int, *, fits: bool) -> None:
    refused = sources.misfit(SNAPSHOT, Facts(sizes=(8, size)), WANTED, HOME, mode)
    assert (refused is None) == fits
    if refused is not None:
        assert f"{size} GB" in refused.message


# --- other versions --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "replication", "told"),
    [
        ("Succeeded", {"West Europe": ("Completed", 100)}, None),
        ("Updating", {"West Europe": ("Completed", 100)}, None),
        ("Creating", {"West Europe": ("Completed", 100)}, None),
        ("Succeeded", None, None),
        ("Creating", None, "is Creating"),
        ("Failed", {"West Europe": ("Completed", 100)}, "is Failed"),
        ("Deleting", {"West Europe": ("Completed", 100)}, "is Deleting"),
        ("Creating", {"West Europe": ("Replicating", 40)}, "is not replicated to westeurope yet (Replicating, 40 %)"),
    ],
)
def test_another_version_must_be_complete_in_the_home_region(state: str, replication: Any, told: str | None) -> None:
    wait = sources.not_ready(VERSION, arm_version(state=state, replication=replication), HOME)
    assert (wait is None) == (told is None)
    if wait is not None and told is not None:
        assert wait.reason == "SourceNotReady"
        assert wait.message.endswith(told)


def test_another_version_that_does_not_go_to_the_home_region_is_told_so() -> None:
    wait = sources.not_ready(VERSION, arm_version(regions=[region("East US 2")]), HOME)
    assert wait is not None
    assert "add westeurope to its target regions" in wait.message


def test_an_encrypted_version_of_another_subscription_is_an_obstacle() -> None:
    body = arm_version(regions=[region(encryption={"osDiskImage": {"diskEncryptionSetId": "/des"}})])
    assert sources.of_version(body, {}).obstacles == ()
    assert "another subscription" in sources.of_version(body, {}, foreign=True).obstacles[0]


# --- VHDs ------------------------------------------------------------------------------------------------------------


def vhd(uri: str) -> Reference:
    return Reference("source.disks.os.vhd", "storageAccount", ACCOUNT, uri=uri)


def account(host: str) -> JSON:
    return {"properties": {"primaryEndpoints": {"blob": f"https://{host}/"}}}


OURS = "vhds.blob.core.windows.net"


@pytest.mark.parametrize(
    ("uri", "cloud", "endpoint", "reason"),
    [
        (f"https://{OURS}/a/os.vhd", "Public", OURS, None),
        (f"https://{OURS}/a/os.vhd", "Public", None, None),
        ("https://VHDS.blob.core.windows.net/a/os.vhd", "Public", OURS, None),
        ("https://vhds.z12.blob.storage.azure.net/a/os.vhd", "Public", "vhds.z12.blob.storage.azure.net", None),
        ("https://vhds.blob.core.chinacloudapi.cn/a/os.vhd", "China", None, None),
        (f"https://{OURS}/a/os.vhd", "Explicit", OURS, None),
        (f"https://{OURS}/a/os.vhd", "Explicit", None, None),
        ("https://vhds.blob.local.example/a/os.vhd", "Explicit", "vhds.blob.local.example", None),
        ("https://vhds.blob.core.chinacloudapi.cn/a/os.vhd", "Public", None, "SourceInAnotherCloud"),
        ("https://vhds.blob.core.usgovcloudapi.net/a/os.vhd", "Public", OURS, "SourceInAnotherCloud"),
        ("https://vhds.blob.core.cloudapi.de/a/os.vhd", "Public", OURS, "SourceInAnotherCloud"),
        (f"https://{OURS}/a/os.vhd", "USGovernment", None, "SourceInAnotherCloud"),
        ("https://vhds.blob.core.usgovcloudapi.net/a/os.vhd", "Explicit", OURS, "SourceInAnotherCloud"),
        ("https://other.blob.core.windows.net/a/os.vhd", "Public", OURS, "SourceDiffers"),
        ("https://vhds.example.com/a/os.vhd", "Public", OURS, "SourceDiffers"),
        ("https://[oops/a/os.vhd", "Public", OURS, "SourceDiffers"),
    ],
)
def test_a_vhd_is_in_this_cloud_and_in_its_account(
    uri: str, cloud: str, endpoint: str | None, reason: str | None
) -> None:
    refused = vhds.refusal(vhd(uri), cloud, account(endpoint) if endpoint else None)
    assert (refused.reason if refused else None) == reason


# --- encryption sets -------------------------------------------------------------------------------------------------


def encrypted(name: str, set_id: str, *luns: int, secure: str | None = None) -> JSON:
    profile = {"securityProfile": {"secureVMDiskEncryptionSetId": secure}} if secure else {}
    disks = [{"lun": lun, "diskEncryptionSetId": set_id} for lun in luns]
    return region(name, encryption={"osDiskImage": {"diskEncryptionSetId": set_id, **profile}, "dataDiskImages": disks})


def version_body(*regions: JSON) -> JSON:
    return {"properties": {"publishingProfile": {"targetRegions": list(regions)}}}


SET = f"{GROUP_ID}/diskEncryptionSets/a"


def test_each_set_is_named_once_per_region_and_not_for_regions_that_exist() -> None:
    body = version_body(encrypted("westeurope", SET, 0, 1, secure=f"{SET}-cvm"), encrypted("eastus2", SET))
    found = encryption_sets.named(body, None)
    assert [(each.id, each.region, each.confidential) for each in found] == [
        (SET, "westeurope", False),
        (f"{SET}-cvm", "westeurope", True),
        (SET, "eastus2", False),
    ]
    observed = version_body(encrypted("West Europe", SET))
    assert [each.region for each in encryption_sets.named(body, observed)] == ["eastus2"]


def test_a_set_must_be_in_the_versions_subscription_whatever_the_case() -> None:
    named = encryption_sets.named(version_body(encrypted("westeurope", SET)), None)
    assert encryption_sets.foreign(named, named[0].subscription.upper()) is None
    refused = encryption_sets.foreign(named, "another")
    assert refused is not None
    assert "targetRegions[westeurope].encryption.osDisk.diskEncryptionSetId" in refused.message


def test_a_set_in_one_region_needs_one_in_every_region() -> None:
    keyed, plain = encrypted("West Europe", SET), region("East US 2")
    by_azure = region(
        "East US 2", encryption={"osDiskImage": {"securityProfile": {"confidentialVMEncryptionType": "x"}}}
    )
    for without in (plain, by_azure):
        for observed in (None, version_body(keyed), version_body(without)):
            refused = encryption_sets.uneven(version_body(keyed, without), observed)
            assert refused is not None
            assert "there is one in westeurope, and none in eastus2" in refused.message
    for even in ((keyed,), (plain, by_azure), (keyed, encrypted("eastus2", SET))):
        assert encryption_sets.uneven(version_body(*even), None) is None
    there = version_body(keyed, plain)
    assert encryption_sets.uneven(version_body(keyed, plain, encrypted("japaneast", SET)), there) is None


@pytest.mark.parametrize(
    ("body", "confidential", "told"),
    [
        ({"location": "West Europe"}, False, None),
        ({}, True, None),
        ({"location": "eastus2"}, False, "is in eastus2: use one in westeurope"),
        ({"properties": {"encryptionType": "EncryptionAtRestWithCustomerKey"}}, True, "encryption type"),
        ({"properties": {"encryptionType": "ConfidentialVmEncryptedWithCustomerKey"}}, True, None),
    ],
)
def test_a_set_must_be_in_its_region_and_for_its_purpose(body: JSON, told: str | None, *, confidential: bool) -> None:
    reference = encryption_sets.SetReference("f", SET, HOME, confidential)
    refused = encryption_sets.misfit(reference, body)
    assert (refused is None) == (told is None)
    if refused is not None and told is not None:
        assert told in refused.message


def test_disks_that_are_encrypted_must_be_there() -> None:
    body = version_body(encrypted("westeurope", SET, 0, 7))
    assert encryption_sets.unknown_luns(body, frozenset({0, 7, 9})) is None
    refused = encryption_sets.unknown_luns(body, frozenset({0}))
    assert refused is not None
    assert "no data disk at LUN 7 (it has: 0)" in refused.message
