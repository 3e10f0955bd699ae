"""The real Azure CLI against the simulator: galleries and image definitions with all that az can say of them."""

from __future__ import annotations

import pytest

from dev.azure_simulator import Switchboard, source_id
from tests.simulator.azure_cli import DEFINITION, GALLERY, AzureCli, let_operations_end_at_once, needs_az
from tests.simulator.conftest import Paths
from tests.simulator.support import GROUP, Http, definition

pytestmark = needs_az
SUBSCRIPTIONS = ("11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222")
TENANT = "33333333-3333-3333-3333-333333333333"
PUBLISHER = (
    *("--publisher-uri", "https://example.com", "--publisher-email", "images@example.com"),
    *("--eula", "https://example.com/eula", "--public-name-prefix", "contoso"),
)


@pytest.fixture(autouse=True)
def _quick(azure: Switchboard) -> None:
    let_operations_end_at_once(azure)


def identity(http: Http, name: str) -> str:
    kind = "Microsoft.ManagedIdentity/userAssignedIdentities"
    return f"{http.subscription}/resourceGroups/{GROUP}/providers/{kind}/{name}"


def test_az_gives_a_gallery_soft_deletion_and_changes_its_retention(az: AzureCli) -> None:
    periods = ("--soft-delete", "true", "--soft-delete-retention", "10", "--soft-delete-grace", "3")
    made = az("sig", "create", *GALLERY, *periods, "--description", "for all", "--tags", "team=images")
    assert (made["provisioningState"], made["description"], made["tags"]) == (
        "Succeeded",
        "for all",
        {"team": "images"},
    )
    policy = {"isSoftDeleteEnabled": True, "retentionPeriodInDays": 10, "gracePeriodInDays": 3}
    assert made["softDeletePolicy"] == policy
    longer = az("sig", "update", *GALLERY, "--soft-delete-retention", "30", "--set", "description=for everybody")
    assert longer["softDeletePolicy"] == policy | {"retentionPeriodInDays": 30}
    assert (longer["description"], longer["tags"]) == ("for everybody", {"team": "images"})


def test_az_shares_a_gallery_with_groups_and_takes_that_back(az: AzureCli) -> None:
    az("sig", "create", *GALLERY, "--permissions", "Groups")
    az("sig", "share", "add", *GALLERY, "--subscription-ids", *SUBSCRIPTIONS, "--tenant-ids", TENANT)
    by_type = {
        group["type"]: group["ids"]
        for group in az("sig", "show", *GALLERY, "--sharing-groups")["sharingProfile"]["groups"]
    }
    assert by_type == {"Subscriptions": list(SUBSCRIPTIONS), "AADTenants": [TENANT]}
    az("sig", "share", "remove", *GALLERY, "--subscription-ids", SUBSCRIPTIONS[1])
    az("sig", "share", "wait", *GALLERY, "--updated", "--interval", "1")
    selected = az("sig", "show", *GALLERY, "--select", "Permissions")
    assert selected["sharingProfile"]["groups"][0]["ids"] == [SUBSCRIPTIONS[0]]
    assert selected["sharingStatus"]["aggregatedState"] == "Succeeded"
    assert "(OperationNotAllowed)" in az.refused("sig", "delete", *GALLERY)
    az("sig", "share", "reset", *GALLERY)
    assert az("sig", "show", *GALLERY, "--sharing-groups")["sharingProfile"] == {"permissions": "Private"}
    az("sig", "delete", *GALLERY)
    assert az("sig", "list", "-g", GROUP) == []


def test_az_turns_a_private_gallery_into_one_for_groups(az: AzureCli, parents: Paths) -> None:
    assert az("sig", "update", *GALLERY, "--permissions", "Groups")["sharingProfile"] == {"permissions": "Groups"}
    refused = az.refused("sig", "update", *GALLERY, "--permissions", "Community", *PUBLISHER)
    assert "sharingProfile" in refused, "a gallery becomes Community only when it is created"


def test_az_shares_a_gallery_with_everybody(az: AzureCli, azure: Switchboard, http: Http) -> None:
    made = az("sig", "create", *GALLERY, "--permissions", "Community", *PUBLISHER)
    info = made["sharingProfile"]["communityGalleryInfo"]
    assert (info["publisherContact"], info["communityGalleryEnabled"]) == ("images@example.com", False)
    az("sig", "share", "enable-community", *GALLERY)
    shared = az("sig", "show", *GALLERY)["sharingProfile"]["communityGalleryInfo"]
    assert shared == info | {"communityGalleryEnabled": True}
    (public_name,) = shared["publicNames"]
    assert public_name.startswith("contoso-")


def test_az_gives_a_gallery_identities_and_takes_one_away(az: AzureCli, http: Http) -> None:
    one, two = identity(http, "one"), identity(http, "two")
    az("sig", "create", *GALLERY, "--system-assigned", "--user-assigned", one)
    assert list(az("sig", "identity", "show", *GALLERY)["userAssignedIdentities"]) == [one]
    both = az("sig", "identity", "assign", *GALLERY, "--user-assigned", two)
    assert both["type"] == "SystemAssigned, UserAssigned"
    assert both["userAssignedIdentities"].keys() == {one, two}
    left = az("sig", "identity", "remove", *GALLERY, "--user-assigned", one)
    assert list(left["userAssignedIdentities"]) == [two]
    assert left["principalId"] == both["principalId"], "the system-assigned identity is still the same"


def test_az_describes_an_image_definition_fully(az: AzureCli, azure: Switchboard, parents: Paths) -> None:
    azure.remove(parents.definition)
    features = "SecurityType=TrustedLaunchSupported IsAcceleratedNetworkSupported=True"
    made = az(
        *("sig", "image-definition", "create", *DEFINITION, "--os-type", "linux", "--architecture", "x64"),
        *("--publisher", "example", "--offer", "linux", "--sku", "pro", "--features", features),
        *("--plan-name", "pro", "--plan-publisher", "simulated", "--plan-product", "ubuntu-pro"),
        *("--minimum-cpu-core", "2", "--maximum-cpu-core", "8", "--minimum-memory", "4", "--maximum-memory", "16"),
        *("--disallowed-disk-types", "Premium_LRS", "--end-of-life-date", "2099-12-31", "--eula", "https://e"),
        *("--privacy-statement-uri", "https://p", "--release-note-uri", "https://r", "--tags", "team=images"),
    )
    assert [(each["name"], each["value"]) for each in made["features"]] == [
        ("SecurityType", "TrustedLaunchSupported"),
        ("IsAcceleratedNetworkSupported", "True"),
    ]
    assert made["purchasePlan"] == {"name": "pro", "publisher": "simulated", "product": "ubuntu-pro"}
    assert made["recommended"] == {"vCPUs": {"min": 2, "max": 8}, "memory": {"min": 4, "max": 16}}
    assert made["disallowed"] == {"diskTypes": ["Premium_LRS"]}
    assert made["endOfLifeDate"] == "2099-12-31T12:59:59Z"
    snapshot = ("--os-snapshot", source_id("Microsoft.Compute/snapshots", "ubuntu-os-plan"))
    assert (
        az("sig", "image-version", "create", *DEFINITION, "-e", "1.0.0", *snapshot)["provisioningState"] == "Succeeded"
    )


def test_az_changes_features_only_when_the_image_may_be_updated(
    az: AzureCli, azure: Switchboard, parents: Paths
) -> None:
    azure.remove(parents.definition)
    supported = [{"name": "SecurityType", "value": "TrustedLaunchSupported"}]
    azure.create([(parents.definition, definition(features=supported))])
    update = ("sig", "image-definition", "update", *DEFINITION)
    values = ("features[0].value=TrustedLaunch", "features[0].startsAtVersion=2.0.0", "description=safer")
    refused = az.refused(*update, "--set", *values)
    assert "Changing property 'galleryImage.properties.features' is not allowed." in refused
    updated = az(*update, "--allow-update-image", "true", "--set", *values, "endOfLifeDate=2099-01-01T00:00:00Z")
    assert updated["features"] == [{"name": "SecurityType", "value": "TrustedLaunch", "startsAtVersion": "2.0.0"}]
    assert (updated["description"], updated["endOfLifeDate"]) == ("safer", "2099-01-01T00:00:00Z")
