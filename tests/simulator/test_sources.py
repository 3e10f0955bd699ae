"""What versions are published from: how sources are read, which ones are refused, one build at a time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from dev.azure_simulator import Blob, FailRegion, Source, Switchboard, community_id, source_id
from dev.azure_simulator.seeds import COMMUNITY_GALLERY, SECOND_SUBSCRIPTION_ID
from tests.simulator.conftest import Paths
from tests.simulator.support import IMAGE, Http, Json, changed, definition, version

HOUR = timedelta(hours=1)
ACCOUNT = source_id("Microsoft.Storage/storageAccounts", "simulatedvhds")
VHDS = "https://simulatedvhds.blob.core.windows.net/vhds"


def compute(kind: str, name: str, **more: str) -> str:
    return source_id(f"Microsoft.Compute/{kind}", name, **more)


def machine(name: str) -> Json:
    return {"source": {"virtualMachineId": compute("virtualMachines", name)}}


def disks(os_source: Json, *data: Json, caching: str = "ReadWrite") -> Json:
    images = [{"lun": lun, "source": source, "hostCaching": "ReadOnly"} for lun, source in enumerate(data, start=3)]
    return {"osDiskImage": {"source": os_source, "hostCaching": caching}, "dataDiskImages": images}


def blob(name: str, account: str = ACCOUNT) -> Json:
    return {"uri": f"{VHDS}/{name}", "storageAccountId": account}


def properties(http: Http, path: str, **query: str) -> Json:
    answer = http.get(path, **query)
    assert answer.status_code == 200, answer.text
    body: Json = answer.json()
    return dict(body["properties"])


def refusal(http: Http, parents: Paths, source: Json) -> str:
    answer = http.put(parents.version, version(source=source))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidParameter"), answer.text
    return str(answer.json()["error"]["message"])


# --- reading them -----------------------------------------------------------------------------------------------------


def test_an_image_shows_generation_os_and_data_disks(http: Http) -> None:
    shown = properties(http, compute("images", "ubuntu-2404-data"))
    assert shown["hyperVGeneration"] == "V2"
    os_disk = shown["storageProfile"]["osDisk"]
    assert (os_disk["osType"], os_disk["osState"]) == ("Linux", "Generalized")
    assert [(disk["lun"], disk["diskSizeGB"]) for disk in shown["storageProfile"]["dataDisks"]] == [(0, 64), (1, 128)]


@pytest.mark.parametrize("kind", ["snapshots", "disks"])
def test_disks_show_architecture_and_purchase_plan_and_data_disks_no_os(http: Http, kind: str) -> None:
    shown = properties(http, compute(kind, "ubuntu-os-arm64"))
    assert shown["supportedCapabilities"] == {"architecture": "Arm64", "diskControllerTypes": "SCSI, NVMe"}
    assert (shown["osType"], shown["hyperVGeneration"], shown["diskSizeGB"]) == ("Linux", "V2", 30)
    plan = {"name": "pro", "publisher": "simulated", "product": "ubuntu-pro"}
    assert properties(http, compute(kind, "ubuntu-os-plan"))["purchasePlan"] == plan
    assert "osType" not in properties(http, compute(kind, "ubuntu-data"))


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("ubuntu-generalized", ["ProvisioningState/succeeded", "OSState/generalized", "PowerState/deallocated"]),
        ("ubuntu-specialized", ["ProvisioningState/succeeded", "PowerState/deallocated"]),
    ],
)
def test_a_machine_tells_whether_it_is_generalized_in_its_instance_view(
    http: Http, name: str, codes: list[str]
) -> None:
    path = compute("virtualMachines", name)
    assert "instanceView" not in properties(http, path)
    statuses = properties(http, path, expand="instanceView")["instanceView"]["statuses"]
    assert [status["code"] for status in statuses] == codes


def test_machines_show_what_stands_against_publishing_from_them(http: Http) -> None:
    ephemeral = properties(http, compute("virtualMachines", "ubuntu-ephemeral"))["storageProfile"]["osDisk"]
    unmanaged = properties(http, compute("virtualMachines", "ubuntu-unmanaged"))["storageProfile"]["osDisk"]
    ultra = properties(http, compute("virtualMachines", "ubuntu-ultra"))
    assert ephemeral["diffDiskSettings"] == {"option": "Local"}
    assert unmanaged["vhd"]["uri"].startswith("https://")
    assert "managedDisk" not in unmanaged
    assert ultra["storageProfile"]["dataDisks"][0]["managedDisk"] == {"storageAccountType": "UltraSSD_LRS"}
    plan = {"name": "pro", "publisher": "simulated", "product": "ubuntu-pro"}
    assert http.get(compute("virtualMachines", "ubuntu-plan")).json()["plan"] == plan


def test_a_storage_account_shows_its_blob_endpoint(http: Http) -> None:
    endpoint = properties(http, ACCOUNT)["primaryEndpoints"]["blob"]
    assert endpoint == "https://simulatedvhds.blob.core.windows.net/"


def test_a_disk_encryption_set_shows_what_it_is_for(http: Http) -> None:
    usual = properties(http, compute("diskEncryptionSets", "des-eastus2"))
    confidential = properties(http, compute("diskEncryptionSets", "cvm-eastus2"))
    assert usual["encryptionType"] == "EncryptionAtRestWithCustomerKey"
    assert confidential["encryptionType"] == "ConfidentialVmEncryptedWithCustomerKey"


# --- publishing from them ---------------------------------------------------------------------------------------------


def test_a_version_brings_the_data_disks_of_its_machine(azure: Switchboard, http: Http, parents: Paths) -> None:
    assert http.put(parents.version, version(source=machine("ubuntu-data"))).status_code == 201
    azure.advance(HOUR)
    shown = properties(http, parents.version)["storageProfile"]
    assert [(disk["lun"], disk["sizeInGB"]) for disk in shown["dataDiskImages"]] == [(0, 64), (1, 128)]
    assert shown["osDiskImage"]["sizeInGB"] == 30


def test_snapshots_disks_and_blobs_may_be_mixed(azure: Switchboard, http: Http, parents: Paths) -> None:
    snapshot, disk = {"id": compute("snapshots", "ubuntu-data")}, {"id": compute("disks", "ubuntu-data")}
    source = disks(blob("os.vhd"), snapshot, disk, blob("data.vhd"), caching="ReadOnly")
    assert http.put(parents.version, version(source=source)).status_code == 201
    azure.advance(HOUR)
    shown = properties(http, parents.version)["storageProfile"]
    assert shown["osDiskImage"] == {"source": blob("os.vhd"), "hostCaching": "ReadOnly", "sizeInGB": 30}
    assert [disk["lun"] for disk in shown["dataDiskImages"]] == [3, 4, 5]
    assert [disk["sizeInGB"] for disk in shown["dataDiskImages"]] == [64, 64, 64]
    assert {disk["hostCaching"] for disk in shown["dataDiskImages"]} == {"ReadOnly"}
    assert shown["dataDiskImages"][2]["source"] == blob("data.vhd")


@pytest.mark.parametrize(
    ("os_disk", "text"),
    [
        (blob("none.vhd"), f"Source {VHDS}/none.vhd is not found."),
        (blob("os.vhd", account=ACCOUNT.replace("simulatedvhds", "none")), "is not found."),
        ({"uri": f"{VHDS}/os.vhd".replace("https", "http"), "storageAccountId": ACCOUNT}, "is not an https URL in the"),
        ({"uri": "https://elsewhere.example/vhds/os.vhd", "storageAccountId": ACCOUNT}, "is not an https URL in the"),
        ({"uri": f"{VHDS}/os.vhd"}, "Expect fully qualified resource Id"),
    ],
)
def test_a_blob_must_exist_in_the_account_that_is_named(http: Http, parents: Paths, os_disk: Json, text: str) -> None:
    assert text in refusal(http, parents, disks(os_disk))


def test_an_uploaded_vhd_can_be_published_from(azure: Switchboard, http: Http, parents: Paths) -> None:
    account = source_id("Microsoft.Storage/storageAccounts", "uploads")
    azure.add_source(Source(id=account, location="westeurope", blobs=(Blob(name="up/mine.vhd", sizeGB=12),)))
    source = {"uri": "https://uploads.blob.core.windows.net/up/mine.vhd", "storageAccountId": account}
    assert http.put(parents.version, version(source=disks(source))).status_code == 201


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ubuntu-ephemeral", "ephemeral OS disks are not allowed"),
        ("ubuntu-ultra", "UltraSSD disks are not allowed"),
        ("ubuntu-unmanaged", "unmanaged disks are not allowed"),
        ("ubuntu-arm64", "since the Architecture in the parent gallery image (x64) is not Arm64."),
        ("ubuntu-plan", "since the Purchase Plan in the parent gallery image (none) is not simulated/ubuntu-pro/pro."),
    ],
)
def test_a_machine_that_does_not_fit_is_refused(http: Http, parents: Paths, name: str, text: str) -> None:
    assert text in refusal(http, parents, machine(name))


def test_architecture_and_plan_fit_a_definition_that_has_them(azure: Switchboard, http: Http, parents: Paths) -> None:
    plan = {"name": "pro", "publisher": "simulated", "product": "ubuntu-pro"}
    bodies = {"arm": definition(architecture="Arm64"), "plan": definition(purchasePlan=plan)}
    for name, body in bodies.items():
        azure.create([(f"{parents.gallery}/images/{name}", changed(body, "properties.identifier.sku", name))])
    arm = disks({"id": compute("snapshots", "ubuntu-os-arm64")})
    assert http.put(f"{parents.gallery}/images/arm/versions/1.0.0", version(source=arm)).status_code == 201
    with_plan = version(source=machine("ubuntu-plan"))
    assert http.put(f"{parents.gallery}/images/plan/versions/1.0.0", with_plan).status_code == 201


def test_an_ultra_disk_is_refused(http: Http, parents: Paths) -> None:
    source = disks({"id": compute("disks", "ubuntu-os")}, {"id": compute("disks", "ubuntu-data-ultra")})
    assert "UltraSSD disks are not allowed" in refusal(http, parents, source)


def test_sources_may_be_in_another_subscription_of_the_tenant(http: Http, parents: Paths) -> None:
    image = compute("images", "ubuntu-2404-second", subscription=SECOND_SUBSCRIPTION_ID)
    assert http.put(parents.version, version(source={"source": {"id": image}})).status_code == 201


def test_a_version_of_another_gallery_and_subscription_is_a_source(
    azure: Switchboard, http: Http, parents: Paths
) -> None:
    there = parents.gallery.replace(http.subscription, f"/subscriptions/{SECOND_SUBSCRIPTION_ID}")
    elsewhere = f"{there.rpartition('/')[0]}/other"
    image = f"{elsewhere}/images/ubuntu"
    azure.create([(elsewhere, {"location": "westeurope", "properties": {}}), (image, definition())])
    azure.create([(f"{image}/versions/1.0.0", version(source=machine("ubuntu-data")))])
    copied = version(source={"source": {"id": f"{image}/versions/1.0.0"}})
    assert http.put(parents.version, copied).status_code == 201
    azure.advance(HOUR)
    assert len(properties(http, parents.version)["storageProfile"]["dataDiskImages"]) == 2


# --- community galleries ----------------------------------------------------------------------------------------------


def located(http: Http, path: str, location: str = "westeurope") -> str:
    return f"{http.subscription}/providers/Microsoft.Compute/locations/{location}{path}"


def test_a_community_image_is_read_by_its_public_name_and_published_from(
    azure: Switchboard, http: Http, parents: Paths
) -> None:
    public = community_id("ubuntu-2404", "1.0.0")
    shown = http.get(located(http, public)).json()
    assert shown["identifier"] == {"uniqueId": public}
    assert shown["properties"]["storageProfile"]["osDiskImage"]["diskSizeGB"] == 30
    image = properties(http, located(http, public.rpartition("/Versions/")[0]))
    assert (image["osState"], image["hyperVGeneration"], image["architecture"]) == ("Generalized", "V2", "x64")
    assert http.get(located(http, public, "eastus2")).status_code == 404
    assert http.get(located(http, public.replace("1.0.0", "9.9.9"))).status_code == 404
    source = {"source": {"communityGalleryImageId": public}}
    assert http.put(parents.version, version(source=source)).status_code == 201
    azure.advance(HOUR)
    assert properties(http, parents.version)["provisioningState"] == "Succeeded"


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        (community_id("ubuntu-2404", "9.9.9"), "is not found. Please check source exists"),
        (IMAGE, "Expect fully qualified resource Id"),
    ],
)
def test_a_community_image_must_exist_by_that_name(http: Http, parents: Paths, wanted: str, text: str) -> None:
    assert text in refusal(http, parents, {"source": {"communityGalleryImageId": wanted}})


def community_gallery(location: str = "westeurope") -> Json:
    info = {"publisherUri": "https://example.com", "publisherContact": "a@example.com"}
    info |= {"eula": "https://example.com/eula", "publicNamePrefix": "example"}
    profile = {"permissions": "Community", "communityGalleryInfo": info}
    return {"location": location, "properties": {"sharingProfile": profile}}


def test_what_is_shared_with_everybody_here_is_a_source_by_its_public_name(
    azure: Switchboard, http: Http, client: Any, parents: Paths
) -> None:
    shared = f"{http.galleries}/public"
    azure.create([(shared, community_gallery()), (f"{shared}/images/ubuntu", definition())])
    azure.create([(f"{shared}/images/ubuntu/versions/1.0.0", version(source=machine("ubuntu-data")))])
    (name,) = properties(http, shared)["sharingProfile"]["communityGalleryInfo"]["publicNames"]
    public = f"/CommunityGalleries/{name}/Images/ubuntu/Versions/1.0.0"
    assert "is not found" in refusal(http, parents, {"source": {"communityGalleryImageId": public}})
    assert http.send("POST", f"{shared}/share", {"operationType": "EnableCommunity"}).status_code == 202
    azure.advance(HOUR)
    shown = client.community_gallery_image_versions.get("westeurope", name, "ubuntu", "1.0.0")
    assert shown.identifier.unique_id == public
    assert [disk.lun for disk in shown.properties.storage_profile.data_disk_images] == [0, 1]
    image = client.community_gallery_images.get("westeurope", name, "ubuntu")
    assert (image.properties.os_state, image.properties.identifier.sku) == ("Generalized", "ubuntu")
    source = {"source": {"communityGalleryImageId": public.replace("CommunityGalleries", "communityGalleries")}}
    assert http.put(parents.version, version(source=source)).status_code == 201


def test_the_sdk_lists_what_community_galleries_offer_in_a_region(
    azure: Switchboard, http: Http, client: Any, paths: Paths
) -> None:
    azure.create([(paths.gallery, community_gallery()), (paths.definition, definition())])
    azure.create([(paths.version, version()), (f"{paths.versions}/1.1.0", version())])
    assert http.send("POST", f"{paths.gallery}/share", {"operationType": "EnableCommunity"}).status_code == 202
    (ours,) = properties(http, paths.gallery)["sharingProfile"]["communityGalleryInfo"]["publicNames"]
    for name, image, contact in ((ours, "ubuntu", "a@"), (COMMUNITY_GALLERY, "ubuntu-2404", "images@")):
        shown = client.community_galleries.get("westeurope", name)
        assert shown.identifier.unique_id == f"/CommunityGalleries/{name}"
        assert shown.properties.community_metadata.public_names == [name]
        assert shown.properties.community_metadata.publisher_contact == f"{contact}example.com"
        assert [each.name for each in client.community_gallery_images.list("westeurope", name)] == [image]
        listed = client.community_gallery_image_versions.list("westeurope", name, image)
        assert [each.name for each in listed] == ["1.0.0", "1.1.0"]
        assert http.get(located(http, f"/communityGalleries/{name}/images", "eastus2")).status_code == 404


def test_a_community_gallery_takes_versions_of_its_own_region_without_encryption(
    azure: Switchboard, http: Http
) -> None:
    image = f"{http.galleries}/public/images/ubuntu"
    beside = definition() | {"location": "eastus2"}
    azure.create([(f"{http.galleries}/public", community_gallery("eastus2")), (image, beside)])
    elsewhere = http.put(f"{image}/versions/1.0.0", version())
    assert elsewhere.json()["error"]["message"].endswith("must be in its region 'eastus2'.")
    disk_set = {"osDiskImage": {"diskEncryptionSetId": compute("diskEncryptionSets", "des-eastus2")}}
    body = version("eastus2", source={"source": {"id": compute("images", "ubuntu-2404-eastus2")}})
    there = {**body, "location": "eastus2"}
    encrypted = changed(there, "properties.publishingProfile.targetRegions.0.encryption", disk_set)
    refused = http.put(f"{image}/versions/1.0.0", encrypted).json()["error"]["message"]
    assert "not allowed in a gallery with permissions 'Community'" in refused
    assert http.put(f"{image}/versions/1.0.0", there).status_code == 201


def test_the_sdk_reads_sources_as_they_are(client: Any) -> None:
    snapshot = client.snapshots.get("sources-rg", "ubuntu-os-arm64").properties
    assert (snapshot.supported_capabilities.architecture, snapshot.hyper_v_generation) == ("Arm64", "V2")
    plan = client.disks.get("sources-rg", "ubuntu-os-plan").properties.purchase_plan
    assert (plan.publisher, plan.product, plan.name) == ("simulated", "ubuntu-pro", "pro")
    vm = client.virtual_machines.get("sources-rg", "ubuntu-generalized", expand="instanceView")
    assert "OSState/generalized" in [status.code for status in vm.properties.instance_view.statuses]
    seeded = client.community_gallery_image_versions.get("westeurope", COMMUNITY_GALLERY, "ubuntu-2404", "1.1.0")
    assert seeded.properties.storage_profile.os_disk_image.disk_size_gb == 30


# --- one build at a time ----------------------------------------------------------------------------------------------


def state(http: Http, path: str) -> str:
    return str(properties(http, path)["provisioningState"])


def test_a_second_version_from_an_image_fails_while_the_first_is_built(
    azure: Switchboard, http: Http, parents: Paths
) -> None:
    first, second, third = (f"{parents.versions}/1.0.{patch}" for patch in range(3))
    assert http.put(first, version("westeurope", "eastus2")).status_code == 201
    accepted = http.put(second, changed(version(), "properties.storageProfile.source.id", IMAGE.upper()))
    assert (accepted.status_code, state(http, second)) == (201, "Creating")
    azure.advance(HOUR)
    assert (state(http, first), state(http, second)) == ("Succeeded", "Failed")
    error = http.get(accepted.headers["Azure-AsyncOperation"]).json()["error"]
    assert "Too many requests on source" in error["message"]
    assert http.put(third, version()).status_code == 201
    azure.advance(HOUR)
    assert state(http, third) == "Succeeded"


def test_a_build_that_failed_for_another_one_succeeds_when_it_is_repeated(
    azure: Switchboard, http: Http, parents: Paths
) -> None:
    first, second = (f"{parents.versions}/1.0.{patch}" for patch in range(2))
    http.put(first, version())
    http.put(second, version())
    azure.advance(HOUR)
    assert http.put(second, version()).status_code == 200
    azure.advance(HOUR)
    assert state(http, second) == "Succeeded"


def test_other_sources_and_updates_are_not_limited(azure: Switchboard, http: Http, parents: Paths) -> None:
    azure.create([(f"{parents.versions}/2.0.0", version())])
    http.put(f"{parents.versions}/1.0.0", version())
    http.put(f"{parents.versions}/2.0.0", version("westeurope", "eastus2"))
    snapshot = disks({"id": compute("snapshots", "ubuntu-os")})
    for patch in (1, 2):
        http.put(f"{parents.versions}/1.0.{patch}", version(source=snapshot))
    azure.advance(HOUR)
    names = ("1.0.0", "1.0.1", "1.0.2", "2.0.0")
    assert {state(http, f"{parents.versions}/{name}") for name in names} == {"Succeeded"}


def test_the_limit_can_be_switched_off_and_costs_no_fault(azure: Switchboard, http: Http, parents: Paths) -> None:
    http.put(f"{parents.versions}/1.0.0", version())
    azure.fault(FailRegion(region="westeurope", details="broken"))
    http.put(f"{parents.versions}/1.0.1", version())
    assert len(azure.faults()) == 1
    azure.clear_faults()
    azure.configure(one_build_per_image=False)
    http.put(f"{parents.versions}/1.0.2", version())
    azure.advance(HOUR)
    assert state(http, f"{parents.versions}/1.0.2") == "Succeeded"
