"""The gallery service: reads, writes, deletions and lists, by the rules of the three kinds."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from dev.azure_simulator import definitions, errors, galleries, replication, schema, storage, versions
from dev.azure_simulator.faults import FailOperation, FailRegion, Faults
from dev.azure_simulator.operations import Operation, Operations, Verb
from dev.azure_simulator.paths import CollectionPath, Json, ResourcePath
from dev.azure_simulator.replication import Copies
from dev.azure_simulator.rules import Draft, checked_location
from dev.azure_simulator.settings import Durations, Settings
from dev.azure_simulator.sources import Facts, Sources
from dev.azure_simulator.store import Resource, Store

_ENVELOPE = {"location", "tags", "properties", "identity", "id", "name", "type", "systemData"}
_INSTANTLY = Durations().scaled(0)
_SHOWN_CHILDREN = 5
_TITLES = {"gallery": "Gallery", "definition": "Gallery Image", "version": "Gallery Image Version"}


@dataclass(frozen=True)
class Answer:
    """The outcome of a write: status, body, and the operation to watch, in the region it runs in."""

    status: int
    body: Json | None = None
    operation: Operation | None = None
    location: str = ""


@dataclass(frozen=True)
class Request:
    """A PUT or PATCH. `instantly`: the switchboard's own writes take no time and meet no faults."""

    method: str
    path: ResourcePath
    body: Any
    api_version: str
    instantly: bool = False

    @property
    def text(self) -> str:
        return f"{self.method} {self.path.id}"


@dataclass
class GalleryService:
    """The state of the service. `now` gives Unix seconds of the clock."""

    now: Callable[[], float]
    sources: Sources
    settings: Settings = field(default_factory=Settings)
    faults: Faults = field(default_factory=Faults)
    operations: Operations = field(default_factory=Operations)
    store: Store = field(default_factory=Store)

    def tick(self) -> float:
        """Return the time, with every deletion that is due by then done."""
        now = self.now()
        self.store.settle(now)
        return now

    def read(self, path: ResourcePath, *, with_replication: bool = False) -> Json:
        """Return a resource as GET does.

        Raises ArmError 404 when it does not exist, or not yet visibly so.
        """
        now = self.tick()
        resource = self._visible(path, now)
        if resource is None:
            raise errors.resource_not_found(path.nested, path.group)
        return self.render(resource, now, with_replication=with_replication)

    def page(self, collection: CollectionPath, skip_token: str | None) -> tuple[list[Json], str | None]:
        """Return a page of a list, and the token of the next page if there is one.

        Raises ArmError when the parent does not exist or the token is not one of ours.
        """
        now = self.tick()
        if collection.parent:
            self._require(collection.parent, now)
        found = (
            resource
            for resource in self.store.listing(collection, _serial(skip_token))
            if now >= resource.created + self.settings.create_lag
        )
        page = list(itertools.islice(found, self.settings.page_size + 1))
        more = len(page) > self.settings.page_size
        page = page[: self.settings.page_size]
        token = base64.urlsafe_b64encode(str(page[-1].serial).encode()).decode() if more else None
        return [self.render(resource, now) | {"id": resource.path.listed_id} for resource in page], token

    def write(self, request: Request) -> Answer:
        """Carry out a PUT or PATCH.

        Raises ArmError when a rule forbids it.
        """
        now = self.tick()
        path = request.path
        if path.parent:
            self._require(path.parent, now)
            self._require_staying(path.parent, now)
        current = self.store.get(path)
        if request.method == "PATCH":
            current = self._existing(path)
        if current:
            self._require_idle(current, now)
        envelope = _envelope(request.body)
        draft = _draft(request, envelope, current, now)
        properties = self._build(draft)
        tags = _tags(envelope, current, request.method)
        if current is None:
            return self._create(request, draft, properties, tags, str(envelope["location"]))
        return self._update(request, draft, properties, tags, current)

    def delete(self, path: ResourcePath) -> Answer:
        """Begin a deletion; 204 when there is nothing to delete.

        Raises ArmError when a rule forbids it.
        """
        now = self.tick()
        resource = self.store.get(path)
        if resource is None:
            return Answer(204)
        if resource.state(now) == "Deleting":
            return Answer(202, None, resource.operation, resource.spelled_location)
        self._require_deletable(resource, now)
        durations = self.settings.durations
        seconds = durations.version_delete if path.kind == "version" else durations.parent_delete
        failure = self._operation_fault(f"DELETE {path.id}")
        resource.operation = self._start("delete", path, now, seconds, failure)
        self.store.expect_deletion(resource)
        return Answer(202, None, resource.operation, resource.spelled_location)

    def tamper(self, path: ResourcePath, patch: Json) -> None:
        """Change tags or properties as someone else would, at once and by no rule; a null removes a member.

        Raises ArmError 404 when the resource does not exist.
        """
        now = self.tick()
        resource = self._existing(path)
        state = _merge({"tags": resource.tags or {}, "properties": resource.properties}, patch)
        state = schema.without_nulls(state)
        if path.kind == "version":
            versions.use_display_names(state["properties"])
            wanted = versions.wanted_regions(state["properties"])
            resource.copies = replication.next_copies(wanted, resource.copies, now, _INSTANTLY)
        resource.tags, resource.properties = state["tags"], state["properties"]

    def remove(self, path: ResourcePath) -> None:
        """Delete a resource with all it holds as someone else would, at once.

        Raises ArmError 404 when the resource does not exist.
        """
        now = self.tick()
        self.store.remove(self._existing(path), now)

    def render(self, resource: Resource, now: float, *, with_replication: bool = False) -> Json:
        """Return a resource as it is read."""
        path = resource.path
        body: Json = {"name": path.name, "id": path.id, "type": path.type, "location": resource.location}
        if resource.tags is not None:
            body["tags"] = resource.tags
        if path.kind == "gallery":
            properties = galleries.render(resource)
        elif path.kind == "definition":
            properties = definitions.render(resource)
        else:
            properties = versions.render(resource, now, with_replication=with_replication)
        body["properties"] = properties | {"provisioningState": resource.state(now)}
        return body

    # --- rules about what exists and what goes on --------------------------------------------------------------------

    def _existing(self, path: ResourcePath) -> Resource:
        resource = self.store.get(path)
        if resource is None:
            raise errors.resource_not_found(path.nested, path.group)
        return resource

    def _visible(self, path: ResourcePath, now: float) -> Resource | None:
        resource = self.store.get(path)
        return resource if resource and now >= resource.created + self.settings.create_lag else None

    def _require(self, parent: ResourcePath, now: float) -> None:
        if parent.parent:
            self._require(parent.parent, now)
        if self._visible(parent, now) is None:
            raise errors.parent_not_found(parent.name)

    def _require_staying(self, parent: ResourcePath, now: float) -> None:
        """Refuse children of a parent that is being deleted. [?] the answer"""
        resource = self.store.get(parent)
        if resource and resource.state(now) == "Deleting":
            raise errors.marked_for_deletion(parent.name, "Create nested resource")

    def _require_idle(self, resource: Resource, now: float) -> None:
        if resource.operation.verb == "delete":
            operation = f"Update {_TITLES[resource.path.kind]}"
            raise errors.marked_for_deletion(resource.path.name, operation)
        if not resource.operation.done(now):
            raise errors.busy(resource.path.name, resource.state(now))

    def _require_deletable(self, resource: Resource, now: float) -> None:
        if not resource.operation.done(now):
            raise errors.busy(resource.path.name, resource.state(now))
        if resource.path.kind == "version":
            versions.check_deletion(resource, now)
        children = [child.path.nested for child in self.store.children(resource.path)]
        last = self.store.last_gone(resource.path)
        if not children and last and now < last[0] + self.settings.child_delete_lag:
            children = [last[1].nested]  # the service's cache still has it
        if children:
            raise errors.nested_resources_exist(children[:_SHOWN_CHILDREN])

    # --- writes ------------------------------------------------------------------------------------------------------

    def _build(self, draft: Draft) -> Json:
        if draft.path.kind == "gallery":
            return galleries.build(draft, self.store)
        if draft.path.kind == "definition":
            return definitions.build(draft, self.store)
        return versions.build(draft)

    def _create(self, request: Request, draft: Draft, properties: Json, tags: Tags, spelled: str) -> Answer:
        durations = _INSTANTLY if request.instantly else self.settings.durations
        facts, copies = None, {}
        if draft.path.kind == "version":
            facts = self._learn(draft)
            copies = replication.first_copies(versions.wanted_regions(properties), draft.location, draft.now, durations)
            seconds = durations.version_create
        else:
            seconds = durations.gallery if draft.path.kind == "gallery" else durations.definition
        operation, copies = self._begin("create", request, draft, copies, seconds, _reason(properties, facts))
        resource = Resource(draft.path, draft.location, spelled, draft.now, properties, tags, operation, copies, facts)
        self.store.add(resource)
        return Answer(201, self.render(resource, draft.now), operation, spelled)

    def _update(self, request: Request, draft: Draft, properties: Json, tags: Tags, current: Resource) -> Answer:
        durations = _INSTANTLY if request.instantly else self.settings.durations
        copies: Copies = {}
        changed = (properties, tags) != (current.properties, current.tags)
        if draft.path.kind == "version":
            wanted = versions.wanted_regions(properties)
            copies = replication.next_copies(wanted, current.copies, draft.now, durations)
            seconds = durations.version_update
        elif draft.path.kind == "definition":
            seconds = durations.definition
        else:  # recorded: a PATCH of a gallery that changes nothing is done at once
            seconds = durations.gallery if changed or request.method == "PUT" else 0
        reason = _reason(properties, current.facts)
        operation, copies = self._begin("update", request, draft, copies, seconds, reason)
        current.properties, current.tags = properties, tags
        current.operation, current.copies = operation, copies
        return Answer(200, self.render(current, draft.now), operation, current.spelled_location)

    def _learn(self, draft: Draft) -> Facts:
        definition = self.store.get(draft.path.parent) if draft.path.parent else None
        if definition is None:
            raise errors.parent_not_found(draft.path.name)
        return storage.learn(draft, definition, self.store, self.sources)

    def _begin(
        self, verb: Verb, request: Request, draft: Draft, copies: Copies, seconds: float, reason: str | None
    ) -> tuple[Operation, Copies]:
        """Start the operation of a write, which lasts until replication has ended in every region.

        `reason` tells why replication must fail everywhere, if it must.
        """
        failure = None if request.instantly else self._operation_fault(request.text)
        if failure:
            reason = failure["message"]  # [?] what the regions say when the operation fails as a whole
        copies = replication.with_failures(
            copies, draft.now, lambda region: reason or self._region_fault(request, region)
        )
        failures = {region: copy.failure for region, copy in copies.items() if copy.failure}
        failure = failure or (errors.replication_failed(failures) if failures else None)
        seconds = max([seconds, *(copy.ends - draft.now for copy in copies.values())])
        return self._start(verb, draft.path, draft.now, seconds, failure), copies

    def _start(self, verb: Verb, path: ResourcePath, now: float, seconds: float, failure: Json | None) -> Operation:
        retry_after = self.settings.retry_after if path.kind == "version" else None
        return self.operations.start(verb, now, seconds, failure=failure, retry_after=retry_after)

    def _operation_fault(self, request: str) -> Json | None:
        fault = self.faults.take(FailOperation, request)
        return {"code": fault.code, "message": fault.message} if fault else None

    def _region_fault(self, request: Request, region: str) -> str | None:
        fault = None if request.instantly else self.faults.take(FailRegion, request.text, region=region)
        return fault.details if fault else None


Tags = dict[str, str] | None


def _draft(request: Request, envelope: Json, current: Resource | None, now: float) -> Draft:
    kind = request.path.kind
    wanted = schema.writable(kind, envelope.get("properties", {}))
    location = envelope.get("location")
    if request.method == "PATCH" and current:
        wanted = _merge(schema.writable(kind, current.properties), wanted)
        location = location or current.location
    checked = checked_location(location, request.path, current)
    return Draft(request.path, checked, schema.check_shape(kind, wanted), current, request.api_version, now)


def _envelope(body: Any) -> Json:
    if not isinstance(body, dict):
        raise errors.invalid_request_content("a JSON object was expected")
    unknown = body.keys() - _ENVELOPE
    if unknown:
        raise errors.invalid_request_content(f"Could not find member '{min(unknown)[:100]}' on object")  # [?] text
    return {name: value for name, value in body.items() if value is not None}


def _tags(envelope: Json, current: Resource | None, method: str) -> Tags:
    """Return the tags a write leaves: PUT drops those left out, PATCH keeps them. [?] PATCH replaces the whole map."""
    tags = envelope.get("tags")
    if tags is None:
        return current.tags if current and method == "PATCH" else None
    if not isinstance(tags, dict) or not all(isinstance(value, str) for value in tags.values()):
        raise errors.invalid_request_content("tags must be an object of strings")
    return dict(tags)


def _merge(base: Json, patch: Any) -> Any:
    """Merge as PATCH does: objects merge, everything else is replaced. [?] not recorded for target regions."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(base)
    for name, value in patch.items():
        old = merged.get(name)
        merged[name] = _merge(old, value) if isinstance(old, dict) else value
    return merged


def _reason(properties: Json, facts: Facts | None) -> str | None:
    return versions.natural_failure(properties, facts) if facts else None


def _serial(token: str | None) -> int:
    if token is None:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token.encode()))
    except ValueError:
        raise errors.invalid_parameter("The provided $skiptoken is invalid.", "$skiptoken") from None
