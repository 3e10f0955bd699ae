"""The versions of one definition seen together: which is latest, and which must not be retired.

Two versions may be judged at the same moment from slightly different pictures. Every rule here therefore ranks the
versions by one order (higher numbers first): a version gives way only to one that does not give way to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from gallery_operator.domain.observed import ObservedVersion


@dataclass(frozen=True, slots=True)
class Member:
    """One version of a definition: what Azure has, and what its object (if any here) says."""

    observed: ObservedVersion
    leaving_latest_at: datetime | None = None
    """When its lifecycle excludes it from latest; None: never."""
    retired: bool = False
    """The decision to retire it was written on its object."""

    def is_candidate(self, region: str | None) -> bool:
        """Tell whether `latest` may mean this version (in a region, or anywhere for None)."""
        version = self.observed
        if not version.succeeded or version.excluded or self.retired:
            return False
        return region is None or any(each.name == region and not each.excluded for each in version.regions)


@dataclass(frozen=True)
class Family:
    """All versions of one definition, by name."""

    members: Mapping[str, Member]

    def latest(self, region: str | None = None) -> str | None:
        """Return the version that `latest` means: the highest candidate (azure-gallery-api.md §6.4)."""
        candidates = [each for each in self.members.values() if each.is_candidate(region)]
        return max(candidates, key=lambda each: each.observed.numbers).observed.name if candidates else None

    def latest_by_region(self) -> dict[str, str]:
        """Return the latest version of every region that has one."""
        best: dict[str, ObservedVersion] = {}
        for member in self.members.values():
            if not member.is_candidate(None):
                continue
            for region in member.observed.regions:
                held = best.get(region.name)
                if not region.excluded and (held is None or held.numbers < member.observed.numbers):
                    best[region.name] = member.observed
        return {region: version.name for region, version in sorted(best.items())}

    def is_last_good(self, version: str) -> bool:
        """Tell whether no other Succeeded version would remain; one that is being retired does not count."""
        return not any(
            name != version and each.observed.succeeded and not each.retired for name, each in self.members.items()
        )

    def is_candidate(self, version: str) -> bool:
        """Tell whether `latest` may mean this version."""
        member = self.members.get(version)
        return member is not None and member.is_candidate(None)

    def irreplaceable_in(self, version: str, now: datetime) -> list[str]:
        """Return the regions where, without this version, `latest` would mean none.

        A version that is itself due to leave takes the place only of a lower one: else the two would each leave
        in favour of the other.
        """
        member = self.members.get(version)
        if member is None or not member.observed.succeeded:
            return []
        held = [each.name for each in member.observed.regions if not each.excluded]
        others = [each for name, each in self.members.items() if name != version and _stays(each, member, now)]
        return [region for region in held if not any(each.is_candidate(region) for each in others)]


def _stays(other: Member, leaving: Member, now: datetime) -> bool:
    due = other.leaving_latest_at is not None and other.leaving_latest_at <= now
    return not due or other.observed.numbers > leaving.observed.numbers


def family_of(members: Iterable[Member]) -> Family:
    return Family({each.observed.name: each for each in members})
