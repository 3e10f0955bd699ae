"""Where ARM requests go: to the gallery service, to ARM itself, or to a source."""

from __future__ import annotations

import re
from collections.abc import Callable

from dev.azure_simulator import (
    authorization_routes,
    communities,
    errors,
    linked,
    regions,
    shared_galleries,
    source_bodies,
)
from dev.azure_simulator.calls import Call, Gate, Reply
from dev.azure_simulator.drafting import Answer, Request
from dev.azure_simulator.faults import ForeignOperation
from dev.azure_simulator.paths import (
    SHARE_PATH,
    SOFT_DELETED_PATH,
    CollectionPath,
    Json,
    ResourcePath,
    parse_gallery_path,
)
from dev.azure_simulator.simulation import Simulation
from dev.azure_simulator.sources import SOURCE_ID

_SUBSCRIPTION = r"/subscriptions/(?P<subscription>[^/]+)"
_OPERATION = re.compile(
    _SUBSCRIPTION + r"/providers/Microsoft\.Compute/locations/(?P<location>[^/]+)/capsOperations/(?P<name>[^/]+)",
    re.IGNORECASE,
)
_USAGES = re.compile(
    _SUBSCRIPTION + r"/providers/Microsoft\.Compute/locations/(?P<location>[^/]+)/usages/?", re.IGNORECASE
)
_GALLERIES = re.compile(_SUBSCRIPTION + r"/providers/Microsoft\.Compute/galleries/?", re.IGNORECASE)
_PLATFORM = re.compile(
    rf"/tenants/?|/subscriptions/?|{_SUBSCRIPTION}(?:/(?P<what>locations|resourceGroups(?:/[^/]+)?))?/?", re.IGNORECASE
)
_API_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(-preview)?")
_LISTS = {"gallery": "galleries in group", "definition": "definitions", "version": "versions"}


class Routes:
    """Answers the requests that the front has let through."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._service = simulation.service
        self._gate = Gate(simulation)
        self._table: tuple[tuple[re.Pattern[str], Callable[[Call, re.Match[str]], Reply]], ...] = (
            (_OPERATION, self._on_operation),
            (_GALLERIES, self._on_galleries),
            (SHARE_PATH, self._on_share),
            (SOFT_DELETED_PATH, self._on_soft_deleted),
            (authorization_routes.PATH, authorization_routes.AuthorizationRoutes(simulation, self._gate).answer),
            (_USAGES, self._on_usages),
            (_PLATFORM, self._on_platform),
            (communities.LOCATION_PATH, self._on_community),
            (shared_galleries.LOCATION_PATH, self._on_shared),
        )

    def dispatch(self, call: Call) -> Reply:
        """Answer a call.

        Raises ArmError when it is refused.
        """
        if not call.api_version:
            raise errors.missing_api_version()
        path = parse_gallery_path(call.path)
        if path is not None:
            return self._on_gallery_path(call, path)
        for pattern, answer in self._table:
            if match := pattern.fullmatch(call.path):
                return answer(call, match)
        return self._on_source(call)

    def _on_gallery_path(self, call: Call, path: ResourcePath | CollectionPath) -> Reply:
        if isinstance(path, CollectionPath):
            return self._list(call, path)
        self._simulation.platform.group(path.subscription, path.group)
        self._gate.admit(call, path.subscription, path.kind)
        match call.method:
            case "GET":
                return Reply(200, self._service.read(path, call.expanding(path.kind)))
            case "PUT" | "PATCH":
                linked.check(call.entry.body, path, self._simulation.platform, call.tenants, call.subscriptions)
                answer = self._service.write(Request(call.method, path, call.entry.body, call.api_version))
            case "DELETE":
                for_good = call.query.get("bypassSoftDelete", "").lower() == "true"
                answer = self._service.delete(path, for_good=for_good)
            case _:
                raise errors.method_not_allowed(call.method)
        return Reply(answer.status, answer.body, self._operation_headers(call, path.subscription, answer))

    def _on_galleries(self, call: Call, match: re.Match[str]) -> Reply:
        return self._list(call, CollectionPath(match["subscription"], "", None))

    def _on_share(self, call: Call, match: re.Match[str]) -> Reply:
        gallery = ResourcePath(match["subscription"], match["group"], (match["gallery"],))
        self._simulation.platform.group(gallery.subscription, gallery.group)
        self._gate.admit(call, gallery.subscription, "share")
        answer = self._service.share(gallery, call.entry.body)
        return Reply(answer.status, answer.body, self._operation_headers(call, gallery.subscription, answer))

    def _list(self, call: Call, path: CollectionPath) -> Reply:
        call.require_get()
        self._simulation.platform.require_subscription(path.subscription)
        if path.group:
            self._simulation.platform.group(path.subscription, path.group)
        self._gate.admit(call, path.subscription, _LISTS[path.kind] if path.group else "galleries")
        return self._page(call, *self._service.page(path, call.query.get("$skiptoken")))

    def _page(self, call: Call, values: list[Json], token: str | None) -> Reply:
        body: Json = {"value": values}
        if token:
            body["nextLink"] = f"{self._simulation.base}{call.path}?api-version={call.api_version}&$skiptoken={token}"
        return Reply(200, body)

    def _on_soft_deleted(self, call: Call, match: re.Match[str]) -> Reply:
        call.require_get()
        names = (match["gallery"], match["definition"])
        definition = ResourcePath(match["subscription"], match["group"], names)
        self._simulation.platform.group(definition.subscription, definition.group)
        self._gate.admit(call, definition.subscription, "soft-deleted")
        return self._page(call, *self._service.soft_deleted(definition, call.query.get("$skiptoken")))

    def _on_usages(self, call: Call, match: re.Match[str]) -> Reply:
        """Answer the usage API, which has the API versions of virtual machines, not of galleries."""
        call.require_get()
        subscription, location = match["subscription"], match["location"]
        self._simulation.platform.require_subscription(subscription)
        self._gate.charge(call, subscription)
        region = regions.find(location)
        if region is None:
            raise errors.location_not_available(location, "locations/usages", regions.REGIONS)
        self._service.tick()
        rows = self._service.store.usage.rows(subscription, region.name, self._service.settings.quotas)
        return Reply(200, {"value": rows})

    def _on_operation(self, call: Call, match: re.Match[str]) -> Reply:
        call.require_get()
        subscription, location, name = match["subscription"], match["location"], match["name"]
        self._simulation.platform.require_subscription(subscription)
        self._gate.admit(call, subscription, "operation")
        operation = self._service.operations.find(name, call.query)
        now = self._service.tick()
        running = not operation.done(now)
        headers: dict[str, str] = {}
        if running and operation.retry_after is not None:
            headers["Retry-After"] = str(operation.retry_after)
        if call.query.get("monitor") != "true":
            return Reply(200, operation.body(now), headers)
        if operation.failure and not running:  # [?] how a failure shows at the Location URL
            raise errors.ArmError(409, operation.failure["code"], operation.failure["message"])
        if running:
            url = self._service.operations.url(
                operation, self._simulation.base, subscription, location, call.api_version
            )
            headers["Location"] = url.replace("?", "?monitor=true&", 1)
        return Reply(202 if running else 200, None, headers)

    def _on_platform(self, call: Call, match: re.Match[str]) -> Reply:
        call.require_get()
        subscription, what = match["subscription"], match["what"]
        platform = self._simulation.platform
        if not _API_VERSION.fullmatch(call.api_version):
            raise errors.missing_api_version()
        if subscription is None:
            if call.path.lower().startswith("/tenants"):
                return Reply(200, platform.tenants(call.tenants))
            return Reply(200, platform.subscriptions(call.tenants[0], call.subscriptions))
        self._gate.charge(call, subscription)
        kind, _, name = (what or "").partition("/")
        if kind.lower() == "locations":
            extended = call.query.get("includeExtendedLocations", "").lower() == "true"
            closed = regions.closed_to(subscription, self._service.settings.region_access)
            return Reply(200, platform.locations(subscription, closed, extended=extended))
        if name:
            return Reply(200, platform.group(subscription, name))
        return Reply(200, platform.groups(subscription) if kind else platform.subscription(subscription))

    def _on_source(self, call: Call) -> Reply:
        match = SOURCE_ID.fullmatch(call.path)
        if match is None:
            raise errors.no_such_route(call.method, call.path)
        call.require_get()
        source = self._service.sources.find(call.path)
        if source is None:
            raise errors.resource_not_found(match["nested"], match["group"])
        self._gate.charge(call, match["subscription"])
        return Reply(200, source_bodies.body(source, with_instance_view="instanceview" in call.expand))

    def _on_community(self, call: Call, match: re.Match[str]) -> Reply:
        call.require_get()
        self._simulation.platform.require_subscription(match["subscription"])
        self._gate.charge(call, match["subscription"])
        service = self._service
        body = communities.read(
            match["id"], regions.normalise(match["location"]), service.store, service.sources, service.tick()
        )
        if body is None:
            raise errors.community_not_found(match["id"])
        return Reply(200, body)

    def _on_shared(self, call: Call, match: re.Match[str]) -> Reply:
        call.require_get()
        subscription = self._simulation.platform.require_subscription(match["subscription"])
        self._gate.charge(call, match["subscription"])
        to_tenant = call.query.get("sharedTo", "").lower() == "tenant"
        location = regions.normalise(match["location"])
        viewer = shared_galleries.Viewer(subscription.id, subscription.tenant, location, to_tenant)
        body = shared_galleries.read(match["id"], viewer, self._service.store, self._service.tick())
        if body is None:
            raise errors.shared_not_found(match["id"])
        return Reply(200, body)

    def _operation_headers(self, call: Call, subscription: str, answer: Answer) -> dict[str, str]:
        operation = answer.operation
        if operation is None:
            return {}
        foreign = self._simulation.faults.take(ForeignOperation, call.entry.request)
        base = foreign.host if foreign else self._simulation.base
        url = self._service.operations.url(operation, base, subscription, answer.location, call.api_version)
        headers = {
            "Azure-AsyncOperation": url,
            "azure-asyncnotification": "Enabled",
            "x-ms-operation-identifier": f"tenantId=,objectId={call.principal}/{answer.location}/{operation.name}",
        }
        if answer.status == 202:
            headers["Location"] = url.replace("?", "?monitor=true&", 1)
        if operation.retry_after is not None:
            headers["Retry-After"] = str(operation.retry_after)
        return headers
