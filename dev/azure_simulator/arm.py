"""The front of ARM: authentication, API versions, throttling, faults, routing, and the headers of every answer."""

from __future__ import annotations

import asyncio
import logging
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime

import orjson
from aiohttp import web

from dev.azure_simulator import errors, regions, throttling
from dev.azure_simulator.faults import Delay, Drop, ForeignOperation, Refuse, Throttle
from dev.azure_simulator.journal import Entry
from dev.azure_simulator.operations import timestamp
from dev.azure_simulator.paths import CollectionPath, Json, ResourcePath, parse_gallery_path
from dev.azure_simulator.service import Answer, Request
from dev.azure_simulator.simulation import Simulation
from dev.azure_simulator.sources import SOURCE_ID

_LOG = logging.getLogger(__name__)
_SUBSCRIPTION = r"/subscriptions/(?P<subscription>[^/]+)"
_OPERATION = re.compile(
    _SUBSCRIPTION + r"/providers/Microsoft\.Compute/locations/(?P<location>[^/]+)/capsOperations/(?P<name>[^/]+)",
    re.IGNORECASE,
)
_GALLERIES = re.compile(_SUBSCRIPTION + r"/providers/Microsoft\.Compute/galleries/?", re.IGNORECASE)
_PLATFORM = re.compile(
    rf"/tenants/?|/subscriptions/?|{_SUBSCRIPTION}(?:/(?P<what>locations|resourceGroups(?:/[^/]+)?))?/?", re.IGNORECASE
)
_API_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(-preview)?")
_WITH_BODY = frozenset({"PUT", "PATCH", "POST"})
_LISTS = {"gallery": "galleries in group", "definition": "definitions", "version": "versions"}


class ConnectionDroppedError(Exception):
    """The connection is to break without an answer."""


@dataclass
class Reply:
    """Status, body and headers of an answer."""

    status: int
    body: Json | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """A request that has come in, and who sent it."""

    entry: Entry
    query: Mapping[str, str]
    principal: str = ""

    @property
    def method(self) -> str:
        return self.entry.method

    @property
    def path(self) -> str:
        return self.entry.path

    @property
    def api_version(self) -> str:
        return self.query.get("api-version", "")


class Arm:
    """Answers every ARM request."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._service = simulation.service

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request, and note it in the journal."""
        entry = self._open_entry(request)
        try:
            reply = await self._answer(request, entry)
        except ConnectionDroppedError:
            if request.transport:
                request.transport.abort()
            return web.Response()
        except errors.ArmError as error:
            entry.error = error.error["code"]
            reply = Reply(error.status, error.body(), error.headers)
        entry.status = reply.status
        return self._respond(request, reply, entry)

    async def _answer(self, request: web.Request, entry: Entry) -> Reply:
        problem = await _read_body(request, entry)
        await self._meet_faults(entry)
        principal = self._simulation.identity.authenticate(request.headers.get("Authorization"))
        if problem:
            raise problem
        call = Call(entry, request.query, principal.object_id)
        reply = self._dispatch(call)
        if self._simulation.faults.take(Drop, entry.request, when="after"):
            raise ConnectionDroppedError
        return reply

    # --- faults ------------------------------------------------------------------------------------------------------

    async def _meet_faults(self, entry: Entry) -> None:
        faults, request = self._simulation.faults, entry.request
        if delay := faults.take(Delay, request):
            await self._wait(delay.seconds)
        if throttle := faults.take(Throttle, request):
            raise self._throttled(throttle)
        if refuse := faults.take(Refuse, request):
            headers = {} if refuse.retry_after is None else {"Retry-After": str(refuse.retry_after)}
            raise errors.ArmError(refuse.status, refuse.code, refuse.message, headers=headers)
        if faults.take(Drop, request, when="before"):
            raise ConnectionDroppedError

    async def _wait(self, seconds: float) -> None:
        """Wait on the simulator's clock, which may be stepped meanwhile."""
        clock = self._simulation.clock
        until = self._simulation.timestamp() + seconds
        while (left := until - self._simulation.timestamp()) > 0:  # noqa: ASYNC110 - the clock has no event
            await asyncio.sleep(min(clock.real_seconds(left), clock.longest_nap or 1))

    def _throttled(self, fault: Throttle) -> errors.ArmError:
        now = self._simulation.now()
        ends = now + timedelta(seconds=fault.retry_after)
        retry_after = format_datetime(ends, usegmt=True) if fault.as_date else str(fault.retry_after)
        start, end = (timestamp(time.timestamp()) for time in (now, ends))
        return errors.too_many_requests(
            "HighCostGet30Min", start=start, end=end, allowed=800, measured=1238, retry_after=retry_after
        )

    # --- routing -----------------------------------------------------------------------------------------------------

    def _dispatch(self, call: Call) -> Reply:
        if not call.api_version:
            raise errors.missing_api_version()
        path = parse_gallery_path(call.path)
        if path is not None:
            return self._on_gallery_path(call, path)
        if match := _GALLERIES.fullmatch(call.path):
            return self._list(call, CollectionPath(match["subscription"], "", None))
        if match := _OPERATION.fullmatch(call.path):
            return self._on_operation(call, match["subscription"], match["location"], match["name"])
        if match := _PLATFORM.fullmatch(call.path):
            return self._on_platform(call, match["subscription"], match["what"])
        return self._on_source(call)

    def _on_gallery_path(self, call: Call, path: ResourcePath | CollectionPath) -> Reply:
        if isinstance(path, CollectionPath):
            return self._list(call, path)
        self._simulation.platform.group(path.subscription, path.group)
        headers = self._admit(call, path.subscription, path.kind)
        match call.method:
            case "GET":
                expand = call.query.get("$expand", "").lower().split(",")
                with_replication = "replicationstatus" in (name.strip() for name in expand)
                return Reply(200, self._service.read(path, with_replication=with_replication), headers)
            case "PUT" | "PATCH":
                answer = self._service.write(Request(call.method, path, call.entry.body, call.api_version))
            case "DELETE":
                answer = self._service.delete(path)
            case _:
                raise errors.method_not_allowed(call.method)
        headers |= self._operation_headers(call, path.subscription, answer)
        return Reply(answer.status, answer.body, headers)

    def _list(self, call: Call, path: CollectionPath) -> Reply:
        _only_get(call)
        self._simulation.platform.require_subscription(path.subscription)
        if path.group:
            self._simulation.platform.group(path.subscription, path.group)
        headers = self._admit(call, path.subscription, _LISTS[path.kind] if path.group else "galleries")
        values, token = self._service.page(path, call.query.get("$skiptoken"))
        body: Json = {"value": values}
        if token:
            body["nextLink"] = f"{self._simulation.base}{call.path}?api-version={call.api_version}&$skiptoken={token}"
        return Reply(200, body, headers)

    def _on_operation(self, call: Call, subscription: str, location: str, name: str) -> Reply:
        _only_get(call)
        self._simulation.platform.require_subscription(subscription)
        headers = self._admit(call, subscription, "operation")
        operation = self._service.operations.find(name, call.query)
        now = self._service.tick()
        running = not operation.done(now)
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

    def _on_platform(self, call: Call, subscription: str | None, what: str | None) -> Reply:
        _only_get(call)
        platform = self._simulation.platform
        if not _API_VERSION.fullmatch(call.api_version):
            raise errors.missing_api_version()
        if subscription is None:
            body = platform.tenants() if call.path.lower().startswith("/tenants") else platform.subscriptions()
            return Reply(200, body)
        headers = self._charge_arm(call, subscription)
        kind, _, name = (what or "").partition("/")
        if kind.lower() == "locations":
            return Reply(200, platform.locations(subscription), headers)
        if name:
            return Reply(200, platform.group(subscription, name), headers)
        return Reply(200, platform.groups(subscription) if kind else platform.subscription(subscription), headers)

    def _on_source(self, call: Call) -> Reply:
        match = SOURCE_ID.fullmatch(call.path)
        if match is None:
            raise errors.no_such_route(call.method, call.path)
        _only_get(call)
        source = self._service.sources.find(call.path)
        if source is None:
            raise errors.resource_not_found(match["nested"], match["group"])
        return Reply(200, source.body(), self._charge_arm(call, call.path.split("/")[2]))

    # --- admission and headers ---------------------------------------------------------------------------------------

    def _admit(self, call: Call, subscription: str, kind: str) -> dict[str, str]:
        """Check the API version, charge the limits, and return their headers.

        Raises ArmError 400 or 429.
        """
        if call.api_version not in errors.SUPPORTED_API_VERSIONS:
            body = call.entry.body
            location = str(body.get("location", "")) if isinstance(body, dict) else ""
            raise errors.no_registered_provider(location, call.api_version[:50], regions.REGIONS)
        headers = self._charge_arm(call, subscription)
        policy = throttling.POLICIES.get(("PUT" if call.method == "PATCH" else call.method, kind))
        if policy is None:
            raise errors.method_not_allowed(call.method)
        now, enforced = self._simulation.timestamp(), self._service.settings.throttling
        return headers | self._simulation.limits.charge_provider(subscription, policy, now, enforced=enforced)

    def _charge_arm(self, call: Call, subscription: str) -> dict[str, str]:
        action = throttling.ACTIONS.get(call.method, "writes")
        now, enforced = self._simulation.timestamp(), self._service.settings.throttling
        return self._simulation.limits.charge_arm(subscription, call.principal, action, now, enforced=enforced)

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

    # --- bytes in, bytes out -----------------------------------------------------------------------------------------

    def _open_entry(self, request: web.Request) -> Entry:
        entry = self._simulation.journal.open(self._simulation.now(), request.method, request.path, dict(request.query))
        sent = request.headers
        entry.request_id = str(uuid.uuid4())
        entry.correlation_id = sent.get("x-ms-correlation-request-id", "")[:100] or entry.request_id
        entry.client_request_id = sent.get("x-ms-client-request-id", "")[:100]
        entry.user_agent = sent.get("User-Agent", "")[:500]
        return entry

    def _respond(self, request: web.Request, reply: Reply, entry: Entry) -> web.Response:
        now: datetime = self._simulation.now()
        headers = {
            "Date": format_datetime(now, usegmt=True),
            "Cache-Control": "no-cache",
            "x-ms-request-id": entry.request_id,
            "x-ms-correlation-request-id": entry.correlation_id,
            "x-ms-routing-request-id": f"SIMULATOR:{now:%Y%m%dT%H%M%SZ}:{entry.request_id}",
            **reply.headers,
        }
        if request.headers.get("x-ms-return-client-request-id", "").lower() == "true":
            headers["x-ms-client-request-id"] = entry.client_request_id
        if reply.body is None:
            return web.Response(status=reply.status, headers=headers)
        headers["Content-Type"] = "application/json; charset=utf-8"
        return web.Response(status=reply.status, headers=headers, body=orjson.dumps(reply.body))


async def _read_body(request: web.Request, entry: Entry) -> errors.ArmError | None:
    """Put the JSON body into the journal's entry; return what is wrong with it, if anything."""
    if request.method not in _WITH_BODY:
        return None
    try:
        entry.body = orjson.loads(await request.read())
    except web.HTTPRequestEntityTooLarge:
        return errors.invalid_request_content("the request is larger than allowed")
    except orjson.JSONDecodeError as error:
        return errors.invalid_request_content(f"Error parsing JSON: {error!s:.200}")
    return None


def _only_get(call: Call) -> None:
    if call.method != "GET":
        raise errors.method_not_allowed(call.method)
