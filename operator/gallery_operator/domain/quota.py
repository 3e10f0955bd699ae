"""Quotas: how many galleries, image definitions and versions a subscription may have in a region.

Azure's usage API tells how many there are and may be; where it names no limit, the documented one counts
(azure-gallery-api.md §4).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from gallery_operator.api.conditions import Claim, Reason, claim
from gallery_operator.domain.plan import JSON, Wait
from gallery_operator.domain.resources import as_dict

GALLERIES: Final = "galleries"
DEFINITIONS: Final = "galleryImages"
VERSIONS: Final = "galleryImageVersions"

#: Resource, as the usage API names it -> documented limit per subscription and region.
DOCUMENTED: Final[Mapping[str, int]] = {GALLERIES: 100, DEFINITIONS: 1_000, VERSIONS: 10_000}

#: Kind -> what objects of that kind use up.
OF_KIND: Final[Mapping[str, str]] = {"Gallery": GALLERIES, "ImageDefinition": DEFINITIONS, "ImageVersion": VERSIONS}

#: From this share of a limit on it is near, in percent.
NEAR: Final = 80
#: Messages say which of these shares was passed: an exact number would be written anew at each look.
_STEPS: Final = (95, 90, 85, NEAR)

#: Seconds until a create that met a limit looks again: someone has to delete something, or ask for more.
PAUSE: Final = 300.0


@dataclass(frozen=True, slots=True)
class Usage:
    """How many there are, and how many there may be."""

    used: int
    limit: int

    @property
    def near(self) -> bool:
        return self.used * 100 >= NEAR * self.limit

    @property
    def exhausted(self) -> bool:
        return self.used >= self.limit


Usages = Mapping[str, Usage]


def read_usages(rows: Iterable[JSON]) -> dict[str, Usage]:
    """Read the rows of the usage API that are about galleries; names compare without case."""
    names = {name.casefold(): name for name in DOCUMENTED}
    found = {}
    for row in rows:
        name = names.get(str(as_dict(row.get("name")).get("value", "")).casefold())
        used, limit = row.get("currentValue"), row.get("limit")
        if name is None or not isinstance(used, int) or used < 0:
            continue
        known = isinstance(limit, int) and limit >= 0
        found[name] = Usage(used, limit if known and isinstance(limit, int) else DOCUMENTED[name])
    return found


def with_created(usages: Usages, created: Mapping[str, int]) -> dict[str, Usage]:
    """Return usages with what was created since they were read; of that, Azure may have refused what was too much."""
    return {
        name: Usage(max(each.used, min(each.used + created.get(name, 0), each.limit)), each.limit)
        for name, each in usages.items()
    }


def exceeded(usages: Usages, resource: str, location: str) -> Wait | None:
    """Return the wait for a create that would go beyond the limit."""
    usage = usages.get(resource)
    if usage is None or not usage.exhausted:
        return None
    told = f"{usage.used} of {usage.limit} {resource} in {location} are used"
    return Wait(Reason.QUOTA_EXCEEDED, f"{told}: delete some, or ask Azure for a higher limit", PAUSE)


def near(usages: Usages, resources: Iterable[str], location: str) -> Claim | None:
    """Return the claim QuotaNear; None when no limit is near."""
    told = [_told(each, usages[each], location) for each in resources if each in usages and usages[each].near]
    return claim("QuotaNear", True, Reason.QUOTA_NEAR, "; ".join(told)) if told else None


def _told(resource: str, usage: Usage, location: str) -> str:
    if usage.exhausted:
        return f"all of {usage.limit} {resource} in {location} are used"
    passed = next(step for step in _STEPS if usage.used * 100 >= step * usage.limit)
    return f"at least {passed} % of {usage.limit} {resource} in {location} are used"
