"""The gallery service: reads, writes, deletions and lists, by the rules of the three kinds."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from dev.azure_simulator import definitions, errors, galleries, replication, schema, sharing, softdeletion, versions
from dev.azure_simulator.builds import Builds
from dev.azure_simulator.drafting import Answer, Request, Tags, merge, new_draft, next_tags, read_envelope
from dev.azure_simulator.faults import FailOperation, FailRegion, FailSharing, Faults
from dev.azure_simulator.lookup import Lookup
from dev.azure_simulator.operations import Operation, Operations, Verb
from dev.azure_simulator.paths import CollectionPath, Json, ResourcePath
from dev.azure_simulator.replication import Copies
from dev.azure_simulator.rules import Draft, check_access
from dev.azure_simulator.settings import Durations, Settings
from dev.azure_simulator.sources import Facts, Sources
from dev.azure_simulator.store import Resource, Store

_INSTANTLY = Durations().scaled(0)
_SHOWN_CHILDREN = 5
_TITLES = {"gallery": "Gallery", "definition": "Gallery Image", "version": "Gallery Image Version"}


@dataclass
class GalleryService:
    """The state of the service. `now` gives Unix seconds of the clock."""

    now: Callable[[], float]
    sources: Sources
    settings: Settings = field(default_factory=Settings)
    faults: Faults = field(default_factory=Faults)
    operations: Operations = field(default_factory=Operations)
    store: Store = field(default_factory=Store)
    builds: Builds = field(init=False)
    lookup: Lookup = field(init=False)

    def __post_init__(self) -> None:
        self.builds = Builds(self.store)
        self.lookup = Lookup(self.store, self.sources)

    def tick(self) -> float:
        """Return the time, with every deletion that is due by then done."""
        now = self.now()
        self.store.settle(now)
        return now

    def read(self, path: ResourcePath, expand: Collection[str] = ()) -> Json:
        """Return a resource as GET does; `expand`: the names in `$expand`, in lower case.

        Raises ArmError 404 when it does not exist, or not yet visibly so.
        """
        now = self.tick()
        resource = self._visible(path, now)
        if resource is None:
            raise errors.resource_not_found(path.nested, path.group)
        return self.render(resource, now, expand)

    def page(self, collection: CollectionPath, skip_token: str | None) -> tuple[list[Json], str | None]:
        """Return a page of a list, and the token of the next page if there is one.

        Raises ArmError when the parent does not exist or the token is not one of ours.
        """
        now = self.tick()
        if collection.parent:
            self._require(collection.parent, now)
        found = (
            resource
            for resource in self.store.listing(collection, _number(skip_token))
            if now >= resource.created + self.settings.create_lag
        )
        page = list(itertools.islice(found, self.settings.page_size + 1))
        more = len(page) > self.settings.page_size
        page = page[: self.settings.page_size]
        token = _token(page[-1].serial) if more else None
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
        envelope = read_envelope(request.body, path.kind)
        if deleted := self.store.bin.get(path):
            return self._restore(request, envelope, deleted, now)
        current = self.store.get(path)
        if request.method == "PATCH":
            current = self._existing(path)
        if current:
            self._require_idle(current, now)
        draft = new_draft(request, envelope, current, now)
        properties = self._build(draft)
        wanted = versions.wanted_regions(properties) if path.kind == "version" else []
        check_access(draft, wanted, self.settings.region_access)
        tags = next_tags(envelope, current, request.method)
        if current is None and not request.instantly:
            self.store.usage.check(path, draft.location, self.settings.quotas)
        if current is None:
            return self._create(request, draft, properties, tags, str(envelope["location"]))
        return self._update(request, draft, properties, tags, current)

    def delete(self, path: ResourcePath, *, for_good: bool = False) -> Answer:
        """Begin a deletion; 204 when there is nothing to delete. `for_good`: not softly.

        Raises ArmError when a rule forbids it.
        """
        now = self.tick()
        resource = self.store.get(path)
        if resource is None:
            return self._purge(path, now) if for_good else Answer(204)
        if resource.state(now) == "Deleting":
            return Answer(202, None, resource.operation, resource.spelled_location)
        self._require_deletable(resource, now)
        durations = self.settings.durations
        seconds = durations.version_delete if path.kind == "version" else durations.parent_delete
        resource.retention = None if for_good else self._retention_of(resource, now)
        seconds = durations.soft_delete if resource.retention else seconds
        failure = self._operation_fault(f"DELETE {path.id}")
        resource.operation = self._start("delete", path, now, seconds, failure)
        self.store.expect_deletion(resource)
        return Answer(202, None, resource.operation, resource.spelled_location)

    def _retention_of(self, resource: Resource, now: float) -> softdeletion.Retention | None:
        if resource.path.kind != "version":
            return None
        retention = softdeletion.retention_of(self.store.get(resource.path.ancestors[-1]))
        if retention and resource.state(now) == "Failed":
            raise errors.failed_version_not_soft_deletable(resource.path.name)
        return retention

    def _purge(self, path: ResourcePath, now: float) -> Answer:
        """Delete a soft-deleted version for good. [?] it is listed until that is done."""
        deleted = self.store.bin.get(path)
        if deleted is None:
            return Answer(204)
        failure = self._operation_fault(f"DELETE {path.id}")
        operation = self._start("delete", path, now, self.settings.durations.version_delete, failure)
        if not failure:
            deleted.purged = operation.ends
        return Answer(202, None, operation, deleted.resource.spelled_location)

    def _restore(self, request: Request, envelope: Json, deleted: softdeletion.SoftDeleted, now: float) -> Answer:
        softdeletion.check_restore(request.method, envelope, deleted)
        version = deleted.resource
        tags = next_tags(envelope, version, "PATCH")
        failure = None if request.instantly else self._operation_fault(request.text)
        seconds = 0 if request.instantly else self.settings.durations.restore
        operation = self._start("update", request.path, now, seconds, failure)
        self.store.bin.take(request.path)
        version.tags, version.operation, version.retention = tags, operation, None
        self.store.add(version)
        return Answer(200, self.render(version, now), operation, version.spelled_location)

    def share(self, path: ResourcePath, body: Any) -> Answer:
        """Carry out a sharing update of a gallery. [?] the gallery shows Updating meanwhile.

        Raises ArmError when a rule forbids it.
        """
        now = self.tick()
        gallery = self._existing(path)
        self._require_idle(gallery, now)
        profile = sharing.changed(gallery.properties.get("sharingProfile"), schema.sharing_update(body))
        request = f"POST {path.id}/share"
        failure = self._operation_fault(request)
        durations = self.settings.durations
        gallery.operation = self._start("update", path, now, durations.share, failure)
        if not failure:
            gallery.properties = {**gallery.properties, "sharingProfile": profile}
            copies = sharing.schedule(sharing.regions_of(gallery, self.store), now, durations.sharing_region)
            gallery.sharing = replication.with_failures(
                copies, now, lambda region: self._sharing_fault(request, region)
            )
        return Answer(202, None, gallery.operation, gallery.spelled_location)

    def soft_deleted(self, definition: ResourcePath, skip_token: str | None = None) -> tuple[list[Json], str | None]:
        """Return a page of the soft-deleted versions of a definition, and the token of the next page if there is one.

        [?] a definition that does not exist has none.
        Raises ArmError when the gallery does not exist or the token is not one of ours.
        """
        self._require(definition.ancestors[-1], self.tick())
        start, size = _number(skip_token), self.settings.page_size
        bodies = [item.body() for item in self.store.bin.below(definition)]
        token = _token(start + size) if len(bodies) > start + size else None
        return bodies[start : start + size], token

    def tamper(self, path: ResourcePath, patch: Json) -> None:
        """Change tags or properties as someone else would, at once and by no rule; a null removes a member.

        Raises ArmError 404 when the resource does not exist.
        """
        now = self.tick()
        resource = self._existing(path)
        state = merge({"tags": resource.tags or {}, "properties": resource.properties}, patch)
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

    def render(self, resource: Resource, now: float, expand: Collection[str] = ()) -> Json:
        """Return a resource as it is read, with what `expand` names in addition."""
        path = resource.path
        body: Json = {"name": path.name, "id": path.id, "type": path.type, "location": resource.location}
        if resource.tags is not None:
            body["tags"] = resource.tags
        if resource.identity is not None:
            body["identity"] = resource.identity
        if path.kind == "gallery":
            properties = galleries.render(resource, now, expand)
        elif path.kind == "definition":
            properties = definitions.render(resource)
        else:
            properties = versions.render(resource, now, expand)
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
        if resource.path.kind == "gallery":
            galleries.check_deletion(resource)
        children = [child.path.nested for child in self.store.children(resource.path)]
        last = self.store.last_gone(resource.path)
        if not children and last and now < last[0] + self.settings.child_delete_lag:
            children = [last[1].nested]  # the service's cache still has it
        if children:
            raise errors.nested_resources_exist(children[:_SHOWN_CHILDREN])
        if deleted := [item.resource.path.nested for item in self.store.bin.below(resource.path)]:
            raise errors.soft_deleted_resources_exist(deleted[:_SHOWN_CHILDREN])

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
            facts = self.lookup.facts_of(draft, properties)
            copies = replication.first_copies(versions.wanted_regions(properties), draft.location, draft.now, durations)
            seconds = durations.version_create
        else:
            seconds = durations.gallery if draft.path.kind == "gallery" else durations.definition
        reason = self._reason(request, draft, properties, facts, copies)
        operation, copies = self._begin("create", request, draft, copies, seconds, reason)
        resource = Resource(draft.path, draft.location, spelled, draft.now, properties, tags, operation, copies, facts)
        resource.identity = draft.identity
        self.store.add(resource)
        return Answer(201, self.render(resource, draft.now), operation, spelled)

    def _update(self, request: Request, draft: Draft, properties: Json, tags: Tags, current: Resource) -> Answer:
        durations = _INSTANTLY if request.instantly else self.settings.durations
        facts, copies = None, {}
        changed = (properties, tags, draft.identity) != (current.properties, current.tags, current.identity)
        if draft.path.kind == "version":
            facts = self.lookup.facts_of(draft, properties)
            wanted = versions.wanted_regions(properties)
            copies = replication.next_copies(wanted, current.copies, draft.now, durations)
            seconds = durations.version_update
        elif draft.path.kind == "definition":
            seconds = durations.definition
        else:  # recorded: a PATCH of a gallery that changes nothing is done at once
            seconds = durations.gallery if changed or request.method == "PUT" else 0
        reason = self._reason(request, draft, properties, facts, copies)
        operation, copies = self._begin("update", request, draft, copies, seconds, reason)
        current.properties, current.tags, current.identity = properties, tags, draft.identity
        current.operation, current.copies = operation, copies
        return Answer(200, self.render(current, draft.now), operation, current.spelled_location)

    def _reason(
        self, request: Request, draft: Draft, properties: Json, facts: Facts | None, copies: Copies
    ) -> str | None:
        """Return why replication must fail wherever it begins now, or None."""
        home = copies.get(draft.location)
        builds = home is not None and home.starts >= draft.now
        if builds and self.settings.one_build_per_image and not request.instantly:
            until = max(copy.ends for copy in copies.values())
            if busy := self.builds.claim(draft.path, properties["storageProfile"], draft.now, until):
                return busy
        return versions.natural_failure(properties, facts) if facts else None

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

    def _sharing_fault(self, request: str, region: str) -> str | None:
        fault = self.faults.take(FailSharing, request, region=region)
        return fault.details if fault else None

    def _region_fault(self, request: Request, region: str) -> str | None:
        fault = None if request.instantly else self.faults.take(FailRegion, request.text, region=region)
        return fault.details if fault else None


def _token(number: int) -> str:
    return base64.urlsafe_b64encode(str(number).encode()).decode()


def _number(token: str | None) -> int:
    if token is None:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token.encode()))
    except ValueError:
        raise errors.invalid_parameter("The provided $skiptoken is invalid.", "$skiptoken") from None
