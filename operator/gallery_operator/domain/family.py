"""The versions of one definition seen together: which is latest, and which must not be retired.

Two versions may be judged at the same moment, or from pictures of different age. Every rule here therefore ranks the
versions by one order that time does not change (who leaves later, then who has the higher number): of two versions
that are due, only the lower one ever gives way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Final

from gallery_operator.domain.observed import ObservedVersion

_NEVER: Final = datetime.max.replace(tzinfo=UTC)

#: A version that was Succeeded goes on serving `latest` while Azure changes it.
_SERVING: Final = frozenset({"Succeeded", "Updating", "Migrating"})


@dataclass(frozen=True, slots=True)
class Member:
    """One version of a definition: what Azure has, and what its object (if any here) says."""

    observed: ObservedVersion
    leaving_latest_at: datetime | None = None
    """When its lifecycle takes it out of latest, by excluding or by deleting it (`Schedule.leaves_latest_at`); None:
    never."""
    retired: bool = False
    """The decision to retire it was written on its object."""
    was_good: bool = False
    """It is known to have been Succeeded before what Azure does with it now."""

    def holds_latest(self, region: str | None) -> bool:
        """Tell whether `latest` means it if no higher one does: while it is only being changed, it goes on serving."""
        return self.serves(region) if self.was_good else self.is_candidate(region)

    def is_candidate(self, region: str | None) -> bool:
        """Tell whether `latest` may mean this version (in a region, or anywhere for None)."""
        return self.observed.succeeded and self.serves(region)

    def serves(self, region: str | None) -> bool:
        """Tell whether it is a candidate, or one again as soon as Azure's present work on it is done."""
        version = self.observed
        if version.state not in _SERVING or version.excluded or self.retired or not version.numbers:
            return False
        return region is None or any(each.name == region and not each.excluded for each in version.regions)

    def outlasts(self, other: Member, now: datetime) -> bool:
        """Tell whether it is still there when the other one leaves: it is not due, or ranks higher."""
        if self.retired:
            return False
        due = self.leaving_latest_at is not None and self.leaving_latest_at <= now
        return not due or self._rank > other._rank

    @property
    def _rank(self) -> tuple[datetime, tuple[int, ...]]:
        return self.leaving_latest_at or _NEVER, self.observed.numbers


@dataclass(frozen=True)
class Family:
    """All versions of one definition, by name."""

    members: Mapping[str, Member]

    def latest(self, region: str | None = None) -> str | None:
        """Return the version that `latest` means: the highest candidate (azure-gallery-api.md §6.4)."""
        return self._latest_anywhere if region is None else self._highest(region)

    @cached_property
    def _latest_anywhere(self) -> str | None:
        """Each version's look asks for it, so it is looked for once."""
        return self._highest(None)

    def _highest(self, region: str | None) -> str | None:
        candidates = [each for each in self.members.values() if each.holds_latest(region)]
        return max(candidates, key=lambda each: each.observed.numbers).observed.name if candidates else None

    def latest_by_region(self) -> dict[str, str]:
        """Return the latest version of every region that has one."""
        best: dict[str, ObservedVersion] = {}
        for member in self.members.values():
            if not member.holds_latest(None):
                continue
            for region in member.observed.regions:
                held = best.get(region.name)
                if not region.excluded and (held is None or held.numbers < member.observed.numbers):
                    best[region.name] = member.observed
        return {region: version.name for region, version in sorted(best.items())}

    def is_last_good(self, version: str, now: datetime) -> bool:
        """Tell whether no other Succeeded version would remain."""
        return not any(each.observed.succeeded for each in self._outlasting(version, now))

    def irreplaceable_in(self, version: str, now: datetime) -> list[str]:
        """Return the regions where, without this version, `latest` would mean none.

        To leave, it needs another one that is Succeeded; once excluded, it does not come back while the other one is
        only being updated.
        """
        member = self.members.get(version)
        if member is None or not member.observed.succeeded:
            return []
        held = [each.name for each in member.observed.regions if not each.excluded]
        others = self._outlasting(version, now)
        takes_over = Member.serves if member.observed.excluded else Member.is_candidate
        return [region for region in held if not any(takes_over(each, region) for each in others)]

    def seen_with(self, member: Member) -> Family:
        """Return the family with the newest that is known of one member."""
        name = member.observed.name
        return self if self.members.get(name) == member else Family({**self.members, name: member})

    def _outlasting(self, version: str, now: datetime) -> list[Member]:
        member = self.members.get(version)
        others = [each for name, each in self.members.items() if name != version]
        return [each for each in others if (not each.retired if member is None else each.outlasts(member, now))]


def family_of(members: Iterable[Member]) -> Family:
    return Family({each.observed.name: each for each in members})
