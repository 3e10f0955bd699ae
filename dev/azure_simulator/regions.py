"""The public regions: ARM name, display name, whether the region has availability zones; edge zones beside them.

Gallery answers name regions by display name ("West US 2"); requests may use either spelling.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Region:
    """One Azure region."""

    name: str
    display_name: str
    has_zones: bool


@dataclass(frozen=True, slots=True)
class EdgeZone:
    """An extended location of a region (ARM name)."""

    name: str
    display_name: str
    region: str


_ZONAL = """
Australia East|Austria East|Belgium Central|Brazil South|Canada Central|Central India|Central US|Chile Central|East Asia
East US|East US 2|France Central|Germany West Central|Indonesia Central|Israel Central|Italy North|Japan East|Japan West
Korea Central|Malaysia West|Mexico Central|New Zealand North|North Europe|Norway East|Poland Central|Qatar Central
South Africa North|South Central US|Southeast Asia|Spain Central|Sweden Central|Switzerland North|UAE North|UK South
West Europe|West US 2|West US 3
"""
_OTHERS = """
Australia Central|Australia Central 2|Australia Southeast|Brazil Southeast|Canada East|France South|Germany North
Jio India Central|Jio India West|Korea South|North Central US|Norway West|South Africa West|South India|Sweden South
Switzerland West|UAE Central|UK West|West Central US|West India|West US
"""


def normalise(name: str) -> str:
    """Return the ARM name of a region in either spelling: "West US 2" and "westus2" are "westus2"."""
    return "".join(name.split()).lower()


def _parse(table: str, *, has_zones: bool) -> list[Region]:
    displays = [display for line in table.strip().splitlines() for display in line.split("|")]
    return [Region(normalise(display), display, has_zones) for display in displays]


REGIONS: dict[str, Region] = {
    region.name: region for region in _parse(_ZONAL, has_zones=True) + _parse(_OTHERS, has_zones=False)
}
#: [?] names and regions: a few of those that are told of.
EDGE_ZONES: dict[str, EdgeZone] = {
    zone.name: zone
    for zone in (
        EdgeZone("microsoftlosangeles1", "Microsoft Los Angeles 1", "westus"),
        EdgeZone("attatlanta1", "ATT Atlanta 1", "eastus2"),
        EdgeZone("attdallas1", "ATT Dallas 1", "southcentralus"),
        EdgeZone("microsoftamsterdam1", "Microsoft Amsterdam 1", "westeurope"),
    )
}
#: Open only to subscriptions that Microsoft has put on a list.
RESTRICTED = frozenset({"australiacentral", "australiacentral2"})


def find(name: str) -> Region | None:
    """Return the region that `name` spells, or None when there is no such region."""
    return REGIONS.get(normalise(name))


def find_edge_zone(name: str) -> EdgeZone | None:
    """Return the edge zone of that name, or None when there is no such edge zone."""
    return EDGE_ZONES.get(normalise(name))


def closed_to(subscription: str, access: Mapping[str, Collection[str]]) -> frozenset[str]:
    """Return the regions that a subscription lacks.

    `access`: subscription in lower case -> the restricted regions that it has.
    """
    return RESTRICTED - {normalise(name) for name in access.get(subscription.casefold(), ())}


def display(name: str) -> str:
    """Return the display name of a known region; edge zones go by their ARM name. [?]

    Raises KeyError when there is no such region.
    """
    zone = find_edge_zone(name)
    return zone.name if zone else REGIONS[normalise(name)].display_name


def as_location(region: Region, subscription: str) -> dict[str, object]:
    """Return the region as `GET /subscriptions/{s}/locations` lists it."""
    location: dict[str, object] = {
        "id": f"/subscriptions/{subscription}/locations/{region.name}",
        "name": region.name,
        "type": "Region",
        "displayName": region.display_name,
        "regionalDisplayName": region.display_name,
        "metadata": {"regionType": "Physical", "regionCategory": "Recommended" if region.has_zones else "Other"},
    }
    if region.has_zones:
        location["availabilityZoneMappings"] = [
            {"logicalZone": str(zone), "physicalZone": f"{region.name}-az{zone}"} for zone in (1, 2, 3)
        ]
    return location


def as_extended_location(zone: EdgeZone, subscription: str) -> dict[str, object]:
    """Return an edge zone as the list of locations shows it on request. [?] its metadata"""
    return {
        "id": f"/subscriptions/{subscription}/locations/{zone.name}",
        "name": zone.name,
        "type": "EdgeZone",
        "displayName": zone.display_name,
        "regionalDisplayName": zone.display_name,
        "metadata": {"regionType": "Physical", "regionCategory": "Other", "homeLocation": zone.region},
    }
