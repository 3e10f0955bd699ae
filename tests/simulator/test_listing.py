"""Lists: of galleries, definitions and versions, page by page."""

from __future__ import annotations

from dev.azure_simulator import Switchboard
from tests.simulator.conftest import Paths
from tests.simulator.support import Http, Json, gallery, version


def pages(http: Http, path: str) -> list[list[Json]]:
    answer = http.get(path).json()
    found = [answer["value"]]
    while "nextLink" in answer:
        answer = http.get(answer["nextLink"]).json()
        found.append(answer["value"])
    return found


def test_versions_come_page_by_page_without_gaps_or_repetitions(azure: Switchboard, http: Http, parents: Paths) -> None:
    names = [f"1.0.{patch}" for patch in range(7)]
    azure.create((f"{parents.versions}/{name}", version()) for name in names)
    found = pages(http, parents.versions)
    assert [len(page) for page in found] == [3, 3, 1]
    assert [item["name"] for page in found for item in page] == names


def test_a_page_boundary_survives_the_deletion_of_its_last_item(azure: Switchboard, http: Http, parents: Paths) -> None:
    azure.create((f"{parents.versions}/1.0.{patch}", version()) for patch in range(5))
    first = http.get(parents.versions).json()
    azure.remove(f"{parents.versions}/1.0.2")
    rest = http.get(first["nextLink"]).json()
    assert [item["name"] for item in rest["value"]] == ["1.0.3", "1.0.4"]
    assert "nextLink" not in rest


def test_lists_carry_no_replication_status_and_an_upper_case_resource_group(
    azure: Switchboard, http: Http, parents: Paths
) -> None:
    azure.create([(parents.version, version())])
    (item,) = http.get(parents.versions, expand="ReplicationStatus").json()["value"]
    assert "replicationStatus" not in item["properties"]
    assert item["id"] == parents.version.replace("images-rg", "IMAGES-RG")


def test_galleries_are_listed_by_group_and_by_subscription(azure: Switchboard, http: Http) -> None:
    azure.add_group("other-rg", "northeurope")
    other = http.galleries.replace("images-rg", "other-rg")
    azure.create([(f"{http.galleries}/one", gallery()), (f"{other}/two", gallery())])
    everywhere = f"{http.subscription}/providers/Microsoft.Compute/galleries"
    for path, names in ((http.galleries, ["one"]), (other, ["two"]), (everywhere, ["one", "two"])):
        assert [item["name"] for item in http.get(path).json()["value"]] == names


def test_definitions_are_listed_in_their_gallery_only(azure: Switchboard, http: Http, parents: Paths) -> None:
    azure.create([(f"{http.galleries}/empty", gallery())])
    assert [item["id"] for item in http.get(f"{parents.gallery}/images").json()["value"]] == [
        parents.definition.replace("images-rg", "IMAGES-RG")
    ]
    assert http.get(f"{http.galleries}/empty/images").json() == {"value": []}


def test_a_list_below_an_absent_parent_is_not_found(http: Http, paths: Paths) -> None:
    answer = http.get(f"{paths.gallery}/images")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "ParentResourceNotFound")


def test_a_made_up_skip_token_is_refused(http: Http, parents: Paths) -> None:
    assert http.get(parents.versions, skiptoken="nonsense").status_code == 400


def test_locations_name_regions_and_their_zones(http: Http) -> None:
    found = {
        item["name"]: item for item in http.get(f"{http.subscription}/locations", api="2022-12-01").json()["value"]
    }
    assert found["westus2"]["displayName"] == "West US 2"
    assert len(found["westus2"]["availabilityZoneMappings"]) == 3
    assert "availabilityZoneMappings" not in found["westus"]


def test_groups_and_sources_can_be_read_at_their_ids(http: Http) -> None:
    group = http.get(f"{http.subscription}/resourcegroups/IMAGES-rg", api="2024-11-01").json()
    assert (group["name"], group["location"]) == ("images-rg", "westeurope")
    names = [item["name"] for item in http.get(f"{http.subscription}/resourceGroups").json()["value"]]
    assert names[:2] == ["images-rg", "sources-rg"]
    compute = f"{http.subscription}/resourceGroups/sources-rg/providers/Microsoft.Compute"
    image = http.get(f"{compute}/images/ubuntu-2404-20261101", api="2024-07-01").json()
    assert image["properties"]["storageProfile"]["osDisk"]["osState"] == "Generalized"
    for path in ("snapshots/ubuntu-os", "disks/ubuntu-data", "virtualMachines/ubuntu-specialized"):
        assert http.get(f"{compute}/{path}", api="2024-07-01").json()["properties"]["provisioningState"] == "Succeeded"
    storage = f"{http.subscription}/resourceGroups/sources-rg/providers/Microsoft.Storage/storageAccounts/simulatedvhds"
    assert http.get(storage, api="2024-01-01").json()["properties"]["primaryEndpoints"]["blob"].startswith("https://")
    assert http.get(f"{compute}/images/none").json()["error"]["code"] == "ResourceNotFound"
