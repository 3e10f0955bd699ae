"""Replication of a version, region by region: schedules made once, states computed from the clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from dev.azure_simulator import regions
from dev.azure_simulator.paths import Json
from dev.azure_simulator.settings import Durations

#: How far a replication that fails gets, percent. [?] no such progress was recorded.
_FAILED_PROGRESS = 12

Copies = dict[str, "RegionCopy"]


@dataclass(frozen=True, slots=True)
class RegionCopy:
    """One attempt to bring a version to one region, between two times in Unix seconds of the clock."""

    region: str
    starts: float
    ends: float
    failure: str | None = None

    def completed(self, now: float) -> bool:
        return now >= self.ends and self.failure is None

    def failed(self, now: float) -> bool:
        return now >= self.ends and self.failure is not None

    def summary(self, now: float) -> Json:
        """Return this region's row of the replication status. [?] states and progress while in progress."""
        region = regions.display(self.region)
        if self.failed(now):
            return {"region": region, "state": "Failed", "details": self.failure, "progress": _FAILED_PROGRESS}
        if self.completed(now):
            return {"region": region, "state": "Completed", "details": "", "progress": 100}
        done = (now - self.starts) / (self.ends - self.starts)
        return {"region": region, "state": "Replicating", "details": "", "progress": max(0, min(99, int(done * 100)))}


def first_copies(wanted: Iterable[str], home: str, now: float, durations: Durations) -> Copies:
    """Schedule a new version: the home region first, then the others, finishing one after the other."""
    built = now + durations.home_region
    copies = {home: RegionCopy(home, now, built)}
    for position, region in enumerate(region for region in wanted if region != home):
        ends = built + durations.further_region + position * durations.region_stagger
        copies[region] = RegionCopy(region, built, ends)
    return {region: copies[region] for region in wanted}


def next_copies(wanted: Iterable[str], existing: Mapping[str, RegionCopy], now: float, durations: Durations) -> Copies:
    """Schedule an update: completed regions stay, new ones start, failed ones start anew, unwanted ones go.

    [?] A region whose replica count alone changes stays Completed: no recording shows its state meanwhile.
    """
    copies: Copies = {}
    position = 0
    for region in wanted:
        copy = existing.get(region)
        if copy is None or copy.failed(now):
            copy = RegionCopy(region, now, now + durations.added_region + position * durations.region_stagger)
            position += 1
        copies[region] = copy
    return copies


def status(copies: Mapping[str, RegionCopy], now: float) -> Json:
    """Return the replication status, which lists every target region."""
    summary = [copy.summary(now) for copy in copies.values()]
    return {"aggregatedState": _aggregate({row["state"] for row in summary}), "summary": summary}


def with_failures(copies: Copies, now: float, failure_of: Callable[[str], str | None]) -> Copies:
    """Let `failure_of(region)` decide, for every attempt that starts now, whether it is going to fail and why."""
    return {
        region: RegionCopy(region, copy.starts, copy.ends, failure_of(region)) if copy.starts >= now else copy
        for region, copy in copies.items()
    }


def _aggregate(states: set[str]) -> str:
    if "Replicating" in states:
        return "InProgress"
    return "Failed" if "Failed" in states else "Completed"
