"""What a reconcile works with: the engine, the two APIs, the clock, and what this process remembers."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, field
from typing import Protocol

from gallery_operator.clock import Clock
from gallery_operator.controllers.accounts import Accounts
from gallery_operator.controllers.memory import Memory
from gallery_operator.engine.backoff import Backoff
from gallery_operator.engine.keys import Key
from gallery_operator.engine.queue import WorkQueue
from gallery_operator.engine.store import Store
from gallery_operator.kube.client import Kube
from gallery_operator.kube.events import EventRecorder

#: An Azure tag's value has at most that many characters.
_TAG_LIMIT = 256


class PlanMetrics(Protocol):
    """Counts decisions, replication times, and what is used of Azure's limits."""

    def planned(self, kind: str, plan: str) -> None: ...

    def quota(self, subscription: str, location: str, resource: str, *, used: int, limit: int) -> None: ...

    def replicated(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Pace:
    """How often Azure is looked at, in seconds of the clock."""

    poll: float = 15.0
    """While something runs: the shortest time between two looks."""
    resync: float = 1800.0
    """When nothing runs: the time between two looks for drift."""

    def next_resync(self) -> float:
        """Return the time to the next look, spread so that objects do not come back as a herd."""
        return self.resync * random.uniform(0.8, 1.2)  # noqa: S311 - jitter, not a secret


@dataclass(frozen=True)
class Services:
    """Everything a controller needs; built once by the composition root."""

    clock: Clock
    store: Store
    queue: WorkQueue
    backoff: Backoff
    kube: Kube
    events: EventRecorder
    accounts: Accounts
    metrics: PlanMetrics
    cluster_id: str
    pace: Pace = field(default_factory=Pace)
    memory: Memory = field(default_factory=Memory)

    def owner(self, key: Key) -> str:
        """Return the value of the owner tag: `<cluster id>/<namespace>/<name>`, a long name shortened with a hash."""
        owner = f"{self.cluster_id}/{key.namespace}/{key.name}"
        if len(owner) <= _TAG_LIMIT:
            return owner
        digest = hashlib.sha256(owner.encode()).hexdigest()[:16]
        return f"{owner[: _TAG_LIMIT - 17]}~{digest}"
