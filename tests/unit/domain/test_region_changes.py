"""A region leaves, or changes its storage, only when the spec and its safety say so."""

from __future__ import annotations

from typing import Any

import pytest

from gallery_operator.api import names
from gallery_operator.api.conditions import Reason
from gallery_operator.domain import versions
from gallery_operator.domain.plan import Blocked, Update, Wait
from gallery_operator.domain.resources import Attempts
from tests.unit.domain.azure_model import apply_version
from tests.unit.domain.build import NOW, OWNED, arm_version, region, situation, version

JSON = dict[str, Any]

REMOVABLE = {"allowRegionRemoval": True}
HERE = {"name": "westeurope"}
THREE = [region(), region("East US 2"), region("North Europe")]


def step_of(*targets: JSON, safety: JSON | None = None, found: list[JSON] | None = None, **spec: Any) -> Any:
    wanted = version(targetRegions=list(targets), safety=safety, **spec)
    return versions.plan(situation(wanted, arm_version(regions=found or THREE)))


def regions_of(body: JSON) -> dict[str, str]:
    listed = body["properties"]["publishingProfile"]["targetRegions"]
    return {each["name"]: each["storageAccountType"] for each in listed}


def test_a_dropped_region_stays_until_safety_allows_its_removal() -> None:
    step = step_of(HERE, {"name": "eastus2"})
    assert isinstance(step, Blocked)
    assert step.reason == "RegionRemovalNotAllowed"
    assert "North Europe" in step.message
    assert "safety.allowRegionRemoval: true" in step.message


def test_a_dropped_region_goes_when_safety_allows_it() -> None:
    step = step_of(HERE, {"name": "eastus2"}, safety=REMOVABLE)
    assert isinstance(step, Update)
    assert set(regions_of(step.body)) == {"westeurope", "eastus2"}


def test_another_storage_type_is_refused_unless_the_region_may_be_removed() -> None:
    step = step_of(HERE, {"name": "eastus2", "storageAccountType": "Premium_LRS"}, {"name": "northeurope"})
    assert isinstance(step, Blocked)
    assert step.reason == "StorageTypeDiffers"
    assert "Standard_LRS -> Premium_LRS" in step.message
    assert "safety.allowRegionRemoval" in step.message


def test_the_home_region_is_never_removed_for_another_storage_type() -> None:
    home = {"name": "West Europe", "storageAccountType": "Premium_LRS"}
    step = step_of(home, {"name": "eastus2"}, {"name": "northeurope"}, safety=REMOVABLE)
    assert isinstance(step, Blocked)
    assert step.reason == "StorageTypeDiffers"
    assert "never removed" in step.message


def test_regions_change_their_storage_one_at_a_time_by_leaving_and_coming_back() -> None:
    targets = [HERE, *({"name": each, "storageAccountType": "Premium_LRS"} for each in ("eastus2", "northeurope"))]
    wanted = version(targetRegions=targets, safety=REMOVABLE)
    seen, found = [], arm_version(regions=THREE)
    for _ in range(10):
        step = versions.plan(situation(wanted, found))
        if not isinstance(step, Update):
            break
        seen.append(regions_of(step.body))
        found = apply_version(step.body, found, NOW)
    premium, standard = "Premium_LRS", "Standard_LRS"
    assert seen[:4] == [
        {"westeurope": standard, "northeurope": standard},
        {"westeurope": standard, "eastus2": premium, "northeurope": standard},
        {"westeurope": standard, "eastus2": premium},
        {"westeurope": standard, "eastus2": premium, "northeurope": premium},
    ]
    assert all("westeurope" in each for each in seen)


@pytest.mark.parametrize("safety", [None, REMOVABLE], ids=["kept", "removable"])
def test_the_encryption_of_a_region_in_use_is_not_changed(safety: JSON | None) -> None:
    where = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/diskEncryptionSets/"
    own = {"osDisk": {"diskEncryptionSetId": f"{where}new"}}
    theirs = {"osDiskImage": {"diskEncryptionSetId": f"{where}old"}}
    step = step_of({**HERE, "encryption": own}, safety=safety, found=[region(encryption=theirs)])
    assert isinstance(step, Blocked)
    assert step.reason == "EncryptionDiffers"
    assert "encryption.osDiskImage.diskEncryptionSetId" in step.message


def test_a_region_where_replication_failed_is_dropped_without_ado() -> None:
    failed = {"West Europe": ("Completed", 100), "East US 2": ("Failed", 10)}
    observed = arm_version(regions=THREE[:2], replication=failed)
    step = versions.plan(situation(version(targetRegions=[HERE]), observed))
    assert isinstance(step, Update)
    assert set(regions_of(step.body)) == {"westeurope"}


def test_a_dropped_edge_zone_is_kept_like_a_region() -> None:
    zone = {"name": "West Europe", "extendedLocation": {"name": "losangeles", "type": "EdgeZone"}}
    observed = arm_version()
    observed["properties"]["publishingProfile"]["targetExtendedLocations"] = [zone]
    kept = versions.plan(situation(version(edgeZones=[]), observed))
    assert isinstance(kept, Blocked)
    assert "losangeles" in kept.message
    gone = versions.plan(situation(version(edgeZones=[], safety=REMOVABLE), observed))
    assert isinstance(gone, Update)
    assert gone.body["properties"]["publishingProfile"]["targetExtendedLocations"] == []


# --- several things at once ---

EAST, NORTH = ({"name": each, "storageAccountType": "Premium_LRS"} for each in ("eastus2", "northeurope"))
DONE = ("Completed", 100)
ALLOWED = {"allowDeletionOfReplicatedLocations": True}


def move(*targets: JSON, found: JSON, attempts: Attempts | None = None, **spec: Any) -> Any:
    wanted = version(targetRegions=list(targets), **{"safety": REMOVABLE, **spec})
    return versions.plan(situation(wanted, found, attempts=attempts))


def zone(name: str = "attatlanta1", region_: str = "East US 2", storage: str = "Standard_LRS", **more: Any) -> JSON:
    location = {"name": name, "type": "EdgeZone"}
    return {"name": region_, "extendedLocation": location, "storageAccountType": storage, **more}


def with_zones(observed: JSON, *zones: JSON) -> JSON:
    observed["properties"]["publishingProfile"]["targetExtendedLocations"] = list(zones)
    return observed


@pytest.mark.parametrize("state", ["Replicating", "Unknown"])
def test_a_region_does_not_leave_for_other_storage_while_another_one_is_incomplete(state: str) -> None:
    states = {"West Europe": DONE, "East US 2": (state, 20), "North Europe": DONE}
    found = arm_version(regions=THREE, replication=states, safety=ALLOWED)
    step = move(HERE, {"name": "eastus2"}, NORTH, found=found)
    assert isinstance(step, Wait)
    assert step.reason == Reason.REPLICATING
    assert "eastus2 is not" in step.message


def test_a_region_that_failed_is_repaired_before_another_one_leaves_for_other_storage() -> None:
    states = {"West Europe": DONE, "East US 2": ("Failed", 20), "North Europe": DONE}
    found = arm_version(regions=THREE, replication=states, safety=ALLOWED)
    step = move(HERE, {"name": "eastus2"}, NORTH, found=found)
    assert isinstance(step, Update)
    assert step.repaired == ("eastus2",)
    assert len(regions_of(step.body)) == 3
    assert set(regions_of(step.body).values()) == {"Standard_LRS"}
    given_up = move(HERE, {"name": "eastus2"}, NORTH, found=found, attempts=Attempts(5))
    assert isinstance(given_up, Blocked)
    assert given_up.reason == Reason.REPLICATION_FAILED


def test_other_changes_do_not_wait_for_a_region_that_changes_its_storage() -> None:
    states = {"West Europe": DONE, "East US 2": ("Replicating", 20), "North Europe": DONE}
    found = arm_version(regions=THREE, replication=states, safety=ALLOWED)
    step = move({**HERE, "replicas": 4}, {"name": "eastus2"}, NORTH, found=found)
    assert isinstance(step, Update)
    assert [each.path.rpartition(".")[2] for each in step.changes] == ["regionalReplicaCount"]
    assert set(regions_of(step.body).values()) == {"Standard_LRS"}


def test_of_regions_that_change_their_storage_one_that_failed_leaves_first() -> None:
    states = {"West Europe": DONE, "East US 2": DONE, "North Europe": ("Failed", 3)}
    step = move(HERE, EAST, NORTH, found=arm_version(regions=THREE, replication=states))
    assert isinstance(step, Update)
    assert {each.casefold().replace(" ", "") for each in regions_of(step.body)} == {"westeurope", "eastus2"}


@pytest.mark.parametrize("safety", [None, {"allowRegionRemoval": False}])
def test_a_region_that_left_for_other_storage_comes_back_even_if_that_is_no_longer_allowed(safety: JSON | None) -> None:
    found = arm_version(regions=[region(), region("North Europe")])  # East US 2 has left
    step = move(HERE, EAST, NORTH, found=found, safety=safety)
    assert isinstance(step, Update)
    assert {each.casefold().replace(" ", ""): type_ for each, type_ in regions_of(step.body).items()} == {
        "westeurope": "Standard_LRS",
        "eastus2": "Premium_LRS",
        "northeurope": "Standard_LRS",
    }
    assert [each.path for each in step.changes] == ["properties.publishingProfile.targetRegions[eastus2]"]
    after = move(HERE, EAST, NORTH, found=apply_version(step.body, found, NOW), safety=safety)
    assert isinstance(after, Blocked)
    assert after.reason == Reason.STORAGE_TYPE_DIFFERS


def test_the_edge_zones_of_a_region_leave_and_come_back_with_it() -> None:
    found = with_zones(arm_version(regions=THREE), zone(), zone("microsoftamsterdam1", "West Europe"))
    zones = [{"name": "attatlanta1", "region": "eastus2"}, {"name": "microsoftamsterdam1", "region": "westeurope"}]
    targets = [HERE, EAST, {"name": "northeurope"}]
    step = move(*targets, found=found, edgeZones=zones)
    assert isinstance(step, Update)
    profile = step.body["properties"]["publishingProfile"]
    assert {each["name"].casefold() for each in profile["targetRegions"]} == {"westeurope", "northeurope"}
    assert [each["extendedLocation"]["name"] for each in profile["targetExtendedLocations"]] == ["microsoftamsterdam1"]
    back = move(*targets, found=apply_version(step.body, found, NOW), edgeZones=zones)
    assert isinstance(back, Update)
    assert regions_of(back.body)["eastus2"] == "Premium_LRS"
    assert len(back.body["properties"]["publishingProfile"]["targetExtendedLocations"]) == 2


def test_a_region_does_not_leave_with_what_only_azure_has() -> None:
    theirs = {"osDiskImage": {"diskEncryptionSetId": "/subscriptions/s/x"}}
    east = region("East US 2", 5, excludeFromLatest=True, encryption=theirs)
    found = with_zones(arm_version(regions=[region(), east]), zone())
    step = move(HERE, EAST, found=found)
    assert isinstance(step, Blocked)
    assert step.reason == Reason.STORAGE_TYPE_DIFFERS
    for missing in ("replicas", "excludeFromLatest", "encryption"):
        assert f"targetRegions[eastus2].{missing}" in step.message
    assert "edgeZones[attatlanta1]" in step.message
    said = {**EAST, "replicas": 2, "excludeFromLatest": False}
    step = move(
        HERE, said, found=with_zones(arm_version(regions=[region(), region("East US 2", 5)]), zone()), edgeZones=[]
    )
    assert isinstance(step, Update)


def test_a_region_that_no_spec_names_is_not_removed_for_repair_as_nobody_would_add_it_again() -> None:
    states = {"West Europe": DONE, "East US 2": ("Failed", 20)}
    theirs = arm_version(regions=THREE[:2], replication=states, tags={**OWNED, names.ADOPTED_TAG: "true"})
    for made in range(5):
        step = versions.plan(situation(version(), theirs, attempts=Attempts(made)))
        assert isinstance(step, Update)
        assert step.repaired == ("eastus2",)
        assert len(regions_of(step.body)) == 2


def test_a_region_is_not_removed_for_repair_with_what_only_azure_has() -> None:
    states = {"West Europe": DONE, "East US 2": ("Failed", 20)}
    found = arm_version(regions=[region(), region("East US 2", 5)], replication=states)
    assert len(regions_of(move(HERE, {"name": "eastus2"}, found=found, attempts=Attempts(1), safety=None).body)) == 2
    said = {"name": "eastus2", "replicas": 5}
    assert len(regions_of(move(HERE, said, found=found, attempts=Attempts(1), safety=None).body)) == 1
