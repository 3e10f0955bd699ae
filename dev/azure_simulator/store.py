"""The resources that exist, with their children; a deleted one vanishes when the clock reaches its deletion's end."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from dev.azure_simulator.operations import Operation
from dev.azure_simulator.paths import CollectionPath, Json, Kind, ResourcePath
from dev.azure_simulator.quotas import Usage
from dev.azure_simulator.replication import Copies
from dev.azure_simulator.softdeletion import Bin, Retention
from dev.azure_simulator.sources import Facts

_RUNNING = {"create": "Creating", "update": "Updating", "delete": "Deleting"}


@dataclass
class Resource:
    """A gallery, definition or version. `properties` holds what clients write and the service fills in."""

    path: ResourcePath
    #: ARM name of the region, and the spelling of the request that created the resource.
    location: str
    spelled_location: str
    created: float
    properties: Json
    tags: dict[str, str] | None
    operation: Operation
    #: Versions only: replication by region, and what is known of the source.
    copies: Copies = field(default_factory=dict)
    facts: Facts | None = None
    #: Galleries only: how the latest sharing update goes, by region.
    sharing: Copies = field(default_factory=dict)
    #: Galleries only.
    identity: Json | None = None
    #: Versions only: what is kept once the deletion that runs has ended; None: nothing.
    retention: Retention | None = None
    serial: int = 0

    def state(self, now: float) -> str:
        """Return the provisioning state."""
        if not self.operation.done(now):
            return _RUNNING[self.operation.verb]
        return "Failed" if self.operation.failure else "Succeeded"

    def gone(self, now: float) -> bool:
        return self.operation.verb == "delete" and self.state(now) == "Succeeded"


class Store:
    """Every gallery resource by path, in order of creation. Call `settle` before reading."""

    def __init__(self) -> None:
        self._by_key: dict[str, Resource] = {}
        self._children: dict[str, dict[str, Resource]] = {}
        self._serials = itertools.count(1)
        self._deletions: list[tuple[float, int, Resource]] = []
        #: Parent -> when its latest child went, and which one it was.
        self._last_gone: dict[str, tuple[float, ResourcePath]] = {}
        #: What was soft-deleted.
        self.bin = Bin()
        self.usage = Usage()
        #: Called with the path of each resource that has gone, softly or not.
        self.watchers: list[Callable[[ResourcePath], None]] = []

    def settle(self, now: float) -> None:
        """Let the resources go whose deletion has ended."""
        while self._deletions and self._deletions[0][0] <= now:
            ended, _, resource = heapq.heappop(self._deletions)
            if self._by_key.get(resource.path.key) is resource and resource.gone(now):
                self.remove(resource, ended)
                if resource.retention:
                    self.bin.add(resource, ended, resource.retention)
        self.bin.settle(now)

    def get(self, path: ResourcePath) -> Resource | None:
        return self._by_key.get(path.key)

    def add(self, resource: Resource) -> None:
        resource.serial = next(self._serials)
        self._by_key[resource.path.key] = resource
        self._siblings(resource.path)[resource.path.key] = resource
        self.usage.count(resource.path, resource.location, 1)

    def remove(self, resource: Resource, when: float) -> None:
        """Take a resource away, and what is below it."""
        for child in self.children(resource.path):
            self.remove(child, when)
        path = resource.path
        self.usage.count(path, resource.location, -1)
        self.bin.drop_below(path)
        del self._by_key[path.key]
        del self._siblings(path)[path.key]
        self._children.pop(path.key, None)
        self._last_gone.pop(path.key, None)
        if path.parent:
            self._last_gone[path.parent.key] = (when, path)
        for tell in self.watchers:
            tell(path)

    def expect_deletion(self, resource: Resource) -> None:
        """Note that the operation of this resource is a deletion."""
        heapq.heappush(self._deletions, (resource.operation.ends, resource.serial, resource))

    def children(self, path: ResourcePath) -> list[Resource]:
        return list(self._children.get(path.key, {}).values())

    def last_gone(self, path: ResourcePath) -> tuple[float, ResourcePath] | None:
        """Return when the latest child of `path` went, and its path."""
        return self._last_gone.get(path.key)

    def listing(self, collection: CollectionPath, after: int = 0) -> Iterator[Resource]:
        """Yield the resources of a list in order of creation, from those newer than serial `after` on."""
        key = collection.parent.key if collection.parent else _galleries_key(collection.subscription)
        group = collection.group.casefold()
        for resource in self._children.get(key, {}).values():
            if resource.serial > after and (not group or resource.path.group.casefold() == group):
                yield resource

    def all(self, kind: Kind | None = None) -> Iterator[Resource]:
        return (resource for resource in self._by_key.values() if kind is None or resource.path.kind == kind)

    def clear(self) -> None:
        for table in (self._by_key, self._children, self._last_gone, self._deletions):
            table.clear()
        self.bin.clear()
        self.usage.clear()

    def _siblings(self, path: ResourcePath) -> dict[str, Resource]:
        key = path.parent.key if path.parent else _galleries_key(path.subscription)
        return self._children.setdefault(key, {})


def _galleries_key(subscription: str) -> str:
    return f"galleries of {subscription.casefold()}"
