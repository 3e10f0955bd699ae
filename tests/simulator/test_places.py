"""Where versions go: regions and their storage, shallow versions, edge zones, regions not everyone has."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from azure.mgmt.compute import models

from dev.azure_simulator import FailRegion, Source, Switchboard, source_id
from tests.simulator.conftest import Paths
from tests.simulator.support import GROUP, Http, Json, changed, definition, gallery, message, refusal, version

Client = Any
HOUR = timedelta(hours=1)
PUBLISHING = "properties.publishingProfile"
NAMES = (GROUP, "shared", "ubuntu", "1.0.0")
AMSTERDAM = {"name": "westeurope", "extendedLocation": {"name": "microsoftamsterdam1", "type": "EdgeZone"}}
ATLANTA = {"name": "eastus2", "extendedLocation": {"name": "attatlanta1", "type": "EdgeZone"}}
NEW_API = "2026-03-03"
OLD_API = "2022-03-03"


def zoned(*zones: Json, regions: tuple[str, ...] = ("westeurope", "eastus2")) -> Json:
    return version(*regions, targetExtendedLocations=list(zones))


def summary(http: Http, paths: Paths) -> dict[str, str]:
    status = http.get(paths.version, expand="ReplicationStatus").json()["properties"]["replicationStatus"]
    return {row["region"]: row["state"] for row in status["summary"]}


def types(body: Json) -> dict[str, str]:
    targets = body["properties"]["publishingProfile"]["targetRegions"]
    return {target["name"]: target["storageAccountType"] for target in targets}


# --- storage ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("profile", "api", "expected"),
    [
        ({"storageAccountStrategy": "PreferStandard_ZRS"}, NEW_API, ("Standard_ZRS", "Standard_LRS")),
        ({"storageAccountStrategy": "DefaultStandard_LRS"}, NEW_API, ("Standard_LRS", "Standard_LRS")),
        ({}, NEW_API, ("Standard_ZRS", "Standard_LRS")),
        ({}, OLD_API, ("Standard_LRS", "Standard_LRS")),
        ({"storageAccountType": "PremiumV2_LRS"}, NEW_API, ("PremiumV2_LRS", "PremiumV2_LRS")),
        ({"storageAccountType": "Premium_LRS"}, NEW_API, ("Premium_LRS", "Premium_LRS")),
    ],
)
def test_the_profile_chooses_the_storage_of_regions_that_do_not(
    http: Http, parents: Paths, profile: Json, api: str, expected: tuple[str, str]
) -> None:
    body = version(**profile)
    body["properties"]["publishingProfile"]["targetRegions"] = [{"name": "westeurope"}, {"name": "westus"}]
    answer = http.put(parents.version, body, api=api)
    assert answer.status_code == 201, answer.text
    assert types(answer.json()) == dict(zip(("West Europe", "West US"), expected, strict=True))


def test_a_region_gets_another_storage_type_by_leaving_and_coming_back(
    azure: Switchboard, http: Http, parents: Paths
) -> None:
    allowed = {"allowDeletionOfReplicatedLocations": True}
    both = changed(version("westeurope", "eastus2"), "properties.safetyProfile", allowed)
    azure.create([(parents.version, both)])
    zonal = changed(both, f"{PUBLISHING}.targetRegions.1.storageAccountType", "Standard_ZRS")
    assert refusal(http.put(parents.version, zonal)) == (409, "PropertyChangeNotAllowed")
    assert http.put(parents.version, changed(version(), "properties.safetyProfile", allowed)).status_code == 200
    azure.advance(HOUR)
    assert http.put(parents.version, zonal).status_code == 200
    azure.advance(HOUR)
    assert types(http.get(parents.version).json())["East US 2"] == "Standard_ZRS"
    assert summary(http, parents) == {"West Europe": "Completed", "East US 2": "Completed"}


def test_additional_replica_sets_come_and_go(azure: Switchboard, http: Http, client: Client, parents: Paths) -> None:
    path = f"{PUBLISHING}.targetRegions.0.additionalReplicaSets"
    body = changed(version(), path, [{"storageAccountType": "PremiumV2_LRS", "regionalReplicaCount": 2}])
    azure.create([(parents.version, body)])
    (target,) = client.gallery_image_versions.get(*NAMES).properties.publishing_profile.target_regions
    (replica_set,) = target.additional_replica_sets
    assert (replica_set.storage_account_type, replica_set.regional_replica_count) == ("PremiumV2_LRS", 2)
    too_many = changed(body, f"{path}.0.regionalReplicaCount", 101)
    assert "additionalReplicaSets[0].regionalReplicaCount' is out of range" in message(
        http.put(parents.version, too_many)
    )
    assert http.put(parents.version, changed(body, path, [])).status_code == 200


# --- shallow versions -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (
            version("westeurope", "eastus2", replicationMode="Shallow"),
            "only possible in the region of the image version",
        ),
        (version(replicationMode="Shallow", replicaCount=2), "allows one replica only"),
        (
            changed(zoned(AMSTERDAM, regions=("westeurope",)), f"{PUBLISHING}.replicationMode", "Shallow"),
            "only possible",
        ),
    ],
)
def test_a_shallow_version_stays_in_one_place(http: Http, parents: Paths, body: Json, text: str) -> None:
    answer = http.put(parents.version, body)
    assert refusal(answer) == (400, "InvalidParameter")
    assert text in message(answer)


@pytest.mark.parametrize(("size", "outcome"), [(32768, "Succeeded"), (32769, "Failed")])
def test_a_shallow_version_takes_up_to_32_terabytes(
    azure: Switchboard, http: Http, parents: Paths, size: int, outcome: str
) -> None:
    huge = source_id("Microsoft.Compute/disks", "huge")
    azure.add_source(Source(id=huge, location="westeurope", sizeGB=size))
    http.put(parents.version, version(source={"osDiskImage": {"source": {"id": huge}}}, replicationMode="Shallow"))
    azure.advance(HOUR)
    assert http.get(parents.version).json()["properties"]["provisioningState"] == outcome


# --- edge zones -------------------------------------------------------------------------------------------------------


def test_the_sdk_publishes_to_edge_zones_and_sees_their_state(
    azure: Switchboard, client: Client, parents: Paths
) -> None:
    azure.fault(FailRegion(region="attatlanta1", details="no space"))
    body = models.GalleryImageVersion(zoned({**AMSTERDAM, "storageAccountType": "StandardSSD_LRS"}, ATLANTA))
    client.gallery_image_versions.begin_create_or_update(*NAMES, body, polling=False)
    azure.advance(HOUR)
    read = client.gallery_image_versions.get(*NAMES, expand="ReplicationStatus").properties
    zones = read.publishing_profile.target_extended_locations
    assert [(zone.name, zone.extended_location.name, zone.extended_location_replica_count) for zone in zones] == [
        ("West Europe", "microsoftamsterdam1", 1),
        ("East US 2", "attatlanta1", 1),
    ]
    assert [zone.storage_account_type for zone in zones] == ["StandardSSD_LRS", "Standard_LRS"]
    assert {row.region: (row.state, row.details) for row in read.replication_status.summary} == {
        "West Europe": ("Completed", ""),
        "East US 2": ("Completed", ""),
        "microsoftamsterdam1": ("Completed", ""),
        "attatlanta1": ("Failed", "no space"),
    }


def test_a_failed_edge_zone_is_repaired_by_a_repeated_put(azure: Switchboard, http: Http, parents: Paths) -> None:
    azure.fault(FailRegion(region="attatlanta1"))
    http.put(parents.version, zoned(ATLANTA))
    azure.advance(HOUR)
    assert summary(http, parents)["attatlanta1"] == "Failed"
    assert http.put(parents.version, zoned(ATLANTA)).status_code == 200
    azure.advance(HOUR)
    assert summary(http, parents)["attatlanta1"] == "Completed"


@pytest.mark.parametrize("without", [zoned(), version("westeurope", "eastus2")], ids=["empty", "left out"])
def test_edge_zones_that_a_put_does_not_name_are_dropped_only_when_allowed(
    azure: Switchboard, http: Http, parents: Paths, without: Json
) -> None:
    azure.create([(parents.version, zoned(ATLANTA))])
    assert refusal(http.put(parents.version, without)) == (409, "OperationNotAllowed")
    allowed = changed(without, "properties.safetyProfile.allowDeletionOfReplicatedLocations", True)
    assert http.put(parents.version, allowed).status_code == 200
    assert summary(http, parents) == {"West Europe": "Completed", "East US 2": "Completed"}


def test_the_region_of_an_edge_zone_need_not_be_a_target_region(
    azure: Switchboard, client: Client, http: Http, parents: Paths
) -> None:
    body = models.GalleryImageVersion(zoned(ATLANTA, regions=("westeurope",)))
    client.gallery_image_versions.begin_create_or_update(*NAMES, body, polling=False)
    azure.advance(HOUR)
    assert summary(http, parents) == {"West Europe": "Completed", "attatlanta1": "Completed"}


def test_edge_zones_that_a_patch_does_not_name_stay(azure: Switchboard, http: Http, parents: Paths) -> None:
    azure.create([(parents.version, zoned(ATLANTA))])
    patched = http.patch(parents.version, {"properties": {"publishingProfile": {"replicaCount": 2}}})
    assert len(patched.json()["properties"]["publishingProfile"]["targetExtendedLocations"]) == 1


@pytest.mark.parametrize(
    ("zones", "text"),
    [
        ([{**ATLANTA, "extendedLocation": {"name": "atlantis1", "type": "EdgeZone"}}], "'atlantis1' of parameter"),
        ([{"name": "eastus2"}], "is not known"),
        ([{**ATLANTA, "name": "westeurope"}], "The region of the extended location 'attatlanta1' is 'East US 2'."),
        ([ATLANTA, ATLANTA], "Duplicate extended locations"),
        ([{**ATLANTA, "extendedLocationReplicaCount": 0}], "is out of range"),
        (
            [{**ATLANTA, "storageAccountType": "PremiumV2_LRS"}],
            "must be one of Standard_LRS, Standard_ZRS, StandardSSD",
        ),
    ],
)
def test_an_edge_zone_is_checked(http: Http, parents: Paths, zones: list[Json], text: str) -> None:
    answer = http.put(parents.version, zoned(*zones))
    assert refusal(answer) == (400, "InvalidParameter")
    assert text in message(answer)


def test_the_storage_of_an_edge_zone_cannot_change(azure: Switchboard, http: Http, parents: Paths) -> None:
    azure.create([(parents.version, zoned(ATLANTA))])
    answer = http.put(parents.version, zoned({**ATLANTA, "storageAccountType": "Premium_LRS"}))
    assert refusal(answer) == (409, "PropertyChangeNotAllowed")
    more = zoned({**ATLANTA, "extendedLocationReplicaCount": 3})
    assert http.put(parents.version, more).status_code == 200


# --- regions ----------------------------------------------------------------------------------------------------------


def locations(http: Http, **query: str) -> dict[str, Json]:
    url = f"{http.url}{http.subscription}/locations?api-version=2022-12-01" + "".join(
        f"&{name}={value}" for name, value in query.items()
    )
    return {location["name"]: location for location in http.get(url).json()["value"]}


def test_locations_tell_which_regions_have_zones_and_on_request_the_edge_zones(http: Http) -> None:
    regions = locations(http)
    assert len(regions["westeurope"]["availabilityZoneMappings"]) == 3
    assert "availabilityZoneMappings" not in regions["westus"]
    assert {location["type"] for location in regions.values()} == {"Region"}
    extended = locations(http, includeExtendedLocations="true")
    assert extended["attatlanta1"]["metadata"]["homeLocation"] == "eastus2"
    assert extended.keys() > regions.keys()


def test_restricted_regions_are_there_for_subscriptions_that_have_them(
    azure: Switchboard, http: Http, parents: Paths
) -> None:
    there = {**gallery(), "location": "australiacentral"}
    body = version("westeurope", "Australia Central")
    assert "australiacentral" not in locations(http)
    assert refusal(http.put(f"{http.galleries}/far", there)) == (400, "LocationNotAvailableForResourceType")
    assert "targetRegions[1].name' is not known" in message(http.put(parents.version, body))
    azure.configure(region_access={http.subscription.rpartition("/")[2]: ["australiacentral"]})
    assert locations(http).keys() & {"australiacentral", "australiacentral2"} == {"australiacentral"}
    assert http.put(f"{http.galleries}/far", there).status_code == 201
    assert http.put(parents.version, body).status_code == 201


# --- what the security profile says -----------------------------------------------------------------------------------


def test_uefi_settings_are_shown_on_request_and_stay(azure: Switchboard, client: Client, parents: Paths) -> None:
    uefi = {
        "signatureTemplateNames": ["MicrosoftWindowsTemplate"],
        "additionalSignatures": {
            "pk": {"type": "x509", "value": ["cGs="]},
            "db": [{"type": "sha256", "value": ["aA=="]}],
        },
    }
    secrets = {"isSupported": True, "osName": "ubuntu", "components": [{"name": "CloudInit", "version": "24.4"}]}
    profile = {"uefiSettings": uefi, "secretsProvisioningSettings": secrets}
    azure.create([(parents.version, changed(version(), "properties.securityProfile", profile))])
    versions = client.gallery_image_versions
    plain = versions.get(*NAMES).properties.security_profile
    assert plain.uefi_settings is None
    assert plain.secrets_provisioning_settings.components[0].name == "CloudInit"
    versions.begin_create_or_update(*NAMES, version(), polling=False)
    shown = versions.get(*NAMES, expand="UefiSettings").properties.security_profile.uefi_settings
    assert shown.signature_template_names == ["MicrosoftWindowsTemplate"]
    assert shown.additional_signatures.db[0].type == "sha256"


def test_image_metadata_is_for_the_service_to_write(http: Http, parents: Paths) -> None:
    written = changed(version(), "properties.imageMetadataProfiles", [{"type": "SecretsProvisioningImageMetadata"}])
    answer = http.put(parents.version, written)
    assert answer.status_code == 201
    assert "imageMetadataProfiles" not in answer.json()["properties"]


def test_an_unknown_signature_template_is_refused(http: Http, parents: Paths) -> None:
    path = "properties.securityProfile.uefiSettings.signatureTemplateNames"
    answer = http.put(parents.version, changed(version(), path, ["Mine"]))
    assert "must be one of NoSignatureTemplate" in message(answer)


def test_a_definition_in_a_restricted_region_is_refused(http: Http, parents: Paths) -> None:
    body = {**changed(definition(), "properties.identifier.sku", "far"), "location": "Australia Central 2"}
    answer = http.put(f"{parents.gallery}/images/far", body)
    assert refusal(answer) == (400, "LocationNotAvailableForResourceType")
