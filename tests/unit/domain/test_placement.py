"""Where replicas may be."""

from __future__ import annotations

import pytest

from gallery_operator.domain import placement
from gallery_operator.domain.placement import Location, Spot
from gallery_operator.domain.plan import JSON, Change
from tests.unit.domain.build import region

KNOWN = {
    name: Location(name, name, zonal)
    for name, zonal in (("westeurope", True), ("eastus2", True), ("westus", False), ("ukwest", False))
}


def version(*regions: JSON, zones: tuple[JSON, ...] = ()) -> JSON:
    profile = {"targetRegions": list(regions), "targetExtendedLocations": list(zones)}
    return {"properties": {"publishingProfile": profile}}


def test_regions_are_read_with_their_zones_and_without_groups_of_regions() -> None:
    rows: list[JSON] = [
        {"name": "westeurope", "displayName": "West Europe", "availabilityZoneMappings": [{"logicalZone": "1"}]},
        {"name": "westus", "metadata": {"regionType": "Physical"}},
        {"name": "europe", "metadata": {"regionType": "Logical"}},
        {"name": "losangeles", "type": "EdgeZone"},
        {"name": None},
        {},
    ]
    found = placement.read_locations(rows)
    assert found["westeurope"] == Location("westeurope", "West Europe", zonal=True)
    assert found["westus"] == Location("westus", "westus", zonal=False)
    assert set(found) == {"westeurope", "westus"}


def test_a_new_version_is_judged_by_all_its_regions_and_the_parents_of_its_edge_zones() -> None:
    zone = {"name": "westus", "extendedLocation": {"name": "losangeles", "type": "EdgeZone"}}
    sets = [{"storageAccountType": "Standard_ZRS"}]
    wanted = version(region("West Europe", storage="Standard_ZRS"), region("ukwest", additionalReplicaSets=sets))
    assert placement.spots(wanted, None) == [
        Spot("targetRegions[westeurope]", "westeurope", zone_redundant=True),
        Spot("targetRegions[ukwest]", "ukwest", zone_redundant=True),
    ]
    assert placement.spots(version(zones=(zone,)), None) == [Spot("edgeZones[losangeles].region", "westus")]


def test_of_an_existing_version_only_what_is_added_is_judged() -> None:
    zone = {"name": "westus", "extendedLocation": {"name": "losangeles", "type": "EdgeZone"}}
    observed = version(region("West Europe"), region("West US"), zones=(zone,))
    sets = [{"storageAccountType": "Standard_ZRS"}]
    wanted = version(
        region("westeurope", replicas=5),
        region("westus", additionalReplicaSets=sets),
        region("eastus2"),
        zones=(zone,),
    )
    assert placement.spots(wanted, observed) == [
        Spot("targetRegions[westus]", "westus", zone_redundant=True),
        Spot("targetRegions[eastus2]", "eastus2"),
    ]


def test_a_region_that_is_to_become_zone_redundant_is_judged_before_it_is_removed_to_be_added_again() -> None:
    rule = "properties.publishingProfile.targetRegions.storageAccountType"
    path = "properties.publishingProfile.targetRegions[West US].storageAccountType"
    to_zones = Change(path, "Standard_LRS", "Standard_ZRS", rule)
    assert placement.moves([to_zones]) == [Spot("targetRegions[westus]", "westus", zone_redundant=True)]
    assert placement.moves([Change(path, "Standard_LRS", "Premium_LRS", rule)]) == []
    assert placement.moves([Change("tags.a", "1", "Standard_ZRS", "tags.a")]) == []


def test_regions_that_will_do_are_not_refused() -> None:
    assert placement.refusal([Spot("f", "westeurope", zone_redundant=True), Spot("f", "westus")], KNOWN) is None


def test_the_refusal_of_zone_redundancy_names_who_cannot_who_can_and_where_it_can_be() -> None:
    spots = [Spot("f", each, zone_redundant=True) for each in ("westus", "westeurope", "ukwest")]
    refused = placement.refusal(spots, KNOWN)
    assert refused is not None
    assert refused.reason == "ZonesMissing"
    assert "westus, ukwest cannot hold Standard_ZRS" in refused.message
    assert "westeurope can" in refused.message
    assert refused.message.endswith("eastus2, westeurope")
    alone = placement.refusal(spots[:1], KNOWN)
    assert alone is not None
    assert "westus cannot hold Standard_ZRS, having no availability zones. Set" in alone.message


def test_an_azure_that_tells_of_no_zones_at_all_is_not_judged_by_them() -> None:
    flat = {name: Location(name, name, zonal=False) for name in KNOWN}
    assert placement.refusal([Spot("f", "westus", zone_redundant=True)], flat) is None


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("westeurop", "did you mean westeurope?"),
        ("WestEuroppe", "did you mean westeurope?"),
        ("atlantis", "az account list-locations"),
        ("chinaeast2", "Azure operated by 21Vianet"),
        ("australiacentral2", "Azure opens it on request"),
        ("usgovvirginia", "Azure for US Government"),
        ("usdodcentral", "Azure for US Government"),
    ],
)
def test_an_unknown_region_is_refused_with_what_it_may_be(name: str, told: str) -> None:
    refused = placement.refusal([Spot("targetRegions[x]", name)], KNOWN)
    assert refused is not None
    assert refused.reason == "RegionUnknown"
    assert refused.message.startswith("targetRegions[x]: ")
    assert told in refused.message


def test_a_region_of_another_cloud_is_fine_where_that_cloud_is_ours() -> None:
    china = {"chinaeast2": Location("chinaeast2", "China East 2", zonal=False)}
    assert placement.refusal([Spot("location", "chinaeast2")], china) is None


def test_messages_stay_short_however_many_regions_there_are() -> None:
    many = {f"region{each}": Location(f"region{each}", "", zonal=True) for each in range(200)}
    many["flat"] = Location("flat", "", zonal=False)
    refused = placement.refusal([Spot("f", "flat", zone_redundant=True)], many)
    assert refused is not None
    assert "and 160 more" in refused.message
    unknown = placement.refusal([Spot("f", f"nowhere-{each}-{'x' * 60}") for each in range(64)], many)
    assert unknown is not None
    assert len(unknown.message) < 1024
