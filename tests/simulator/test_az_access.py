"""The real Azure CLI against the simulator: roles at galleries, regions, quotas, and what is public.

What needs Microsoft Graph (names of principals, `--assignee` with a name) is left out: the simulator has no directory.
"""

from __future__ import annotations

import pytest

from dev.azure_simulator import Switchboard, source_id
from dev.azure_simulator.seeds import COMMUNITY_GALLERY, SECOND_SUBSCRIPTION_ID
from tests.simulator.azure_cli import GALLERY, AzureCli, let_operations_end_at_once, needs_az
from tests.simulator.conftest import Paths
from tests.simulator.support import GROUP, definition, gallery, version

pytestmark = needs_az
GROUP_ID, ROBOT_ID = "44444444-4444-4444-4444-444444444444", "55555555-5555-5555-5555-555555555555"
IMAGE_READER = "cf7c76d2-98a3-4358-a134-615aa78bf44d"
#: Without it az asks Microsoft Graph what the principals are called.
UNNAMED = ("--fill-principal-name", "false")


@pytest.fixture(autouse=True)
def _quick(azure: Switchboard) -> None:
    let_operations_end_at_once(azure)


def grant(az: AzureCli, scope: str, principal: str, principal_type: str, role: str) -> str:
    assignee = ("--assignee-object-id", principal, "--assignee-principal-type", principal_type)
    made = az("role", "assignment", "create", *assignee, "--role", role, "--scope", scope)
    assert (made["principalId"], made["scope"]) == (principal, scope)
    return str(made["id"])


def test_az_grants_roles_at_a_gallery_and_at_a_definition_and_lists_both(
    az: AzureCli, azure: Switchboard, parents: Paths
) -> None:
    grant(az, parents.gallery, ROBOT_ID, "ServicePrincipal", "Reader")
    grant(az, parents.definition, GROUP_ID, "Group", IMAGE_READER)
    assert azure.access(GROUP_ID, parents.definition)
    assert not azure.access(GROUP_ID, parents.gallery)
    at_gallery = az("role", "assignment", "list", "--scope", parents.gallery, *UNNAMED)
    assert [(each["principalId"], each["roleDefinitionName"]) for each in at_gallery] == [(ROBOT_ID, "Reader")]
    both = az("role", "assignment", "list", "--scope", parents.definition, "--include-inherited", *UNNAMED)
    assert {(each["principalType"], each["roleDefinitionName"]) for each in both} == {
        ("ServicePrincipal", "Reader"),
        ("Group", "Compute Gallery Image Reader"),
    }
    of_group = az("role", "assignment", "list", "--all", "--assignee-object-id", GROUP_ID, *UNNAMED)
    assert [each["scope"] for each in of_group] == [parents.definition]


def test_az_revokes_roles_by_principal_and_by_id(az: AzureCli, azure: Switchboard, parents: Paths) -> None:
    grant(az, parents.gallery, ROBOT_ID, "ServicePrincipal", "Reader")
    by_id = grant(az, parents.definition, GROUP_ID, "Group", "Compute Gallery Image Reader")
    which = ("--assignee-object-id", ROBOT_ID, "--role", "Reader", "--scope", parents.gallery)
    az("role", "assignment", "delete", *which)
    az("role", "assignment", "delete", "--ids", by_id)
    assert azure.role_assignments(parents.gallery) == []


def test_az_finds_the_roles_for_galleries(az: AzureCli, parents: Paths) -> None:
    listed = az("role", "definition", "list", "--scope", parents.gallery)
    assert {"Reader", "Compute Gallery Sharing Admin", "Compute Gallery Artifacts Publisher"} <= {
        each["roleName"] for each in listed
    }
    (reader,) = az("role", "definition", "list", "--name", "Compute Gallery Image Reader", "--scope", parents.gallery)
    assert reader["name"] == IMAGE_READER
    assert "Microsoft.Compute/galleries/images/versions/read" in reader["permissions"][0]["actions"]


def test_az_lists_regions_and_on_request_edge_zones(az: AzureCli) -> None:
    names = {each["name"]: each["displayName"] for each in az("account", "list-locations")}
    assert names["westeurope"] == "West Europe"
    assert "microsoftlosangeles1" not in names
    extended = az("account", "list-locations", "--include-extended-locations", "true")
    (zone,) = [each for each in extended if each["name"] == "microsoftlosangeles1"]
    assert (zone["type"], zone["metadata"]["homeLocation"]) == ("EdgeZone", "westus")


def test_az_shows_the_resource_groups(az: AzureCli) -> None:
    groups = {each["name"]: each["location"] for each in az("group", "list")}
    assert groups.items() >= {GROUP: "westeurope", "sources-rg": "westeurope"}.items()
    assert az("group", "show", "-n", GROUP)["properties"]["provisioningState"] == "Succeeded"


def test_az_counts_what_is_used_of_the_quotas(az: AzureCli, azure: Switchboard, parents: Paths) -> None:
    azure.configure(quotas={"definitions": 7})
    usage = {each["name"]["value"]: each for each in az("vm", "list-usage", "-l", "westeurope")}
    counted = {name: (each["currentValue"], each["limit"]) for name, each in usage.items()}
    assert counted == {"galleries": ("1", "100"), "galleryImages": ("1", "7"), "galleryImageVersions": ("0", "10000")}


def test_az_sees_what_is_shared_with_a_subscription(az: AzureCli, azure: Switchboard, paths: Paths) -> None:
    shared = gallery(sharingProfile={"permissions": "Groups"})
    azure.create([(paths.gallery, shared), (paths.definition, definition()), (paths.version, version())])
    az("sig", "share", "add", *GALLERY, "--subscription-ids", SECOND_SUBSCRIPTION_ID)
    as_recipient = ("-l", "westeurope", "--subscription", SECOND_SUBSCRIPTION_ID)
    (seen,) = az("sig", "list-shared", *as_recipient)
    assert (
        az("sig", "show-shared", *as_recipient, "--gallery-unique-name", seen["name"])["uniqueId"] == seen["uniqueId"]
    )
    image = (*as_recipient, "--gallery-unique-name", seen["name"], "-i", "ubuntu")
    assert az("sig", "image-definition", "show-shared", *image)["osType"] == "Linux"
    assert [each["name"] for each in az("sig", "image-version", "list-shared", *image)] == ["1.0.0"]


def test_az_sees_what_a_community_gallery_offers(az: AzureCli) -> None:
    gallery = ("-l", "westeurope", "--public-gallery-name", COMMUNITY_GALLERY)
    shown = az("sig", "show-community", *gallery)
    assert shown["uniqueId"] == f"/CommunityGalleries/{COMMUNITY_GALLERY}"
    assert [each["name"] for each in az("sig", "image-definition", "list-community", *gallery)] == ["ubuntu-2404"]
    image = (*gallery, "-i", "ubuntu-2404")
    listed = az("sig", "image-version", "list-community", *image)
    assert [each["name"] for each in listed] == ["1.0.0", "1.1.0"]
    assert az("sig", "image-definition", "show-community", *image)["osType"] == "Linux"
    shown = az("sig", "image-version", "show-community", *image, "-e", "1.1.0")
    assert shown["uniqueId"] == f"/CommunityGalleries/{COMMUNITY_GALLERY}/Images/ubuntu-2404/Versions/1.1.0"


@pytest.mark.parametrize(
    ("command", "resource_type", "name"),
    [
        (("image",), "Microsoft.Compute/images", "ubuntu-2404-20261101"),
        (("snapshot",), "Microsoft.Compute/snapshots", "ubuntu-os"),
        (("disk",), "Microsoft.Compute/disks", "ubuntu-os"),
        (("vm",), "Microsoft.Compute/virtualMachines", "ubuntu-generalized"),
        (("disk-encryption-set",), "Microsoft.Compute/diskEncryptionSets", "des-westeurope"),
    ],
)
def test_az_shows_the_sources(az: AzureCli, command: tuple[str, ...], resource_type: str, name: str) -> None:
    shown = az(*command, "show", "-g", "sources-rg", "-n", name)
    assert shown["id"] == source_id(resource_type, name)
    assert shown["location"] == "westeurope"
