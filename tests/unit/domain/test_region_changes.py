"""A region leaves, or changes its storage, only when the spec and its safety say so."""

from __future__ import annotations

from typing import Any

import pytest

from gallery_operator.domain import versions
from gallery_operator.domain.plan import Blocked, Update
from tests.unit.domain.azure_model import apply_version
from tests.unit.domain.build import NOW, arm_version, region, situation, version

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
