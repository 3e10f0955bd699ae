"""Everything a running simulator knows, put together."""

from __future__ import annotations

from datetime import datetime

from dev.azure_simulator import identities, seeded_sources
from dev.azure_simulator.access import Access
from dev.azure_simulator.authorization import Authorization
from dev.azure_simulator.faults import Faults
from dev.azure_simulator.identity import Identity
from dev.azure_simulator.journal import Journal
from dev.azure_simulator.platform import Platform
from dev.azure_simulator.service import GalleryService
from dev.azure_simulator.settings import Settings
from dev.azure_simulator.sources import Sources
from dev.azure_simulator.throttling import Limits
from gallery_operator.clock import FileClock


class Simulation:
    """The state of a simulator that answers at `base` (`https://host:port`)."""

    def __init__(self, base: str, clock: FileClock, settings: Settings) -> None:
        self.base = base
        self.clock = clock
        self.platform = Platform()
        self.identity = Identity(base)
        self.access = Access(self.platform, self.identity)
        self.journal = Journal()
        self.limits = Limits()
        self.faults = Faults()
        self.service = GalleryService(self.timestamp, Sources(seeded_sources.sources()), settings, self.faults)
        self.authorization = Authorization(self._identity_principals)
        self.service.store.watchers.append(self.authorization.forget)
        self._initial = settings
        self._now = clock.now()

    def look_at_clock(self) -> datetime:
        """Read the clock; the time then stands until the next look, so that a request is handled at one time."""
        self._now = self.clock.now()
        return self._now

    def now(self) -> datetime:
        return self._now

    def timestamp(self) -> float:
        """Return the time in Unix seconds."""
        return self._now.timestamp()

    def _identity_principals(self) -> set[str]:
        galleries = self.service.store.all("gallery")
        return {principal for gallery in galleries for principal in identities.principals(gallery.identity)}

    def reset(self) -> None:
        """Forget gallery resources, operations, faults and journal, and set applications and all else back.

        Sources, subscriptions and groups stay.
        """
        self.service.store.clear()
        self.service.operations.clear()
        self.service.builds.clear()
        self.service.settings = self._initial
        self.authorization.clear()
        self.identity.directory.reset()
        self.faults.clear()
        self.journal.clear()
        self.limits.clear()
