"""Replication: region by region, on the clock, with failures and repairs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dev.azure_simulator import FailOperation, FailRegion, Source, Switchboard, source_id
from tests.simulator.conftest import Paths
from tests.simulator.support import Http, Json, changed, version

MINUTE = timedelta(minutes=1)


def rows(http: Http, paths: Paths) -> dict[str, tuple[str, int]]:
    """Return state and progress by region."""
    status = http.get(paths.version, expand="ReplicationStatus").json()["properties"]["replicationStatus"]
    return {row["region"]: (row["state"], row["progress"]) for row in status["summary"]}


def state(http: Http, paths: Paths) -> str:
    return str(http.get(paths.version).json()["properties"]["provisioningState"])


def droppable(body: Json) -> Json:
    return changed(body, "properties.safetyProfile.allowDeletionOfReplicatedLocations", True)


def test_regions_complete_one_after_the_other_home_first(azure: Switchboard, http: Http, parents: Paths) -> None:
    http.put(parents.version, version("eastus2", "westeurope", "northeurope"))
    azure.advance(2 * MINUTE)
    assert list(rows(http, parents)) == ["East US 2", "West Europe", "North Europe"]
    assert rows(http, parents)["West Europe"] == ("Replicating", 50)
    assert rows(http, parents)["East US 2"] == ("Replicating", 0)
    azure.advance(3.5 * MINUTE)
    assert rows(http, parents)["West Europe"] == ("Completed", 100)
    assert rows(http, parents)["East US 2"] == ("Replicating", 50)
    azure.advance(2 * MINUTE)
    assert rows(http, parents)["East US 2"] == ("Completed", 100)
    assert rows(http, parents)["North Europe"][0] == "Replicating"
    assert state(http, parents) == "Creating"
    azure.advance(MINUTE)
    assert set(rows(http, parents).values()) == {("Completed", 100)}
    assert state(http, parents) == "Succeeded"


def test_the_aggregate_is_completed_only_when_all_regions_are(azure: Switchboard, http: Http, parents: Paths) -> None:
    http.put(parents.version, version("westeurope", "eastus2"))
    seen = []
    for _ in range(9):
        status = http.get(parents.version, expand="ReplicationStatus").json()["properties"]["replicationStatus"]
        states = {row["state"] for row in status["summary"]}
        seen.append((status["aggregatedState"], states == {"Completed"}))
        azure.advance(MINUTE)
    assert set(seen) == {("InProgress", False), ("Completed", True)}


def test_replication_status_is_shown_only_on_request(azure: Switchboard, http: Http, parents: Paths) -> None:
    azure.create([(parents.version, version())])
    assert "replicationStatus" not in http.get(parents.version).json()["properties"]
    expanded = http.get(parents.version, expand="ValidationProfile,ReplicationStatus").json()
    assert "replicationStatus" in expanded["properties"]


def test_an_added_region_replicates_while_the_others_stay_completed(
    azure: Switchboard, http: Http, parents: Paths
) -> None:
    azure.create([(parents.version, version())])
    http.put(parents.version, version("westeurope", "eastus2"))
    azure.advance(5 * MINUTE)
    assert rows(http, parents) == {"West Europe": ("Completed", 100), "East US 2": ("Replicating", 50)}
    assert state(http, parents) == "Updating"
    azure.advance(6 * MINUTE)
    assert rows(http, parents)["East US 2"] == ("Completed", 100)
    assert state(http, parents) == "Succeeded"


def test_a_failed_region_fails_the_version_and_leaves_the_others(
    azure: Switchboard, http: Http, parents: Paths
) -> None:
    azure.fault(FailRegion(region="East US 2", details="no space"))
    url = http.put(parents.version, version("westeurope", "eastus2", "northeurope")).headers["Azure-AsyncOperation"]
    azure.advance(20 * MINUTE)
    operation = http.get(url).json()
    assert operation["status"] == "Failed"
    assert operation["error"]["message"] == (
        "Gallery replication jobs failed in one or more regions. The failing regions' details are as follows: "
        "'{region:eastus2, detail:no space}'. If retry does not work, then please do an update by removing the failed "
        "regions and update again by adding them back."
    )
    assert state(http, parents) == "Failed"
    status = http.get(parents.version, expand="ReplicationStatus").json()["properties"]["replicationStatus"]
    failed = [row for row in status["summary"] if row["state"] == "Failed"]
    assert [(row["region"], row["details"]) for row in failed] == [("East US 2", "no space")]
    assert status["aggregatedState"] == "Failed"
    assert rows(http, parents)["North Europe"] == ("Completed", 100)


def test_a_repeated_put_retries_the_failed_region(azure: Switchboard, http: Http, parents: Paths) -> None:
    azure.fault(FailRegion(region="eastus2", times=2))
    body = version("westeurope", "eastus2")
    outcomes = []
    for _ in range(3):
        http.put(parents.version, body)
        azure.advance(20 * MINUTE)
        outcomes.append((state(http, parents), rows(http, parents)["East US 2"][0]))
    assert outcomes == [("Failed", "Failed"), ("Failed", "Failed"), ("Succeeded", "Completed")]


def test_a_failed_region_may_be_dropped_and_added_again(azure: Switchboard, http: Http, parents: Paths) -> None:
    azure.fault(FailRegion(region="eastus2"))
    http.put(parents.version, version("westeurope", "eastus2"))
    azure.advance(20 * MINUTE)
    assert http.put(parents.version, version("westeurope")).status_code == 200
    azure.advance(20 * MINUTE)
    assert (state(http, parents), list(rows(http, parents))) == ("Succeeded", ["West Europe"])
    http.put(parents.version, version("westeurope", "eastus2"))
    azure.advance(20 * MINUTE)
    assert rows(http, parents)["East US 2"] == ("Completed", 100)


def test_a_replicated_region_is_dropped_only_when_the_safety_profile_allows(
    azure: Switchboard, http: Http, parents: Paths
) -> None:
    azure.create([(parents.version, version("westeurope", "eastus2"))])
    refused = http.put(parents.version, version("westeurope"))
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "OperationNotAllowed")
    assert "Complete set of target locations not specified" in refused.json()["error"]["message"]
    assert "East US 2" in refused.json()["error"]["message"]
    assert http.put(parents.version, droppable(version("westeurope"))).status_code == 200


def test_a_failed_operation_fails_the_version_and_a_repeated_put_mends_it(
    azure: Switchboard, http: Http, parents: Paths
) -> None:
    azure.fault(FailOperation(match="PUT .*/versions/", code="DiskError", message="broken"))
    url = http.put(parents.version, version()).headers["Azure-AsyncOperation"]
    azure.advance(20 * MINUTE)
    assert http.get(url).json()["error"] == {"code": "DiskError", "message": "broken"}
    assert state(http, parents) == "Failed"
    assert http.put(parents.version, version()).status_code == 200
    azure.advance(20 * MINUTE)
    assert state(http, parents) == "Succeeded"


def test_a_failed_deletion_leaves_a_failed_version_that_can_only_be_deleted(
    azure: Switchboard, http: Http, parents: Paths
) -> None:
    azure.create([(parents.version, version())])
    azure.fault(FailOperation(match="DELETE"))
    url = http.delete(parents.version).headers["Location"]
    azure.advance(5 * MINUTE)
    assert http.get(url).status_code == 409
    assert state(http, parents) == "Failed"
    refused = http.put(parents.version, version()).json()["error"]
    assert refused["code"] == "OperationNotAllowed"
    assert "marked for deletion" in refused["message"]
    assert http.delete(parents.version).status_code == 202
    azure.advance(5 * MINUTE)
    assert http.get(parents.version).status_code == 404


@pytest.mark.parametrize(("mode", "outcome"), [("Full", "Failed"), ("Shallow", "Succeeded")])
def test_a_source_beyond_2048_gb_replicates_only_in_shallow_mode(
    azure: Switchboard, http: Http, parents: Paths, mode: str, outcome: str
) -> None:
    big = source_id("Microsoft.Compute/images", "big")
    azure.add_source(Source(id=big, location="westeurope", sizeGB=2520))
    http.put(parents.version, version(source={"source": {"id": big}}, replicationMode=mode))
    azure.advance(20 * MINUTE)
    assert state(http, parents) == outcome


def test_a_version_can_be_published_from_another_one_where_that_is_replicated(
    azure: Switchboard, http: Http, parents: Paths
) -> None:
    azure.create([(parents.version, version("westeurope", "eastus2"))])
    copied = version(source={"source": {"id": parents.version}})
    assert http.put(f"{parents.versions}/2.0.0", copied).status_code == 201
    there = changed(
        changed(copied, "location", "eastus2"), "properties.publishingProfile.targetRegions.0.name", "eastus2"
    )
    assert http.put(f"{parents.versions}/2.0.1", there).status_code == 201
    absent = changed(
        changed(copied, "location", "westus"), "properties.publishingProfile.targetRegions.0.name", "westus"
    )
    assert "is not found" in http.put(f"{parents.versions}/2.0.2", absent).json()["error"]["message"]
