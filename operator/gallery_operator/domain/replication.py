"""Replication, region by region: the rows of the status, and the repair of regions that failed.

Azure's own advice for a failed region is to retry, then to remove the region and add it back (azure-cli#15539). That
is the ladder here: odd attempts PUT the version again, even ones remove the failed regions, whereupon the difference
to the wish adds them back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from gallery_operator.api.conditions import Reason
from gallery_operator.api.image_version import EdgeZoneStatus, RegionStatus, ReplicationStatus
from gallery_operator.domain.observed import ObservedVersion, RegionReplication
from gallery_operator.domain.plan import JSON, Blocked, Plan, Update, Wait
from gallery_operator.domain.region_changes import without_regions
from gallery_operator.domain.resources import ATTEMPTS, Attempts

#: The status holds that many rows; a spec names at most 64 regions.
ROWS: Final = 128
EDGE_ROWS: Final = 32

COMPLETED = "Completed"
FAILED = "Failed"


@dataclass(frozen=True, slots=True)
class Repairs:
    """The repairs that were begun since the version last was as wanted."""

    made: Mapping[str, int] = field(default_factory=dict)
    """By region."""
    next_at: datetime | None = None
    """When the next one is due."""

    def next_for(self, name: str, now: RegionReplication | None) -> datetime | None:
        """Return when the next repair of a region or edge zone is due; None unless it failed and was repaired."""
        return self.next_at if now is not None and now.state == FAILED and name in self.made else None


def report(
    wanted: Iterable[str],
    zones: Iterable[str],
    observed: ObservedVersion,
    replication: Mapping[str, RegionReplication],
    repairs: Repairs,
) -> ReplicationStatus:
    """Return the status of every region (normalised) and edge zone that is wanted or still exists."""
    present = {each.name: each for each in observed.regions}
    wanted = list(dict.fromkeys(wanted))
    rows = []
    for name in [*wanted, *(each for each in present if each not in wanted)][:ROWS]:
        here = replication.get(name)
        region = present.get(name)
        rows.append(
            RegionStatus(
                name=name,
                state=here.state if here else "Pending",
                progress=here.progress if here else 0,
                replicas=region.replicas if region else None,
                storage_account_type=region.storage_account_type if region else None,
                details=(here.details or None) if here else None,
                attempts=repairs.made.get(name),
                next_attempt_at=repairs.next_for(name, here),
            )
        )
    edge_zones = [*dict.fromkeys([*zones, *observed.edge_zones])][:EDGE_ROWS]
    edges = [_edge_zone(name, replication, repairs) for name in edge_zones]
    places: list[RegionStatus | EdgeZoneStatus] = [*rows, *edges]
    done = sum(row.state == COMPLETED for row in rows if row.name in wanted)
    return ReplicationStatus(
        state=_aggregate(places),
        progress=sum(row.progress for row in places) // max(1, len(places)),
        summary=f"{done}/{len(wanted)}",
        regions=rows,
        edge_zones=edges or None,
    )


def _edge_zone(name: str, replication: Mapping[str, RegionReplication], repairs: Repairs) -> EdgeZoneStatus:
    here = replication.get(name)
    return EdgeZoneStatus(
        name=name,
        state=here.state if here else "Pending",
        progress=here.progress if here else 0,
        details=(here.details or None) if here else None,
        attempts=repairs.made.get(name),
        next_attempt_at=repairs.next_for(name, here),
    )


def _aggregate(rows: Iterable[RegionStatus | EdgeZoneStatus]) -> str:
    """Azure's aggregatedState over the rows: it knows nothing of regions that were not sent yet."""
    states = {row.state for row in rows}
    if FAILED in states:
        return FAILED
    if states <= {COMPLETED}:
        return COMPLETED
    return "Unknown" if states <= {"Unknown"} else "InProgress"


#: The longest time, in seconds, between two looks at a replication.
LONGEST_POLL: Final = 120.0


def next_poll(elapsed: float, progress: int, least: float) -> float:
    """Return the seconds to the next look at a replication: often near its end, seldom while there is far to go.

    :param elapsed: seconds since it began.
    :param progress: percent, the mean over all regions.
    """
    if progress <= 0 or elapsed <= 0:
        return max(least, min(LONGEST_POLL, elapsed / 4))
    remaining = elapsed * (100 - progress) / progress
    return max(least, min(LONGEST_POLL, remaining / 3))


def failed_regions(replication: Mapping[str, RegionReplication]) -> dict[str, str]:
    """Return the failed regions with what Azure says of each."""
    return {name: each.details or "no details given" for name, each in replication.items() if each.state == FAILED}


def unfinished(replication: Mapping[str, RegionReplication]) -> set[str]:
    """Return the regions and edge zones that are not complete."""
    return {name for name, each in replication.items() if each.state != COMPLETED}


def repair(body: JSON, home: str, failed: Mapping[str, str], attempts: Attempts, *, removes: bool = True) -> Plan:
    """Return the next rung for failed regions, given the body of a plain retry. The home region is never removed.

    :param removes: whether regions may be removed to be added again; else they are only tried again.
    """
    named = ", ".join(f"{name} ({details[:160]})" for name, details in sorted(failed.items()))
    if attempts.made >= ATTEMPTS:
        return Blocked(Reason.REPLICATION_FAILED, f"{attempts.made} repairs did not help: {named}")
    if attempts.seconds_to_next > 0:
        return Wait(Reason.REPAIRING, f"replication failed: {named}; the next repair is due", attempts.seconds_to_next)
    repaired = tuple(sorted(failed))
    if not removes or attempts.made % 2 == 0 or home in failed:  # what the home region has not, no other can be given
        return Update(body, why=f"repair {attempts.made + 1}, retry: {named}", repaired=repaired)
    why = f"repair {attempts.made + 1}, remove and add again: {named}"
    return Update(without_regions(body, set(failed)), why=why, repaired=repaired)
