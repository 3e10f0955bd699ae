"""Where replicas may be: regions that the subscription has, with availability zones where replicas span zones.

Azure refuses both only when it is asked to create the version; asked before, it names the regions that would do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from gallery_operator.api.conditions import Reason
from gallery_operator.domain import regions
from gallery_operator.domain.difference import EDGE_ZONES, TARGET_REGIONS, entries_of
from gallery_operator.domain.plan import JSON, Blocked, Change
from gallery_operator.domain.resources import as_dict, as_list
from gallery_operator.domain.wording import some_of

_ZONE_REDUNDANT: Final = "Standard_ZRS"
#: That many regions are named in a message.
_SHOWN: Final = 40
#: Beginnings of the region names of clouds that are not the public one.
_CLOUDS: Final = {
    "china": "Azure operated by 21Vianet",
    "usgov": "Azure for US Government",
    "usdod": "Azure for US Government",
}
#: Regions of the public cloud that Azure opens to a subscription on request only.
_RESTRICTED: Final = frozenset({"australiacentral", "australiacentral2"})


@dataclass(frozen=True, slots=True)
class Location:
    """A region as a subscription has it."""

    name: str
    """Normalised."""
    display_name: str
    zonal: bool
    """Whether it has availability zones."""


Locations = Mapping[str, Location]


@dataclass(frozen=True, slots=True)
class Spot:
    """A region that a spec names, and the field that does."""

    field: str
    region: str
    """Normalised."""
    zone_redundant: bool = False


def read_locations(rows: Iterable[JSON]) -> dict[str, Location]:
    """Read the answer to GET /subscriptions/{id}/locations; groups of regions such as `europe` are left out."""
    found = {}
    for row in rows:
        name = regions.normalise(str(row.get("name") or ""))[:64]
        logical = as_dict(row.get("metadata")).get("regionType") == "Logical"
        if name and not logical and row.get("type", "Region") == "Region":
            shown = str(row.get("displayName") or name)[:64]
            found[name] = Location(name, shown, bool(as_list(row.get("availabilityZoneMappings"))))
    return found


def spots(body: JSON, observed: JSON | None) -> list[Spot]:
    """Return the places that a PUT of a version adds, or makes zone-redundant: what Azure has was judged before."""
    known, zones = (entries_of(observed or {}, path) for path in (TARGET_REGIONS, EDGE_ZONES))
    found = []
    for name, each in entries_of(body, TARGET_REGIONS).items():
        here = known.get(name)
        if here is None or (_is_zone_redundant(each) and not _is_zone_redundant(here)):
            found.append(Spot(f"targetRegions[{name}]", str(name), _is_zone_redundant(each)))
    for name, each in entries_of(body, EDGE_ZONES).items():
        if name not in zones:
            found.append(Spot(f"edgeZones[{name}].region", regions.normalise(str(each.get("name", "")))))
    return found


def moves(changes: Iterable[Change]) -> list[Spot]:
    """Return the regions whose storage is to become zone-redundant.

    They are removed first and added again later: by then it would be too late to find that they cannot be.
    """
    found = []
    for each in changes:
        if each.rule == f"{TARGET_REGIONS}.storageAccountType" and each.wanted == _ZONE_REDUNDANT:
            name = regions.normalise(each.entry)
            found.append(Spot(f"targetRegions[{name}]", name, zone_redundant=True))
    return found


def _is_zone_redundant(region: JSON) -> bool:
    sets = map(as_dict, as_list(region.get("additionalReplicaSets")))
    return any(each.get("storageAccountType") == _ZONE_REDUNDANT for each in (region, *sets))


def refusal(wanted: Iterable[Spot], known: Locations) -> Blocked | None:
    """Return why replicas cannot be there: the region is unknown, or has no availability zones."""
    wanted = list(wanted)
    unknown = [spot for spot in wanted if spot.region not in known]
    if unknown:
        return Blocked(Reason.REGION_UNKNOWN, "; ".join(_unknown(spot, known) for spot in unknown[:5]))
    if not any(each.zonal for each in known.values()):  # then this Azure does not tell
        return None
    flat = [spot.region for spot in wanted if spot.zone_redundant and not known[spot.region].zonal]
    return _zones_missing(flat, [spot.region for spot in wanted], known) if flat else None


def _zones_missing(flat: list[str], wanted: list[str], known: Locations) -> Blocked:
    zonal = [name for name in wanted if known[name].zonal]
    able = f"; of the others named here, {', '.join(zonal)} can" if zonal else ""
    everywhere = sorted(each.name for each in known.values() if each.zonal)
    return Blocked(
        Reason.ZONES_MISSING,
        f"targetRegions: {', '.join(flat[:8])} cannot hold {_ZONE_REDUNDANT}, having no availability zones{able}. "
        "Set storageAccountType: Standard_LRS there, or take a region with zones: "
        f"{some_of(everywhere, _SHOWN)}",
    )


def _unknown(spot: Spot, known: Locations) -> str:
    name = spot.region[:64]
    cloud = next((cloud for prefix, cloud in _CLOUDS.items() if name.startswith(prefix)), None)
    if cloud is not None:
        return (
            f"{spot.field}: {name} is a region of {cloud}, and versions are not replicated across clouds: copy the "
            "VHD into a storage account of that cloud and publish from there"
        )
    if name in _RESTRICTED:
        return f"{spot.field}: the subscription has no region {name!r}: Azure opens it on request, by a support ticket"
    nearest = nearest_region(name, known)
    advice = f"did you mean {nearest}?" if nearest else "az account list-locations shows its regions"
    return f"{spot.field}: the subscription has no region {name!r}; {advice}"


def nearest_region(name: str, known: Locations) -> str | None:
    """Return the known region whose name is most like this one; None when none is."""
    matches = difflib.get_close_matches(regions.normalise(name), list(known), n=1, cutoff=0.7)
    return matches[0] if matches else None
