"""What this process remembers of each object. All of it is dispensable: a restart begins without it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from gallery_operator.domain.access import Assignment
from gallery_operator.domain.resources import Attempts
from gallery_operator.engine.keys import Key

JSON = dict[str, Any]

#: After our own PUT, Azure may deny for minutes that the resource exists (azure-gallery-api.md §6.8).
CREATE_LAG: Final = timedelta(minutes=5)

_FIRST_PAUSE: Final = timedelta(minutes=2)
_LONGEST_PAUSE: Final = timedelta(hours=1)


@dataclass(slots=True)
class Retries:
    """How often one thing was tried in a row; each next try waits twice as long."""

    made: int = 0
    next_at: datetime | None = None

    def count(self, now: datetime) -> None:
        """Note one more try."""
        self.next_at = now + min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**self.made)
        self.made += 1

    def attempts(self, now: datetime) -> Attempts:
        """Return how often it was tried, and how long until the next try."""
        wait = (self.next_at - now).total_seconds() if self.next_at else 0.0
        return Attempts(self.made, max(0.0, wait))


@dataclass(slots=True)
class Trace:
    """What is remembered of one object."""

    generation: int = 0
    observed: JSON | None = None
    observed_at: datetime | None = None
    created_at: datetime | None = None
    """When our own PUT created the resource, until Azure shows it."""
    repairs: Retries = field(default_factory=Retries)
    repaired_regions: Counter[str] = field(default_factory=Counter)
    failure: str = ""
    """What Azure said of the last operation that failed."""
    sent: str = ""
    """What the last request was to change."""
    resends: Retries = field(default_factory=Retries)
    access: frozenset[Assignment] | None = None
    """The role assignments at the resource, when they were looked at."""
    access_at: datetime | None = None
    grants: Counter[str] = field(default_factory=Counter)
    """How often each role assignment, by name, was asked for since access was last as wanted."""

    def settle(self) -> None:
        """Azure is as wanted, or the wish is a new one: the next failure is the first one again."""
        self.repairs, self.resends, self.sent, self.failure = Retries(), Retries(), "", ""
        self.repaired_regions.clear()
        self.grants.clear()

    def note_update(self, signature: str, now: datetime) -> None:
        """Note a request that puts fields right; the same fields again count as a repetition."""
        if signature != self.sent:
            self.sent, self.resends = signature, Retries()
        self.resends.count(now)

    def note_repair(self, regions: tuple[str, ...], now: datetime) -> None:
        """Note a PUT that repairs a failure."""
        self.repairs.count(now)
        self.repaired_regions.update(regions)


class Memory:
    """Traces by key."""

    def __init__(self) -> None:
        self._traces: dict[Key, Trace] = {}

    def of(self, key: Key, generation: int) -> Trace:
        """Return the trace of an object; a new generation of its spec begins with fresh attempts."""
        trace = self._traces.setdefault(key, Trace(generation))
        if trace.generation != generation:
            trace.generation = generation
            trace.settle()
        return trace

    def created_at(self, key: Key) -> datetime | None:
        """Return when our own PUT created an object's resource, if Azure does not show it yet."""
        trace = self._traces.get(key)
        return None if trace is None else trace.created_at

    def observed(self, key: Key) -> JSON | None:
        """Return what Azure had of an object's resource when it was last looked at."""
        trace = self._traces.get(key)
        return None if trace is None else trace.observed

    def forget(self, key: Key) -> None:
        """The object is gone."""
        self._traces.pop(key, None)
